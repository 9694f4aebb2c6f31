"""Gathers, scatters, one-hot rows and updates of single rows on OpenCL devices against the host's."""

from __future__ import annotations

import ml_dtypes
import numpy as np
import pytest

import flowcore as fc
from flowcore.graph.apply import apply
from flowcore.train import AdagradOptimizer, MomentumOptimizer

FLOATS = ["float16", "bfloat16", "float32", "float64"]
NUMBERS = [*FLOATS, "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64"]
SCATTERS = ["Update", "Add", "Sub", "Mul", "Div", "Min", "Max"]


def numbers(name, shape, seed=0):
    dtype = np.dtype(ml_dtypes.bfloat16) if name == "bfloat16" else np.dtype(name)
    return np.random.default_rng(seed).integers(2, 9, shape).astype(dtype)


def equal(pair):
    for host, found in zip(*pair, strict=True) if isinstance(pair[0], (list, tuple)) else [pair]:
        assert found.dtype == host.dtype
        assert found.shape == host.shape
        np.testing.assert_array_equal(found, host)


def skip_double(device, name):
    if name == "float64" and not device.has_double:
        pytest.skip("no float64 on this device")


@pytest.mark.parametrize("dtype", [*NUMBERS, "bool", "complex64", "complex128"])
@pytest.mark.parametrize("index", ["int32", "int64"])
def test_gather_of_every_dtype(both, dtype, index):
    x, at = numbers(dtype, (6, 5)), np.array([5, 0, 0, 3], index)
    equal(
        both(
            lambda x, at: [
                apply("GatherV2", x, at, 0),
                apply("GatherV2", x, at[1:], 1),
                apply("Gather", x, at),
            ],
            x,
            at,
        )
    )


@pytest.mark.parametrize("n", [0, 1, 63, 64, 65, 1000])
def test_gather_of_many(both, n):
    equal(
        both(
            lambda x, at: apply("GatherV2", x, at, 0),
            numbers("float32", (7, 1)),
            np.arange(n, dtype=np.int32) * 5 % 7,
        )
    )


def test_gather_along_every_axis(both):
    x = numbers("float32", (2, 3, 4, 5))
    for axis in (-4, -1, 0, 1, 2, 3):
        for at in (np.int32(1), np.int32([1, 0]), np.zeros((2, 0), np.int32), np.int32([[1, 0], [0, 0]])):
            equal(both(lambda x, at, axis=axis: apply("GatherV2", x, at, axis), x, at))
    equal(both(lambda x, at: apply("GatherV2", x, at, 1), np.zeros((3, 2, 0), np.float32), np.int32([1, 1])))


def test_indices_may_come_from_the_device(both):
    equal(both(lambda x: apply("GatherV2", x, fc.argmax(x, 0), 0), numbers("float32", (4, 5))))


@pytest.mark.parametrize("at", [[4], [-1], [0, 1, 7]], ids=str)
def test_gather_refuses_indices_out_of_range(same_error, at):
    same_error(lambda x, at: apply("GatherV2", x, at, 0), np.ones((4, 2), np.float32), np.array(at, np.int32))
    same_error(
        lambda x, axis: apply("GatherV2", x, fc.constant([0]), axis), np.ones((4, 2), np.float32), np.int32(2)
    )


@pytest.mark.parametrize("dtype", NUMBERS)
def test_segment_sums(both, device, dtype):
    skip_double(device, dtype)
    for ids, shape in (
        ([2, 0, 2, -1, 2], (5, 3)),
        ([0], (1, 65)),
        ([], (0, 3)),
        ([-1, -2], (2, 2)),
        ([[1, 0], [1, 1]], (2, 2, 4)),
        ([1, 2, 300], (3,)),
    ):
        equal(
            both(
                lambda x, ids: apply("UnsortedSegmentSum", x, ids, 301),
                numbers(dtype, shape),
                np.array(ids, np.int32).reshape(shape[: np.ndim(ids) or 1]),
            )
        )
    equal(both(lambda x, i: apply("UnsortedSegmentSum", x, i, 3), numbers(dtype, ()), np.int64(2)))
    equal(both(lambda x, i: apply("UnsortedSegmentSum", x, i, 0), numbers(dtype, (2, 3)), np.int64([-1, -1])))


def test_segment_sums_add_in_order(both, device):
    n = 1000
    x = (
        np.random.default_rng(1).normal(size=(n, 2))
        * 10.0 ** np.random.default_rng(2).integers(-4, 4, (n, 2))
    ).astype(np.float32)
    ids = np.random.default_rng(3).integers(0, 3, n).astype(np.int32)
    equal(both(lambda x, ids: apply("UnsortedSegmentSum", x, ids, 3), x, ids))
    if "grind" not in device.label:  # three bytes of a number to sort by
        equal(both(lambda x, ids: apply("UnsortedSegmentSum", x, ids, 140_001), x, ids * 70_000))


def test_segment_sums_refuse(same_error):
    def build(x, ids, n):
        return apply("UnsortedSegmentSum", x, fc.placeholder_with_default(ids, None), n)

    same_error(build, np.ones((2, 3), np.float32), np.int32([0, 5]), np.int32(5))
    same_error(build, np.ones((2, 3), np.float32), np.int32([0, 1, 2]), np.int32(5))
    same_error(build, np.ones((2, 3), np.float32), np.int32([0, 1]), np.int32(-1))


@pytest.mark.parametrize("index", ["uint8", "int32", "int64"])
@pytest.mark.parametrize("dtype", ["float32", "bool", "int64", "float16", "complex128"])
def test_one_hot(both, index, dtype):
    on, off = numbers(dtype, (), 1), np.zeros((), dtype)
    for at in (
        np.array(3),
        np.array([0, 4, 9, 2]),
        np.array([[1, 2], [3, 0]]),
        np.zeros((0,)),
        np.arange(65) % 7,
    ):
        for axis in range(-1, at.ndim + 1):
            equal(
                both(
                    lambda at, on, off, axis=axis: apply("OneHot", at, 5, on, off, axis=axis),
                    at.astype(index),
                    on,
                    off,
                )
            )
    equal(both(lambda at, on, off: apply("OneHot", at, 0, on, off), np.zeros(3, index), on, off))


def test_one_hot_of_negative_indices(both):
    equal(both(lambda at: fc.one_hot(at, 3), np.int32([-1, 0, 3, 2, -5])))


def test_one_hot_refuses_a_negative_depth(same_error):
    same_error(lambda at, depth: apply("OneHot", at, depth, 1.0, 0.0), np.int32([1]), np.int32(-1))


@pytest.mark.parametrize("index", ["int32", "int64"])
def test_in_top_k(both, index):
    p = np.random.default_rng(4).permutation(65 * 7).reshape(65, 7).astype(np.float32)
    p[3, 2], p[5, 0], p[6, 6] = np.nan, np.inf, -np.inf
    targets = (np.arange(65) % 9 - 1).astype(index)
    for k in (0, 1, 3, 7, 100):
        equal(
            both(
                lambda p, t, k=k: [apply("InTopK", p, t, k=k), apply("InTopKV2", p, t, np.array(k, index))],
                p,
                targets,
            )
        )
    equal(both(lambda p, t: apply("InTopK", p, t, k=1), np.zeros((0, 3), np.float32), np.zeros(0, index)))
    equal(both(lambda p, t: apply("InTopK", p, t, k=1), np.zeros((2, 0), np.float32), np.zeros(2, index)))


def test_in_top_k_refuses_other_shapes(same_error):
    def build(p, t):
        return apply(
            "InTopK", fc.placeholder_with_default(p, None), fc.placeholder_with_default(t, None), k=1
        )

    same_error(build, np.ones((2, 3), np.float32), np.int32([0]))


def after(op_type, *arguments, **attrs):
    """Variables after an op on them, named as for resources: the value of each."""
    variables = [a for a in arguments if isinstance(a, fc.Variable)]
    if variables[0].op.type == "VariableV2":
        op_type = op_type.removeprefix("Resource")
    op = apply(op_type, *(a._variable if isinstance(a, fc.Variable) else a for a in arguments), **attrs)
    with fc.control_dependencies([op]):
        return [v.read_value() for v in variables]


@pytest.mark.parametrize("dtype", ["float32", "int32", "bool", "complex64"])
def test_gather_from_a_variable(both, dtype):
    for at in (np.int32([3, 0, 3]), np.int64([[1], [2]]), np.int32(2), np.zeros(0, np.int32)):
        equal(
            both(
                lambda at: apply(
                    "ResourceGather",
                    fc.Variable(numbers(dtype, (4, 5)), use_resource=True).handle,
                    at,
                    dtype=fc.as_dtype(dtype),
                ),
                at,
            )
        )


def test_gather_from_a_variable_refuses(same_error):
    def build(at):
        return apply(
            "ResourceGather",
            fc.Variable(np.ones((4, 5), np.float32), use_resource=True).handle,
            at,
            dtype=fc.float32,
        )

    same_error(build, np.int32([4]))
    same_error(build, np.int64([-1]))


@pytest.mark.parametrize("op", SCATTERS)
@pytest.mark.parametrize("dtype", NUMBERS)
def test_scatters(both, device, op, dtype):
    skip_double(device, dtype)
    indices = np.int32([5, 0, 5, 2, 5, 0])
    updates = numbers(dtype, (6, 3), 1)
    start = (numbers(dtype, (7, 3), 2).astype(np.float64) * 10).astype(updates.dtype)
    equal(both(lambda i, u: after(f"ResourceScatter{op}", fc.Variable(start), i, u), indices, updates))
    equal(
        both(
            lambda i, u: after(f"ResourceScatter{op}", fc.Variable(start), i, u),
            indices.astype(np.int64),
            updates[0, 0],
        )
    )


def test_rows_of_truth_values_are_replaced(both):
    start, updates = np.zeros((4, 3), bool), np.array([[True, False, True], [False, True, True]])
    for i, u in ((np.int32([3, 0]), updates), (np.int64([1, 1]), updates), (np.int32([2]), np.bool_(True))):
        equal(both(lambda i, u: after("ResourceScatterUpdate", fc.Variable(start), i, u), i, u))


@pytest.mark.parametrize("dtype", ["int8", "int32", "int64", "uint8", "uint64", "float32"])
def test_scattered_division_by_minus_one_and_the_greatest(both, dtype):
    limits = np.iinfo(dtype) if dtype != "float32" else np.finfo(dtype)
    start = np.array([[limits.min, limits.max], [7, 9]], dtype)
    by = (
        np.array([[-1, -1], [limits.max, 2]]).astype(dtype)
        if dtype[0] != "u"
        else np.array([[limits.max, limits.max], [1, 2]], dtype)
    )
    (host,), (there,) = both(
        lambda i, u: after("ResourceScatterDiv", fc.Variable(start), i, u), np.int32([0, 1]), by
    )
    if dtype != "float32":
        with np.errstate(over="ignore"):
            wanted = (
                np.where(by == -1, np.negative(start), start // np.where(by == 0, 1, by))
                if dtype[0] == "i"
                else start // by
            )
        np.testing.assert_array_equal(host, wanted)
    np.testing.assert_array_equal(there, host)


def test_scatters_of_nothing_and_of_wide_rows(both):
    start = numbers("float32", (3, 130))
    equal(
        both(
            lambda i, u: after("ResourceScatterAdd", fc.Variable(start), i, u),
            np.zeros(0, np.int32),
            np.zeros((0, 130), np.float32),
        )
    )
    equal(
        both(
            lambda i, u: after("ResourceScatterAdd", fc.Variable(start), i, u),
            np.int32([[2, 2], [0, 2]]),
            numbers("float32", (2, 2, 130)),
        )
    )
    equal(
        both(
            lambda i, u: after("ResourceScatterAdd", fc.Variable(start[:, 0]), i, u),
            np.int32([1, 1]),
            np.float32([3, 4]),
        )
    )


def test_a_read_value_outlives_a_scatter(device):
    with fc.device(device.name):
        v = fc.Variable(np.zeros((3, 2), np.float32), use_resource=True)
        before = fc.identity(v.read_value())
        with fc.control_dependencies([before]):
            change = apply("ResourceScatterAdd", v.handle, fc.constant([1]), fc.constant([[1.0, 2.0]]))
        with fc.control_dependencies([change]):
            later = fc.identity(v.read_value())
            again = before + 0.0
    with fc.Session(config=fc.ConfigProto(inter_op_parallelism_threads=1)) as session:
        session.run(v.initializer)
        old, new = session.run([again, later])
    np.testing.assert_array_equal(old, np.zeros((3, 2)))
    np.testing.assert_array_equal(new, [[0, 0], [1, 2], [0, 0]])


def test_scatters_refuse(same_error):
    def build(i, u):
        return after(
            "ResourceScatterAdd",
            fc.Variable(np.ones((3, 2), np.float32)),
            i,
            fc.placeholder_with_default(u, None),
        )

    same_error(build, np.int32([3]), np.ones((1, 2), np.float32))
    same_error(build, np.int32([-1]), np.float32(1))
    same_error(build, np.int32([1]), np.ones((2, 2), np.float32))
    same_error(
        lambda u: after("ResourceScatterDiv", fc.Variable(np.ones((3, 2), np.int32)), np.int32([1]), u),
        np.int32([[2, 0]]),
    )
    same_error(
        lambda i: after("ResourceScatterAdd", fc.Variable(np.float32(1), validate_shape=False), i, 1.0),
        np.int32([0]),
    )


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("nesterov", [False, True])
def test_sparse_updates(both, device, dtype, nesterov):
    skip_double(device, dtype)
    start, slot, indices = numbers(dtype, (9, 5), 1), numbers(dtype, (9, 5), 2), np.int32([7, 0, 7, 3, 7])
    rate, momentum = np.array(0.25, start.dtype), np.array(0.5, start.dtype)
    T = fc.as_dtype(start.dtype)

    def by_momentum(g, i):
        return after(
            "ResourceSparseApplyMomentum",
            fc.Variable(start),
            fc.Variable(slot),
            rate,
            g,
            i,
            momentum,
            use_nesterov=nesterov,
            T=T,
        )

    def by_adagrad(g, i):
        return after("ResourceSparseApplyAdagrad", fc.Variable(start), fc.Variable(slot), rate, g, i, T=T)

    for build in (by_momentum, by_adagrad):
        host, found = both(build, numbers(dtype, (5, 5), 3), indices)
        for a, b in zip(host, found, strict=True):
            np.testing.assert_allclose(
                b.astype(np.float64),
                a.astype(np.float64),
                rtol=1e-2 if dtype in ("float16", "bfloat16") else 1e-6,
            )


def test_sparse_updates_refuse(same_error):
    def build(g, i):
        variables = [fc.Variable(np.ones((3, 2), np.float32)) for _ in range(2)]
        return after(
            "ResourceSparseApplyAdagrad", *variables, np.float32(1), fc.placeholder_with_default(g, None), i
        )

    same_error(build, np.ones((1, 2), np.float32), np.int32([3]))
    same_error(build, np.ones((1, 3), np.float32), np.int32([1]))
    same_error(build, np.ones((2, 2), np.float32), np.int32([1]))


@pytest.mark.parametrize(
    "optimizer",
    [lambda: MomentumOptimizer(0.1, 0.9), lambda: AdagradOptimizer(0.1)],
    ids=["momentum", "adagrad"],
)
def test_training_an_embedding(both, optimizer):
    words = np.int32([[1, 2, 1], [0, 2, 2]])
    start = np.random.default_rng(5).normal(size=(6, 4)).astype(np.float32)

    def build(words):
        table = fc.Variable(start)
        loss = fc.reduce_sum(fc.square(fc.reduce_mean(fc.nn.embedding_lookup(table, words), 1)))
        with fc.control_dependencies([optimizer().minimize(loss)]):
            return [table.read_value()]

    host, found = both(build, words)
    np.testing.assert_allclose(found[0], host[0], rtol=1e-6)
    assert not np.array_equal(found[0], start)


def test_gradients_of_gathers(both):
    x, at = np.random.default_rng(6).normal(size=(4, 5)).astype(np.float32), np.int32([3, 1, 3])
    for axis in (0, 1):
        host, found = both(
            lambda x, at, axis=axis: fc.convert_to_tensor(
                fc.gradients(fc.square(fc.gather(x, at, axis=axis)), x)[0]
            ),
            x,
            at,
        )
        np.testing.assert_allclose(found, host, rtol=1e-6)
    host, found = both(
        lambda x, at: fc.gradients(fc.square(apply("UnsortedSegmentSum", x, at, 4)), x)[0],
        x[:3],
        np.int32([3, -1, 3]),
    )
    np.testing.assert_allclose(found, host, rtol=1e-6)
