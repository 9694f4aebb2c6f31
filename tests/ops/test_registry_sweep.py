"""Every registered op: values against NumPy in several dtypes, static against run-time shapes,
first and second gradients against differences. The samples are in samples/, one file per module.
"""

from __future__ import annotations

import importlib
import importlib.util
import pathlib
import pkgutil
import sys
from typing import Any

import numpy as np
import pytest

import flowcore as fc
from flowcore import kernels
from flowcore.graph.apply import apply
from flowcore.graph.op_def import registered_ops
from flowcore.runtime.devices import HOST, LIST_FROM_HOST, LIST_TO_HOST
from flowcore.runtime.fuse import FUSED, FUSED_REDUCTION

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import samples
from samples import FLOATS, REAL, SIGNED, Sample

TESTS = pathlib.Path(__file__).resolve().parents[1]
MODULES = {
    m.name: importlib.import_module(f"samples.{m.name}") for m in pkgutil.iter_modules(samples.__path__)
}
SAMPLES: dict[str, list[Sample]] = {
    op: found for module in MODULES.values() for op, found in getattr(module, "SAMPLES", {}).items()
}
TESTED_BY: dict[str, str] = {
    op: test
    for module in MODULES.values()
    for test, ops in getattr(module, "TESTED_BY", {}).items()
    for op in ops
}

CASES = [pytest.param(op, s, id=f"{op}-{i}") for op, found in SAMPLES.items() for i, s in enumerate(found)]
EPS = {"float16": 2e-3, "float32": 2e-6, "float64": 1e-12, "complex128": 1e-12}


def test_every_registered_op_is_tested() -> None:
    assert sorted([*SAMPLES, *TESTED_BY]) == sorted(registered_ops())
    assert not [op for op, found in SAMPLES.items() if not found]


def test_samples_are_found_by_the_name_of_their_module() -> None:
    entries = [*SAMPLES, *TESTED_BY]
    assert len(entries) == sum(
        len(getattr(m, "SAMPLES", ())) + sum(map(len, getattr(m, "TESTED_BY", {}).values()))
        for m in MODULES.values()
    ), "an op stands in two files"
    for name in MODULES:
        assert importlib.util.find_spec(f"flowcore.ops.{name}"), f"samples/{name}.py: no such module of ops"


@pytest.mark.parametrize("test", sorted(set(TESTED_BY.values())))
def test_the_tests_that_stand_in_for_samples_are_there(test: str) -> None:
    file, name = test.split("::")
    assert f"\ndef {name}(" in (TESTS / file).read_text()


def test_every_op_has_a_kernel_and_every_kernel_an_op():
    without_kernel = {"Const", "Placeholder", "PyFunc"} | {
        op
        for op, declared in registered_ops().items()
        if declared.makes_handle or declared.calls or declared.resource_form
    }
    known = set(HOST.kernels) | set(kernels.PYTHON_KERNELS)
    assert set(registered_ops()) - known == without_kernel
    only_planned = {FUSED, FUSED_REDUCTION, LIST_FROM_HOST, LIST_TO_HOST}
    assert known - set(registered_ops()) == only_planned


def placed(inputs: list[Any], dtype: str, shapes: str) -> tuple[list[Any], dict[Any, np.ndarray]]:
    """Placeholders for the inputs (integer arguments stay constants with static shapes) and what to feed."""
    feeds: dict[Any, np.ndarray] = {}

    def one(x: Any) -> Any:
        if isinstance(x, list):
            return [one(v) for v in x]
        convertible = x.dtype.kind == "f" or (dtype not in FLOATS and x.dtype == np.int64)
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
    for dtype in sample.dtypes:
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
                    eps = EPS.get(dtype, 0) * sample.tolerance
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
    c for c in CASES if registered_ops()[c.values[0]].grad is not None and c.values[1].differentiated != 0
]


@pytest.mark.parametrize(("op", "sample"), GRADIENTS)
def test_first_and_second_gradients(op: str, sample: Sample) -> None:
    if "float64" not in sample.dtypes or sample.reference is None:
        pytest.skip("integers only")
    if any(np.iscomplexobj(x) for x in sample.inputs if not isinstance(x, list)):
        pytest.skip("complex gradients are tested through real functions of them")
    with fc.Graph().as_default(), fc.Session() as sess:
        inputs, feeds = placed(sample.inputs, "float64", "static")
        xs = [x for x in feeds if x.dtype == fc.float64]
        if not xs:
            pytest.skip("no floating input")
        outputs = flat(apply(op, *inputs, **sample.attrs))[: sample.differentiated]
        ys = [y for y in outputs if y.dtype == fc.float64]
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


@pytest.mark.parametrize("where", ["branch", "loop"])
@pytest.mark.parametrize(("op", "sample"), GRADIENTS)
def test_gradients_inside_bodies_are_those_outside(op: str, sample: Sample, where: str) -> None:
    """With unknown shapes: what a gradient takes of them comes from the forward body."""
    if "float64" not in sample.dtypes or sample.reference is None:
        pytest.skip("integers only")
    with fc.Graph().as_default(), fc.Session() as sess:
        inputs, feeds = placed(sample.inputs, "float64", "unknown")
        xs = [x for x in feeds if x.dtype == fc.float64]
        if not xs:
            pytest.skip("no floating input")

        def total() -> fc.Tensor:
            inner = [[fc.identity(x) for x in i] if isinstance(i, list) else fc.identity(i) for i in inputs]
            outputs = flat(apply(op, *inner, **sample.attrs))[: sample.differentiated]
            sums = [fc.reduce_sum(fc.sin(y)) for y in outputs if y.dtype == fc.float64]
            return fc.add_n(sums) if sums else fc.constant(0.0, fc.float64)

        if where == "branch":
            inside = fc.cond(
                fc.placeholder_with_default(True, []), total, lambda: fc.constant(0.0, fc.float64)
            )
        else:
            start = fc.constant(0.0, fc.float64)
            inside = fc.while_loop(lambda i, _: i < 1, lambda i, t: (i + 1, t + total()), [0, start])[1]

        def derivatives(y: fc.Tensor) -> list[fc.Tensor]:
            found = [
                fc.zeros_like(x) if g is None else fc.convert_to_tensor(g)
                for x, g in zip(xs, fc.gradients(y, xs), strict=True)
            ]
            if sample.second:
                bent = fc.add_n([fc.reduce_sum(fc.sin(g)) for g in found])
                found += [
                    fc.zeros_like(x) if g is None else fc.convert_to_tensor(g)
                    for x, g in zip(xs, fc.gradients(bent, xs), strict=True)
                ]
            return found

        here, there = sess.run([derivatives(inside), derivatives(total())], feeds)
        for a, b in zip(here, there, strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-12, atol=1e-12)


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
    if len(shape) < SAMPLES[op][0].least_rank:
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
        and s[0].elementwise
    ],
)
def test_shapes_that_do_not_broadcast_are_refused_at_build_and_at_run(op: str) -> None:
    a, b = np.ones((2, 3), np.float32), np.ones((2, 4), np.float32)
    with fc.Graph().as_default(), fc.Session() as sess:
        with pytest.raises(ValueError, match=r"broadcast|incompatible|must be equal"):
            apply(op, a, b)
        x, y = fc.placeholder(fc.float32), fc.placeholder(fc.float32)
        z = apply(op, x, y)
        with pytest.raises(
            fc.errors.InvalidArgumentError, match=rf"(?s){op}.*\[2, 3\].*\[2, 4\].*test_registry_sweep"
        ):
            sess.run(z, {x: a, y: b})
        assert sess.run(z, {x: a, y: a}).shape == (2, 3)  # the session goes on


@pytest.mark.parametrize("op", ["AddV2", "Mul", "Exp", "Maximum", "Sum", "MatMul"])
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
