"""Elementwise ops give the CPU's bits on every OpenCL runtime; float64, whose functions are the
runtime's own, comes within a few units of the last place.

Compiling is what takes the time, so there are two ways in. Every formula with every type it is for:
all formulas of one type in one kernel, built from the very text that the launchers build, so one
program a type. Every op through the graph, with one type: float32, or int32 and bool where it has
no such formula or refuses integers, on one runtime. What else the launchers do (shapes, broadcasts,
views, taken-over memory, other types) is tested with a few formulas.
"""

from __future__ import annotations

import functools
import re
import warnings
from collections.abc import Callable
from typing import Any

import ml_dtypes
import numpy as np
import pytest

import flowcore as fc
from flowcore.graph.apply import apply
from flowcore.graph.op_def import get_op_def
from flowcore.opencl import programs, runtimes
from flowcore.runtime import devices, opencl_devices

cl = pytest.importorskip("pyopencl")

FLOATS = ["float32", "float16", "bfloat16", "float64"]
INTS = ["int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64"]
DTYPES = [*FLOATS, *INTS, "bool"]
# In float64 these functions are the runtime's.
BUILT_IN = re.compile(r"FC_(EXP|EXPM1|LOG|LOG1P|A?SINH?|A?COSH?|A?TANH?|ERF|ERFC|POW|ATAN2)\(")


def numpy_type(dtype: str) -> np.dtype:
    return np.dtype(ml_dtypes.bfloat16 if dtype == "bfloat16" else dtype)


def is_float(dtype: str) -> bool:
    return dtype in FLOATS


def ops_of(dtype: str) -> list[str]:
    found = []
    for op, _ in programs.formulas():
        try:
            programs.formula_for(op, dtype)
        except KeyError:
            continue
        found += [op] if op not in found else []
    return found


def bits(a: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(a).reshape(-1).view(f"u{a.dtype.itemsize}")


def assert_same(expected: Any, found: Any, *, ulps: int = 0, flushes: bool = False) -> None:
    """Bit for bit, where NaN is NaN whatever its sign and payload; `flushes`: a subnormal may have
    become zero.
    """
    expected, found = np.asarray(expected), np.asarray(found)
    assert (expected.dtype, expected.shape) == (found.dtype, found.shape)
    a, b = bits(expected), bits(found)
    same = a == b
    if expected.dtype.kind not in "iub":
        x, y = expected.reshape(-1), found.reshape(-1)
        same |= np.isnan(x) & np.isnan(y)
        if flushes:
            same |= (abs(x) < ml_dtypes.finfo(x.dtype).tiny) & (y == 0)
        if ulps:
            top = np.uint64(1) << np.uint64(63)
            order = [np.where(v & top, top - (v & ~top), v + top) for v in (a, b)]
            same |= np.maximum(*order) - np.minimum(*order) <= ulps
    assert same.all(), [(i, expected.reshape(-1)[i], found.reshape(-1)[i]) for i in np.flatnonzero(~same)[:4]]


def edges(dtype: str) -> np.ndarray:
    t = numpy_type(dtype)
    if dtype == "bool":
        return np.array([False, True])
    if not is_float(dtype):
        limits = np.iinfo(t)
        return np.array(
            [
                0,
                1,
                2,
                3,
                7,
                limits.max // 2,
                limits.max - 1,
                limits.max,
                *([-1, -2, -3, -7, limits.min, limits.min + 1] if limits.min else []),
            ],
            t,
        )
    info = ml_dtypes.finfo(t)
    tiny, least = float(info.tiny), float(info.smallest_subnormal)
    plain = [
        0.0,
        1.0,
        0.5,
        1.5,
        2.5,
        3.0,
        0.3,
        6.5,
        31.0,
        88.7,
        104.0,
        1e4,
        0.4999999,
        least,
        3 * least,
        tiny - least,
        tiny,
        2 * tiny,
        float(info.max),
        np.inf,
    ]
    return np.array([*plain, *(-v for v in plain), np.nan]).astype(t)


@functools.cache
def values(dtype: str, n: int) -> tuple[np.ndarray, np.ndarray]:
    """Each pair of edge values, then random bit patterns and ordinary numbers, n pairs or as many
    as there are edges.
    """
    rng = np.random.default_rng(7)
    t, special = numpy_type(dtype), edges(dtype)
    x, y = (a.reshape(-1) for a in np.meshgrid(special, special))
    more = max(n - x.size, 0)
    random = [
        rng.integers(0, 2 if dtype == "bool" else 256, more * t.itemsize, np.uint8).view(t) for _ in range(2)
    ]
    if dtype != "bool":
        with np.errstate(all="ignore"):
            small = [
                (rng.normal(size=more) * rng.choice([0.01, 1.0, 10.0, 80.0], more))
                .astype(np.float32)
                .astype(t)
                for _ in range(2)
            ]
        random = [np.where(rng.random(more) < 0.5, a, b) for a, b in zip(random, small, strict=True)]
    return np.concatenate([x, random[0]]), np.concatenate([y, random[1]])


def allowed(op: str, dtype: str, y: np.ndarray) -> np.ndarray:
    """y without what the op refuses, as the kernels replace it."""
    if not programs.formula_for(op, dtype).refuses:
        return y
    return np.where(y < 0 if op == "Pow" else y == 0, np.ones_like(y), y)


def arity(op: str) -> int:
    return len(get_op_def(op).input_arg)


def call(op: str, dtype: str, x: Any, y: Any) -> fc.Tensor:
    return apply(op, x) if arity(op) == 1 else apply(op, x, y)


# ---- every formula, every type ----


class Runtime:
    """An OpenCL runtime without flowcore's launchers."""

    def __init__(self, found: runtimes.Runtime) -> None:
        self.found = found
        self.context = cl.Context([found.handle])
        self.queue = cl.CommandQueue(self.context)
        self.slow = "oclgrind" in found.platform.lower()
        self.flushes = not found.handle.single_fp_config & cl.device_fp_config.DENORM

    def run(self, text: str, sizes: list[int], *inputs: np.ndarray) -> list[np.ndarray]:
        """Buffers of so many bytes after kernel `all_of_them` has run: its arguments are the
        outputs, the inputs and how many elements these have.
        """
        flags = cl.mem_flags
        outs = [cl.Buffer(self.context, flags.WRITE_ONLY, size) for size in sizes]
        ins = [
            cl.Buffer(self.context, flags.READ_ONLY | flags.COPY_HOST_PTR, hostbuf=bits(a)) for a in inputs
        ]
        options = ["-cl-std=CL1.2", "-Werror"]
        if self.found.handle.single_fp_config & cl.device_fp_config.CORRECTLY_ROUNDED_DIVIDE_SQRT:
            options.append("-cl-fp32-correctly-rounded-divide-sqrt")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            program = cl.Program(self.context, text).build(options)
        program.all_of_them(self.queue, (256,), (64,), *outs, *ins, np.int64(inputs[0].size))
        results = [np.empty(size, np.uint8) for size in sizes]
        for result, out in zip(results, outs, strict=True):
            cl.enqueue_copy(self.queue, result, out)
        return results


def _runtimes() -> list[runtimes.Runtime]:
    try:
        devices.find(opencl_devices.OPENCL, 1000)  # tries them all
    except RuntimeError:
        pass
    try:
        return [r for r in runtimes.runtimes() if r.problem is None]
    except ImportError:
        return []


@pytest.fixture(scope="module", params=_runtimes(), ids=lambda r: r.platform)
def runtime(request: pytest.FixtureRequest) -> Runtime:
    return Runtime(request.param)


@functools.cache
def host_results(dtype: str, n: int) -> dict[str, np.ndarray]:
    x, y = values(dtype, n)
    with fc.Graph().as_default(), fc.Session() as session, np.errstate(all="ignore"):
        ops = ops_of(dtype)
        return dict(
            zip(
                ops,
                session.run(
                    [call(op, dtype, fc.constant(x), fc.constant(allowed(op, dtype, y))) for op in ops]
                ),
                strict=True,
            )
        )


def test_a_flushing_device_is_named(runtime: Runtime) -> None:
    if runtime.flushes:
        pytest.skip(
            f"{runtime.found.name} flushes subnormal numbers to zero: tests take zero for a subnormal result"
            " there, and have no subnormal inputs"
        )


@pytest.mark.parametrize("dtype", DTYPES)
def test_every_formula(runtime: Runtime, dtype: str) -> None:
    if dtype == "float64" and not runtime.found.has_double:
        pytest.skip(f"{runtime.found.name} has no float64")
    n = 2500 if runtime.slow else 1 << 15
    x, y = values(dtype, n)
    ops = ops_of(dtype)
    # The text of some elementwise program, then a function for each formula; tests and comparisons
    # yield 0 or 1 of the type itself.
    parts = [programs.source("elementwise", f"FORMULA={ops[0]} T={dtype} R={dtype}")]
    parts += [programs.formula_source(op, dtype, f"formula_{op}") for op in ops]
    stores = [f"STORE_T(out, {k} * n + i, formula_{op}(x, y));" for k, op in enumerate(ops)]
    parts += [
        "__kernel void all_of_them(__global T *out, __global const T *in_x, __global const T *in_y, long n) {"
        " FOR_EACH(i, n) {\n"
    ]
    parts += ["T_C x = LOAD_T(in_x, i), y = LOAD_T(in_y, i);\n", *stores, "} }\n"]
    t = numpy_type(dtype)
    (out,) = runtime.run("".join(parts), [len(ops) * x.size * t.itemsize], x, y)
    problems = []
    for op, found in zip(ops, out.view(t).reshape(len(ops), -1), strict=True):
        expected = host_results(dtype, n)[op]
        usable = np.ones(x.size, bool)
        if runtime.flushes and is_float(dtype):
            usable = ~(
                (abs(x) < ml_dtypes.finfo(t).tiny) & (x != 0) | (abs(y) < ml_dtypes.finfo(t).tiny) & (y != 0)
            )
        ulps = 4 if dtype == "float64" and BUILT_IN.search(programs.formula_for(op, dtype).expression) else 0
        try:
            assert_same(expected.astype(t)[usable], found[usable], ulps=ulps, flushes=runtime.flushes)
        except AssertionError as error:
            problems.append(f"{op}: {error}")
    assert not problems, "\n".join(problems)


@pytest.mark.parametrize("dtype", DTYPES)
def test_every_cast(runtime: Runtime, dtype: str) -> None:
    targets = [t for t in DTYPES if t != dtype and (runtime.found.has_double or "float64" not in (dtype, t))]
    if not runtime.found.has_double and dtype == "float64":
        pytest.skip(f"{runtime.found.name} has no float64")
    x, _ = values(dtype, 1000)
    # One program casts to all types: the macros of each come from the text of its own program.
    parts = [
        programs.source(
            "cast",
            f"T={dtype} R={targets[0] if dtype == 'float64' or not runtime.found.has_double else 'float64'}",
        )
    ]
    for target in targets:
        own = re.findall(
            r"^#define (?:R|R_C|STORE_R|CAST)\b.*$", programs.source("cast", f"T={dtype} R={target}"), re.M
        )
        parts += [*(f"#undef {name}\n" for name in ("R", "R_C", "STORE_R", "CAST")), "\n".join(own)]
        parts += [f"\nstatic inline void to_{target}(__global uchar *out, __global const T *in, long n) {{\n"]
        parts += [
            "FOR_EACH(i, n) { __global R *typed = (__global R *)out; STORE_R(typed, i, CAST(LOAD_T(in, i)));"
            " }\n}\n"
        ]
    outs = ", ".join(f"__global uchar *{target}_out" for target in targets)
    parts += [
        f"__kernel void all_of_them({outs}, __global const T *in, long n) {{\n",
        *(f"to_{t}({t}_out, in, n);\n" for t in targets),
        "}\n",
    ]
    found = runtime.run("".join(parts), [x.size * numpy_type(t).itemsize for t in targets], x)
    with fc.Graph().as_default(), fc.Session() as session, np.errstate(all="ignore"):
        expected = session.run([fc.cast(fc.constant(x), t) for t in targets])
    usable = (
        ~((abs(x) < ml_dtypes.finfo(x.dtype).tiny) & (x != 0))
        if runtime.flushes and is_float(dtype)
        else np.ones(x.size, bool)
    )
    for want, got in zip(expected, found, strict=True):
        assert_same(want[usable], got.view(want.dtype)[usable], flushes=runtime.flushes)


# ---- through the graph ----

Both = Callable[..., tuple[Any, Any]]
GRAPH_TYPES = ["float32", "int32", "bool"]


@pytest.fixture
def once(device: Any) -> None:
    if device.label.endswith("as a GPU"):
        pytest.skip("differs in the size of groups alone, which is a matter of shapes")


@pytest.fixture
def quickest(device: Any) -> None:
    names = [r.platform for r in _runtimes()]
    if device.label != next((name for name in names if "oclgrind" in name.lower()), names[0]):
        pytest.skip("about the launchers, which are the same everywhere: where compiling is quickest")


def index_of(device: Any) -> int:
    return int(device.name.split(":")[1])


def test_the_device_has_a_kernel_for_every_formula(device: Any) -> None:
    target = devices.find(opencl_devices.OPENCL, index_of(device))
    for dtype in DTYPES:
        if dtype == "float64" and not device.has_double:
            continue
        one = fc.placeholder(numpy_type(dtype), [3])
        missing = [op for op in ops_of(dtype) if target.kernel_for(call(op, dtype, one, one).op) is None]
        assert not missing, (dtype, missing)


@pytest.mark.usefixtures("quickest")
@pytest.mark.parametrize("dtype", GRAPH_TYPES)
def test_every_op(both: Both, dtype: str) -> None:
    x, y = (a[-65:] for a in values(dtype, 2000))
    before = {op for earlier in GRAPH_TYPES[: GRAPH_TYPES.index(dtype)] for op in ops_of(earlier)}
    ops = [op for op in ops_of(dtype) if op not in before or programs.formula_for(op, dtype).refuses]

    def build(x: fc.Tensor, y: fc.Tensor, safe: fc.Tensor, not_negative: fc.Tensor) -> list[fc.Tensor]:
        others = {
            op: y if not programs.formula_for(op, dtype).refuses else not_negative if op == "Pow" else safe
            for op in ops
        }
        return [call(op, dtype, x, others[op]) for op in ops]

    on_host, on_device = both(
        build,
        x,
        y,
        allowed("Div", dtype, y) if dtype == "int32" else y,
        allowed("Pow", dtype, y) if dtype == "int32" else y,
    )
    for op, expected, found in zip(ops, on_host, on_device, strict=True):
        try:
            assert_same(expected, found)
        except AssertionError as error:
            raise AssertionError(f"{op}: {error}") from None


SHAPES = [
    ((), ()),
    ((1,), (1,)),
    ((63,), (63,)),
    ((64,), (64,)),
    ((65,), (65,)),
    ((1000,), (1000,)),
    ((0,), (0,)),
    ((0, 3), (3,)),
    ((2, 0), ()),
    ((), (7,)),
    ((7,), ()),
    ((4, 5), (5,)),
    ((4, 1), (4, 5)),
    ((5, 1), (1, 6)),
    ((1, 6), (5, 1)),
    ((2, 3, 4, 5), (3, 1, 5)),
    ((2, 1, 4, 1), (1, 3, 1, 5)),
    ((1, 1, 1), (1,)),
    ((33, 1, 7), (33, 9, 1)),
]


def sample(dtype: str, shape: tuple[int, ...], which: int = 0) -> np.ndarray:
    return np.resize(values(dtype, 2000)[which][7:], shape)


@pytest.mark.parametrize(("x_shape", "y_shape"), SHAPES, ids=str)
def test_shapes(both: Both, x_shape: tuple[int, ...], y_shape: tuple[int, ...]) -> None:
    def build(x: fc.Tensor, y: fc.Tensor, i: fc.Tensor, j: fc.Tensor) -> list[fc.Tensor]:
        return [x - y, fc.less(x, y), apply("FloorDiv", i, j), fc.sqrt(x), fc.is_nan(y)]

    j = allowed("FloorDiv", "int32", sample("int32", y_shape, 1))
    for expected, found in zip(
        *both(build, sample("float32", x_shape), sample("float32", y_shape, 1), sample("int32", x_shape), j),
        strict=True,
    ):
        assert_same(expected, found)


@pytest.mark.usefixtures("quickest")
@pytest.mark.parametrize("dtype", DTYPES)
def test_other_types_through_the_graph(device: Any, both: Both, dtype: str) -> None:
    if dtype == "float64" and not device.has_double:
        pytest.skip(f"{device.label} has no float64")

    def build(x: fc.Tensor, y: fc.Tensor) -> list[fc.Tensor]:
        return [fc.equal(x, y), fc.logical_and(x, y)] if dtype == "bool" else [x * y + x, fc.equal(x, y)]

    for expected, found in zip(*both(build, sample(dtype, (65,)), sample(dtype, (65,), 1)), strict=True):
        assert_same(expected, found)


@pytest.mark.usefixtures("once")
@pytest.mark.parametrize("dtype", ["float32", "float16", "int8", "bool"])
def test_views_that_begin_anywhere(both: Both, dtype: str) -> None:
    start = sample(dtype, (70,))

    def build() -> list[fc.Tensor]:
        v = fc.Variable(start, use_resource=True)
        x, y = v.read_value()[1:66], v.read_value()[3:68]
        return [fc.equal(x, y), fc.where(fc.equal(x, y), y, x)] + (
            [fc.logical_not(x)] if dtype == "bool" else [x - y, -x]
        )

    for expected, found in zip(*both(build), strict=True):
        assert_same(expected, found)


def test_memory_is_taken_over_only_where_nobody_else_reads_it(both: Both) -> None:
    start = sample("float32", (300,))

    def build(x: fc.Tensor) -> list[fc.Tensor]:
        v = fc.Variable(start, use_resource=True)
        a = -v.read_value()
        b = fc.abs(a) + 1.0  # takes a's memory only if the next line does not need it
        c = 2.0 - a
        d = fc.sqrt(fc.square(c) * c)  # each takes the one before
        with fc.control_dependencies([b, c, d]):
            after = fc.identity(v.read_value())
        e = apply("AddN", [d, d, d])
        i = fc.cast(b > 2.0, fc.int32)
        return [a, b, c, d, after, e, apply("FloorDiv", i + 7, i + 1), x, x + x]

    for expected, found in zip(*both(build, start), strict=True):
        assert_same(expected, found)


@pytest.mark.usefixtures("once")
@pytest.mark.parametrize("dtype", ["float32", "float16", "bfloat16", "int64", "bool"])
def test_choices(both: Both, dtype: str) -> None:
    x, y = sample(dtype, (6, 35)), sample(dtype, (6, 35), 1)
    condition = np.random.default_rng(3).random((6, 35)) < 0.5

    def build(c: fc.Tensor, x: fc.Tensor, y: fc.Tensor) -> list[fc.Tensor]:
        return [
            apply("Select", c, x, y),
            apply("Select", c[:, 0], x, y),
            apply("Select", c[0, 0], x, y),
            apply("SelectV2", c[:1], x, y[:, :1]),
            apply("SelectV2", c[2, 3], x[0], y),
        ]

    for expected, found in zip(*both(build, condition, x, y), strict=True):
        assert_same(expected, found)


@pytest.mark.usefixtures("once")
@pytest.mark.parametrize("dtype", ["float32", "bfloat16", "uint8"])
def test_sums_and_limits(both: Both, dtype: str) -> None:
    def build(x: fc.Tensor, y: fc.Tensor, z: fc.Tensor) -> list[fc.Tensor]:
        low, high = fc.cast(2, x.dtype), fc.cast(5, x.dtype)
        return [
            apply("AddN", [x, y, z, x]),
            apply("AddN", [x]),
            fc.clip_by_value(x, low, high),
            fc.cast(x, fc.float32),
            fc.cast(x, fc.bool),
        ]

    for expected, found in zip(
        *both(build, sample(dtype, (129,)), sample(dtype, (129,), 1), sample(dtype, (129,))[::-1]),
        strict=True,
    ):
        assert_same(expected, found)


@pytest.mark.parametrize(
    ("op", "x", "y"),
    [
        ("FloorDiv", [7, 8, 9], [1, 0, 2]),
        ("Div", [7, 8, 9], 0),
        ("TruncateMod", 7, [3, 2, 0]),
        ("FloorMod", [[1], [2]], [[1, 2, 0]]),
        ("Pow", [2, 3], [1, -1]),
        ("FloorDiv", [1, 2, 3], [0, 1]),
        ("FloorDiv", [], 0),
        ("Mod", np.zeros((0, 2), int), [0, 0]),
    ],
    ids=str,
)
def test_what_integers_refuse(both: Both, same_error: Callable[..., None], op: str, x: Any, y: Any) -> None:
    x, y = np.array(x, np.int32), np.array(y, np.int32)

    def build(x: fc.Tensor, y: fc.Tensor) -> fc.Tensor:
        # shapes that are known only when it runs
        return apply(op, fc.placeholder_with_default(x, None), fc.placeholder_with_default(y, None))

    if x.size:
        same_error(build, x, y)
    else:
        assert_same(*both(build, x, y))


def test_a_device_goes_on_after_a_refusal(device: Any) -> None:
    x, y = fc.placeholder(fc.int32, [None]), fc.placeholder(fc.int32, [None])
    with fc.device(device.name):
        z = apply("FloorDiv", x, y) + 1
    # oclgrind breaks when two threads use it at once
    with fc.Session(config=fc.ConfigProto(inter_op_parallelism_threads=1)) as session:
        for _ in range(3):
            assert session.run(z, {x: [7, 9], y: [2, 3]}).tolist() == [4, 4]
            with pytest.raises(fc.errors.InvalidArgumentError, match="Integer division by zero"):
                session.run(z, {x: [7, 9], y: [2, 0]})
