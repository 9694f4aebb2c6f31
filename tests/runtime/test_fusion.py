"""Elementwise nodes fused on the CPU: the bits of the unfused run for every op, dtype, shape and
thread count, and no other difference.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

import ml_dtypes
import numpy as np
import pytest

import flowcore as fc
from flowcore.graph.apply import apply
from flowcore.opencl.formulas import CLASSES, formulas
from flowcore.runtime import visible_devices
from flowcore.runtime.plan import CompiledPlan

Build = Callable[..., Any]
UNFUSED = fc.GraphOptions(optimizer_options=fc.OptimizerOptions(skip_passes=["elementwise_fusion"]))


@pytest.fixture(autouse=True)
def on_the_host(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where other tests are tests of a device."""
    monkeypatch.setattr(visible_devices.VisibleDevices, "preferred", None)


def config(threads: int = 2, fused: bool = True, **settings: Any) -> fc.ConfigProto:
    return fc.ConfigProto(
        inter_op_parallelism_threads=threads, **settings, **({} if fused else {"graph_options": UNFUSED})
    )


def plan_of(session: fc.Session) -> CompiledPlan:
    """The plan that was made last."""
    return list(session._signatures.values())[-1].plan


def run(
    build: Build, arrays: Sequence[Any], known: bool = True, threads: int = 2, fused: bool = True
) -> tuple[list[np.ndarray], CompiledPlan]:
    """What `build` makes of placeholders for the arrays, their shapes known before the run or not,
    and the plan.
    """
    with fc.Graph().as_default():
        feeds = {fc.placeholder(a.dtype, a.shape if known else None): a for a in map(np.asarray, arrays)}
        fetches = build(*feeds)
        with fc.Session(config=config(threads, fused)) as session:
            values = session.run(list(fetches) if isinstance(fetches, (list, tuple)) else [fetches], feeds)
            return values, plan_of(session)


def assert_same(expected: np.ndarray, found: np.ndarray) -> None:
    """Bit for bit, where NaN is NaN."""
    expected, found = np.asarray(expected), np.asarray(found)
    assert (expected.dtype, expected.shape) == (found.dtype, found.shape)
    if expected.dtype.kind == "c":
        expected, found = (v.reshape(-1).view(v.real.dtype) for v in (expected, found))
    a, b = (np.ascontiguousarray(v).reshape(-1).view(f"u{v.dtype.itemsize}") for v in (expected, found))
    same = a == b
    if expected.dtype.kind not in "iub":
        same |= np.isnan(expected.reshape(-1)) & np.isnan(found.reshape(-1))
    assert same.all(), [(i, expected.reshape(-1)[i], found.reshape(-1)[i]) for i in np.flatnonzero(~same)[:4]]


def check(
    build: Build, *arrays: Any, known: bool = True, threads: Sequence[int] = (1, 2, 8)
) -> tuple[int, int]:
    """The values are the same fused and unfused, and what was fed is left as it was.

    Returns the nodes of both plans.
    """
    before = [np.array(a) for a in arrays]
    expected, unfused = run(build, arrays, known, fused=False)
    for count in threads:
        found, fused = run(build, arrays, known, count)
        for e, f in zip(expected, found, strict=True):
            assert_same(e, f)
    for a, b in zip(arrays, before, strict=True):
        assert_same(b, np.asarray(a))
    return len(fused.ops), len(unfused.ops)


def sample(shape: Any, dtype: Any = np.float32, seed: int = 0) -> np.ndarray:
    return np.asarray(np.random.default_rng(seed).normal(size=shape) * 3).astype(dtype)


def ten(x: fc.Tensor, y: fc.Tensor) -> fc.Tensor:
    """Ten ops."""
    t = fc.tanh(x * y + 1.0)
    t = fc.tanh(t - x * 0.5)
    return fc.square(fc.tanh(t * y)) + y


# ---- every formula, in random trees ----

FLOATS = ["float16", "bfloat16", "float32", "float64"]
INTEGERS = ["int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64"]
DTYPES = [*FLOATS, *INTEGERS, "complex64", "complex128", "bool"]


def numpy_type(dtype: str) -> np.dtype:
    return np.dtype(ml_dtypes.bfloat16 if dtype == "bfloat16" else dtype)


def values_of(dtype: str, shape: Any, rng: np.random.Generator) -> np.ndarray:
    """All bit patterns of integers and narrow floats; of others mostly moderate values, with all
    kinds of special ones.
    """
    t = numpy_type(dtype)
    if dtype == "bool":
        return rng.random(shape) > 0.5
    if dtype in INTEGERS or t.itemsize == 2:
        return (
            np.frombuffer(rng.bytes(max(int(np.prod(shape, dtype=np.int64)), 0) * t.itemsize), t)
            .reshape(shape)
            .copy()
        )
    x = np.asarray(rng.normal(size=shape) * 3)
    if t.kind == "c":
        return (x + 1j * rng.normal(size=shape)).astype(t)
    special = rng.choice([np.nan, np.inf, -np.inf, 0.0, -0.0, 1e-42, 3e38, -1.0], size=shape)
    return np.where(rng.random(shape) < 0.05, special, x).astype(t)


@functools.cache
def members(dtype: str) -> list[tuple[str, int, bool]]:
    """(op, inputs, refuses some) of every op that has a formula for the dtype and takes it."""
    found = []
    for (op, cls), formula in formulas().items():
        classes = {
            "float": "FLOAT",
            "bfloat": "FLOAT",
            "int": "SIGNED",
            "uint": "UNSIGNED",
            "complex": "COMPLEX",
            "bool": "BOOL",
        }
        if cls not in (classes[dtype.rstrip("0123468")], "INT" if dtype in CLASSES["INT"] else ""):
            continue
        with fc.Graph().as_default():
            x = fc.placeholder(dtype, [])
            for arity in (1, 2):
                try:
                    apply(op, *[x] * arity)
                    found.append((op, arity, formula.refuses is not None))
                except (TypeError, ValueError):
                    continue
    return found


def random_tree(rng: np.random.Generator, dtype: str, steps: int) -> Build:
    """A build of so many ops over values of one dtype, with bools, choices, sums and casts there and back."""
    seed = int(rng.integers(1 << 30))

    def build(divisor: fc.Tensor, *inputs: fc.Tensor) -> list[fc.Tensor]:
        rng = np.random.default_rng(seed)
        values, ops = list(inputs), members(dtype)
        flags: list[fc.Tensor] = []

        def pick() -> fc.Tensor:
            return values[int(rng.integers(max(0, len(values) - 6), len(values)))]

        def add(value: fc.Tensor) -> None:
            (flags if value.dtype == fc.bool and dtype != "bool" else values).append(value)

        for _ in range(steps):
            kind = rng.random()
            if kind < 0.75 and ops:
                op, arity, refuses = ops[int(rng.integers(len(ops)))]
                add(apply(op, *[pick() for _ in range(arity - 1)], divisor if refuses else pick()))
            elif kind < 0.82 and flags:
                add(apply("SelectV2", flags[int(rng.integers(len(flags)))], pick(), pick()))
            elif kind < 0.9 and dtype != "bool":
                add(apply("AddN", [pick()] * int(rng.integers(2, 5))))
            else:
                other = DTYPES[int(rng.integers(len(DTYPES)))]
                add(fc.cast(fc.cast(pick(), other), dtype))
        last = values[-1]
        for value in values[-4:-1]:
            last = apply("SelectV2", fc.greater(fc.cast(divisor, fc.float64), 0.0), last, value)
        return [last, *flags[-1:]]

    return build


SHAPES: list[list[Any]] = [
    [(), (), ()],
    [(1,), (), (1, 1)],
    [(63,), (63,), ()],
    [(64,), (1,), (64,)],
    [(65,), (65,), (65,)],
    [(7, 9), (9,), (7, 1)],
    [(0,), (1,), ()],
    [(3, 0), (1,), (3, 1)],
    [(4, 1, 6), (5, 1), (1, 5, 6)],
    [(2, 3, 4, 5), (5,), (3, 1, 1)],
    [(1024,), (), (1024,)],
    [(1025,), (), (1025,)],
    [(300, 7), (7,), (300, 1)],
    [(3, 2100), (2100,), (3, 1)],
]


@pytest.mark.parametrize("dtype", DTYPES)
def test_random_trees_give_the_bits_of_the_single_ops(dtype: str) -> None:
    rng = np.random.default_rng(DTYPES.index(dtype))
    saved = 0
    with np.errstate(all="ignore"):
        for shapes in SHAPES:
            for known in (True, False):
                divisor = np.asarray(rng.integers(1, 4, shapes[0])).astype(numpy_type(dtype))
                arrays = [divisor, *(values_of(dtype, shape, rng) for shape in shapes)]
                fused, unfused = check(random_tree(rng, dtype, 24), *arrays, known=known, threads=(1, 2))
                saved += unfused - fused
    assert saved > 3 * len(SHAPES)


@pytest.mark.parametrize("size", [0, 1, 63, 64, 65, 1023, 1024, 1025, 8191, 8193, 40_000, 1_000_003])
def test_a_chain_is_one_node_of_the_same_bits(size: int) -> None:
    for known in (True, False):
        assert check(ten, sample(size), sample(size, seed=1), known=known) == (1, 10)


@pytest.mark.parametrize("shapes", SHAPES)
def test_all_dtypes_in_one_group(shapes: list[Any]) -> None:
    def build(x: fc.Tensor, y: fc.Tensor, z: fc.Tensor) -> list[fc.Tensor]:
        wide = fc.cast(x, fc.float64) * fc.cast(y, fc.float64)
        narrow = fc.cast(fc.cast(wide, fc.float16) + fc.cast(z, fc.float16), fc.int8)
        above = fc.less(narrow, fc.cast(y, fc.int8))
        chosen = apply("SelectV2", above, fc.cast(wide, fc.bfloat16), fc.cast(x - z, fc.bfloat16))
        return [
            fc.cast(fc.cast(chosen, fc.complex64) * fc.cast(wide, fc.complex64), fc.float32),
            fc.logical_not(above),
        ]

    arrays = [sample(shape, seed=i) for i, shape in enumerate(shapes)]
    for known in (True, False):
        fused, unfused = check(build, *arrays, known=known)
        assert fused < unfused


# ---- shapes ----

PAIRS = [
    [(4, 6), (6,)],
    [(4, 6), (4, 1)],
    [(4, 6), ()],
    [(4, 6), (1, 1)],
    [(5, 1), (1, 7)],
    [(2, 3, 4, 5), (3, 1, 5)],
    [(2, 1, 4, 1), (1, 3, 1, 5)],
    [(33, 1, 7), (33, 9, 1)],
    [(3,), (2, 1)],
    [(700, 3), (3,)],
    [(700, 3), (700, 1)],
    [(5000, 1), (1, 2)],
    [(3, 5000), (3, 1)],
    [(3, 5000), (5000,)],
    [(3, 4099), (3, 4099)],
    [(2, 3, 2, 3, 2, 3, 2, 3), (1, 3, 1, 3, 1, 3, 1, 3)],
    [(2, 3), (3,)],
    [(4, 2, 4), (2, 1)],
    [(8, 8), (8, 1)],
    [(64, 1), (1, 1, 64)],
    [(16, 64), (16, 1)],
    [(40, 50, 60), (50, 1)],
    [(40, 50, 60), (40, 1, 60)],
    [(), ()],
    [(0,), (1,)],
    [(0, 3), (3,)],
    [(2, 0), ()],
]


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.int16, np.int8, np.complex128])
@pytest.mark.parametrize("pair", PAIRS)
def test_broadcasts(pair: list[Any], dtype: Any) -> None:
    def build(x: fc.Tensor, y: fc.Tensor) -> list[fc.Tensor]:
        return [-((x - y) * x + y), (y - x) * fc.square(y)]

    for known in (True, False):
        fused, unfused = check(build, *(sample(shape, dtype, i) for i, shape in enumerate(pair)), known=known)
        assert fused < unfused


def test_a_value_that_turns_out_smaller_is_computed_once() -> None:
    """Shapes are unknown when the plan is made: the logarithms are one group with the sum, and
    belong to one row and to single elements.
    """

    def build(x: fc.Tensor, row: fc.Tensor, one: fc.Tensor) -> fc.Tensor:
        return x + fc.log(fc.abs(row)) * fc.log(fc.abs(one))

    assert check(build, sample((500, 300)), sample((300,), seed=1), sample((), seed=2), known=False) == (1, 6)


def test_bias_add_in_both_layouts() -> None:
    def build(x: fc.Tensor, b: fc.Tensor) -> list[fc.Tensor]:
        last = [fc.nn.relu(fc.nn.bias_add(x, b)), fc.nn.relu(fc.nn.bias_add(x, b, data_format="NCHW"))]
        return [*last, *fc.gradients(last, [x, b])]

    for known in (True, False):
        fused, unfused = check(build, sample((3, 5, 7, 5)), sample((5,), seed=1), known=known)
        assert fused < unfused


@pytest.mark.parametrize("dtype", [*FLOATS, *INTEGERS, "complex64", "complex128"])
@pytest.mark.parametrize("count", [1, 2, 3, 7, 40])
def test_sums_of_many(dtype: str, count: int) -> None:
    rng = np.random.default_rng(count)
    arrays = [values_of(dtype, (67,), rng) for _ in range(min(count, 9))]
    with np.errstate(all="ignore"):
        check(lambda *x: fc.add_n([x[i % len(x)] * x[0] for i in range(count)]) - x[0], *arrays)


def test_choices() -> None:
    def build(x: fc.Tensor, y: fc.Tensor, rows: fc.Tensor, one: fc.Tensor) -> list[fc.Tensor]:
        high = fc.greater(x, y)
        return [
            fc.where(high, x * 2.0, -y),
            fc.where(rows, x * 2.0, -y),
            fc.where(one, x * 2.0, -y),
            apply("SelectV2", high, x + 1.0, fc.reduce_max(y)) * x,
        ]

    arrays = sample((5, 9)), sample((5, 9), seed=1), sample(5) > 0, np.bool_(True)
    for known in (True, False):
        fused, unfused = check(build, *arrays, known=known)
        assert fused < unfused


# ---- groups that end in a reduction ----

REDUCTIONS = [fc.reduce_sum, fc.reduce_mean, fc.reduce_max, fc.reduce_min, fc.reduce_prod]
LENGTHS = [0, 1, 7, 63, 127, 128, 1023, 1024, 1025, 10_007]


def reductions(axis: Any = None, keepdims: bool = False) -> Build:
    """Each reduction of a chain of its own that begins with what is fed."""

    def build(x: fc.Tensor, y: fc.Tensor) -> list[fc.Tensor]:
        return [
            reduce(fc.square(x * fc.constant(k, x.dtype)) - y, axis, keepdims)
            for k, reduce in enumerate(REDUCTIONS, 2)
        ]

    return build


@pytest.mark.parametrize("dtype", ["float32", "float64", "float16", "bfloat16", "int32", "int8", "complex64"])
@pytest.mark.parametrize("length", [*LENGTHS, 100_003, 300_001])
def test_a_reduction_of_everything_is_one_node_of_the_same_bits(length: int, dtype: str) -> None:
    def build(x: fc.Tensor, y: fc.Tensor) -> list[fc.Tensor]:
        return (
            reductions()(x, y)
            if dtype != "complex64"
            else [fc.reduce_sum(fc.square(x) - y), fc.reduce_mean(y * x)]
        )

    arrays = [values_of(dtype, (length,), np.random.default_rng(seed)) for seed in range(2)]
    with np.errstate(all="ignore"):
        fused, unfused = check(build, *arrays)
    assert fused == (2 if dtype == "complex64" else 5) < unfused


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("length", LENGTHS)
@pytest.mark.parametrize("rows", [0, 1, 3, 50, 2000])
def test_reductions_of_rows(rows: int, length: int, dtype: Any) -> None:
    """Also over the last of several axes of unknown sizes, and the last two."""
    if rows * length > 1_000_000:
        rows = 100
    x, y = (sample((rows, length), dtype, seed) for seed in range(2))
    for keepdims in (False, True):
        assert check(reductions(-1, keepdims), x, y)[0] == 5
    assert check(reductions([2, 1]), x[:, None], y[:, None])[0] == 5

    def unknown(x: fc.Tensor, y: fc.Tensor) -> list[fc.Tensor]:
        x.set_shape([None, None])
        y.set_shape([None, None])
        return reductions(1)(x, y)

    assert check(unknown, x, y, known=False)[0] == 5


BROADCASTS = [
    [(4, 6), (6,)],
    [(700, 3), (3,)],
    [(700, 3), (700, 1)],
    [(300_001, 7), (7,)],
    [(5, 1025), (1025,)],
    [(3, 100_003), (3, 1)],
    [(2000, 1000), (2000, 1)],
    [(2000, 600), (600,)],
    [(40, 50, 60), (50, 1)],
    [(40, 50, 60), (40, 1, 60)],
    [(2, 300_001), ()],
    [(1, 1), (1,)],
    [(3, 1), (1, 1)],
]


@pytest.mark.parametrize("axis", [None, -1, 0])
@pytest.mark.parametrize("shapes", BROADCASTS)
def test_reductions_of_broadcasts(shapes: list[Any], axis: Any) -> None:
    for dtype in (np.float32, np.float64):
        x, y = (sample(shape, dtype, seed) for seed, shape in enumerate(shapes))
        fused, unfused = check(reductions(axis), x, y)
        assert fused < unfused
        assert axis == 0 or fused == 5


def test_a_value_that_turns_out_smaller_is_computed_once_for_a_reduction() -> None:
    def build(x: fc.Tensor, row: fc.Tensor) -> list[fc.Tensor]:
        x.set_shape([None, None])
        row.set_shape([None, None])
        return [fc.reduce_sum(x + fc.log(fc.abs(row))), fc.reduce_mean(x * fc.sqrt(fc.square(row)), 1)]

    assert check(build, sample((500, 300)), sample((1, 300), seed=1), known=False) == (2, 8)


def test_reductions_of_values_of_other_types() -> None:
    def build(x: fc.Tensor, y: fc.Tensor) -> list[fc.Tensor]:
        hits = fc.equal(fc.cast(x, fc.int32), fc.cast(y, fc.int32))
        return [
            fc.reduce_mean(fc.cast(hits, fc.float32)),
            fc.reduce_sum(fc.cast(fc.greater(x, y), fc.int64), 1),
            fc.reduce_max(fc.cast(x * y, fc.float16)),
        ]

    assert check(build, sample((300, 70)), sample((300, 70), seed=1))[0] == 3


def test_nan_and_signed_zeros_are_reduced_as_alone() -> None:
    x = sample((6, 5000))
    x[0, 17] = x[1, -1] = np.nan
    x[2] = np.inf
    x[3, 5], x[3, 6] = np.inf, -np.inf
    x[4] = -0.0
    for array in (x, x[:, :1], x[:, :9]):
        for axis in (None, 1):
            with np.errstate(all="ignore"):
                assert (
                    check(
                        lambda x, axis=axis: [
                            reduce(x * float(k + 1) + x, axis) for k, reduce in enumerate(REDUCTIONS)
                        ],
                        array,
                    )[0]
                    == 5
                )


def test_scalars_and_axes_of_one_element() -> None:
    def build(x: fc.Tensor, y: fc.Tensor) -> list[fc.Tensor]:
        return [
            fc.reduce_sum(-fc.square(x)),
            fc.reduce_mean(x - y),
            fc.reduce_mean(fc.square(y) * y, 1),
            fc.reduce_max(-y, [1], keepdims=True),
        ]

    fused, unfused = check(build, sample(()), np.full((9, 1), -0.0, np.float32))
    assert fused < unfused


def test_gradients_through_a_reduction() -> None:
    def build(x: fc.Tensor, y: fc.Tensor) -> list[fc.Tensor]:
        variance = fc.reduce_mean(fc.square(x - fc.reduce_mean(x, 1, keepdims=True)), 1)
        losses = [
            fc.reduce_mean(fc.square(x - y)),
            fc.reduce_sum(fc.tanh(x) * y),
            fc.reduce_sum(variance),
            fc.reduce_max(fc.abs(x) * 2.0),
        ]
        return [*losses, *fc.gradients(losses, [x, y])]

    fused, unfused = check(build, sample((50, 70)), sample((50, 70), seed=1))
    assert fused < unfused


def ends_in_reduction(build: Build, *arrays: Any) -> bool:
    """Whether a reduction is part of a group. The values are the same in any case."""
    expected, _ = run(build, arrays, fused=False)
    found, plan = run(build, arrays)
    for e, f in zip(expected, found, strict=True):
        assert_same(e, f)
    return any(ops[-1].type in ("Sum", "Mean", "Prod", "Max", "Min") for ops in plan.fused.values())


def test_which_reductions_stay_by_themselves() -> None:
    x, axis = sample((4, 6)), np.int32(1)

    def twice(x: fc.Tensor) -> list[fc.Tensor]:
        y = fc.square(x)
        return [fc.reduce_sum(y), fc.matmul(y, y, transpose_b=True)]

    def fetched(x: fc.Tensor) -> list[fc.Tensor]:
        y = fc.square(x)
        return [fc.reduce_sum(y), y]

    def waited_for(x: fc.Tensor) -> fc.Tensor:
        y = fc.square(x)
        with fc.control_dependencies([y]):
            return fc.reduce_sum(y)

    assert ends_in_reduction(lambda x: fc.reduce_sum(fc.square(x)), x)
    assert ends_in_reduction(lambda x: fc.reduce_sum(fc.square(x), [-1]), x)
    for build in (twice, fetched, waited_for, lambda x: fc.reduce_sum(x, 1)):
        assert not ends_in_reduction(build, x)
    assert not ends_in_reduction(lambda x: fc.reduce_sum(fc.square(x), 0), x)  # columns
    # known when it runs
    assert not ends_in_reduction(lambda x, axis: fc.reduce_sum(fc.square(x), axis), x, axis)
    assert not ends_in_reduction(
        lambda x: fc.reduce_sum(fc.square(fc.reshape(x, fc.shape(x * 1.0)))[..., :3], [0, 2]),
        x.reshape(2, 2, 6),
    )


def test_axes_that_are_fed_are_those_that_count() -> None:
    x, axis = fc.placeholder(fc.float32, [2, 3]), fc.constant(1)
    total = fc.reduce_sum(fc.square(x), axis)
    total.set_shape([None])
    ones = np.ones((2, 3), np.float32)
    with fc.Session(config=config()) as session:
        assert session.run(total, {x: ones}).tolist() == [3, 3]
        assert len(plan_of(session).ops) == 1
        assert session.run(total, {x: ones, axis: 0}).tolist() == [2, 2, 2]


@pytest.mark.parametrize("size", [2, 200_000])
def test_an_error_before_a_reduction_names_its_op(size: int) -> None:
    def build(x: fc.Tensor, y: fc.Tensor) -> fc.Tensor:
        x.set_shape([None])
        y.set_shape([None])
        return fc.reduce_sum(apply("FloorDiv", x + 1, y * 1, name="division") * 2, name="total")

    x, y = np.full(size, 6, np.int32), np.full(size, 3, np.int32)
    assert run(build, [x, y], known=False)[0][0] == 4 * size
    y[-1] = 0
    message = failure(build, x, y)
    assert "node 'division' (FloorDiv): Integer division by zero" in message
    assert "computed together with" in message
    assert "'total' (Sum)" in message
    assert "Incompatible shapes" in failure(build, x, y[:1].repeat(size + 1))


# ---- groups ----


def test_long_chains_and_wide_trees_are_cut() -> None:
    def build(*inputs: fc.Tensor) -> list[fc.Tensor]:
        chain = inputs[0]
        for _ in range(200):
            chain = fc.tanh(chain)
        total = inputs[0]
        for x in inputs[1:]:
            total = total + x
        return [chain, total]

    fused, unfused = check(build, *(sample(300, seed=i) for i in range(100)))
    assert unfused == 200 + 99
    assert fused == 4 + 4


def test_a_balanced_tree_of_many_live_values() -> None:
    def build(*inputs: fc.Tensor) -> fc.Tensor:
        level = [fc.exp(x * 0.1) for x in inputs]
        while len(level) > 1:
            level = [a * b - a for a, b in zip(level[::2], level[1::2], strict=True)]
        return level[0]

    fused, unfused = check(build, *(sample((30, 70), seed=i) for i in range(16)))
    assert fused <= 2 < unfused


def test_what_others_read_fetch_or_wait_for_stays() -> None:
    x = fc.placeholder(fc.float32, [3])
    middle = fc.square(x) + 1.0
    last = -(middle * 2.0)
    with fc.control_dependencies([middle]):
        later = fc.identity(last) * 1.0
    with fc.Session(config=config()) as session:
        assert session.run(last, {x: [1, 2, 3]}).tolist() == [-4, -10, -20]
        assert len(plan_of(session).ops) == 1
        for values in (
            session.run([last, middle], {x: [1, 2, 3]}),
            session.run([middle, last], {x: [1, 2, 3]})[::-1],
        ):
            assert [v.tolist() for v in values] == [[-4, -10, -20], [2, 5, 10]]
        assert session.run(last, {middle: [1, 2, 3]}).tolist() == [-2, -4, -6]
        assert session.run(later, {x: [1, 2, 3]}).tolist() == [-4, -10, -20]
        plan = plan_of(session)
        assert "add" in {plan.name(i).split("_")[0] for i in range(len(plan.ops))}
        summed = session.run([fc.reduce_sum(middle), last], {x: [1, 2, 3]})
        assert summed[0] == 17
        assert summed[1].tolist() == [-4, -10, -20]


def test_memory_is_taken_over_only_from_values_that_nobody_reads_later() -> None:
    """The product is read by two groups and by a sum; the constant and the variable by the next run
    as well.
    """
    product = np.arange(5000, dtype=np.float32).reshape(50, 100) / 5000
    v = fc.Variable(product, use_resource=True)
    x = fc.placeholder(fc.float32, [50, 50])
    m = fc.matmul(x, v.read_value())
    fixed = fc.constant(product)
    fetches = [
        fc.tanh(m * 2.0) + 1.0,
        fc.square(m) - m,
        fc.reduce_sum(m),
        -(fixed * 2.0),
        fc.square(v.read_value() + 1.0),
    ]
    eye = np.eye(50, dtype=np.float32)
    with fc.Session(config=config()) as session:
        session.run(v.initializer)
        for _ in range(3):
            found = session.run([*fetches, m, fixed, v], {x: eye})
            assert_same(np.square(product) - product, found[1])
            for same in found[-3:]:
                assert_same(product, same)


def test_control_edges_hold_and_readers_of_a_variable_see_their_moment(
    control_edges_hold: Callable[..., None],
) -> None:
    control_edges_hold(None, config())


def test_random_numbers_are_drawn_once_and_not_fused() -> None:
    draw = fc.random_uniform([1000], seed=3)
    both = fc.square(draw) - draw * draw
    with fc.Session(config=config()) as session:
        assert not session.run(both).any()
        assert "RandomUniform" in {op.type for op in plan_of(session).ops if op is not None}


def test_it_is_switched_off_by_its_own_option_and_by_the_level() -> None:
    for options in (
        fc.OptimizerOptions(skip_passes=["elementwise_fusion"]),
        fc.OptimizerOptions(opt_level=fc.OptimizerOptions.L0),
    ):
        x = fc.placeholder(fc.float32, [3])
        with fc.Session(config=config(graph_options=fc.GraphOptions(optimizer_options=options))) as session:
            session.run(ten(x, x), {x: [1, 2, 3]})
            assert len(plan_of(session).ops) == 10


# ---- training ----


def test_training_steps_are_the_same() -> None:
    def losses(fused: bool) -> list[np.ndarray]:
        with fc.Graph().as_default():
            rng = np.random.default_rng(0)
            x, y = fc.placeholder(fc.float32, [None, 20]), fc.placeholder(fc.float32, [None, 3])
            w, u = (
                fc.Variable(rng.normal(size=shape).astype(np.float32) * 0.3) for shape in ((20, 16), (16, 3))
            )
            b = fc.Variable(np.zeros(16, np.float32))
            hidden = fc.tanh(fc.nn.bias_add(fc.matmul(x, w), b)) * fc.nn.sigmoid(fc.matmul(x, w))
            decay = 0.01 * (fc.reduce_sum(fc.square(w)) + fc.reduce_sum(fc.square(u)))
            loss = fc.reduce_mean(fc.squared_difference(fc.nn.elu(fc.matmul(hidden, u)), y)) + decay
            step = fc.train.AdamOptimizer(0.01).minimize(loss)
            with fc.Session(config=config(fused=fused)) as session:
                session.run(fc.global_variables_initializer())
                values = [
                    session.run([loss, step], {x: rng.normal(size=(32, 20)), y: rng.normal(size=(32, 3))})[0]
                    for _ in range(20)
                ]
                assert bool(plan_of(session).fused) is fused
                return [*values, *session.run([w, u, b])]

    for expected, found in zip(losses(False), losses(True), strict=True):
        assert_same(expected, found)


# ---- messages ----


def failure(build: Build, *arrays: Any) -> str:
    with pytest.raises(fc.errors.InvalidArgumentError) as caught:
        run(build, arrays, known=False)
    return caught.value.message


def test_an_error_names_the_op_that_failed_and_its_line() -> None:
    def build(x: fc.Tensor, y: fc.Tensor, z: fc.Tensor) -> fc.Tensor:
        inner = fc.subtract(fc.square(x), y, name="inner")
        return fc.add(inner, z, name="last") * 2.0

    message = failure(build, sample((2, 3)), sample((2, 4)), sample(()))
    assert "node 'inner' (Sub): Incompatible shapes: [2, 3] vs. [2, 4]" in message
    assert __file__ in message
    assert "computed together with 'Square' (Square), 'last' (Add" in message
    message = failure(build, sample(()), sample((2, 3)), sample((2, 4)))
    assert "node 'last' (Add" in message
    assert "[2, 3] vs. [2, 4]" in message


@pytest.mark.parametrize(
    "build",
    [
        lambda x, y, z: fc.add_n([x * 1.0, x, y], name="broken") * 2.0,
        lambda x, y, z: fc.nn.bias_add(x * 1.0, z * 1.0, name="broken") * 2.0,
        lambda x, y, z: apply("Select", fc.greater(fc.reduce_sum(x), 0.0), x * 1.0, y, name="broken") * 2.0,
        lambda x, y, z: apply("SelectV2", fc.greater(x, 0.0), y * 1.0, x, name="broken") * 2.0,
    ],
)
def test_an_error_reads_as_that_of_the_op_alone(build: Build) -> None:
    messages = []
    for fused in (False, True):
        with pytest.raises(fc.errors.InvalidArgumentError) as caught:
            run(build, [sample((2, 3)), sample((3, 2)), sample(7)], known=False, fused=fused)
        messages.append(caught.value.message.split("\n")[0])
    assert messages[0] == messages[1]
    assert "'broken'" in messages[0]


@pytest.mark.parametrize("size", [2, 200_000])
def test_a_division_by_zero_within_a_group_is_refused(size: int) -> None:
    def build(x: fc.Tensor, y: fc.Tensor) -> fc.Tensor:
        return apply("FloorDiv", x + 1, y * 1, name="division") * 2

    x, y = np.full(size, 6, np.int32), np.full(size, 3, np.int32)
    assert run(build, [x, y])[0][0].tolist() == [4] * size
    y[-1] = 0
    message = failure(build, x, y)
    assert "node 'division' (FloorDiv): Integer division by zero" in message
    assert run(build, [x, np.int32(3)])[0][0].tolist() == [4] * size
    assert "division by zero" in failure(build, x, np.int32(0))
    assert run(build, [x[:0], y[-1:]], known=False)[0][0].tolist() == []


@pytest.mark.parametrize(
    "end",
    [lambda x: fc.add(x, 1.0, name="last"), lambda x: fc.reduce_mean(x, name="last")],
    ids=["chain", "reduction"],
)
def test_traces_and_placements_name_every_op(end: Build, capfd: pytest.CaptureFixture[str]) -> None:
    x = fc.placeholder(fc.float32, [3])
    last = end(fc.square(fc.tanh(x, name="first"), name="second"))
    metadata = fc.RunMetadata()
    with fc.Session(config=config(log_device_placement=True)) as session:
        session.run(last, {x: [1, 2, 3]}, fc.RunOptions(trace_level=fc.RunOptions.FULL_TRACE), metadata)
    assert [(n.name, n.op, n.fused) for n in fc.timeline.node_stats(metadata)] == [
        ("last", last.op.type, ("first", "second", "last"))
    ]
    assert [line.split(":")[0] for line in capfd.readouterr().err.splitlines()] == ["first", "second", "last"]
