"""Values of initializers."""

from __future__ import annotations

import numpy as np
import pytest

import flowcore as fc


def test_constants_are_continued_with_their_last_element() -> None:
    with fc.Session() as sess:
        np.testing.assert_array_equal(sess.run(fc.constant_initializer([1, 2])([2, 2])), [[1, 2], [2, 2]])
        np.testing.assert_array_equal(sess.run(fc.constant_initializer([[1], [2]])([3])), [1, 2, 2])
        np.testing.assert_array_equal(sess.run(fc.constant_initializer(3)([2])), [3, 3])


def test_a_shape_too_large_is_refused_before_memory_is_taken() -> None:
    with pytest.raises(ValueError, match="too large for a constant"):
        fc.constant_initializer([1, 2])([2**40])


def test_settings_are_a_dictionary_of_names() -> None:
    with pytest.raises(TypeError, match=r"config must be a dict, found \[\]"):
        fc.zeros_initializer.from_config([])  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="scale must be a number, found 'x'"):
        fc.variance_scaling_initializer(scale="x")  # type: ignore[arg-type]
