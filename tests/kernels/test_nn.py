"""The neural-network kernels alone, against plain NumPy references."""

import pathlib
import sys
import sysconfig

import numpy as np
import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "native"))
from kernel_host import KernelError, KernelHost

PYTHON = ["-I", sysconfig.get_paths()["include"]]
FLOATS = ["float16", "float32", "float64"]
TOLERANCE = {"float16": 2e-2, "float32": 1e-5, "float64": 1e-12}


@pytest.fixture(scope="module")
def host():
    return KernelHost(
        [f"flowcore/kernels/nn/{f}.c" for f in ("softmax", "pool", "bias", "module")],
        ["fc_nn_kernels"],
        PYTHON,
    )


def softmax(x):
    e = np.exp(x - x.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("shape", [(1,), (7,), (3, 10), (2, 3, 65), (0, 5), (5, 1)])
def test_softmax_rows_are_normalised_exponentials(host, dtype, shape):
    x = np.random.default_rng(0).normal(size=shape, scale=5).astype(dtype)
    (out,) = host.run("Softmax", [x])
    (log,) = host.run("LogSoftmax", [x])
    if x.size:
        expected = softmax(x.astype(np.float64))
        np.testing.assert_allclose(out, expected, atol=TOLERANCE[dtype])
        np.testing.assert_allclose(log, np.log(expected), atol=TOLERANCE[dtype] * 20, rtol=TOLERANCE[dtype])
    assert out.shape == log.shape == shape
    assert out.dtype == log.dtype == dtype


def test_softmax_of_huge_logits_neither_overflows_nor_hides_nan(host):
    (out,) = host.run(
        "Softmax", [np.array([[1e38, 1e38], [-1e38, 1e38], [np.nan, 0], [np.inf, 0]], np.float32)]
    )
    np.testing.assert_array_equal(out[:2], [[0.5, 0.5], [0, 1]])
    assert np.isnan(out[2]).all()
    assert np.isnan(out[3, 0])


def test_softmax_refuses_a_scalar(host):
    with pytest.raises(KernelError, match="scalar") as error:
        host.run("Softmax", [np.float32(1)])
    assert error.value.code == 3


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("rows", [(4, 4), (1, 4), (4, 1), (1, 1), (0, 0)])
def test_dense_cross_entropy(host, dtype, rows):
    rng = np.random.default_rng(1)
    x = rng.normal(size=(rows[0], 5)).astype(dtype)
    labels = softmax(rng.normal(size=(rows[1], 5))).astype(dtype)
    loss, back = host.run("SoftmaxCrossEntropyWithLogits", [x, labels], outputs=2)
    p = softmax(x.astype(np.float64)) if x.size else x
    np.testing.assert_allclose(loss, -(labels * np.log(p)).sum(-1), atol=TOLERANCE[dtype] * 5)
    np.testing.assert_allclose(back, p - labels, atol=TOLERANCE[dtype])


@pytest.mark.parametrize("index", [np.int32, np.int64])
def test_sparse_cross_entropy_equals_dense_on_one_hot_labels(host, index):
    x = np.random.default_rng(2).normal(size=(6, 10))
    labels = np.array([0, 9, 3, 3, 5, 1], index)
    types = {"T": "float64", "Tlabels": labels.dtype.name}
    sparse = host.run("SparseSoftmaxCrossEntropyWithLogits", [x, labels], types=types, outputs=2)
    dense = host.run("SoftmaxCrossEntropyWithLogits", [x, np.eye(10)[labels]], outputs=2)
    for a, b in zip(sparse, dense, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("label", [-1, 10, 2**31 - 1])
def test_sparse_cross_entropy_names_a_label_out_of_range(host, label):
    with pytest.raises(KernelError, match=rf"labels\[1\] = {label} .*\[0, 10\)"):
        host.run(
            "SparseSoftmaxCrossEntropyWithLogits",
            [np.zeros((2, 10), np.float32), np.array([0, label], np.int32)],
            outputs=2,
        )


def windows(shape, ksize, strides, padding):
    """For each output position (oh, ow): the input rows and columns under the window."""
    axes = []
    for n, k, s in zip(shape, ksize, strides, strict=True):
        out = -(-n // s) if padding == "SAME" else (n - k) // s + 1
        pad = max((out - 1) * s + k - n, 0) // 2 if padding == "SAME" else 0
        axes.append([range(max(o * s - pad, 0), min(o * s - pad + k, n)) for o in range(out)])
    return axes


def reference_pool(x, ksize, strides, padding, reduce):
    rows, cols = windows(x.shape[1:3], ksize, strides, padding)
    return np.stack(
        [np.stack([reduce(x[:, r.start : r.stop, c.start : c.stop], (1, 2)) for c in cols], 1) for r in rows],
        1,
    )


POOLS = [
    ((5, 5), (2, 2), (2, 2)),
    ((7, 6), (3, 2), (2, 1)),
    ((4, 4), (1, 1), (3, 3)),
    ((3, 3), (3, 3), (1, 1)),
    ((28, 28), (2, 2), (2, 2)),
]


@pytest.mark.parametrize("padding", ["SAME", "VALID"])
@pytest.mark.parametrize(("size", "ksize", "strides"), POOLS)
@pytest.mark.parametrize("data_format", ["NHWC", "NCHW"])
@pytest.mark.parametrize(("dtype", "channels"), [("float32", 3), ("float64", 70), ("float16", 2)])
def test_pooling_and_its_gradients(host, padding, size, ksize, strides, data_format, dtype, channels):
    rng = np.random.default_rng(3)
    x = rng.integers(-4, 5, size=(2, *size, channels)).astype(dtype)  # ties on purpose
    to = (lambda a: a) if data_format == "NHWC" else (lambda a: a.transpose(0, 3, 1, 2))
    back = (lambda a: a) if data_format == "NHWC" else (lambda a: a.transpose(0, 2, 3, 1))
    attrs = {"padding": padding, "data_format": data_format}
    for name, value in (("ksize", ksize), ("strides", strides)):
        attrs[name] = [1, *value, 1] if data_format == "NHWC" else [1, 1, *value]
    (largest,) = host.run("MaxPool", [to(x)], attrs)
    (mean,) = host.run("AvgPool", [to(x)], attrs)
    wide = x.astype(np.float64)
    np.testing.assert_array_equal(back(largest), reference_pool(wide, ksize, strides, padding, np.max))
    np.testing.assert_allclose(
        back(mean),
        reference_pool(wide, ksize, strides, padding, np.mean),
        atol=1e-2 if dtype == "float16" else 1e-6,
    )

    grad = rng.integers(-3, 4, size=largest.shape).astype(dtype)
    rows, cols = windows(size, ksize, strides, padding)
    to_max, to_mean, picked = (
        np.zeros_like(wide),
        np.zeros_like(wide),
        np.zeros_like(back(largest), np.float64),
    )
    of_input = rng.integers(-3, 4, size=x.shape).astype(dtype)
    for n in range(2):
        for i, r in enumerate(rows):
            for j, c in enumerate(cols):
                part = wide[n, r.start : r.stop, c.start : c.stop].reshape(-1, channels)
                g = back(grad)[n, i, j].astype(np.float64)
                to_mean[n, r.start : r.stop, c.start : c.stop] += g / (len(r) * len(c))
                for channel, first in enumerate(part.argmax(0)):
                    at = (n, r[first // len(c)], c[first % len(c)], channel)
                    to_max[at] += g[channel]
                    picked[n, i, j, channel] = of_input[at]
    (max_grad,) = host.run("MaxPoolGrad", [to(x), largest, grad], attrs)
    np.testing.assert_array_equal(back(max_grad), to_max)
    (grad_grad,) = host.run("MaxPoolGradGrad", [to(x), largest, to(of_input)], attrs)
    np.testing.assert_array_equal(back(grad_grad), picked)
    (mean_grad,) = host.run("AvgPoolGrad", [np.array(to(x).shape, np.int32), grad], attrs, types={"T": dtype})
    np.testing.assert_allclose(back(mean_grad), to_mean, atol=1e-2 if dtype == "float16" else 1e-5)


def test_max_pool_keeps_nan(host):
    x = np.array([1, np.nan, 3, 0], np.float32).reshape(1, 2, 2, 1)
    attrs = {"ksize": [1, 2, 2, 1], "strides": [1, 2, 2, 1], "padding": "VALID", "data_format": "NHWC"}
    (out,) = host.run("MaxPool", [x], attrs)
    assert np.isnan(out).all()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"ksize": [1, 0, 2, 1]}, "positive"),
        ({"strides": [1, 2, -1, 1]}, "positive"),
        ({"ksize": [1, 2, 2]}, "4 entries"),
        ({"ksize": [2, 2, 2, 1]}, "batch"),
        ({"ksize": [1, 9, 2, 1]}, "does not fit"),
        ({"padding": "FULL"}, "SAME or VALID"),
        ({"ksize": [1, 2**40, 2, 1], "padding": "SAME"}, "too large"),
        ({"data_format": "NHCW"}, "NHWC or NCHW"),
    ],
)
def test_pooling_refuses_bad_geometry(host, changes, message):
    attrs = {
        "ksize": [1, 2, 2, 1],
        "strides": [1, 2, 2, 1],
        "padding": "VALID",
        "data_format": "NHWC",
        **changes,
    }
    with pytest.raises(KernelError, match=message):
        host.run("MaxPool", [np.zeros((1, 4, 4, 1), np.float32)], attrs)


def test_pool_gradients_check_every_shape(host):
    attrs = {"ksize": [1, 2, 2, 1], "strides": [1, 2, 2, 1], "padding": "VALID", "data_format": "NHWC"}
    x, small = np.zeros((1, 4, 4, 1), np.float32), np.zeros((1, 2, 2, 1), np.float32)
    for inputs in ([x, x, small], [x, small, x], [small, small, small]):
        with pytest.raises(KernelError, match="must have shape"):
            host.run("MaxPoolGrad", inputs, attrs)
    with pytest.raises(KernelError, match="vector of 4"):
        host.run("AvgPoolGrad", [np.array([1, 4], np.int32), small], attrs, types={"T": "float32"})
    with pytest.raises(KernelError, match="not a usable size"):
        host.run("AvgPoolGrad", [np.array([1, -4, 4, 1], np.int32), small], attrs, types={"T": "float32"})


@pytest.mark.parametrize("dtype", [*FLOATS, "int8", "int32", "uint64", "complex64"])
@pytest.mark.parametrize("shape", [(2, 3), (600, 65), (2, 3, 4, 5), (0, 3), (3, 0)])
@pytest.mark.parametrize("data_format", ["NHWC", "NCHW"])
def test_bias_add_and_its_gradient(host, dtype, shape, data_format):
    if data_format == "NCHW" and len(shape) < 3:
        pytest.skip("channels-first needs an image")
    axis = 1 if data_format == "NCHW" else len(shape) - 1
    rng = np.random.default_rng(4)
    x, bias = rng.integers(0, 3, shape).astype(dtype), rng.integers(0, 5, shape[axis]).astype(dtype)
    aligned = bias.reshape([-1 if d == axis else 1 for d in range(len(shape))])
    (out,) = host.run("BiasAdd", [x, bias], {"data_format": data_format}, forward=True)
    np.testing.assert_array_equal(out, x + aligned)
    (grad,) = host.run("BiasAddGrad", [x], {"data_format": data_format})
    others = tuple(d for d in range(len(shape)) if d != axis)
    np.testing.assert_allclose(
        grad, x.sum(others, dtype="float64" if dtype == "float16" else dtype).astype(dtype)
    )


def test_bias_of_another_length_is_refused_with_both_shapes(host):
    with pytest.raises(KernelError, match=r"3 channels of value \[2, 3\], found shape \[4\]"):
        host.run("BiasAdd", [np.zeros((2, 3), np.float32), np.zeros(4, np.float32)], {"data_format": "NHWC"})


def test_no_kernel_leaks_a_buffer(host):
    assert host.live_buffers == 0
