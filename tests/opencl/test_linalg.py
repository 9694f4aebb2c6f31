"""Matrix products, convolutions and pooling on OpenCL devices: what the CPU's kernels give, within
the bounds of the summation.
"""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest

import flowcore as fc
from flowcore.opencl import runtimes
from flowcore.runtime import devices, opencl_devices

RNG = np.random.default_rng(0)
TOLERANCE = {"float16": 2e-2, "float32": 1e-4, "float64": 1e-10, "int32": 0, "int64": 0}


def assert_close(host: Any, device: Any, dtype: str) -> None:
    for a, b in zip(host, device, strict=True):
        assert a.dtype == b.dtype
        np.testing.assert_allclose(
            b.astype(np.float64), a.astype(np.float64), rtol=TOLERANCE[dtype], atol=20 * TOLERANCE[dtype]
        )


def skip_without(device: Any, dtype: str) -> None:
    if dtype == "float64" and not device.has_double:
        pytest.skip(f"{device.label} has no float64")


@pytest.mark.parametrize("units", [1, 16, 132])
def test_products_in_the_tiles_of_large_gpus(units: int) -> None:
    """Groups of 256, 48 KiB of local memory: tiles of up to 128 by 128, and sums in chunks where
    many units would idle.
    """
    found = [r for r in runtimes.runtimes() if r.problem is None and r.kind == "CPU"]
    if not found:
        pytest.skip("no OpenCL processor")
    device = opencl_devices.open_opencl(
        found[0], 300, is_cpu=False, max_group=256, local_memory=49152, share_alignment=0, units=units
    )
    devices.register(device)
    try:
        shapes = [
            (130, 300, 131),
            (17, 8, 9),
            (300, 7, 3),
            (10, 2000, 10),
            (16 * 64 * units if units == 1 else 70, 40, 1),
        ]
        for (m, k, n), a, b in itertools.product(shapes, (False, True), (False, True)):
            x, y = (
                RNG.integers(-9, 9, shape).astype(np.float32)
                for shape in ((k, m) if a else (m, k), (n, k) if b else (k, n))
            )
            with fc.Graph().as_default(), fc.device(device.name), fc.Session() as sess:
                product = fc.matmul(fc.Variable(x), fc.Variable(y), transpose_a=a, transpose_b=b)
                sess.run(fc.global_variables_initializer())
                # small integers: exact in any order
                np.testing.assert_array_equal(sess.run(product), (x.T if a else x) @ (y.T if b else y))
        image, filters = (
            RNG.integers(-3, 4, (3, 9, 8, 5)).astype(np.float32),
            RNG.integers(-3, 4, (3, 3, 5, 7)).astype(np.float32),
        )
        values = []
        for place in ("/cpu:0", device.name):
            with fc.Graph().as_default(), fc.device(place), fc.Session() as sess:
                v, w = fc.Variable(image), fc.Variable(filters)
                y = fc.nn.conv2d(v, w, [1, 2, 1, 1], "SAME")
                sess.run(fc.global_variables_initializer())
                values.append(sess.run([y, *fc.gradients(y * y, [v, w])]))
        for host, there in zip(*values, strict=True):
            np.testing.assert_array_equal(there, host)
    finally:
        devices.unregister(device)


@pytest.mark.parametrize("dtype", TOLERANCE)
def test_products_of_all_transposes_and_odd_sizes(device: Any, both: Any, dtype: str) -> None:
    skip_without(device, dtype)
    sizes = (
        [(3, 4, 5), (9, 5, 33), (5, 70, 1), (1, 70, 5)]
        if device.is_slow
        else [
            (1, 1, 1),
            (7, 5, 3),
            (63, 64, 65),
            (1, 100, 33),
            (33, 100, 1),
            (1, 3000, 1),
            (1, 700, 300),
            (300, 700, 1),
            (5, 700, 40),
            (130, 9, 130),
        ]
    )
    cases = [(m, k, n, a, b) for m, k, n in sizes for a, b in itertools.product((False, True), repeat=2)]
    arrays = []
    for m, k, n, a, b in cases:
        arrays += [
            RNG.integers(-9, 9, (k, m) if a else (m, k)).astype(dtype),
            RNG.integers(-9, 9, (n, k) if b else (k, n)).astype(dtype),
        ]
    host, got = both(
        lambda *x: [
            fc.matmul(x[2 * i], x[2 * i + 1], transpose_a=c[3], transpose_b=c[4]) for i, c in enumerate(cases)
        ],
        *arrays,
    )
    assert_close(host, got, dtype)


def test_products_without_elements(both: Any) -> None:
    host, got = both(
        lambda a, b, c: [fc.matmul(a, b), fc.matmul(b, c), fc.matmul(c, a)],
        np.ones((0, 3)),
        np.ones((3, 4)),
        np.ones((4, 0)),
    )
    assert_close(host, got, "float64")


def test_an_empty_sum_is_zero(both: Any) -> None:
    host, got = both(lambda a, b: [fc.matmul(a, b)], np.ones((3, 0), np.float32), np.ones((0, 2), np.float32))
    np.testing.assert_array_equal(got[0], np.zeros((3, 2)))
    assert_close(host, got, "float32")


def test_batches_broadcast(both: Any) -> None:
    shapes = [
        ((2, 3, 4, 5), (2, 3, 5, 6)),
        ((2, 1, 4, 5), (1, 3, 5, 6)),
        ((3, 4, 5), (5, 6)),
        ((2, 1, 3, 2, 4), (1, 2, 1, 4, 3)),
        ((3, 1, 40), (3, 40, 7)),
        ((3, 7, 40), (40, 1)),
    ]
    arrays = [RNG.standard_normal(s).astype(np.float32) for pair in shapes for s in pair]
    host, got = both(lambda *x: [fc.matmul(a, b) for a, b in zip(x[::2], x[1::2], strict=True)], *arrays)
    assert_close(host, got, "float32")


def test_a_long_sum_in_chunks_gives_the_same_bits_each_time(device: Any, both: Any) -> None:
    k = 600 if device.is_slow else 20000
    a, b = RNG.standard_normal((3, k)).astype(np.float32), RNG.standard_normal((k, 5)).astype(np.float32)
    values = [both(lambda x, y: [fc.matmul(x, y)], a, b)[1][0] for _ in range(3)]
    np.testing.assert_array_equal(values[0], values[1])
    np.testing.assert_array_equal(values[0], values[2])
    np.testing.assert_allclose(values[0], a.astype(np.float64) @ b.astype(np.float64), atol=2e-3)


def test_a_product_reads_views_of_a_larger_tensor(both: Any) -> None:
    host, got = both(
        lambda x: [fc.matmul(x[1:], x[1:], transpose_b=True), fc.matmul(x[3:], x[:9])],
        RNG.standard_normal((12, 9)).astype(np.float32),
    )
    assert_close(host, got, "float32")


def test_not_a_number_reaches_its_row_and_column_only(both: Any) -> None:
    a = np.ones((5, 40), np.float32)
    a[2, 7] = np.nan
    _, got = both(lambda x, y: [fc.matmul(x, y)], a, np.ones((40, 3), np.float32))
    assert np.isnan(got[0][2]).all()
    assert np.isfinite(np.delete(got[0], 2, 0)).all()


CONVOLUTIONS = {
    "same": ((2, 9, 8, 3), (3, 3, 3, 5), (1, 1), (1, 1), "SAME"),
    "strided": ((2, 9, 8, 3), (3, 2, 3, 5), (2, 2), (1, 1), "SAME"),
    "strided, valid": ((2, 9, 8, 3), (3, 3, 3, 5), (2, 2), (1, 1), "VALID"),
    "dilated": ((1, 11, 12, 2), (3, 3, 2, 4), (1, 1), (2, 2), "SAME"),
    "one channel": ((2, 7, 7, 1), (5, 5, 1, 33), (1, 1), (1, 1), "SAME"),
    "one channel, long rows of taps": ((2, 6, 9, 1), (5, 5, 1, 40), (1, 1), (1, 1), "SAME"),
    "one channel, strided, dilated": ((1, 15, 14, 1), (3, 3, 1, 2), (2, 1), (2, 1), "SAME"),
    "1x1": ((2, 6, 6, 16), (1, 1, 16, 32), (1, 1), (1, 1), "VALID"),
    "pixels that no tap reads": ((1, 12, 12, 2), (2, 2, 2, 3), (3, 3), (1, 1), "VALID"),
    "axes differ": ((1, 12, 12, 2), (2, 2, 2, 3), (3, 2), (2, 3), "SAME"),
    "explicit": ((2, 9, 9, 2), (3, 3, 2, 2), (2, 2), (1, 1), [[0, 0], [4, 1], [0, 3], [0, 0]]),
    "no image": ((0, 9, 9, 2), (3, 3, 2, 2), (1, 1), (1, 1), "SAME"),
}


@pytest.mark.parametrize("layout", ["NHWC", "NCHW"])
@pytest.mark.parametrize("name", CONVOLUTIONS)
def test_convolutions_and_their_gradients(device: Any, both: Any, name: str, layout: str) -> None:
    if device.is_slow and (name not in ("strided", "axes differ") or layout == "NCHW"):
        pytest.skip("a simulator runs two of them")
    image_shape, filter_shape, stride, dilation, padding = CONVOLUTIONS[name]
    strides, dilations = [1, *stride, 1], [1, *dilation, 1]
    order = [0, 1, 2, 3] if layout == "NHWC" else [0, 3, 1, 2]
    strides, dilations = [strides[i] for i in order], [dilations[i] for i in order]
    padding = padding if isinstance(padding, str) else [padding[i] for i in order]

    def build(image: fc.Tensor, filters: fc.Tensor) -> list[fc.Tensor]:
        y = fc.nn.conv2d(
            image, filters, strides=strides, padding=padding, data_format=layout, dilations=dilations
        )
        return [y, *fc.gradients(y, [image, filters], grad_ys=[y])]

    for dtype in (
        ("float32",) if device.is_slow else ("float32", "float16", "float64")[: 3 if device.has_double else 2]
    ):
        image = RNG.integers(-3, 3, image_shape).transpose(order).astype(dtype)
        host, got = both(build, image, RNG.integers(-2, 2, filter_shape).astype(dtype))
        assert_close(host, got, dtype)


POOLS = [
    ((2, 9, 8, 3), 3, 2, "SAME"),
    ((2, 9, 8, 3), 2, 2, "VALID"),
    ((1, 7, 7, 65), 3, 1, "SAME"),
    ((1, 10, 10, 2), 2, 3, "VALID"),
    ((0, 4, 4, 2), 2, 2, "SAME"),
]


@pytest.mark.parametrize("layout", ["NHWC", "NCHW"])
@pytest.mark.parametrize("kind", ["max_pool", "avg_pool"])
@pytest.mark.parametrize(("shape", "window", "stride", "padding"), POOLS)
def test_pooling_and_both_gradients_are_bit_equal(
    device: Any,
    both: Any,
    kind: str,
    layout: str,
    shape: tuple[int, ...],
    window: int,
    stride: int,
    padding: str,
) -> None:
    if device.is_slow and shape[3] > 3:
        pytest.skip("too large for a simulator")
    order, size, strides = [0, 1, 2, 3], [1, window, window, 1], [1, stride, stride, 1]
    if layout == "NCHW":
        order, size, strides = [0, 3, 1, 2], [1, 1, window, window], [1, 1, stride, stride]
    image = RNG.integers(-3, 3, shape).transpose(order).astype(np.float32)  # many ties
    if image.size:
        image.flat[3] = np.nan

    def build(x: fc.Tensor) -> list[fc.Tensor]:
        y = getattr(fc.nn, kind)(x, size, strides, padding, data_format=layout)
        arriving = y * y + 1.5
        first = fc.gradients(y, [x], grad_ys=[arriving])[0]
        return [y, first, fc.gradients(first, [arriving], grad_ys=[x * 3.0])[0]]

    host, got = both(build, image)
    for a, b in zip(host, got, strict=True):
        np.testing.assert_array_equal(a, b)


def test_what_does_not_fit_is_refused_as_on_the_cpu(same_error: Any) -> None:
    same_error(
        lambda a, b: fc.matmul(fc.placeholder_with_default(a, None), fc.placeholder_with_default(b, None)),
        np.ones((2, 3)),
        np.ones((2, 3)),
    )
    same_error(
        lambda a, b: fc.nn.conv2d(
            fc.placeholder_with_default(a, [None] * 4), b, strides=[1, 1, 1, 1], padding="VALID"
        ),
        np.ones((1, 2, 2, 1), np.float32),
        np.ones((5, 5, 1, 1), np.float32),
    )
    same_error(
        lambda a: fc.nn.max_pool(
            fc.placeholder_with_default(a, [None] * 4), [1, 3, 3, 1], [1, 1, 1, 1], "VALID"
        ),
        np.ones((1, 2, 2, 1), np.float32),
    )
