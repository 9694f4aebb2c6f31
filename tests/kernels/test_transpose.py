"""Transposes on the CPU against NumPy: elements of every width, sizes around the tiles, bands for
several threads.
"""

import numpy as np
import pytest

import flowcore as fc

SHAPES = [
    (1, 1),
    (15, 17),
    (16, 16),
    (17, 48),
    (300, 64),
    (64, 300),
    (3, 33, 20),
    (20, 3, 33),
    (2, 18, 19, 35),
    (700, 1030),
    (0, 5),
]


@pytest.mark.parametrize("dtype", ["uint8", "float16", "float32", "float64", "complex128", "object"])
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_transposes_are_numpys(dtype, shape):
    x = np.arange(np.prod(shape)).reshape(shape) % 251
    x = x.astype(str).astype(object) if dtype == "object" else x.astype(dtype)
    if dtype == "object" and x.size > 10000:
        pytest.skip("so many strings take long")
    orders = [
        tuple(reversed(range(len(shape)))),
        (*range(1, len(shape)), 0),
        (*range(len(shape) - 2), len(shape) - 1, len(shape) - 2),
    ]
    with fc.Graph().as_default(), fc.Session(config=fc.ConfigProto(inter_op_parallelism_threads=2)) as sess:
        fed = fc.placeholder(fc.string if dtype == "object" else dtype, shape)
        found = sess.run([fc.transpose(fed, order) for order in orders], {fed: x})
    for order, value in zip(orders, found, strict=True):
        expected = x.transpose(order)
        np.testing.assert_array_equal(
            value,
            np.array([s.encode() for s in expected.ravel()], object).reshape(expected.shape)
            if dtype == "object"
            else expected,
        )
