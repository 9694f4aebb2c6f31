"""What becomes a tensor, of which dtype, and what is refused with which words."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import flowcore as fc


def value(tensor: fc.Tensor) -> Any:
    with fc.Session() as sess:
        return sess.run(tensor)


@pytest.mark.parametrize(
    ("given", "dtype"),
    [
        (1.5, "float32"),
        (1, "int32"),
        (2**40, "int64"),
        (True, "bool"),
        (1j, "complex128"),
        ("text", "string"),
        (b"bytes", "string"),
        (np.float64(1), "float64"),
        (np.arange(3), "int64"),
        ([1, 2.5], "float32"),
        ([[1], [2]], "int32"),
        (fc.TensorShape([2, 3]), "int32"),
        (fc.Dimension(2), "int32"),
    ],
)
def test_the_dtype_follows_from_the_value(given: Any, dtype: str) -> None:
    assert fc.convert_to_tensor(given).dtype.name == dtype


@pytest.mark.parametrize(
    ("array", "dtype"),
    [
        (np.array([True, False]), fc.float32),
        (np.array([True, False]), fc.int32),
        (np.array([0.0, 2.0]), fc.int32),
        (np.float64(3.0), fc.int64),
        (np.array([1, 2]), fc.float16),
        (np.array([2**24]), fc.float32),
        (np.array([0.1]), fc.float32),
    ],
)
def test_arrays_become_what_is_asked_for_where_they_lose_nothing(array: Any, dtype: fc.DType) -> None:
    """0.1 is rounded, as any float is."""
    np.testing.assert_array_equal(value(fc.constant(array, dtype)), np.asarray(array, dtype.as_numpy_dtype))


@pytest.mark.parametrize(
    ("array", "dtype"),
    [
        (np.array([2.0, 3.5]), fc.int32),
        (np.array([np.nan]), fc.int32),
        (np.array([300]), fc.uint8),
        (np.array([-1.0]), fc.uint8),
        (np.array([0, 1]), fc.bool),
        (np.array([1 + 1j]), fc.float32),
        (np.array(["1"]), fc.int32),
    ],
)
def test_arrays_that_would_lose_something_are_refused(array: Any, dtype: fc.DType) -> None:
    with pytest.raises(TypeError, match=f"Expected {dtype.name}, found array"):
        fc.constant(array, dtype)


def test_operands_of_tensors_take_their_dtype() -> None:
    x = fc.constant([1.0, 2.0])
    np.testing.assert_array_equal(value(x * np.array([True, False])), [1.0, 0.0])
    np.testing.assert_array_equal(value(x * np.array([2, 3])), [2.0, 6.0])
    np.testing.assert_array_equal(value(fc.constant([1, 2]) * np.array([2.0, 3.0])), [2, 6])
    assert (x * np.array([2.5, 3.5])).dtype is fc.float32


@pytest.mark.parametrize(
    "operation",
    [
        lambda i: i * 1.5,
        lambda i: 1.5 * i,
        lambda i: i - [0.5, 1.0],
        lambda i: i < 0.5,
        lambda i: fc.multiply(i, 0.5),
        lambda i: i * np.array([2.0, 3.5]),
    ],
)
def test_a_float_beside_an_integer_tensor_says_what_to_do(operation: Any) -> None:
    with pytest.raises(
        TypeError, match=r"Expected int32, found .*flowcore\.cast\(tensor, flowcore\.float32\)"
    ):
        operation(fc.constant([1, 2]))


def test_foreign_objects_get_their_turn_in_operators() -> None:
    class Right:
        def __rmul__(self, other: Any) -> str:
            return "mine"

    assert fc.constant(1.0) * Right() == "mine"


def test_strings_become_constants_of_any_shape_empty_ones_too() -> None:
    assert fc.constant([], dtype=fc.string).shape.as_list() == [0]
    assert fc.constant([[], []], fc.string).shape.as_list() == [2, 0]
    assert value(fc.fill([2], np.bytes_(b"x"))).tolist() == [b"x", b"x"]
    assert value(fc.constant(np.str_("é"))) == "é".encode()
    with pytest.raises(TypeError, match="Expected string"):
        fc.constant([1, 2], fc.string)


def test_no_dtype_is_no_dtype() -> None:
    with pytest.raises(TypeError, match="Cannot convert None to a dtype"):
        fc.as_dtype(None)


def test_registered_conversions_come_by_priority_and_may_decline() -> None:
    class Mine:
        pass

    def first(v: Any, dtype: Any = None, name: Any = None, as_ref: bool = False) -> Any:
        return NotImplemented

    def second(v: Any, dtype: Any = None, name: Any = None, as_ref: bool = False) -> Any:
        return fc.constant(2.0, name=name)

    fc.register_tensor_conversion_function(Mine, second)
    fc.register_tensor_conversion_function(Mine, first, priority=10)
    assert value(fc.convert_to_tensor(Mine())) == 2.0
    with pytest.raises(TypeError, match="dtype float32 to a Tensor of dtype int32"):
        fc.convert_to_tensor(Mine(), fc.int32)
    with pytest.raises(TypeError, match="base_type must be a type"):
        fc.register_tensor_conversion_function("Mine", second)  # type: ignore[arg-type]


def test_tensors_pass_and_operations_are_refused() -> None:
    x = fc.constant(1.0)
    assert fc.convert_to_tensor(x) is x
    with pytest.raises(ValueError, match=r"float32, but int32 is asked for; use flowcore\.cast"):
        fc.convert_to_tensor(x, fc.int32)
    with pytest.raises(TypeError, match="take one of its outputs"):
        fc.convert_to_tensor(x.op)
    slices = fc.IndexedSlices(x, fc.constant([0]))
    assert fc.convert_to_tensor_or_indexed_slices(slices) is slices
    with pytest.raises(ValueError, match="IndexedSlices are float32, but int32"):
        fc.convert_to_tensor_or_indexed_slices(slices, fc.int32)


@pytest.mark.parametrize("priority", ["a", None, 1.5])
def test_a_refused_priority_leaves_the_registry_as_it_was(priority: Any) -> None:
    class Other:
        pass

    def convert(value: Other, dtype: Any = None, name: Any = None, as_ref: bool = False) -> fc.Tensor:
        return fc.constant(4.0)

    with pytest.raises(TypeError, match="priority must be a whole number"):
        fc.register_tensor_conversion_function(Other, convert, priority=priority)
    fc.register_tensor_conversion_function(Other, convert)
    assert value(fc.convert_to_tensor(Other())) == 4.0
