"""Softmax, cross-entropies and biases on OpenCL devices against the host's."""

from __future__ import annotations

import ml_dtypes
import numpy as np
import pytest

import flowcore as fc
from flowcore.graph.apply import apply

FLOATS = ["float16", "bfloat16", "float32", "float64"]
TOLERANCE = {"float16": 2e-3, "bfloat16": 2e-2, "float32": 2e-6, "float64": 1e-14}
SHAPES = [(1,), (64, 1), (5, 63), (3, 64), (2, 3, 65), (1, 1000), (65, 10), (0, 5), (5, 0)]


def values(name, shape, seed=0, scale=5.0):
    dtype = np.dtype(ml_dtypes.bfloat16) if name == "bfloat16" else np.dtype(name)
    return (np.random.default_rng(seed).normal(size=shape) * scale).astype(dtype)


def check(pair, name):
    for host, found in zip(*pair, strict=True) if isinstance(pair[0], (list, tuple)) else [pair]:
        assert found.shape == host.shape
        assert found.dtype == host.dtype
        scale = max(1.0, float(np.abs(host.astype(np.float64)).max(initial=0)))
        np.testing.assert_allclose(
            found.astype(np.float64),
            host.astype(np.float64),
            rtol=TOLERANCE[name],
            atol=TOLERANCE[name] * scale,
        )


def skip_double(device, name):
    if name == "float64" and not device.has_double:
        pytest.skip("no float64 on this device")


@pytest.mark.parametrize("op", ["Softmax", "LogSoftmax"])
@pytest.mark.parametrize("dtype", FLOATS)
def test_softmax(both, device, op, dtype):
    skip_double(device, dtype)
    for shape in SHAPES:
        check(both(lambda x: apply(op, x), values(dtype, shape)), dtype)


@pytest.mark.parametrize("op", ["Softmax", "LogSoftmax"])
@pytest.mark.parametrize("columns", [2, 100])
def test_softmax_of_huge_logits_infinities_and_nan(both, op, columns):
    rows = np.zeros((7, columns), np.float32)
    rows[0] = 1e38
    rows[1, 0], rows[1, 1] = -1e38, 1e38
    rows[2, 1] = np.nan
    rows[3, 0] = np.inf
    rows[4] = -np.inf
    rows[5, 1] = -np.inf
    host, found = both(lambda x: apply(op, x), rows)
    np.testing.assert_array_equal(np.isnan(found), np.isnan(host))
    np.testing.assert_allclose(found, host, rtol=1e-6)


def test_softmax_may_take_the_place_of_its_input(both):
    check(both(lambda x: apply("Softmax", x * 1.0), values("float32", (3, 200))), "float32")


def test_softmax_refuses_a_scalar(same_error):
    same_error(lambda x: apply("Softmax", fc.placeholder_with_default(x, None)), np.float32(1))


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("columns", [1, 7, 63, 64, 130])
def test_dense_cross_entropy(both, device, dtype, columns):
    skip_double(device, dtype)
    for rows in ((4, 4), (1, 4), (4, 1), (1, 1), (0, 0)):
        labels = np.abs(values(dtype, (rows[1], columns), 1, 1.0))
        labels[:, ::3] = 0
        check(
            both(
                lambda x, y: list(apply("SoftmaxCrossEntropyWithLogits", x, y)),
                values(dtype, (rows[0], columns)),
                labels,
            ),
            dtype,
        )


def test_dense_cross_entropy_of_no_classes(both):
    check(
        both(
            lambda x, y: list(apply("SoftmaxCrossEntropyWithLogits", x, y)),
            np.zeros((3, 0), np.float32),
            np.zeros((3, 0), np.float32),
        ),
        "float32",
    )


def test_dense_cross_entropy_of_impossible_classes_is_no_nan(both):
    logits = np.tile(np.float32([-np.inf, 0, 1]), (2, 40))
    labels = np.tile(np.float32([0, 0.5, 0.5]), (2, 40))
    check(both(lambda x, y: list(apply("SoftmaxCrossEntropyWithLogits", x, y)), logits, labels), "float32")


@pytest.mark.parametrize("shapes", [((2, 3), (2, 4)), ((2, 3), (3, 3)), ((2,), (2,))], ids=str)
def test_dense_cross_entropy_refuses_other_shapes(same_error, shapes):
    def build(x, y):
        return list(
            apply(
                "SoftmaxCrossEntropyWithLogits",
                fc.placeholder_with_default(x, None),
                fc.placeholder_with_default(y, None),
            )
        )

    same_error(build, *(np.ones(shape, np.float32) for shape in shapes))


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("index", ["int32", "int64"])
def test_sparse_cross_entropy(both, device, dtype, index):
    skip_double(device, dtype)
    for rows, columns in ((1, 1), (5, 10), (65, 63), (3, 200), (0, 4), (0, 0)):
        labels = (np.arange(rows) * 7 % max(columns, 1)).astype(index)
        check(
            both(
                lambda x, y: list(apply("SparseSoftmaxCrossEntropyWithLogits", x, y)),
                values(dtype, (rows, columns)),
                labels,
            ),
            dtype,
        )


def test_labels_may_come_from_the_device(both):
    def build(x):
        return list(apply("SparseSoftmaxCrossEntropyWithLogits", x, fc.argmax(x, 1)))

    check(both(build, values("float32", (6, 9))), "float32")


@pytest.mark.parametrize("labels", [[0, 3], [-1, 0], [0], [[0, 1]]], ids=str)
def test_sparse_cross_entropy_refuses_bad_labels(same_error, labels):
    def build(x, y):
        return list(apply("SparseSoftmaxCrossEntropyWithLogits", x, fc.placeholder_with_default(y, None)))

    same_error(build, np.ones((2, 3), np.float32), np.array(labels, np.int32))


NUMBERS = [*FLOATS, "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64"]


@pytest.mark.parametrize("dtype", NUMBERS)
def test_bias_and_its_gradient(both, device, dtype):
    skip_double(device, dtype)
    for shape, layout in (
        ((65, 7), "NHWC"),
        ((2, 3, 4, 5), "NHWC"),
        ((2, 3, 4, 5), "NCHW"),
        ((2, 5, 70), "NCHW"),
        ((1, 1), "NHWC"),
        ((0, 3), "NHWC"),
        ((3, 0), "NHWC"),
    ):
        channels = shape[1] if layout == "NCHW" else shape[-1]
        x, b = values(dtype, shape, 1, 3.0), values(dtype, (channels,), 2, 3.0)
        host, found = both(
            lambda x, b, layout=layout: [
                apply("BiasAdd", x, b, data_format=layout),
                apply("BiasAddGrad", x, data_format=layout),
            ],
            x,
            b,
        )
        assert found[0].shape == shape
        assert found[1].shape == (channels,)
        if dtype in FLOATS:
            check((host, found), dtype)
        else:
            np.testing.assert_array_equal(found[0], host[0])
            np.testing.assert_array_equal(found[1], host[1])


def test_bias_refuses_other_shapes(same_error):
    def build(x, b):
        return apply("BiasAdd", fc.placeholder_with_default(x, None), fc.placeholder_with_default(b, None))

    same_error(build, np.ones((2, 3), np.float32), np.ones(2, np.float32))
    same_error(build, np.ones((2, 3), np.float32), np.ones((3, 1), np.float32))
    same_error(
        lambda x: apply("BiasAddGrad", fc.placeholder_with_default(x, None), data_format="NCHW"),
        np.ones((2, 3), np.float32),
    )


def test_gradients_of_a_small_classifier(both):
    rng = np.random.default_rng(3)
    x, labels = rng.normal(size=(9, 70)).astype(np.float32), rng.integers(0, 70, 9).astype(np.int32)
    target, bias = rng.dirichlet(np.ones(70), 9).astype(np.float32), rng.normal(size=70).astype(np.float32)

    def build(x, target):
        b = fc.constant(bias)
        logits = fc.nn.bias_add(x, b)
        losses = [
            fc.reduce_mean(fc.nn.sparse_softmax_cross_entropy_with_logits(labels=labels, logits=logits)),
            fc.reduce_mean(fc.nn.softmax_cross_entropy_with_logits_v2(labels=target, logits=logits)),
            fc.reduce_sum(fc.square(fc.nn.softmax(logits))),
            fc.reduce_sum(fc.square(fc.nn.log_softmax(logits))),
        ]
        return [g for loss in losses for g in fc.gradients(loss, [x, b])]

    check(both(build, x, target), "float32")
