"""What producers and batchers take and give: the structure that scripts rely on."""

from __future__ import annotations

import pathlib
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import flowcore as fc

ROWS = np.arange(12, dtype=np.float32).reshape(6, 2)

BATCHERS: dict[str, Callable[..., Any]] = {
    "batch": lambda t, **more: fc.train.batch(t, 3, **more),
    "batch_join": lambda t, **more: fc.train.batch_join([t, t], 3, **more),
    "shuffle_batch": lambda t, **more: fc.train.shuffle_batch(t, 3, 20, 1, **more),
    "shuffle_batch_join": lambda t, **more: fc.train.shuffle_batch_join([t, t], 3, 20, 1, **more),
}


def first(fetch: Any) -> Any:
    """The first batch that comes."""
    with fc.Session() as sess:
        sess.run(fc.local_variables_initializer())
        coord = fc.train.Coordinator()
        threads = fc.train.start_queue_runners(sess, coord)
        got = sess.run(fetch)
        coord.request_stop()
        coord.join(threads)
    return got


@pytest.mark.parametrize("kind", BATCHERS)
def test_one_component_comes_as_the_tensor_itself(kind: str) -> None:
    row = fc.constant(ROWS[0])
    for example in (row, [row], (row,)):
        result = BATCHERS[kind](example)
        assert isinstance(result, fc.Tensor)
        assert result.shape.as_list() == [3, 2]
    assert result.op.name.startswith(kind)
    np.testing.assert_array_equal(first(result), np.tile(ROWS[0], (3, 1)))


@pytest.mark.parametrize("kind", BATCHERS)
def test_several_components_come_as_a_list_and_dictionaries_as_dictionaries(kind: str) -> None:
    row = fc.constant(ROWS[0])
    listed = BATCHERS[kind]([row, row[0]])
    assert [t.shape.as_list() for t in listed] == [[3, 2], [3]]
    assert isinstance(listed, list)
    named = BATCHERS[kind]({"row": row, "head": row[0]})
    assert {k: t.shape.as_list() for k, t in named.items()} == {"head": [3], "row": [3, 2]}
    alone = BATCHERS[kind]({"row": row})
    assert list(alone) == ["row"]
    assert alone["row"].shape.as_list() == [3, 2]


@pytest.mark.parametrize("kind", BATCHERS)
def test_many_examples_at_once_go_in_row_by_row(kind: str) -> None:
    result = BATCHERS[kind]([fc.constant(ROWS)], enqueue_many=True)
    assert result.shape.as_list() == [3, 2]
    assert all(any(np.array_equal(row, r) for r in ROWS) for row in first(result))


@pytest.mark.parametrize("kind", BATCHERS)
def test_shapes_of_components_are_checked(kind: str) -> None:
    unknown = fc.placeholder(fc.float32, [None])
    with pytest.raises(ValueError, match=r"component 0 has shape \(\?,\).*set_shape"):
        BATCHERS[kind](unknown)
    assert BATCHERS[kind](unknown, shapes=[[2]]).shape.as_list() == [3, 2]
    with pytest.raises(ValueError, match="shapes has 2 entries, an example 1"):
        BATCHERS[kind](unknown, shapes=[[2], []])


def test_entries_of_a_join_must_agree() -> None:
    a, b = fc.constant(1.0), fc.constant(1)
    with pytest.raises(TypeError, match="component 0 differs in dtype: float32 and int32"):
        fc.train.batch_join([[a], [b]], 2)
    for entries in ([[a], [a, a]], [{"x": a}, {"y": a}], [{"x": a}, [a]]):
        with pytest.raises(ValueError, match="the same components"):
            fc.train.batch_join(entries, 2)
    with pytest.raises(ValueError, match="tensors_list is empty"):
        fc.train.batch_join([], 2)


def test_a_variable_of_file_names_feeds_a_producer(tmp_path: pathlib.Path) -> None:
    for name in "ab":
        (tmp_path / name).write_text(name)
    names = fc.train.match_filenames_once(str(tmp_path / "*"))
    queue = fc.train.string_input_producer(names, shuffle=False)
    assert queue.name == "input_producer"
    assert first(queue.dequeue_many(2)).tolist() == [str(tmp_path / n).encode() for n in "ab"]


def test_an_empty_list_of_names_is_an_error() -> None:
    for names in ([], (), np.array([], object)):
        with pytest.raises(ValueError, match="at least one string"):
            fc.train.string_input_producer(names)
