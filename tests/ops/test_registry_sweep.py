"""Every registered op: values against NumPy in several dtypes, static against run-time shapes,
first and second gradients against differences.

A sample is (arrays, attributes, reference): the op is applied to the arrays, and the reference, a
NumPy function of them, says what must come out.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest
import scipy.special

import flowcore as fc
from flowcore import kernels
from flowcore.graph.apply import apply
from flowcore.graph.op_def import registered_ops
from flowcore.runtime.devices import HOST

rng = np.random.default_rng(0)
REAL = rng.uniform(0.2, 0.9, (3, 4))
SIGNED = rng.uniform(-2, 2, (3, 4))
APART = np.array([[-1.7, -0.4, 0.6], [1.3, -2.2, 2.6]])  # away from kinks at whole and half numbers
COMPLEX = REAL + 1j * SIGNED
I32 = np.int32


@dataclass
class Sample:
    inputs: list[Any]
    reference: Any = None
    attrs: dict[str, Any] = field(default_factory=dict)
    dtypes: tuple[str, ...] = ("float64", "float32", "float16")  # of the floating inputs
    tolerance: float = 1.0
    second: bool = True
    stable: bool = True  # the same at every run


INTS = ("int32", "int64", "int8", "uint8")
FLOATS = ("float64", "float32", "float16")


def unary(reference: Any, x: np.ndarray = REAL, **options: Any) -> list[Sample]:
    return [Sample([x], reference, **options)]


def binary(reference: Any, x: np.ndarray = REAL, y: np.ndarray | None = None, **options: Any) -> list[Sample]:
    y = REAL[::-1].copy() * 1.3 if y is None else y
    return [
        Sample([x, y], reference, **options),
        Sample([x, y[:1]], reference, **options),
        Sample([x[0, 0], y], reference, **options),
    ]


def integer(reference: Any) -> Sample:
    return Sample([np.array([[7, 8, 9], [1, 2, 3]]), np.array([2, 3, 5])], reference, dtypes=INTS)


def sigmoid(x: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-x))


def softmax(x: np.ndarray) -> np.ndarray:
    e = np.exp(x - x.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)


SELU_A, SELU_S = 1.6732632423543772848170429916717, 1.0507009873554804934193349852946

SAMPLES: dict[str, list[Sample]] = {
    "Neg": unary(np.negative)
    + [Sample([np.arange(6).reshape(2, 3)], np.negative, dtypes=("int32", "int64"))],
    "Abs": unary(np.abs, APART),
    "Sign": unary(np.sign, APART),
    "Square": unary(np.square),
    "Inv": unary(np.reciprocal),
    "Reciprocal": unary(np.reciprocal),
    "Sqrt": unary(np.sqrt),
    "Rsqrt": unary(lambda x: 1 / np.sqrt(x)),
    "Exp": unary(np.exp, SIGNED),
    "Expm1": unary(np.expm1, SIGNED),
    "Log": unary(np.log),
    "Log1p": unary(np.log1p),
    "Sin": unary(np.sin, SIGNED),
    "Cos": unary(np.cos, SIGNED),
    "Tan": unary(np.tan, REAL),
    "Asin": unary(np.arcsin),
    "Acos": unary(np.arccos),
    "Atan": unary(np.arctan),
    "Sinh": unary(np.sinh),
    "Cosh": unary(np.cosh),
    "Asinh": unary(np.arcsinh),
    "Acosh": unary(np.arccosh, REAL + 1),
    "Atanh": unary(np.arctanh),
    "Tanh": unary(np.tanh, SIGNED),
    "Sigmoid": unary(sigmoid, SIGNED),
    "Softplus": unary(lambda x: np.log1p(np.exp(x)), SIGNED),
    "Softsign": unary(lambda x: x / (1 + np.abs(x)), APART),
    "Relu": unary(lambda x: np.maximum(x, 0), APART),
    "Relu6": unary(lambda x: np.clip(x, 0, 6), APART * 4),
    "Elu": unary(lambda x: np.where(x < 0, np.expm1(x), x), APART),
    "Selu": unary(lambda x: SELU_S * np.where(x < 0, SELU_A * np.expm1(x), x), APART),
    "Floor": unary(np.floor, APART),
    "Ceil": unary(np.ceil, APART),
    "Rint": unary(np.rint, APART),
    "Round": unary(np.rint, APART),
    "Erf": unary(scipy.special.erf, SIGNED),
    "Erfc": unary(scipy.special.erfc, SIGNED),
    "Invert": [Sample([np.arange(6)], np.invert, dtypes=("int32", "int64", "int8"))],
    "LogicalNot": [Sample([np.array([True, False])], np.logical_not)],
    "Conj": [Sample([COMPLEX], np.conj)],
    "Real": [Sample([COMPLEX], np.real, {"Tout": "float64"})],
    "Imag": [Sample([COMPLEX], np.imag, {"Tout": "float64"})],
    "ComplexAbs": [Sample([COMPLEX], np.abs, {"Tout": "float64"})],
    "Angle": [Sample([COMPLEX], np.angle, {"Tout": "float64"})],
    "Complex": [Sample([REAL, SIGNED], lambda a, b: a + 1j * b, {"Tout": "complex128"}, dtypes=("float64",))],
    "IsNan": unary(np.isnan, np.array([1, np.nan, np.inf])),
    "IsInf": unary(np.isinf, np.array([1, np.nan, -np.inf])),
    "IsFinite": unary(np.isfinite, np.array([1, np.nan, -np.inf])),
    "Add": [*binary(np.add), integer(np.add)],
    "AddV2": [*binary(np.add), integer(np.add)],
    "Sub": [
        *binary(np.subtract),
        Sample([np.arange(3), np.array([5, 1, 1])], np.subtract, dtypes=("int32", "int64", "int8")),
    ],
    "Mul": [*binary(np.multiply), integer(np.multiply), Sample([COMPLEX, COMPLEX[0]], np.multiply)],
    "Div": [*binary(np.divide), integer(lambda x, y: x // y)],
    "RealDiv": binary(np.divide),
    "DivNoNan": binary(np.divide),
    "MulNoNan": binary(np.multiply),
    "FloorDiv": [
        integer(np.floor_divide),
        Sample(
            [np.array([-7, 7, -8]), np.array([2, -2, 4])], np.floor_divide, dtypes=("int32", "int64", "int8")
        ),
    ],
    "FloorMod": [
        *binary(np.mod, REAL + 0.05, REAL[::-1] * 0.31 + 0.3, second=False),
        integer(np.mod),
        Sample([np.array([-7, 7, -8]), np.array([2, -2, 5])], np.mod, dtypes=("int32", "int64", "int8")),
    ],
    "Mod": [integer(np.fmod), Sample([np.array([-7, 7]), np.array([2, -2])], np.fmod, dtypes=("int32",))],
    "TruncateMod": [integer(np.fmod)],
    "TruncateDiv": [
        integer(lambda x, y: x // y),
        Sample([np.array([-7, 7]), np.array([2, -2])], lambda x, y: np.trunc(x / y), dtypes=("int32",)),
    ],
    "Pow": [
        *binary(np.power, tolerance=3),
        Sample([np.array([2, 3]), np.array([5, 0])], np.power, dtypes=("int32", "int64")),
    ],
    "Atan2": binary(np.arctan2),
    "Maximum": binary(np.maximum),
    "Minimum": binary(np.minimum),
    "SquaredDifference": binary(lambda x, y: (x - y) ** 2),
    "BitwiseAnd": [integer(np.bitwise_and)],
    "BitwiseOr": [integer(np.bitwise_or)],
    "BitwiseXor": [integer(np.bitwise_xor)],
    "Equal": [integer(np.equal), *binary(np.equal)],
    "NotEqual": [integer(np.not_equal)],
    "Less": [integer(np.less), *binary(np.less)],
    "LessEqual": [integer(np.less_equal)],
    "Greater": [integer(np.greater)],
    "GreaterEqual": [integer(np.greater_equal)],
    "LogicalAnd": [Sample([np.array([True, False]), np.array([[True], [False]])], np.logical_and)],
    "LogicalOr": [Sample([np.array([True, False]), np.array([[True], [False]])], np.logical_or)],
    "InvGrad": [Sample([REAL, SIGNED], lambda y, dy: -dy * y * y)],
    "ReciprocalGrad": [Sample([REAL, SIGNED], lambda y, dy: -dy * y * y)],
    "SqrtGrad": [Sample([REAL, SIGNED], lambda y, dy: dy * 0.5 / y)],
    "RsqrtGrad": [Sample([REAL, SIGNED], lambda y, dy: dy * -0.5 * y**3)],
    "TanhGrad": [Sample([REAL, SIGNED], lambda y, dy: dy * (1 - y * y))],
    "SigmoidGrad": [Sample([REAL, SIGNED], lambda y, dy: dy * y * (1 - y))],
    "ReluGrad": [Sample([APART, APART[::-1]], lambda g, x: np.where(x > 0, g, 0))],
    "Relu6Grad": [Sample([APART, APART[::-1] * 4], lambda g, x: np.where((x > 0) & (x < 6), g, 0))],
    "EluGrad": [
        Sample(
            [APART, np.abs(APART[::-1]) * [[-0.3, 0.5, -0.2]]], lambda g, y: np.where(y < 0, g * (y + 1), g)
        )
    ],
    "SeluGrad": [
        Sample(
            [APART, np.abs(APART[::-1]) * [[-0.3, 0.5, -0.2]]],
            lambda g, y: np.where(y < 0, g * (y + SELU_A * SELU_S), g * SELU_S),
        )
    ],
    "SoftplusGrad": [Sample([SIGNED, REAL], lambda g, x: g * sigmoid(x))],
    "SoftsignGrad": [Sample([APART, APART[::-1]], lambda g, x: g / (1 + np.abs(x)) ** 2)],
    "Select": [
        Sample([np.array([[True], [False]]) & np.ones((2, 3), bool), APART, APART[::-1]], np.where),
        Sample([np.array(True), REAL, SIGNED], np.where),
    ],
    "SelectV2": [Sample([np.array([True, False, True]), APART, APART[:1]], np.where)],
    "AddN": [Sample([[REAL, SIGNED, REAL]], lambda xs: sum(xs))],
    "Cast": [
        Sample([APART], lambda x: x.astype(np.int32), {"DstT": "int32"}),
        Sample([APART], lambda x: x.astype(np.float64), {"DstT": "float64"}, tolerance=1000),
        Sample(
            [np.array([1e30, -1e30, np.nan])],
            lambda x: np.array([2**31 - 1, -(2**31), 0]),
            {"DstT": "int32"},
            dtypes=("float64", "float32"),
        ),
    ],
    "CheckNumerics": unary(lambda x: x, attrs={"message": "bad"}),
    "Identity": unary(lambda x: x),
    "Snapshot": unary(lambda x: x),
    "IdentityN": [Sample([[REAL, SIGNED]], lambda xs: xs)],
    "StopGradient": unary(lambda x: x),
    "PreventGradient": [],
    "PlaceholderWithDefault": unary(lambda x: x, attrs={"shape": [3, 4]}),
    "Shape": unary(lambda x: np.array(x.shape)),
    "ShapeN": [Sample([[REAL, REAL]], lambda xs: [np.array(x.shape) for x in xs])],
    "Size": unary(lambda x: np.array(x.size)),
    "Rank": unary(lambda x: np.array(x.ndim)),
    "Reshape": [Sample([REAL, np.array([2, -1], I32)], lambda x, s: x.reshape(s))],
    "ExpandDims": [Sample([REAL, np.array(-1, I32)], lambda x, a: np.expand_dims(x, a))],
    "Squeeze": [
        Sample([REAL[:, None, :, None]], lambda x: x.squeeze(1), {"squeeze_dims": [1]}),
        Sample([REAL[None]], np.squeeze),
    ],
    "Transpose": [
        Sample([rng.normal(size=(2, 3, 4)), np.array(p, I32)], np.transpose)
        for p in ([2, 0, 1], [0, 2, 1], [0, 1, 2])
    ],
    "ConjugateTranspose": [Sample([COMPLEX, np.array([1, 0], I32)], lambda x, p: x.T.conj())],
    "InvertPermutation": [Sample([np.array([2, 0, 1], I32)], np.argsort)],
    "ConcatV2": [Sample([[REAL, SIGNED[:, :2]], np.array(1, I32)], lambda xs, a: np.concatenate(xs, a))],
    "Concat": [Sample([np.array(0, I32), [REAL, SIGNED]], lambda a, xs: np.concatenate(xs, a))],
    "ConcatOffset": [
        Sample(
            [np.array(0, I32), [np.array([2, 3], I32), np.array([5, 3], I32)]], lambda a, s: [[0, 0], [2, 0]]
        )
    ],
    "Split": [Sample([np.array(1, I32), REAL], lambda a, x: np.split(x, 2, a), {"num_split": 2})],
    "SplitV": [
        Sample(
            [REAL, np.array([1, 3], I32), np.array(1, I32)],
            lambda x, s, a: np.split(x, [1], a),
            {"num_split": 2},
        )
    ],
    "Pack": [Sample([[REAL, SIGNED]], lambda xs: np.stack(xs, 1), {"axis": 1})],
    "Unpack": [Sample([REAL], lambda x: list(x.T), {"num": 4, "axis": 1})],
    "Tile": [Sample([REAL, np.array([2, 1], I32)], np.tile), Sample([REAL, np.array([2, 3], I32)], np.tile)],
    "Slice": [Sample([REAL, np.array([1, 0], I32), np.array([-1, 2], I32)], lambda x, b, s: x[1:, :2])],
    "StridedSlice": [
        Sample(
            [REAL, np.array([0, 3], I32), np.array([3, 0], I32), np.array([2, -2], I32)],
            lambda x, b, e, s: x[0:3:2, 3:0:-2],
        ),
        Sample(
            [REAL, np.array([1], I32), np.array([2], I32), np.array([1], I32)],
            lambda x, b, e, s: x[1],
            {"shrink_axis_mask": 1},
        ),
    ],
    "StridedSliceGrad": [
        Sample(
            [
                np.array([3, 4], I32),
                np.array([0, 1], I32),
                np.array([3, 4], I32),
                np.array([2, 2], I32),
                REAL[:2, :2],
            ],
            lambda n, b, e, s, dy: np.array(
                [[0, dy[0, 0], 0, dy[0, 1]], [0] * 4, [0, dy[1, 0], 0, dy[1, 1]]]
            ),
        )
    ],
    "Pad": [Sample([REAL, np.array([[1, 0], [0, 2]], I32)], lambda x, p: np.pad(x, p))],
    "PadV2": [
        Sample(
            [REAL, np.array([[1, 0], [0, 2]], I32), np.array(7.0)],
            lambda x, p, v: np.pad(x, p, constant_values=v),
            second=False,
        )
    ],
    "ReverseV2": [Sample([REAL, np.array([1], I32)], lambda x, a: x[:, ::-1])],
    "BroadcastTo": [Sample([REAL[:, None], np.array([2, 3, 5, 4], I32)], lambda x, s: np.broadcast_to(x, s))],
    "BroadcastGradientArgs": [
        Sample([np.array([2, 1, 3], I32), np.array([4, 3], I32)], lambda a, b: [[1], [0]])
    ],
    "Bitcast": [
        Sample(
            [np.array([1.0, -2.0], np.float32)],
            lambda x: x.view(np.int32),
            {"type": "int32"},
            dtypes=("float32",),
        )
    ],
    "GatherV2": [
        Sample([REAL, np.array([[2, 0], [0, 1]], I32), np.array(0, I32)], lambda x, i, a: x[i]),
        Sample([REAL, np.array([3, 0, 3], I32), np.array(1, I32)], lambda x, i, a: x[:, i]),
    ],
    "Gather": [Sample([REAL, np.array([2, 2], I32)], lambda x, i: x[i])],
    "UnsortedSegmentSum": [
        Sample(
            [REAL, np.array([1, 0, 1], I32), np.array(3, I32)],
            lambda x, i, n: np.array([x[1], x[0] + x[2], x[0] * 0]),
        )
    ],
    "OneHot": [
        Sample(
            [np.array([1, 3, -1], I32), np.array(3, I32), np.array(5.0), np.array(2.0)],
            lambda i, d, a, b: np.where(i[:, None] == np.arange(3), a, b),
        )
    ],
    "RefSelect": [Sample([np.array(1, I32), [REAL, SIGNED]], lambda i, xs: xs[1])],
    "Unique": [Sample([np.array([3, 1, 3, 2, 1])], lambda x: [[3, 1, 2], [0, 1, 0, 2, 1]], dtypes=INTS)],
    "Fill": [Sample([np.array([2, 3], I32), np.array(4.5)], lambda d, v: np.full(d, v))],
    "ZerosLike": unary(np.zeros_like),
    "OnesLike": [*unary(np.ones_like), Sample([np.arange(4)], np.ones_like, dtypes=INTS)],
    "Range": [
        Sample([np.array(2, I32), np.array(11, I32), np.array(3, I32)], lambda a, b, d: np.arange(2, 11, 3)),
        Sample(
            [np.array(3.0), np.array(0.0), np.array(-0.5)],
            lambda a, b, d: np.arange(3, 0, -0.5),
            dtypes=("float64", "float32"),
        ),
    ],
    "LinSpace": [
        Sample(
            [np.array(1.0), np.array(2.0), np.array(5, I32)],
            lambda a, b, n: np.linspace(1, 2, 5),
            dtypes=("float64", "float32"),
        )
    ],
    "Sum": [
        Sample(
            [rng.normal(size=(2, 3, 4)), np.array(a, I32)],
            lambda x, a: x.sum(tuple(np.ravel(a)), keepdims=True),
            {"keep_dims": True},
        )
        for a in ([0, 2], [1], [-1])
    ],
    "Mean": [
        Sample([REAL, np.array([0], I32)], lambda x, a: x.mean(0)),
        Sample([REAL, np.array([0, 1], I32)], lambda x, a: x.mean()),
    ],
    "Prod": [
        Sample([REAL, np.array([0], I32)], lambda x, a: x.prod(0), tolerance=4),
        Sample([REAL, np.array([1], I32)], lambda x, a: x.prod(1), tolerance=4),
    ],
    "Max": [Sample([REAL, np.array([1], I32)], lambda x, a: x.max(1))],
    "Min": [Sample([REAL, np.array([0, 1], I32)], lambda x, a: x.min())],
    "All": [Sample([REAL > 0.5, np.array([1], I32)], lambda x, a: x.all(1))],
    "Any": [Sample([REAL > 0.5, np.array([0], I32)], lambda x, a: x.any(0))],
    "ArgMax": [Sample([REAL, np.array(1, I32)], lambda x, a: x.argmax(1))],
    "ArgMin": [Sample([REAL, np.array(0, I32)], lambda x, a: x.argmin(0))],
    "Cumsum": [
        Sample([REAL, np.array(1, I32)], lambda x, a: x.cumsum(1)),
        Sample(
            [REAL, np.array(0, I32)],
            lambda x, a: x[::-1].cumsum(0)[::-1] - x,
            {"exclusive": True, "reverse": True},
        ),
    ],
    "Cumprod": [Sample([REAL, np.array(1, I32)], lambda x, a: x.cumprod(1), tolerance=3)],
    "L2Loss": unary(lambda x: (x * x).sum() / 2, tolerance=3),
    "MatMul": [
        Sample(
            [a, b],
            lambda a, b, ta=ta, tb=tb: (a.T if ta else a) @ (b.T if tb else b),
            {"transpose_a": ta, "transpose_b": tb},
            tolerance=4,
        )
        for ta, tb, a, b in (
            (False, False, REAL, SIGNED.T.copy()),
            (True, False, REAL, SIGNED),
            (False, True, REAL, SIGNED),
            (True, True, REAL, SIGNED.T.copy()),
        )
    ],
    "BatchMatMul": [Sample([rng.normal(size=(2, 3, 4)), rng.normal(size=(2, 4, 5))], np.matmul, tolerance=8)],
    "BatchMatMulV2": [
        Sample([rng.normal(size=(2, 3, 4)), rng.normal(size=(4, 5))], np.matmul, tolerance=8),
        Sample(
            [rng.normal(size=(2, 4, 3)), rng.normal(size=(1, 5, 4))],
            lambda a, b: a.swapaxes(1, 2) @ b.swapaxes(1, 2),
            {"adj_x": True, "adj_y": True},
            tolerance=8,
        ),
    ],
    "Softmax": unary(softmax, SIGNED),
    "LogSoftmax": unary(lambda x: np.log(softmax(x)), SIGNED, tolerance=4),
    "SoftmaxCrossEntropyWithLogits": [
        Sample(
            [SIGNED, softmax(REAL)],
            lambda x, y: [-(y * np.log(softmax(x))).sum(-1), softmax(x) - y],
            tolerance=4,
        )
    ],
    "SparseSoftmaxCrossEntropyWithLogits": [
        Sample(
            [SIGNED, np.array([0, 3, 1], I32)],
            lambda x, y: [-np.log(softmax(x))[range(3), y], softmax(x) - np.eye(4)[y]],
            tolerance=4,
        )
    ],
    "BiasAdd": [Sample([REAL, SIGNED[0]], np.add)],
    "BiasAddGrad": [Sample([REAL], lambda x: x.sum(0), tolerance=3)],
    "InTopK": [
        Sample(
            [np.array([[1, 3, 2], [5, 4, 3]], np.float32), np.array([2, 2], I32)],
            lambda p, t: [True, False],
            {"k": 2},
            dtypes=("float32",),
        )
    ],
    "InTopKV2": [
        Sample(
            [np.array([[1, 3, 2], [5, 4, 3]], np.float32), np.array([2, 2], I32), np.array(2, I32)],
            lambda p, t, k: [True, False],
            dtypes=("float32",),
        )
    ],
}

# Ops whose samples live in tests of their own: what they do needs a session's state, files, threads
# or randomness, or a reference of its own.
ELSEWHERE = {
    "Const",
    "Placeholder",
    "NoOp",
    "Assert",
    "Print",
    "PyFunc",
    "ReadFile",
    "MatchingFiles",
    "DecodePng",
    "DecodeJpeg",
    "DecodeBmp",
    "DecodeImage",
    "EncodePng",
    "EncodeJpeg",
    "RandomUniform",
    "RandomUniformInt",
    "RandomStandardNormal",
    "TruncatedNormal",
    "RandomShuffle",
    "Conv2D",
    "Conv2DBackpropInput",
    "Conv2DBackpropFilter",
    "MaxPool",
    "MaxPoolGrad",
    "MaxPoolGradGrad",
    "AvgPool",
    "AvgPoolGrad",
    "VariableShape",
}
STATEFUL = (
    "Resource",
    "Var",
    "ReadVariable",
    "Assign",
    "Queue",
    "FIFOQueue",
    "RandomShuffleQueue",
    "Reader",
    "WholeFileReader",
    "IdentityReader",
)

CASES = [
    pytest.param(op, s, id=f"{op}-{i}") for op, samples in SAMPLES.items() for i, s in enumerate(samples)
]
EPS = {"float16": 2e-3, "float32": 2e-6, "float64": 1e-12, "complex128": 1e-12}


def test_every_registered_op_is_tested():
    missing = [
        op
        for op in registered_ops()
        if op not in SAMPLES and op not in ELSEWHERE and not op.startswith(STATEFUL)
    ]
    assert not missing
    assert not [op for op in (*SAMPLES, *ELSEWHERE) if op not in registered_ops()]


def test_every_op_has_a_kernel_and_every_kernel_an_op():
    without_kernel = {"Const", "Placeholder", "PyFunc"} | {op for op in kernels.RESOURCE_FACTORIES}
    known = set(HOST.kernels) | set(kernels.PYTHON_KERNELS)
    assert not [op for op in registered_ops() if op not in known and op not in without_kernel]
    # those only the planner makes
    assert not [op for op in known if op not in registered_ops() and not op.startswith("_")]


def placed(inputs: list[Any], dtype: str | None, shapes: str) -> tuple[list[Any], dict[Any, np.ndarray]]:
    """Placeholders for the inputs (integer arguments stay constants with static shapes) and what to feed."""
    feeds: dict[Any, np.ndarray] = {}

    def one(x: Any) -> Any:
        if isinstance(x, list):
            return [one(v) for v in x]
        convertible = dtype is not None and (
            x.dtype.kind == "f" or (dtype not in FLOATS and x.dtype == np.int64)
        )
        x = x.astype(dtype) if convertible else x
        if not convertible and shapes == "static":
            return fc.constant(x)
        shape = {"static": list(x.shape), "rank": [None] * x.ndim, "unknown": None}[shapes]
        holder = fc.placeholder(x.dtype, shape)
        feeds[holder] = x
        return holder

    return [one(x) for x in inputs], feeds


def flat(result: Any) -> list[fc.Tensor]:
    return list(result) if isinstance(result, (list, tuple)) else [result]


@pytest.mark.parametrize(("op", "sample"), CASES)
def test_values_and_shapes(op: str, sample: Sample) -> None:
    for dtype in sample.dtypes if op not in ("LogicalNot",) else (None,):
        for shapes in ("static", "rank", "unknown"):
            with fc.Graph().as_default(), fc.Session() as sess:
                inputs, feeds = placed(sample.inputs, dtype, shapes)
                outputs = flat(apply(op, *inputs, **sample.attrs))
                values = sess.run(outputs, feeds)
                arrays = [
                    [v.astype(np.float64) if v.dtype.kind == "f" else v for v in map(np.asarray, x)]
                    if isinstance(x, list)
                    else np.asarray(x)
                    for x in sample.inputs
                ]
                expected = sample.reference(*arrays)
                expected = list(expected) if len(outputs) > 1 else [expected]
                for tensor, value, wanted in zip(outputs, values, expected, strict=True):
                    assert tensor.shape.is_compatible_with(np.shape(value)), (tensor, np.shape(value))
                    assert value.dtype == tensor.dtype.as_numpy_dtype
                    eps = EPS.get(dtype or "", 0) * sample.tolerance
                    np.testing.assert_allclose(
                        np.asarray(value, np.complex128),
                        np.asarray(wanted, np.complex128),
                        rtol=eps * 8,
                        atol=eps * 4,
                    )
                    assert np.shape(value) == np.shape(wanted)


def numeric(function: Any, arrays: list[np.ndarray], which: int, weights: list[np.ndarray]) -> np.ndarray:
    """Central differences of sum(weights * outputs)."""
    x = np.asarray(arrays[which])
    result = np.zeros_like(x)
    for index in np.ndindex(x.shape):
        total = 0.0
        for sign in (1, -1):
            moved = [np.array(a) for a in arrays]
            moved[which][index] += sign * 1e-5
            total += sign * sum(float((w * v).sum()) for w, v in zip(weights, function(moved), strict=True))
        result[index] = total / 2e-5
    return result


GRADIENTS = [
    c
    for c in CASES
    if registered_ops()[c.values[0]].grad is not None and c.values[0] not in ("PreventGradient",)
]


@pytest.mark.parametrize(("op", "sample"), GRADIENTS)
def test_first_and_second_gradients(op: str, sample: Sample) -> None:
    if "float64" not in sample.dtypes or sample.reference is None:
        pytest.skip("integers only")
    if any(np.iscomplexobj(x) for x in sample.inputs if not isinstance(x, list)) or op == "Complex":
        pytest.skip("complex gradients are tested through real functions of them")
    with fc.Graph().as_default(), fc.Session() as sess:
        inputs, feeds = placed(sample.inputs, "float64", "static")
        xs = [x for x in feeds if x.dtype == fc.float64]
        if not xs:
            pytest.skip("no floating input")
        ys = [y for y in flat(apply(op, *inputs, **sample.attrs)) if y.dtype == fc.float64]
        ys = ys[:1] if "CrossEntropy" in op else ys
        if not ys:
            pytest.skip("no floating output")
        gen = np.random.default_rng(1)
        weights = [gen.normal(size=y.shape.as_list()) for y in ys]
        grads = fc.gradients(ys, xs, [fc.constant(w) for w in weights])
        run = sess.make_callable(ys, xs)
        arrays = [feeds[x] for x in xs]
        connected = [(i, g) for i, g in enumerate(grads) if g is not None]
        for i, g in connected:
            analytic = sess.run(fc.convert_to_tensor(g), feeds)
            difference = numeric(lambda a: run(*a), arrays, i, weights)
            np.testing.assert_allclose(
                analytic,
                difference,
                rtol=1e-5,
                atol=1e-6,
                err_msg=f"{op}: gradient of input {i}: analytic, numeric",
            )
        if not sample.second or not connected:
            return
        dense = [fc.convert_to_tensor(g) for _, g in connected]
        weights2 = [gen.normal(size=arrays[i].shape) for i, _ in connected]
        second = fc.gradients(dense, xs, [fc.constant(w) for w in weights2])
        run_first = sess.make_callable(dense, xs)
        for i, g in enumerate(second):
            difference = numeric(lambda a: run_first(*a), arrays, i, weights2)
            analytic = np.zeros_like(difference) if g is None else sess.run(fc.convert_to_tensor(g), feeds)
            np.testing.assert_allclose(
                analytic,
                difference,
                rtol=1e-4,
                atol=1e-5,
                err_msg=f"{op}: second gradient of input {i}: analytic, numeric",
            )


ELEMENTWISE = [
    op
    for op, samples in SAMPLES.items()
    if samples
    and len(samples[0].inputs) == 1
    and isinstance(samples[0].inputs[0], np.ndarray)
    and samples[0].inputs[0].dtype.kind == "f"
    and not samples[0].attrs
]


@pytest.mark.parametrize("op", ELEMENTWISE)
@pytest.mark.parametrize("shape", [(0,), (2, 0, 3), (), (1,), (65,)])
def test_empty_scalar_and_odd_sizes(op: str, shape: tuple[int, ...]) -> None:
    if (op in ("Softmax", "LogSoftmax") and len(shape) < 2) or op == "BiasAddGrad":
        pytest.skip("needs an axis")
    x = np.full(shape, 0.5, np.float32)
    with fc.Graph().as_default(), fc.Session() as sess:
        value = sess.run(flat(apply(op, x, **SAMPLES[op][0].attrs))[0])
        np.testing.assert_allclose(
            value, SAMPLES[op][0].reference(x.astype(np.float64)), rtol=1e-5, atol=1e-6
        )


@pytest.mark.parametrize(
    "op",
    [
        op
        for op, s in SAMPLES.items()
        if s
        and len(s[0].inputs) == 2
        and all(isinstance(x, np.ndarray) and x.dtype.kind == "f" for x in s[0].inputs)
        and op not in ("MatMul", "BatchMatMul", "BatchMatMulV2", "BiasAdd", "SoftmaxCrossEntropyWithLogits")
    ],
)
def test_shapes_that_do_not_broadcast_are_refused_at_build_and_at_run(op: str) -> None:
    a, b = np.ones((2, 3), np.float32), np.ones((2, 4), np.float32)
    with fc.Graph().as_default(), fc.Session() as sess:
        if not op.endswith("Grad"):
            with pytest.raises(ValueError, match=r"broadcast|incompatible|must be equal"):
                apply(op, a, b)
        x, y = fc.placeholder(fc.float32), fc.placeholder(fc.float32)
        z = apply(op, x, y)
        with pytest.raises(
            fc.errors.InvalidArgumentError, match=rf"(?s){op}.*\[2, 3\].*\[2, 4\].*test_registry_sweep"
        ):
            sess.run(z, {x: a, y: b})
        assert sess.run(z, {x: a, y: a}).shape == (2, 3)  # the session goes on


@pytest.mark.parametrize("op", ["Add", "Mul", "Exp", "Maximum", "Sum", "MatMul"])
def test_text_is_refused_by_ops_on_numbers(op: str) -> None:
    count = len(registered_ops()[op].input_arg)
    with pytest.raises((TypeError, ValueError)):
        apply(op, *["text"] * count)


COMPLEX_FUNCTIONS = {
    "Neg": lambda z: -z,
    "Square": fc.square,
    "Reciprocal": fc.reciprocal,
    "Inv": lambda z: apply("Inv", z),
    "Sqrt": fc.sqrt,
    "Rsqrt": fc.rsqrt,
    "Exp": fc.exp,
    "Log": fc.log,
    "Sin": fc.sin,
    "Cos": fc.cos,
    "Tanh": fc.tanh,
    "Conj": fc.conj,
    "Add": lambda z: z + z[::-1],
    "Sub": lambda z: z - fc.conj(z),
    "Mul": lambda z: z * z[::-1],
    "RealDiv": lambda z: z / (z[::-1] + 1),
    "Div": lambda z: apply("Div", z, z[::-1] + 1),
    "Pow": lambda z: fc.pow(z, 1.5 + 0.5j),
    "Sign": fc.sign,
    "SquaredDifference": lambda z: fc.squared_difference(z, z[::-1] * 2),
    "MatMul": lambda z: fc.matmul(z, z, adjoint_b=True),
    "Transpose": lambda z: fc.transpose(z, conjugate=True),
    "Sum": lambda z: fc.reduce_sum(z, 0),
    "Mean": lambda z: fc.reduce_mean(z, 1),
    "AddN": lambda z: fc.add_n([z, z]),
    "Cumsum": lambda z: fc.cumsum(z, 1),
}


@pytest.mark.parametrize("op", COMPLEX_FUNCTIONS)
def test_gradients_of_complex_ops(op: str) -> None:
    """Through real functions of complex values: |f(a + ib) - c|^2 has an ordinary gradient in a and b."""
    a, b = fc.placeholder(fc.float64, [2, 3]), fc.placeholder(fc.float64, [2, 3])
    w = COMPLEX_FUNCTIONS[op](fc.complex(a, b))
    loss = fc.reduce_sum(fc.square(fc.abs(w - 0.3)) + fc.real(w) * 0.5 + fc.imag(w) * 0.25 + fc.angle(w + 3))
    grads = fc.gradients(loss, [a, b])
    seconds = (
        fc.gradients(fc.reduce_sum(grads[0] * 0.7 + grads[1]), [a, b]) if op not in ("Sign", "Pow") else None
    )
    arrays = [REAL[:2, :3].copy(), SIGNED[:2, :3].copy()]
    with fc.Session() as sess:
        run, run_first = sess.make_callable([loss], [a, b]), sess.make_callable(grads, [a, b])
        for i in range(2):
            difference = numeric(lambda x: run(*x), arrays, i, [np.ones(())])
            np.testing.assert_allclose(
                sess.run(grads[i], {a: arrays[0], b: arrays[1]}), difference, rtol=1e-5, atol=1e-6
            )
            if seconds is not None:
                difference = numeric(
                    lambda x: run_first(*x), arrays, i, [np.full((2, 3), 0.7), np.ones((2, 3))]
                )
                np.testing.assert_allclose(
                    sess.run(seconds[i], {a: arrays[0], b: arrays[1]}), difference, rtol=1e-4, atol=1e-5
                )
