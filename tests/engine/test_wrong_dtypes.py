"""A kernel whose loops are found by the dtype that it meets at run time refuses one without a loop.

The graph never hands a kernel such a tensor; the engine is used directly here, as by a device or a
Python kernel that breaks its word.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from flowcore import _engine
from flowcore.kernels import _array, _elementwise, _nn, _reduce

UNITS = (_array, _elementwise, _nn, _reduce)
KERNELS = _engine.load_kernels([c for unit in UNITS for c in unit.KERNELS])
POOL = _engine.Pool(1)
INVALID_ARGUMENT, UNIMPLEMENTED = 3, 12
#: One array of each class; every kernel below has loops for some of them only.
STRANGERS = {
    "string": np.array([b"a", b"b", b"c", b"d"], object),
    "bool": np.ones(4, np.bool_),
    "complex128": np.ones(4, np.complex128),
    "int8": np.ones(4, np.int8),
    "float32": np.ones(4, np.float32),
}
IMAGE = [1, 2, 2, 1]
_WINDOW: dict[str, Any] = {
    "ksize": [1, 1, 1, 1],
    "strides": [1, 1, 1, 1],
    "padding": "VALID",
    "data_format": "NHWC",
}
#: Op: shapes of the inputs that have its dtype (an array is given as it is), and its attributes.
CASES: dict[str, tuple[list[Any], dict[str, Any]]] = {
    "Softmax": ([[2, 2]], {}),
    "LogSoftmax": ([[2, 2]], {}),
    "SoftmaxCrossEntropyWithLogits": ([[2, 2], [2, 2]], {}),
    "SparseSoftmaxCrossEntropyWithLogits": ([[2, 2], np.zeros(2, np.int32)], {}),
    "BiasAdd": ([[1, 4], [4]], {"data_format": "NHWC"}),
    "BiasAddGrad": ([[1, 4]], {"data_format": "NHWC"}),
    "MaxPool": ([IMAGE], _WINDOW),
    "AvgPool": ([IMAGE], _WINDOW),
    "MaxPoolGrad": ([IMAGE] * 3, _WINDOW),
    "MaxPoolGradGrad": ([IMAGE] * 3, _WINDOW),
    "AvgPoolGrad": ([np.array(IMAGE, np.int32), IMAGE], _WINDOW),
    "UnsortedSegmentSum": ([[4], np.zeros(4, np.int32), np.array(1, np.int32)], {}),
    "AddN": ([[4], [4]], {}),
    **{op: ([[4], np.array([0], np.int32)], {"keep_dims": False}) for op in ("Sum", "Mean", "Prod")},
    **{op: ([[4], np.array([0], np.int32)], {"keep_dims": False}) for op in ("Max", "Min", "All", "Any")},
    **{op: ([[4], np.array(0, np.int32)], {"output_type": 3}) for op in ("ArgMax", "ArgMin")},
    **{
        op: ([[4], np.array(0, np.int32)], {"exclusive": False, "reverse": False})
        for op in ("Cumsum", "Cumprod")
    },
    **{op: ([[4]], {}) for op in ("Neg", "Exp", "Sqrt", "Real", "Imag", "Angle", "ComplexAbs", "IsNan")},
    **{op: ([[4], [4]], {}) for op in ("Mul", "Add", "Less", "FloorDiv", "Pow", "Complex", "LogicalAnd")},
}


def runs(kernel: _engine.Kernel, inputs: list[Any], attrs: dict[str, Any]) -> bool:
    """Whether it takes these inputs, rather than refusing them."""
    slots, count = range(len(inputs)), 2 if "CrossEntropy" in kernel.op else 1
    outputs = tuple(range(len(inputs), len(inputs) + count))
    packed = tuple(attrs[name] for name in kernel.attrs)
    node = _engine.Node(kernel.op, kernel, tuple(slots), outputs, attrs=packed)
    plan = _engine.Plan(POOL, [node], len(inputs) + count, slots, outputs[:1], {})
    try:
        plan.run(inputs)
    except _engine.StepError as error:
        assert error.code in (INVALID_ARGUMENT, UNIMPLEMENTED), error
        return False
    return True


@pytest.mark.parametrize("op", CASES)
def test_a_dtype_without_a_loop_is_refused(op: str) -> None:
    shapes, attrs = CASES[op]
    taken = set()
    for kernel in KERNELS:
        if kernel.op != op:
            continue
        for name, values in STRANGERS.items():
            inputs = [x if isinstance(x, np.ndarray) else np.resize(values, x) for x in shapes]
            if runs(kernel, inputs, attrs):
                taken.add(name)
    assert ("string" in taken) == (op == "Add")
    assert taken, "the case itself is wrong"
