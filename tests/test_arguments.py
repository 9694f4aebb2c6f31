"""Plain Python arguments are checked in one place, with their names in the errors."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

import flowcore as fc
from flowcore import arguments


@pytest.mark.parametrize(
    ("value", "expected"), [(3, 3), (np.int64(-4), -4), (True, 1), (2**63 - 1, 2**63 - 1)]
)
def test_whole_numbers_of_64_bits_are_taken(value: object, expected: int) -> None:
    assert arguments.whole_number(value, "num") == expected


@pytest.mark.parametrize("value", [1.5, "3", None, [3], np.float32(2)])
def test_what_is_no_whole_number_is_named(value: object) -> None:
    with pytest.raises(TypeError, match="num must be a whole number, found"):
        arguments.whole_number(value, "num")


@pytest.mark.parametrize("value", [2**63, -(2**63) - 1, 2**100])
def test_whole_numbers_beyond_64_bits_are_refused(value: int) -> None:
    with pytest.raises(ValueError, match="num must be from -9223372036854775808 to 9223372036854775807"):
        arguments.whole_number(value, "num")


def test_real_numbers() -> None:
    assert arguments.real_number(np.float32(1.5), "rate") == 1.5
    with pytest.raises(TypeError, match=r"rate must be a number, found '1.5'"):
        arguments.real_number("1.5", "rate")
    with pytest.raises(TypeError, match=r"rate must be a number, found 1j"):
        arguments.real_number(1j, "rate")
    with pytest.raises(ValueError, match="rate is too large for a float"):
        arguments.real_number(10**400, "rate")


def test_text_becomes_bytes_and_file_names_their_own() -> None:
    assert arguments.as_bytes("a\0ü", "text") == b"a\0\xc3\xbc"
    assert arguments.as_bytes("\udcff", "text") == b"\xff"  # os.fsdecode(b"\xff")
    assert arguments.as_bytes(b"\xff\0", "text") == b"\xff\0"
    with pytest.raises(ValueError, match="text holds a lone surrogate"):
        arguments.as_bytes("\ud800", "text")
    with pytest.raises(TypeError, match="text must be bytes or a str, found 3"):
        arguments.as_bytes(3, "text")


def test_an_object_whose_repr_fails_can_still_be_named() -> None:
    class Broken:
        def __repr__(self) -> str:
            raise RuntimeError

    assert arguments.described(Broken()) == "an object of type Broken"
    assert len(arguments.described("x" * 1000)) == 60


def test_flags() -> None:
    assert arguments.flag(np.bool_(True), "keepdims") is True
    assert arguments.flag(0, "keepdims") is False
    for wrong in ("yes", None, np.ones(2), [], 3, -1, 1.0):
        with pytest.raises(TypeError, match="keepdims must be True or False, found"):
            arguments.flag(wrong, "keepdims")


def test_lists() -> None:
    assert arguments.listed((1, 2), "axes") == [1, 2]
    assert arguments.listed({3: 4}.keys(), "axes") == [3]
    for wrong in ("ab", b"ab", 3, None, {1: 2}, np.array(3), fc.constant([1, 2])):
        with pytest.raises(TypeError, match="axes must be a list, found"):
            arguments.listed(wrong, "axes")


def test_functions_keys_objects_and_classes() -> None:
    assert arguments.function(len, "callback") is len
    assert arguments.hashable("a", "key") == "a"
    assert arguments.instance(3, int, "n") == 3
    assert arguments.subclasses([KeyError], LookupError, "types") == (KeyError,)
    with pytest.raises(TypeError, match="callback must be a function, found 3"):
        arguments.function(3, "callback")
    with pytest.raises(TypeError, match=r"key must be hashable, found \[\]"):
        arguments.hashable([], "key")
    with pytest.raises(TypeError, match="n must be an int, found 'x'"):
        arguments.instance("x", int, "n")
    for wrong in ([ValueError], [KeyError()], KeyError, 3):
        with pytest.raises(TypeError, match=r"types must (hold subclasses of LookupError|be a list), found"):
            arguments.subclasses(wrong, LookupError, "types")


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (lambda: fc.ConfigProto(intra_op_parallelism_threads="2"), "int"),
        (lambda: fc.ConfigProto(gpu_options=3), "GPUOptions"),
        (lambda: fc.GraphOptions(optimizer_options=3), "OptimizerOptions"),
        (lambda: fc.get_default_graph().as_graph_element(3, True, False), "an int into a Tensor"),
        (lambda: fc.get_default_graph().as_graph_element([]), "a list into a Tensor or an Operation"),
        (lambda: fc.Session(config=3), "config: a ConfigProto is needed, found 3"),
        (lambda: fc.constant(1, name=3), "operation names are strings, found 3"),
        (lambda: fc.device(3).__enter__(), "a device must be a str"),
        (lambda: fc.set_random_seed("x"), "seed must be a whole number, found 'x'"),
        (lambda: fc.nn.dropout([1.0], 0.5, seed=1.5), "seed must be a whole number, found 1.5"),
        (lambda: fc.reduce_sum([1.0], keepdims=np.ones(2)), "keepdims must be True or False"),
        (lambda: fc.reduce_sum([1.0], axis=[0, [1]]), "axis: Cannot make a tensor of"),
        (lambda: fc.assign(3, 4), "ref must be a Variable, found 3"),
        (lambda: fc.IndexedSlices(object(), 2), "values of IndexedSlices: Cannot make a tensor"),
        (lambda: fc.get_collection([]), r"the name of a collection must be hashable, found \[\]"),
        (lambda: fc.get_collection("x", "("), r"scope '\(' is no regular expression"),
        (lambda: fc.train.Coordinator(3), "clean_stop_exception_types must be a list"),
        (lambda: fc.train.Coordinator().join([3]), "each of threads must be a Thread"),
        (lambda: fc.train.QueueRunner(3, [4]), "queue must be a QueueBase, found 3"),
        (lambda: fc.train.batch([1.0], "x"), "batch_size must be a whole number, found 'x'"),
        (lambda: fc.train.batch([1.0], 3, num_threads=2**40), "num_threads must be from 1 to"),
        (lambda: fc.train.AdamOptimizer().minimize(3), "loss must be a Tensor, found 3"),
        (lambda: fc.train.AdamOptimizer().apply_gradients([3]), "grads_and_vars must hold pairs"),
        (lambda: fc.TensorShape([1])["x"], "the index of a dimension must be a whole number, found 'x'"),
        (lambda: fc.TensorShape([2**63]), "must be >= 0 and fit 64 bits"),
        (lambda: fc.control_dependencies("ab").__enter__(), "control_inputs must be a list"),
        (lambda: fc.range([1, 2]), "limit of a Range must be a scalar"),
        (lambda: fc.nn.softmax_cross_entropy_with_logits_v2(1.0, 1.0), "must have rank|rank 1 or more"),
        (lambda: fc.as_dtype({"a": 1}), "Cannot convert .* to a dtype"),
        (lambda: fc.constant(np.array(["2020-01-01"], "M8[D]"), fc.float32), "Expected float32"),
    ],
)  # fmt: skip
def test_public_functions_name_the_argument(make: Callable[[], object], text: str) -> None:
    with fc.Graph().as_default(), pytest.raises((TypeError, ValueError), match=text):
        make()
