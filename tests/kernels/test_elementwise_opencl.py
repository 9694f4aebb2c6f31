"""The formula file gives the same bits through the C compiler and through an OpenCL compiler."""

from __future__ import annotations

import pathlib

import numpy as np
import pytest

import flowcore as fc
from flowcore.graph.apply import apply

cl = pytest.importorskip("pyopencl")
FORMULAS = pathlib.Path(__file__).resolve().parents[2] / "opencl_kernels"

# Formulas without a function of the C library in them.
UNARY = ["Neg", "Abs", "Sign", "Square", "Inv", "Reciprocal", "Sqrt", "Rsqrt", "Exp", "Expm1", "Log", "Log1p", "Tanh", "Sigmoid", "Softplus", "Softsign",
         "Relu", "Relu6", "Elu", "Selu", "Floor", "Ceil", "Rint", "Round"]  # fmt: skip
BINARY = ["Add", "Sub", "Mul", "RealDiv", "DivNoNan", "MulNoNan", "FloorDiv", "Maximum", "Minimum", "SquaredDifference", "ReciprocalGrad", "SqrtGrad", "RsqrtGrad",
          "SigmoidGrad", "TanhGrad", "ReluGrad", "Relu6Grad", "EluGrad", "SeluGrad", "SoftplusGrad", "SoftsignGrad"]  # fmt: skip

HEAD = """
#pragma OPENCL FP_CONTRACT OFF
#define U32 uint
#define I32 int
#define AS_FLOAT as_float
#define AS_UINT as_uint
#define FC_FMAF fma
#define FC_RINTF rint
#define FC_FABSF fabs
#define F_INF INFINITY
#define F_INFINITY INFINITY
#define F(x) x##f
#define FC_FABS fabs
#define FC_SQRT sqrt
#define FC_EXP fc_exp_f
#define FC_EXPM1 fc_expm1_f
#define FC_LOG fc_log_f
#define FC_LOG1P fc_log1p_f
#define FC_TANH fc_tanh_f
#define FC_FLOOR floor
#define FC_CEIL ceil
#define FC_RINT rint
"""
LINES = """
#define WHEN_FLOAT(...) __VA_ARGS__
#define WHEN_INT(...)
#define WHEN_SIGNED(...)
#define WHEN_UNSIGNED(...)
#define WHEN_COMPLEX(...)
#define WHEN_BOOL(...)
#define WHEN(cls) WHEN_##cls
#define UNARY(op, cls, f) WHEN(cls)(float f_##op(float x) { return f; })
#define BINARY(op, cls, f) WHEN(cls)(float f_##op(float x, float y) { return f; })
#define TEST(op, cls, f)
#define COMPARE(op, cls, f)
#define CHECKED(op, cls, bad, message, f)
"""


@pytest.fixture(scope="module")
def queue():
    """The first runtime that can build a kernel on this processor: PoCL, Intel's, or the interpreter oclgrind."""
    reasons = []
    for name in ("Portable Computing Language", "Intel", "Oclgrind"):
        for platform in cl.get_platforms():
            if name in platform.name:
                context = cl.Context(platform.get_devices()[:1])
                try:
                    cl.Program(context, "__kernel void nothing(__global int *x) { *x = 1; }").build()
                    return cl.CommandQueue(context)
                except cl.RuntimeError as error:
                    reasons.append(f"{platform.name}: {str(error).strip().splitlines()[-1]}")
    pytest.skip(f"no OpenCL runtime builds kernels here: {reasons or 'none is installed'}")


@pytest.fixture(scope="module")
def program(queue):
    # Library functions of other formulas: declared, so that their lines compile; their kernels are not made.
    others = "".join(
        f"#define FC_{n.upper()} {n}\n"
        for n in ("sin", "cos", "tan", "asin", "acos", "atan", "sinh", "cosh", "asinh", "acosh", "atanh", "erf", "erfc", "fmod", "pow", "atan2")
    )
    others += "#define FC_FLOORMOD(x, y) fmod(x, y)\n"
    kernels = "".join(
        f"__kernel void k_{op}(__global const float *x, __global const float *y, __global float *o) {{ size_t i = get_global_id(0); o[i] = f_{op}(x[i]); }}\n"
        for op in UNARY
    )
    kernels += "".join(
        f"__kernel void k_{op}(__global const float *x, __global const float *y, __global float *o) {{ size_t i = get_global_id(0); o[i] = f_{op}(x[i], y[i]); }}\n"
        for op in BINARY
    )
    source = HEAD + others + (FORMULAS / "functions.def").read_text() + LINES + (FORMULAS / "elementwise.def").read_text() + kernels
    return cl.Program(queue.context, source).build("-cl-std=CL1.2")


def sample(n: int) -> tuple[np.ndarray, np.ndarray]:
    """Random bit patterns, ordinary numbers and all special values: n pairs."""
    rng = np.random.default_rng(0)
    bits = rng.integers(0, 2**32, n, np.uint32).view(np.float32)
    plain = rng.normal(size=n).astype(np.float32) * rng.choice(np.float32([1e-3, 1, 10, 80]), n)
    x = np.where(rng.random(n) < 0.4, bits, plain)
    y = np.where(rng.random(n) < 0.4, rng.permutation(bits), rng.permutation(plain))
    special = np.float32([0.0, -0.0, np.inf, -np.inf, np.nan, 1e-45, -1e-45, 1.1754944e-38, 3.4e38, -3.4e38, 0.5, 1.5, 2.5, 89, -104, 30, 1, -1])
    grid = np.array(np.meshgrid(special, special)).reshape(2, -1)
    x[: grid.shape[1]], y[: grid.shape[1]] = grid
    return x, y


@pytest.mark.parametrize("op", UNARY + BINARY)
def test_bits_are_equal(queue, program, op: str) -> None:
    x, y = sample(1 << 12 if "Oclgrind" in queue.device.platform.name else 1 << 18)  # an interpreter takes its time
    flags = cl.mem_flags
    buffers = [cl.Buffer(queue.context, flags.READ_ONLY | flags.COPY_HOST_PTR, hostbuf=a) for a in (x, y)]
    result = np.empty_like(x)
    out = cl.Buffer(queue.context, flags.WRITE_ONLY, result.nbytes)
    getattr(program, f"k_{op}")(queue, x.shape, (64,), *buffers, out)
    cl.enqueue_copy(queue, result, out)
    with fc.Session() as sess, np.errstate(all="ignore"):
        expected = sess.run(apply(op, x) if op in UNARY else apply(op, x, y))
    same = (expected.view(np.uint32) == result.view(np.uint32)) | (np.isnan(expected) & np.isnan(result))
    assert same.all(), [(a, b, c, d) for a, b, c, d in zip(x[~same], y[~same], expected[~same], result[~same], strict=True)][:4]
