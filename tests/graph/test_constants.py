"""Constants of text keep every byte; sizes are checked before memory is asked for."""

from __future__ import annotations

import numpy as np
import pytest

import flowcore as fc


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("a\0b\0", b"a\0b\0"),
        (["a\0", "bcd"], [b"a\0", b"bcd"]),
        ([b"\xff\0", "ü"], [b"\xff\0", b"\xc3\xbc"]),
        ([["a"], [b"\0"]], [[b"a"], [b"\0"]]),
        (np.array([b"x\0", "y"], object), [b"x\0", b"y"]),
        ("\udcff", b"\xff"),
    ],
)
def test_text_keeps_every_byte(value: object, expected: object) -> None:
    with fc.Graph().as_default(), fc.Session() as sess:
        found = sess.run(fc.constant(value))
    assert (found.tolist() if isinstance(found, np.ndarray) else found) == expected


@pytest.mark.parametrize("value", ["\ud800", ["a", "\udfff\ud800"]])
def test_text_without_utf8_is_refused(value: object) -> None:
    with pytest.raises(ValueError, match="a string tensor holds a lone surrogate"):
        fc.constant(value)


@pytest.mark.parametrize("value", [["a", ["b"]], [["a"], ["b", "c"]], [1, [2]], [[1, 2], [3]]])
def test_ragged_rows_are_refused(value: object) -> None:
    with pytest.raises((TypeError, ValueError), match="Cannot make a tensor of"):
        fc.constant(value)


@pytest.mark.parametrize("shape", [[2**40], [2**31, 2**31, 2**31], [2**63 - 1]])
def test_a_shape_too_large_to_fill_is_refused_before_memory_is_taken(shape: list[int]) -> None:
    with pytest.raises(ValueError, match="too large for a constant"):
        fc.constant(0, shape=shape)


def test_numbers_and_texts_do_not_mix() -> None:
    for value in ([1, "a"], ["a", 1], [[1.0, b"a"]]):
        with pytest.raises(TypeError):
            fc.constant(value)


@pytest.mark.parametrize("dtype", [">f4", "<f4", ">i8", ">c8"])
def test_arrays_of_either_byte_order(dtype: str) -> None:
    array = np.array([1, 2], dtype)
    tensor = fc.constant(array)
    assert tensor.dtype is fc.as_dtype(array.dtype) is fc.as_dtype(array.dtype.newbyteorder("="))
    np.testing.assert_array_equal(fc.Session().run(tensor), array)
