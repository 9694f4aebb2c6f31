"""Elementwise nodes fused into one kernel: the bits of the unfused run and of the CPU, with fewer
launches, and no other difference.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from typing import Any

import ml_dtypes
import numpy as np
import pytest

import flowcore as fc
from flowcore.graph.apply import apply
from flowcore.opencl import _opencl
from flowcore.runtime import devices, opencl_devices

UNFUSED = fc.GraphOptions(optimizer_options=fc.OptimizerOptions(opt_level=fc.OptimizerOptions.L0))
Build = Callable[..., Any]


def config(**settings: Any) -> fc.ConfigProto:
    # simulators break when two threads use them at once
    return fc.ConfigProto(inter_op_parallelism_threads=1, **settings)


def launches(place: str) -> int:
    if not place.startswith("/gpu"):
        return 0
    return _opencl.counters(devices.find(opencl_devices.OPENCL, int(place.split(":")[1])).capsule)["launches"]


@dataclasses.dataclass
class Outcome:
    values: list[np.ndarray]
    launches: int


def run(place: str, build: Build, arrays: Sequence[Any], known: bool = True, **settings: Any) -> Outcome:
    """What `build` makes of placeholders for the arrays, their shapes known before the run or not."""
    with fc.Graph().as_default():
        feeds = {fc.placeholder(a.dtype, a.shape if known else None): a for a in map(np.asarray, arrays)}
        with fc.device(place):
            fetches = build(*feeds)
            initializer = fc.global_variables_initializer()
        with fc.Session(config=config(**settings)) as session:
            session.run(initializer)
            before = launches(place)
            values = session.run(list(fetches) if isinstance(fetches, (list, tuple)) else [fetches], feeds)
            return Outcome(values, launches(place) - before)


def assert_same(expected: np.ndarray, found: np.ndarray) -> None:
    """Bit for bit, where NaN is NaN."""
    assert (expected.dtype, expected.shape) == (found.dtype, found.shape)
    a, b = (np.ascontiguousarray(v).reshape(-1).view(f"u{v.dtype.itemsize}") for v in (expected, found))
    same = a == b
    if expected.dtype.kind not in "iub":
        same |= np.isnan(expected.reshape(-1)) & np.isnan(found.reshape(-1))
    assert same.all(), [(i, expected.reshape(-1)[i], found.reshape(-1)[i]) for i in np.flatnonzero(~same)[:4]]


Check = Callable[..., tuple[int, int]]


@pytest.fixture
def check(device: Any) -> Check:
    """check(build, *arrays): the values are the same fused, unfused and on the CPU. Returns the
    launches of both runs.
    """

    def compare(build: Build, *arrays: Any, known: bool = True) -> tuple[int, int]:
        host = run("/cpu:0", build, arrays, known)
        fused = run(device.name, build, arrays, known)
        unfused = run(device.name, build, arrays, known, graph_options=UNFUSED)
        for expected, one, several in zip(host.values, fused.values, unfused.values, strict=True):
            assert_same(expected, several)
            assert_same(expected, one)
        return fused.launches, unfused.launches

    return compare


def sample(shape: Any, dtype: Any = np.float32, seed: int = 0) -> np.ndarray:
    return (np.random.default_rng(seed).normal(size=shape) * 3).astype(dtype)


def ten(x: fc.Tensor, y: fc.Tensor) -> fc.Tensor:
    """Ten ops."""
    t = fc.tanh(x * y + 1.0)
    t = fc.tanh(t - x * 0.5)
    return fc.square(fc.tanh(t * y)) + y


# ---- what is fused ----


@pytest.mark.parametrize("known", [True, False], ids=["shapes known", "shapes unknown"])
def test_a_chain_is_one_launch(check: Check, known: bool) -> None:
    assert check(ten, sample(1000), sample(1000, seed=1), known=known) == (1, 10)


def test_trees_and_values_that_are_used_twice_within_one(check: Check) -> None:
    def build(a: fc.Tensor, b: fc.Tensor, c: fc.Tensor, d: fc.Tensor) -> list[fc.Tensor]:
        t = fc.exp(a - b)
        return [(a + b) * (c - d) / (1.0 + fc.abs(a * d)), t * t + t]

    assert check(build, *(sample((3, 5), seed=i) for i in range(4))) == (2, 11)


def test_a_value_with_readers_elsewhere_is_computed_once(check: Check) -> None:
    def build(x: fc.Tensor, y: fc.Tensor) -> list[fc.Tensor]:
        t = fc.tanh(x * y)
        return [fc.sqrt(fc.abs(t)), fc.reduce_sum(t), -t + 1.0]

    fused, unfused = check(build, sample(7), sample(7, seed=1))
    assert unfused - fused == 3


def test_gradients(check: Check) -> None:
    def build(x: fc.Tensor, y: fc.Tensor) -> list[fc.Tensor]:
        return [g for g in fc.gradients(ten(x, y), [x, y]) if g is not None]

    fused, unfused = check(build, sample((4, 9)), sample((4, 9), seed=1))
    assert unfused - fused >= 10  # the forward values that gradients read as well stay


def test_groups_stay_within_what_a_kernel_takes(check: Check) -> None:
    def build(*inputs: fc.Tensor) -> list[fc.Tensor]:
        total = inputs[0]
        for x in inputs[1:]:
            total = total + x
        long = inputs[0]
        for _ in range(35):
            long = fc.square(long) - inputs[1]
        return [total, long]

    fused, unfused = check(build, *(sample(5, seed=i) * np.float32(0.1) for i in range(20)))
    assert unfused == 19 + 70
    assert fused == 3 + 3


def test_nothing_is_fused_where_it_is_switched_off_or_split_by_another_device(device: Any) -> None:
    def build(x: fc.Tensor) -> fc.Tensor:
        with fc.device("/cpu:0"):
            y = fc.square(x + 1.0)
        with fc.device(device.name):
            return fc.square(y * 2.0)

    assert run(device.name, build, [sample(5)]).launches == 1
    assert run(device.name, build, [sample(5)], graph_options=UNFUSED).launches == 2


# ---- shapes ----

SHAPES = [
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
    [(), ()],
    [(0,), (1,)],
    [(0, 3), (3,)],
    [(2, 0), ()],
]


@pytest.mark.parametrize("known", [True, False], ids=["shapes known", "shapes unknown"])
def test_broadcasts(check: Check, known: bool) -> None:
    def build(*inputs: fc.Tensor) -> list[fc.Tensor]:
        pairs = zip(inputs[::2], inputs[1::2], strict=True)
        return [fc.maximum((x - y) * x, -y) for x, y in pairs]

    arrays = [sample(shape, seed=i) for i, shape in enumerate(shape for pair in SHAPES for shape in pair)]
    fused, unfused = check(build, *arrays, known=known)
    assert fused < unfused
    if not known:
        assert fused == sum(0 not in shape for shape, _ in SHAPES)  # nothing is launched for empty tensors


def test_long_functions_over_broadcast_rows(check: Check) -> None:
    """Rows longer and shorter than the blocks that such functions take on processors; values of
    several types between them.
    """

    def build(x: fc.Tensor, y: fc.Tensor, z: fc.Tensor) -> list[fc.Tensor]:
        narrow = fc.cast(fc.tanh(x * y), fc.float16)
        above = fc.greater(fc.sin(x), narrow_again := fc.cast(narrow, fc.float32))
        return [
            fc.cast(above, fc.float32) * fc.exp(-narrow_again) + z,
            ten(y - z, x),
            fc.atan2(fc.tanh(x), fc.log1p(fc.abs(y))),
        ]

    fused, unfused = check(build, sample((6, 500)), sample((500,), seed=1), sample((6, 1), seed=2))
    assert fused * 3 < unfused
    check(build, sample((300, 2)), sample((2,), seed=1), sample((300, 1), seed=2))


def test_a_small_value_is_not_computed_for_each_element_that_it_is_broadcast_to(check: Check) -> None:
    assert check(lambda x, y: fc.tanh(fc.square(x)) * y, sample((5, 1)), sample((5, 9), seed=1)) == (2, 3)


def test_shapes_that_do_not_go_together_are_refused(device: Any) -> None:
    seen = []
    for place in ("/cpu:0", device.name):
        with pytest.raises(fc.errors.InvalidArgumentError) as caught:
            run(
                place,
                lambda x, y, z: fc.add(fc.square(x) - y, z, name="last"),
                [sample(()), sample((2, 3)), sample((2, 4))],
                known=False,
            )
        seen.append(caught.value.message)
    assert all(
        "Incompatible shapes: [2, 3] vs. [2, 4]" in message and "node 'last' (Add" in message
        for message in seen
    ), seen
    assert all("'Square' (Square), 'sub' (Sub)" in message for message in seen)


@pytest.mark.parametrize(
    "build",
    [
        lambda x, y, z: fc.subtract(x, y, name="broken") * z,
        lambda x, y, z: fc.add_n([x * 1.0, x, y], name="broken") * 2.0,
        lambda x, y, z: fc.nn.bias_add(x * 1.0, z * 1.0, name="broken") * 2.0,
    ],
)
def test_an_error_names_the_op_that_failed(device: Any, build: Build) -> None:
    messages = []
    for settings in ({}, {"graph_options": UNFUSED}):
        with pytest.raises(fc.errors.InvalidArgumentError) as caught:
            run(device.name, build, [sample((2, 3)), sample((3, 2)), sample(7)], known=False, **settings)
        messages.append(caught.value.message.split("\n")[0])
    assert messages[0] == messages[1]
    assert "'broken'" in messages[0]


# ---- types ----


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "int8", "uint16", "int64", "float64"])
def test_values_between_ops_are_those_that_would_be_stored(device: Any, check: Check, dtype: str) -> None:
    if dtype == "float64" and not device.has_double:
        pytest.skip(f"{device.label} has no float64")
    t = np.dtype(ml_dtypes.bfloat16 if dtype == "bfloat16" else dtype)
    x, y = np.random.default_rng(5).integers(0, 256, (2, 1500 * t.itemsize), np.uint8).view(t)

    def build(x: fc.Tensor, y: fc.Tensor) -> list[fc.Tensor]:
        fetches = [x * y - x, fc.maximum(x + y, y * y) - x]
        return (
            fetches
            if dtype.startswith(("int", "uint"))
            else [*fetches, fc.less(x / y + y, fc.abs(y)), fc.square(x * 0.01) * 3.0]
        )

    with np.errstate(all="ignore"):
        check(build, x, y)


def test_casts_within_a_group(device: Any, check: Check) -> None:
    others = [
        "float16",
        "bfloat16",
        "int8",
        "uint8",
        "int32",
        "int64",
        "bool",
        *(["float64"] if device.has_double else []),
    ]

    def build(x: fc.Tensor, i: fc.Tensor) -> list[fc.Tensor]:
        # an equal factor would be shared
        there = [fc.cast(fc.cast(x * (100.0 + k), other), fc.float32) * 0.5 for k, other in enumerate(others)]
        return [*there, fc.cast(fc.cast(fc.cast(i * 77, fc.float16), fc.int8), fc.bfloat16)]

    fused, _ = check(
        build,
        np.append(sample(300), [np.nan, np.inf, -np.inf, 7e4, 1e-9]).astype(np.float32),
        np.arange(-900, 900, dtype=np.int32),
    )
    assert fused == len(others) + 1


def test_comparisons_and_choices(check: Check) -> None:
    def build(x: fc.Tensor, y: fc.Tensor, b: fc.Tensor) -> list[fc.Tensor]:
        above = fc.logical_and(fc.greater(x * 2.0, y), fc.logical_not(b))
        return [x * fc.cast(above, fc.float32), fc.where(fc.logical_or(fc.is_nan(x / y), b), x, y)]

    fused, unfused = check(build, sample(100), sample(100, seed=1), sample(100, seed=2) > 0)
    assert fused == 2 < unfused


@pytest.mark.parametrize("known", [True, False], ids=["shapes known", "shapes unknown"])
def test_choices_sums_and_biases(check: Check, known: bool) -> None:
    def build(x: fc.Tensor, y: fc.Tensor, b: fc.Tensor, one: fc.Tensor) -> list[fc.Tensor]:
        high = fc.greater(x, y)
        narrow = fc.cast(x, fc.float16)
        return [
            apply("SelectV2", high, x * 2.0, b) * y,
            fc.where(one, x * 2.0, -y) + 1.0,
            fc.where(high, fc.cast(x, fc.int8) * 3, fc.cast(y, fc.int8)),
            fc.nn.relu(fc.nn.bias_add(x, b)),
            fc.square(fc.add_n([x * y, y, x])),
            fc.add_n([narrow, narrow * 0.3, narrow * narrow, -narrow]) * 2.0,
        ]

    fused, unfused = check(
        build, sample((40, 9)), sample((40, 9), seed=1), sample(9, seed=2), np.bool_(True), known=known
    )
    assert fused <= (8 if known else 12) < unfused


def test_integers_that_are_refused(device: Any) -> None:
    def build(x: fc.Tensor, y: fc.Tensor) -> fc.Tensor:
        return apply("FloorDiv", x + 1, y * 1, name="division") * 2

    assert run(device.name, build, [np.int32([6, 7]), np.int32([2, 3])]).values[0].tolist() == [6, 4]
    with pytest.raises(fc.errors.InvalidArgumentError, match=r"(?s)'division'.*Integer division by zero"):
        run(device.name, build, [np.int32([6, 7]), np.int32([2, 0])])


# ---- groups that end in a reduction ----

REDUCTIONS = [fc.reduce_sum, fc.reduce_mean, fc.reduce_max, fc.reduce_min, fc.reduce_prod]
#: Beside the sum of the sizes of what is added.
TOLERANCE = {"float16": 2e-3, "bfloat16": 2e-2, "float32": 1e-6, "float64": 1e-14}


@pytest.fixture
def reduces(device: Any) -> Callable[..., tuple[int, int]]:
    """reduces(build, *arrays): the values are those of the CPU, but for the order of additions, and
    the same each time. Returns the launches of both runs.
    """

    def compare(build: Build, *arrays: Any, known: bool = True) -> tuple[int, int]:
        host = run("/cpu:0", build, arrays, known)
        fused, again = (run(device.name, build, arrays, known) for _ in range(2))
        unfused = run(device.name, build, arrays, known, graph_options=UNFUSED)
        for expected, one, another in zip(host.values, fused.values, again.values, strict=True):
            assert (expected.dtype, expected.shape) == (one.dtype, one.shape)
            assert_same(one, another)
            if expected.dtype.kind in "iub":
                np.testing.assert_array_equal(one, expected)
            else:
                scale = max(
                    [
                        1.0,
                        *(
                            float(np.abs(v.astype(np.float64)).max(initial=0))
                            for v in (*arrays, expected)
                            if np.isfinite(v).all()
                        ),
                    ]
                )
                size = max(np.asarray(a).size for a in arrays) / max(expected.size, 1)
                np.testing.assert_allclose(
                    one.astype(np.float64),
                    expected.astype(np.float64),
                    rtol=TOLERANCE[expected.dtype.name],
                    atol=TOLERANCE[expected.dtype.name] * scale * size**0.5,
                )
        return fused.launches, unfused.launches

    return compare


def chains(axis: Any = None, keepdims: bool = False) -> Build:
    """Each reduction of a chain of its own, products of values near one."""

    def build(x: fc.Tensor, y: fc.Tensor) -> list[fc.Tensor]:
        found = [
            reduce(fc.maximum(x * fc.constant(k, x.dtype), y) - y, axis, keepdims)
            for k, reduce in enumerate(REDUCTIONS[:4], 2)
            if x.dtype.is_floating or reduce is not fc.reduce_mean  # never fused
        ]
        return [
            *found,
            fc.reduce_prod(
                fc.maximum(fc.minimum(x * y, fc.constant(1, x.dtype)), fc.constant(1, x.dtype)),
                axis,
                keepdims,
            ),
        ]

    return build


@pytest.mark.parametrize("dtype", ["float32", "float64", "float16", "int32"])
def test_reductions_of_all_elements_and_of_rows(
    device: Any, reduces: Callable[..., tuple[int, int]], dtype: str
) -> None:
    if dtype == "float64" and not device.has_double:
        pytest.skip(f"{device.label} has no float64")
    for shape in [
        (0,),
        (1,),
        (63,),
        (64,),
        *([] if device.is_slow else [(1025,)]),
        (5, 31),
        (9, 64),
        (0, 3),
        (3, 0),
        *([(2, 600)] if device.is_slow else [(2, 4100), (100_003,), (2, 70_000)]),
    ]:
        x, y = (np.abs(sample(shape, np.float32, seed)).astype(dtype) for seed in range(2))
        fused, unfused = reduces(chains(-1, keepdims=shape[0] == 5), x, y)
        assert fused < unfused or 0 in shape
        if len(shape) == 2:
            reduces(chains(), x, y)


@pytest.mark.parametrize("known", [True, False], ids=["shapes known", "shapes unknown"])
def test_reductions_of_broadcasts(device: Any, reduces: Callable[..., tuple[int, int]], known: bool) -> None:
    for shapes in [
        [(4, 6), (6,)],
        [(70, 3), (70, 1)],
        [(5, 130), (130,)],
        [(9, 200), (9, 1)],
        [(4, 50, 6), (50, 1)],
        [(40, 5, 60), (40, 1, 60)],
        [(300,), ()],
    ]:

        def build(x: fc.Tensor, y: fc.Tensor, shapes: list[Any] = shapes) -> list[fc.Tensor]:
            x.set_shape([None] * len(shapes[0]))
            y.set_shape([None] * len(shapes[1]))
            return [
                fc.reduce_mean(fc.square(x - y)),
                fc.reduce_max(fc.tanh(x * 0.2) * fc.exp(-fc.square(y)), -1),
                fc.reduce_sum(fc.cast(x > y, fc.int32), 0),
            ]

        fused, unfused = reduces(
            build, *(sample(shape, seed=i) for i, shape in enumerate(shapes)), known=known
        )
        assert fused < unfused


def test_a_reduced_chain_is_one_launch_where_the_device_does_both_at_once(
    device: Any, reduces: Callable[..., tuple[int, int]]
) -> None:
    fused, unfused = reduces(
        lambda x, y: fc.reduce_sum(ten(x, y), 1), sample((9, 100)), sample((9, 100), seed=1)
    )
    assert unfused == 11
    assert fused in (1, 2)


def test_special_values_are_reduced_as_on_the_host(
    device: Any, reduces: Callable[..., tuple[int, int]]
) -> None:
    x = sample((4, 300))
    x[0, 17] = x[1, -1] = np.nan
    x[2, 5], x[2, 6] = np.inf, -np.inf
    reduces(lambda x: [reduce(x * float(k + 1) - 1.0, 1) for k, reduce in enumerate(REDUCTIONS[:4])], x)
    x[:, ::7] = np.nan
    reduces(lambda x: [reduce(x * float(k + 1) - 1.0) for k, reduce in enumerate(REDUCTIONS[:4])], x)


def test_losses_and_their_gradients(device: Any, reduces: Callable[..., tuple[int, int]]) -> None:
    def build(x: fc.Tensor, y: fc.Tensor) -> list[fc.Tensor]:
        variance = fc.reduce_mean(fc.square(x - fc.reduce_mean(x, 1, keepdims=True)), 1)
        losses = [
            fc.reduce_mean(fc.square(x - y)),
            fc.reduce_sum(fc.tanh(x) * y),
            fc.reduce_sum(fc.sqrt(variance)),
        ]
        return [*losses, *fc.gradients(losses, [x, y])]

    fused, unfused = reduces(build, sample((50, 70)), sample((50, 70), seed=1))
    assert fused < unfused


def test_columns_and_values_read_elsewhere_are_reduced_by_themselves(
    device: Any, reduces: Callable[..., tuple[int, int]]
) -> None:
    def build(x: fc.Tensor) -> list[fc.Tensor]:
        y = fc.square(x)
        return [fc.reduce_sum(x * 2.0, 0), fc.reduce_sum(y), fc.matmul(y, y, transpose_b=True)]

    fused, unfused = reduces(build, sample((5, 9)))
    assert fused == unfused


def test_an_error_before_a_reduction_names_its_op(device: Any) -> None:
    def build(x: fc.Tensor, y: fc.Tensor) -> fc.Tensor:
        x.set_shape([None, None])
        return fc.reduce_sum(fc.subtract(x, y, name="broken") * 2.0, [0, 1])

    messages = []
    for settings in ({}, {"graph_options": UNFUSED}):
        with pytest.raises(fc.errors.InvalidArgumentError) as caught:
            run(device.name, build, [sample((2, 3)), sample((3, 2))], known=False, **settings)
        messages.append(caught.value.message.split("\n")[0])
    assert messages[0] == messages[1]
    assert "'broken'" in messages[0]


# ---- what others see ----


def test_values_in_between_can_be_fetched_and_fed(device: Any) -> None:
    x = fc.placeholder(fc.float32, [3])
    with fc.device(device.name):
        middle = fc.square(x) + 1.0
        last = -(middle * 2.0)
    with fc.Session(config=config()) as session:
        before = launches(device.name)
        assert session.run(last, {x: [1, 2, 3]}).tolist() == [-4, -10, -20]
        assert launches(device.name) - before == 1
        for values in (
            session.run([last, middle], {x: [1, 2, 3]}),
            session.run([middle, last], {x: [1, 2, 3]})[::-1],
        ):
            assert [v.tolist() for v in values] == [[-4, -10, -20], [2, 5, 10]]
        assert session.run(last, {middle: [1, 2, 3]}).tolist() == [-2, -4, -6]
        assert session.run([last, middle], {x: [0, 0, 0], middle: [1, 2, 3]})[0].tolist() == [-2, -4, -6]


def test_control_edges_to_and_from_the_midst_of_a_chain_hold(
    device: Any, control_edges_hold: Callable[..., None]
) -> None:
    control_edges_hold(device.name, config())


def test_names_stay(device: Any, capfd: pytest.CaptureFixture[str]) -> None:
    x = fc.placeholder(fc.float32, [3])
    with fc.device(device.name):
        last = fc.add(fc.square(fc.tanh(x, name="first"), name="second"), 1.0, name="last")
    metadata = fc.RunMetadata()
    with fc.Session(config=config(log_device_placement=True)) as session:
        session.run(last, {x: [1, 2, 3]}, fc.RunOptions(trace_level=fc.RunOptions.FULL_TRACE), metadata)
    assert [(n.name, n.op) for n in fc.timeline.node_stats(metadata) if n.op != "Copy"] == [
        ("last", last.op.type)
    ]
    lines = capfd.readouterr().err.splitlines()
    assert [line.split(":")[0] for line in lines] == ["first", "second", "last"]
