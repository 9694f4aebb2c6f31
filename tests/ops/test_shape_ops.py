"""Shapes whose sizes do not fit the dtype that they are asked for in."""

from __future__ import annotations

import numpy as np
import pytest

import flowcore as fc
from flowcore.graph.constants import constant_value


def test_sizes_beyond_32_bits_are_known_in_int64_only() -> None:
    x = fc.placeholder(fc.float32, [2**40, 3])
    np.testing.assert_array_equal(constant_value(fc.shape(x, out_type=fc.int64)), [2**40, 3])
    assert constant_value(fc.shape(x)) is None
    assert constant_value(fc.size(x, out_type=fc.int64)) == 3 * 2**40
    assert constant_value(fc.size(x)) is None
    assert constant_value(fc.size(fc.placeholder(fc.float32, [2**62, 2**62]), out_type=fc.int64)) is None


def test_elements_are_counted_beyond_64_bits() -> None:
    x = fc.placeholder(fc.float32, [2**62, 4])
    assert fc.reshape(x, [2**31, 2**33]).shape == [2**31, 2**33]
    with pytest.raises(ValueError, match="must be >= 0 and fit 64 bits"):
        fc.reshape(x, [-1])


@pytest.mark.parametrize("make", [fc.shape, fc.size])
def test_sizes_are_whole_numbers(make: object) -> None:
    with pytest.raises(TypeError, match="out_type must be int32 or int64, found float32"):
        make([1.0], out_type=fc.float32)  # type: ignore[operator]
