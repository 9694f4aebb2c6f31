"""The structure of fetches comes back: nested, of the same types, subclasses with what they carry."""

from __future__ import annotations

import collections
import dataclasses
import types
from typing import Any, NamedTuple

import numpy as np
import pytest

import flowcore as fc


class Point(NamedTuple):
    x: Any
    y: Any


class Named(list):  # type: ignore[type-arg]
    def __init__(self, name: str, items: Any) -> None:
        super().__init__(items)
        self.name = name


class Attributes(dict):  # type: ignore[type-arg]
    def __init__(self, owner: str, **items: Any) -> None:
        super().__init__(items)
        self.owner = owner


class Pair(tuple):  # type: ignore[type-arg]
    __slots__ = ()


@dataclasses.dataclass(frozen=True)
class Outputs:
    loss: Any
    parts: Any


class Made:
    """What a class made with attrs looks like: a private field's argument has another name."""

    __attrs_attrs__ = (types.SimpleNamespace(name="loss"), types.SimpleNamespace(name="_private"))
    __slots__ = ("_private", "loss")

    def __init__(self, loss: Any, private: Any) -> None:
        self.loss, self._private = loss, private


def run(fetches: Any) -> Any:
    with fc.Session() as sess:
        first = sess.run(fetches)
        assert type(first) is type(sess.run(fetches))  # from the cache too
        return first


def test_lists_tuples_and_dictionaries_nest() -> None:
    a, b = fc.constant(1), fc.constant(2)
    found = run([a, (b, {"a": a, "deep": [[b]]}), Point(a, [b]), a.op])
    assert found == [1, (2, {"a": 1, "deep": [[2]]}), Point(1, [2]), None]
    assert isinstance(found[2], Point)


def test_a_tensor_fetched_twice_is_computed_once() -> None:
    calls: list[int] = []
    x = fc.py_func(lambda: calls.append(1) or 3, [], fc.int64)
    assert run([x, {"again": x}]) == [3, {"again": 3}]
    assert len(calls) == 2  # two runs


def test_dictionaries_keep_their_type_and_what_they_carry() -> None:
    a = fc.constant(1)
    ordered = run(collections.OrderedDict([("z", a), ("a", a)]))
    assert type(ordered) is collections.OrderedDict
    assert list(ordered) == ["z", "a"]
    default = run(collections.defaultdict(list, a=a))
    assert (type(default), default["a"], default["new"]) == (collections.defaultdict, 1, [])
    own = run(Attributes("me", a=a))
    assert (type(own), own.owner, own) == (Attributes, "me", {"a": 1})


def test_subclasses_of_lists_and_tuples_keep_their_type() -> None:
    a = fc.constant(1)
    fetches = Named("mine", [a, a])
    found = run(fetches)
    assert (type(found), found.name, found) == (Named, "mine", [1, 1])
    assert fetches == [a, a]  # the caller's own is left alone
    assert run(Pair([a, a])) == Pair([1, 1])


def test_dataclasses_and_attrs_objects_are_structures() -> None:
    a = fc.constant(1)
    fetches = Outputs(a, [a, a])
    assert run(fetches) == Outputs(1, [1, 1])
    assert fetches.loss is a
    found = run(Made(a, {"x": a}))
    assert (type(found), found.loss, found._private) == (Made, 1, {"x": 1})


def test_equal_keys_of_dictionaries_are_told_apart_from_run_to_run() -> None:
    x, y = fc.constant(1.0), fc.constant(2.0)
    with fc.Session() as sess:
        for fetches in ({"a": x, "b": y}, {"b": x, "a": y}, {"a": y, "b": x}, {1: x}, {True: x}, {1.0: y}):
            for _ in range(2):
                got = sess.run(fetches)
                assert list(map(repr, got)) == list(map(repr, fetches))
                assert got == {key: 1.0 if t is x else 2.0 for key, t in fetches.items()}


def test_a_dictionary_of_lists_is_fetched_again_and_again() -> None:
    x, y = fc.constant(1.0), fc.placeholder(fc.float32)
    with fc.Session() as sess:
        for i in range(3):
            assert sess.run({"a": [x, y], "b": [[x]]}, {y: i}) == {"a": [1.0, float(i)], "b": [[1.0]]}


@pytest.mark.parametrize("use_resource", [False, True])
def test_a_variable_is_fetched_by_its_name(use_resource: bool) -> None:
    v = fc.get_variable("w", initializer=[1.0], use_resource=use_resource)
    with fc.Session() as sess:
        sess.run(v.initializer)
        for fetch in (v, "w:0", v._variable):
            assert sess.run(fetch).tolist() == [1.0]
        assert sess.run("w") is None  # the operation


def test_slices_come_as_a_tuple_of_their_parts() -> None:
    slices = fc.IndexedSlices(fc.constant([[1.0]]), fc.constant([0]))
    values, indices, dense_shape = run(slices)
    assert (values.tolist(), indices.tolist(), dense_shape) == ([[1.0]], [0], None)


def test_empty_structures_come_back_empty() -> None:
    fc.no_op()
    assert run([]) == []
    assert run({"a": []}) == {"a": []}


def test_an_empty_graph_says_so() -> None:
    with pytest.raises(RuntimeError, match="graph is empty"):
        run([])


@pytest.mark.parametrize(
    ("fetch", "error"),
    [
        (None, TypeError),
        (3, TypeError),
        ([None], TypeError),
        ("nowhere:0", ValueError),
        (object(), TypeError),
    ],
)
def test_what_is_no_fetch_is_refused(fetch: Any, error: type[Exception]) -> None:
    fc.no_op()
    with pytest.raises(error, match="Fetch argument"):
        run(fetch)


def test_scalars_are_numpy_scalars_and_texts_bytes() -> None:
    number, text = run([fc.constant(1.5), fc.constant("text")])
    assert isinstance(number, np.float32)
    assert text == b"text"
