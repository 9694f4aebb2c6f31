"""Reductions on OpenCL devices against the host's: dtypes, sizes, axes, NaN, empty inputs,
refusals, gradients.
"""

from __future__ import annotations

import functools
import itertools

import ml_dtypes
import numpy as np
import pytest

import flowcore as fc
from flowcore.graph.apply import apply

INTEGERS = ["int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64"]
FLOATS = ["float16", "bfloat16", "float32", "float64"]
#: Relative error of a sum of a thousand values of the same size.
TOLERANCE = {"float16": 2e-3, "bfloat16": 2e-2, "float32": 1e-5, "float64": 1e-13}
OPS = ["Sum", "Mean", "Prod", "Max", "Min"]


def dtype_of(name):
    return np.dtype(ml_dtypes.bfloat16) if name == "bfloat16" else np.dtype(name)


def numbers(name, shape, seed=0):
    """Integers of the whole range; floats around one, so that no product leaves the range."""
    rng = np.random.default_rng(seed)
    dtype = dtype_of(name)
    if name == "bool":
        return rng.random(shape) < 0.9
    if name in INTEGERS:
        return rng.integers(np.iinfo(dtype).min, np.iinfo(dtype).max, shape, dtype, endpoint=True)
    return rng.uniform(0.98, 1.02, shape).astype(dtype) * np.where(rng.random(shape) < 0.5, -1, 1).astype(
        dtype
    )


def check(pair, name):
    host, found = pair
    assert found.shape == host.shape
    assert found.dtype == host.dtype
    if name in FLOATS:
        scale = max(1.0, float(np.abs(host.astype(np.float64)).max(initial=0)))
        np.testing.assert_allclose(
            found.astype(np.float64), host.astype(np.float64), atol=TOLERANCE[name] * max(scale, 30), rtol=0
        )
    else:
        np.testing.assert_array_equal(found, host)


def reduction(op, axes, keep=False):
    return lambda x: apply(op, x, np.array(axes, np.int32), keep_dims=keep)


def skip_double(device, name):
    if name == "float64" and not device.has_double:
        pytest.skip("no float64 on this device")


@pytest.mark.parametrize("dtype", [*INTEGERS, *FLOATS])
@pytest.mark.parametrize("op", OPS)
def test_rows_and_columns_of_every_dtype(both, device, op, dtype):
    skip_double(device, dtype)
    x = numbers(dtype, (3, 131))
    for axes in ([1], [0], [0, 1]):
        check(both(reduction(op, axes), x), dtype)


@pytest.mark.parametrize("op", ["All", "Any"])
@pytest.mark.parametrize("size", [1, 65, 1000])
def test_truth_values(both, op, size):
    for x in (
        np.ones(size, bool),
        np.zeros(size, bool),
        np.arange(size) == size - 1,
        np.arange(size) != size - 1,
    ):
        check(both(reduction(op, [0]), x), "bool")
        check(both(reduction(op, [1]), np.stack([x, ~x])), "bool")


@pytest.mark.parametrize("op", OPS)
@pytest.mark.parametrize("size", [1, 63, 64, 65, 1000])
def test_sizes(both, op, size):
    x = numbers("float32", (size, 2), size)
    for axes, keep in (([0], False), ([1], True), ([0, 1], True)):
        check(both(reduction(op, axes, keep), x), "float32")
    check(both(reduction(op, [0]), x[:, 0].copy()), "float32")


SUBSETS = [axes for n in range(5) for axes in itertools.combinations(range(4), n)]


@pytest.mark.parametrize("keep", [False, True])
@pytest.mark.parametrize("axes", SUBSETS, ids=str)
def test_all_combinations_of_axes(both, axes, keep):
    x = numbers("float32", (3, 4, 5, 6))
    check(both(reduction("Sum", axes, keep), x), "float32")
    host, found = both(reduction("Mean", axes, keep), numbers("int32", (3, 4, 5, 6)))
    np.testing.assert_array_equal(found, host)


@pytest.mark.parametrize("shape", [(1, 7, 1, 3), (7, 1, 1, 1), (1, 1, 1, 1), (2, 1, 3, 1)], ids=str)
def test_axes_of_size_one_join_their_neighbours(both, shape):
    x = numbers("float32", shape)
    for axes in SUBSETS:
        check(both(reduction("Max", axes), x), "float32")


def test_low_ranks_negative_axes_and_none(both):
    x = numbers("float32", (4, 5))
    check(both(reduction("Sum", []), np.float32(3)), "float32")
    check(both(reduction("Sum", [-1]), x), "float32")
    check(both(reduction("Sum", [-2, 1]), x), "float32")
    check(both(lambda x: apply("Sum", x, np.int64(1)), x), "float32")


@pytest.mark.parametrize("op", [*OPS, "All", "Any"])
def test_reducing_nothing_yields_the_neutral_value(both, op):
    dtypes = ["bool"] if op in ("All", "Any") else ["float32", "int32", "uint8", "int64", "float16"]
    for dtype in dtypes:
        for shape, axes in (
            ((0,), [0]),
            ((3, 0), [1]),
            ((3, 0, 2), [1]),
            ((0, 3), [1]),
            ((0, 3), [0, 1]),
            ((2, 0), [0]),
        ):
            host, found = both(reduction(op, axes), np.zeros(shape, dtype))
            np.testing.assert_array_equal(found, host)
            assert found.shape == host.shape


@pytest.mark.parametrize("op", OPS)
@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("at", [0, 17, 999])
def test_nan_and_infinity(both, op, bad, at):
    x = np.ones((1000, 1), np.float32)
    x[at] = bad
    for shape in ((1000,), (1, 1000), (500, 2)):
        host, found = both(reduction(op, [0]), x.reshape(shape))
        np.testing.assert_array_equal(found, host)


def test_long_reductions_go_in_pieces(both, device):
    if "grind" in device.label:
        pytest.skip("too slow under a simulator")
    rng = np.random.default_rng(1)
    for shape, axes in (
        ((200_001,), [0]),
        ((3, 70_001), [1]),
        ((70_001, 3), [0]),
        ((40_000, 70), [0]),
        ((2, 30_000, 5), [1]),
        ((2, 3, 40_000), [0, 2]),
    ):
        x = rng.normal(size=shape).astype(np.float32)
        for op in ("Sum", "Mean", "Max"):
            host, found = both(reduction(op, axes), x)
            exact = x.astype(np.float64).sum(tuple(axes)) if op == "Sum" else host
            np.testing.assert_allclose(found, exact, rtol=1e-6, atol=1e-3)
        integers = rng.integers(-(2**31), 2**31, shape, np.int32)
        host, found = both(reduction("Sum", axes), integers)
        np.testing.assert_array_equal(found, host)


def test_the_same_bits_every_time(device):
    x = numbers("float32", (1000,))
    with fc.device(device.name):
        y = fc.reduce_sum(fc.constant(x) * 1.0)
    with fc.Session(config=fc.ConfigProto(inter_op_parallelism_threads=1)) as session:
        assert len({session.run(y).tobytes() for _ in range(5)}) == 1


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32", "float64"])
@pytest.mark.parametrize("size", [0, 1, 65, 1000])
def test_l2_loss(both, device, dtype, size):
    skip_double(device, dtype)
    check(both(fc.nn.l2_loss, numbers(dtype, (size,))), dtype)


def of_any_shape(axis):
    """What the graph cannot check, the kernels must."""
    return fc.placeholder_with_default(axis, None)


@pytest.mark.parametrize("axes", [[2], [-3], [0, 0], [0, -2], [[0]]], ids=str)
def test_bad_axes(same_error, axes):
    same_error(
        lambda x, axes: apply("Sum", x, of_any_shape(axes)),
        np.ones((2, 3), np.float32),
        np.array(axes, np.int32),
    )


@pytest.mark.parametrize("op", ["ArgMax", "ArgMin"])
@pytest.mark.parametrize("dtype", [*INTEGERS, *FLOATS])
def test_positions_of_every_dtype(both, device, op, dtype):
    skip_double(device, dtype)
    x = numbers(dtype, (4, 70))
    for axis, output in ((0, fc.int32), (1, fc.int64), (-1, fc.int32)):
        host, found = both(lambda x, axis=axis, output=output: apply(op, x, axis, output_type=output), x)
        assert found.dtype == host.dtype
        np.testing.assert_array_equal(found, host)


@pytest.mark.parametrize("op", ["ArgMax", "ArgMin"])
@pytest.mark.parametrize(
    "shape", [(1,), (63,), (64,), (65,), (1000,), (3, 300), (300, 3), (2, 100, 5), (0, 3), (3, 0, 2)], ids=str
)
def test_positions_of_ties_are_the_first(both, op, shape):
    x = np.random.default_rng(2).integers(0, 5, shape).astype(np.float32)
    for axis in range(len(shape)):
        if shape[axis] or (not x.size and 0 in (shape[:axis] + shape[axis + 1 :])):
            host, found = both(lambda x, axis=axis: apply(op, x, axis), x)
            np.testing.assert_array_equal(found, host)


@pytest.mark.parametrize("op", ["ArgMax", "ArgMin"])
def test_positions_beside_nan(both, op):
    nan, x = np.nan, np.tile(np.float32([3, 1, 2, 5]), 50)
    for at in ([0], [1], [0, 150], [77], list(range(200))):
        y = x.copy()
        y[at] = nan
        host, found = both(lambda x: apply(op, x, 0), y)
        assert found == host
        host, found = both(lambda x: apply(op, x, 1), np.stack([y, x]))
        np.testing.assert_array_equal(found, host)


def test_bad_positions(same_error):
    same_error(lambda x, axis: apply("ArgMax", x, axis), np.ones((2, 3), np.float32), np.int32(2))
    same_error(lambda x, axis: apply("ArgMax", x, axis), np.ones((2, 0), np.float32), np.int32(1))
    same_error(
        lambda x, axis: apply("ArgMin", x, of_any_shape(axis)),
        np.ones((2, 3), np.float32),
        np.array([0, 1], np.int32),
    )


@pytest.mark.parametrize("exclusive", [False, True])
@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("op", ["Cumsum", "Cumprod"])
def test_cumulation(both, op, exclusive, reverse):
    def build(x, axis):
        return apply(op, x, axis, exclusive=exclusive, reverse=reverse)

    for dtype in ("float32", "int32", "uint8", "float16"):
        for shape in ((1,), (65,), (700,), (3, 64), (64, 3), (2, 5, 3), (0,), (2, 0)):
            for axis in range(len(shape)):
                check(both(build, numbers(dtype, shape), np.int32(axis)), dtype)


def test_long_cumulation_goes_in_pieces(both, device):
    if "grind" in device.label:
        pytest.skip("too slow under a simulator")
    x = np.random.default_rng(3).normal(size=150_001).astype(np.float32)
    for exclusive, reverse in itertools.product([False, True], repeat=2):
        build = functools.partial(fc.cumsum, axis=0, exclusive=exclusive, reverse=reverse)
        host, found = both(build, x)
        np.testing.assert_allclose(found, host, atol=0.02)
        host, found = both(build, np.arange(150_001, dtype=np.int32))
        np.testing.assert_array_equal(found, host)


def test_bad_cumulation(same_error):
    same_error(lambda x, axis: fc.cumsum(x, axis), np.ones((2, 3), np.float32), np.int32(2))
    same_error(
        lambda x, axis: fc.cumprod(x, of_any_shape(axis)),
        np.ones((2, 3), np.float32),
        np.array([0, 1], np.int32),
    )


@pytest.mark.parametrize(
    "reduce",
    [fc.reduce_sum, fc.reduce_mean, fc.reduce_max, fc.reduce_min, fc.reduce_prod, fc.reduce_logsumexp],
    ids=lambda f: f.__name__,
)
@pytest.mark.parametrize("axis", [None, 0, [1, 2], [0, 2]], ids=str)
def test_gradients(both, reduce, axis):
    x = np.random.default_rng(4).uniform(0.5, 2, (3, 4, 5)).astype(np.float32)
    host, found = both(lambda x: fc.gradients(fc.square(reduce(x, axis)), x)[0], x)
    np.testing.assert_allclose(found, host, rtol=1e-5, atol=1e-5)


def test_gradients_of_cumulations(both):
    x = np.random.default_rng(5).uniform(0.5, 2, (4, 6)).astype(np.float32)
    for cumulate in (fc.cumsum, fc.cumprod):
        host, found = both(lambda x, cumulate=cumulate: fc.gradients(fc.square(cumulate(x, 1)), x)[0], x)
        np.testing.assert_allclose(found, host, rtol=1e-4, atol=1e-4)
