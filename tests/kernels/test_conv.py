"""The convolution kernels alone, against a plain sum over filter elements in float64."""

import itertools
import pathlib
import subprocess
import sys
import sysconfig

import ml_dtypes
import numpy as np
import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "native"))
from kernel_host import KernelError, KernelHost

ROOT = pathlib.Path(__file__).resolve().parents[2]
PYTHON = ["-I", sysconfig.get_paths()["include"]]
SOURCES = [
    f"flowcore/kernels/linalg/{p.name}" for p in sorted((ROOT / "flowcore/kernels/linalg").glob("*.c"))
]
TYPES = ["float16", ml_dtypes.bfloat16, "float32", "float64"]


@pytest.fixture(scope="module")
def host():
    return KernelHost(SOURCES, ["fc_linalg_kernels"], PYTHON)


def axis(n, k, stride, dilation, padding):
    """Output length and the padding before; `padding` is SAME, VALID or (before, after)."""
    span = (k - 1) * dilation + 1
    if padding == "SAME":
        out = -(-n // stride)
        return out, max((out - 1) * stride + span - n, 0) // 2
    before, after = (0, 0) if padding == "VALID" else padding
    return (n + before + after - span) // stride + 1, before


def taps(x_shape, w_shape, strides, dilations, paddings):
    """For each filter element: (kh, kw), the slices of output positions that it reaches, and of the
    input pixels that they read.
    """
    sides = []
    for i in range(2):
        n, k, s, d = x_shape[1 + i], w_shape[i], strides[i], dilations[i]
        out, before = axis(n, k, s, d, paddings[i])
        side = []
        for tap in range(k):
            offset = tap * d - before
            reach = [o for o in range(out) if 0 <= o * s + offset < n]
            if reach:
                first, last = reach[0], reach[-1]
                side.append(
                    (tap, slice(first, last + 1), slice(first * s + offset, last * s + offset + 1, s))
                )
        sides.append((out, side))
    shape = (x_shape[0], sides[0][0], sides[1][0], w_shape[3])
    return shape, [
        ((h[0], w[0]), (slice(None), h[1], w[1]), (slice(None), h[2], w[2]))
        for h in sides[0][1]
        for w in sides[1][1]
    ]


def reference(x, w, strides, dilations, paddings):
    shape, elements = taps(x.shape, w.shape, strides, dilations, paddings)
    y = np.zeros(shape)
    for k, out, into in elements:
        y[out] += x[into] @ w[k]
    return y


def reference_gradients(x, w, dy, strides, dilations, paddings):
    dx, dw = np.zeros(x.shape), np.zeros(w.shape)
    for k, out, into in taps(x.shape, w.shape, strides, dilations, paddings)[1]:
        dx[into] += dy[out] @ w[k].T
        dw[k] = np.einsum("nhwi,nhwo->io", x[into], dy[out])
    return dx, dw


def attributes(strides, dilations, paddings, data_format):
    first = data_format == "NCHW"

    def four(two, one):
        return [one, one, *two] if first else [one, *two, one]

    attrs = {
        "strides": four(strides, 1),
        "dilations": four(dilations, 1),
        "data_format": data_format,
        "padding": paddings[0],
        "explicit_paddings": [],
    }
    if not isinstance(paddings[0], str):
        attrs["padding"] = "EXPLICIT"
        attrs["explicit_paddings"] = [int(n) for pair in four(paddings, (0, 0)) for n in pair]
    return attrs


def check(
    host,
    x_shape,
    w_shape,
    strides=(1, 1),
    dilations=(1, 1),
    paddings=("SAME", "SAME"),
    dtype="float32",
    data_format="NHWC",
):
    """All three kernels on small whole numbers, whose sums are exact up to the rounding of the
    result (but by windows of 6x6 pixels, which divide by 24).
    """
    by_windows = (
        w_shape[:2] == (5, 5)
        and strides == dilations == (1, 1)
        and dtype == "float32"
        and data_format == "NHWC"
    )
    rng = np.random.default_rng(0)
    x, w = (rng.integers(-2, 3, size=s).astype(np.float64) for s in (x_shape, w_shape))
    expected = reference(x, w, strides, dilations, paddings)
    dy = rng.integers(-2, 3, size=expected.shape).astype(np.float64)
    dx, dw = reference_gradients(x, w, dy, strides, dilations, paddings)
    first = data_format == "NCHW"

    def stored(a):
        return np.ascontiguousarray(a.transpose(0, 3, 1, 2) if first else a).astype(dtype)

    attrs = attributes(strides, dilations, paddings, data_format)
    w_stored, types = w.astype(dtype), {"T": np.dtype(dtype).name}
    sizes = [np.array(s, np.int32) for s in (stored(x).shape, w_shape)]
    (y,) = host.run("Conv2D", [stored(x), w_stored], attrs, types)
    np.testing.assert_allclose(y, stored(expected), rtol=0, atol=1e-2 if by_windows else 0, err_msg="Conv2D")
    (out,) = host.run("Conv2DBackpropInput", [sizes[0], w_stored, stored(dy)], attrs, types)
    np.testing.assert_allclose(
        out, stored(dx), rtol=0, atol=1e-2 if by_windows else 0, err_msg="Conv2DBackpropInput"
    )
    (out,) = host.run("Conv2DBackpropFilter", [stored(x), sizes[1], stored(dy)], attrs, types)
    np.testing.assert_array_equal(out, dw.astype(dtype), err_msg="Conv2DBackpropFilter")
    assert host.live_buffers == 0


GEOMETRIES = [  # image, filter, strides, dilations
    ((5, 5), (3, 3), (1, 1), (1, 1)),
    ((7, 4), (2, 3), (1, 2), (1, 1)),
    ((8, 8), (3, 3), (2, 2), (1, 1)),
    ((9, 7), (1, 1), (2, 3), (1, 1)),
    ((10, 9), (3, 2), (1, 1), (2, 3)),
    ((11, 13), (3, 3), (3, 2), (2, 1)),
    ((6, 6), (6, 6), (1, 1), (1, 1)),
    ((12, 12), (2, 2), (5, 5), (1, 1)),
    ((1, 1), (1, 1), (1, 1), (1, 1)),
    ((1, 9), (1, 4), (1, 1), (1, 2)),
    ((13, 13), (3, 3), (2, 2), (3, 3)),
    ((9, 9), (5, 5), (4, 3), (2, 2)),
]


@pytest.mark.parametrize(("size", "kernel", "strides", "dilations"), GEOMETRIES)
@pytest.mark.parametrize("padding", ["SAME", "VALID", ((2, 1), (0, 3)), ((0, 0), (5, 4))])
@pytest.mark.parametrize("data_format", ["NHWC", "NCHW"])
def test_geometries(host, size, kernel, strides, dilations, padding, data_format):
    paddings = (padding, padding) if isinstance(padding, str) else padding
    if padding == "VALID" and any((k - 1) * d >= n for n, k, d in zip(size, kernel, dilations, strict=True)):
        pytest.skip("no window fits")
    for channels, filters in ((1, 1), (3, 5), (9, 17)):
        check(
            host,
            (2, *size, channels),
            (*kernel, channels, filters),
            strides,
            dilations,
            paddings,
            data_format=data_format,
        )


@pytest.mark.parametrize("dtype", TYPES, ids=lambda t: np.dtype(t).name)
@pytest.mark.parametrize("data_format", ["NHWC", "NCHW"])
def test_types(host, dtype, data_format):
    check(host, (3, 6, 7, 3), (3, 3, 3, 20), (1, 2), dtype=dtype, data_format=data_format)
    check(host, (2, 9, 5, 2), (2, 2, 2, 3), paddings=("VALID", "VALID"), dtype=dtype, data_format=data_format)


@pytest.mark.parametrize(
    ("channels", "filters"), list(itertools.product([1, 7, 63, 64, 65], [1, 10, 16, 33, 129]))
)
def test_channels_around_the_tile_edges(host, channels, filters):
    check(host, (2, 5, 4, channels), (3, 3, channels, filters))
    check(host, (1, 3, 3, channels), (1, 1, channels, filters), paddings=("VALID", "VALID"))


@pytest.mark.parametrize(
    ("x", "w"),
    [
        ((3, 28, 28, 1), (5, 5, 1, 32)),
        ((4, 14, 14, 32), (5, 5, 32, 64)),
        ((1, 40, 50, 3), (7, 7, 3, 20)),
        ((33, 4, 4, 6), (3, 3, 6, 8)),
        ((1, 3, 700, 2), (3, 3, 2, 4)),
        ((1, 6, 6, 300), (3, 3, 300, 300)),
    ],
)
@pytest.mark.parametrize("strides", [(1, 1), (2, 2)])
def test_images_of_several_pieces(host, x, w, strides):
    check(host, x, w, strides)
    check(host, x, w, strides, dtype="float64", data_format="NCHW")


#: Image, channels and filters that are computed by windows; odd ends, few windows, channels that
#: fill no vector.
WINDOWS = [((12, 11), 48, 40), ((9, 9), 33, 65), ((2, 61), 64, 32), ((28, 28), 32, 300), ((31, 17), 130, 31)]


@pytest.mark.parametrize(("size", "channels", "filters"), WINDOWS)
@pytest.mark.parametrize("padding", ["SAME", "VALID", ((2, 1), (0, 3)), ((0, 0), (5, 4))])
@pytest.mark.parametrize("side", [3, 5])
def test_small_filters_by_windows(host, side, size, channels, filters, padding):
    paddings = (padding, padding) if isinstance(padding, str) else padding
    if any((0 if padding == "VALID" else 9) + n < side for n in size):
        pytest.skip("no window fits")
    if not isinstance(padding, str) and any(
        n + sum(pad) < side for n, pad in zip(size, padding, strict=True)
    ):
        pytest.skip("no window fits")
    check(host, (3, *size, channels), (side, side, channels, filters), paddings=paddings)


@pytest.mark.parametrize(("side", "units"), [(3, 2), (5, 16)])
def test_the_error_of_windows_is_near_that_of_a_sum(host, side, units):
    rng = np.random.default_rng(0)
    x, w = rng.normal(size=(2, 20, 20, 256)), rng.normal(size=(side, side, 256, 64))
    (y,) = host.run(
        "Conv2D",
        [x.astype(np.float32), w.astype(np.float32)],
        attributes((1, 1), (1, 1), ("SAME", "SAME"), "NHWC"),
    )
    exact = reference(x, w, (1, 1), (1, 1), ("SAME", "SAME"))
    sizes = reference(np.abs(x), np.abs(w), (1, 1), (1, 1), ("SAME", "SAME"))
    assert (np.abs(y - exact) / sizes).max() < units * np.finfo(np.float32).eps


def test_plain_sums_can_be_asked_for():
    program = """
import numpy as np, flowcore as fc
x = np.random.default_rng(0).normal(size=(2, 20, 20, 64)).astype("f")
y = fc.nn.conv2d(x, x[0, :3, :3, :, None] * np.ones(64, "f"), [1, 1, 1, 1], "SAME")
print(fc.Session().run(y).astype(float).sum().hex())
"""

    def total(**env):
        command = [sys.executable, "-c", program]
        return subprocess.run(
            command, env={"PATH": "/usr/bin:/bin", **env}, capture_output=True, text=True, check=True
        ).stdout

    assert total() == total()
    assert total() != total(FLOWCORE_CONV="direct")


@pytest.mark.parametrize(
    "case",
    [
        {"strides": (1000, 2**31 - 1)},
        {"dilations": (2**31 - 1, 10**6)},
        {"strides": (7, 9), "dilations": (10**9, 3)},
        {"paddings": ((300, 0), (0, 200)), "strides": (150, 90), "dilations": (100, 1)},
        {"paddings": ((2, 60), (60, 2)), "dilations": (20, 20)},
    ],
)
def test_extreme_attributes_touch_only_what_they_reach(host, case):
    check(host, (2, 4, 5, 3), (3, 3, 3, 4), **case)
    check(host, (2, 4, 5, 3), (3, 3, 3, 4), **case, data_format="NCHW")


@pytest.mark.parametrize(
    ("x", "w"),
    [
        ((0, 5, 5, 2), (3, 3, 2, 4)),
        ((2, 5, 5, 0), (3, 3, 0, 4)),
        ((2, 5, 5, 3), (3, 3, 3, 0)),
        ((2, 0, 5, 3), (1, 2, 3, 4)),
        ((2, 0, 0, 0), (1, 1, 0, 0)),
    ],
)
@pytest.mark.parametrize("data_format", ["NHWC", "NCHW"])
def test_empty_operands_give_empty_or_zero_results(host, x, w, data_format):
    check(host, x, w, data_format=data_format)


def test_nan_stays_within_reach_of_its_pixel(host):
    x = np.zeros((1, 9, 9, 2), np.float32)
    x[0, 4, 4, 1] = np.nan
    attrs = attributes((1, 1), (1, 1), ("SAME", "SAME"), "NHWC")
    (y,) = host.run("Conv2D", [x, np.ones((3, 3, 2, 5), np.float32)], attrs)
    assert np.isnan(y[0, 3:6, 3:6]).all()
    assert np.isnan(y).sum() == 9 * 5


@pytest.mark.parametrize("odd", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("where", ["pixel", "filter"])
@pytest.mark.parametrize("side", [3, 5])
def test_what_is_not_finite_stays_within_reach_of_windows(host, odd, where, side):
    x, w = np.ones((1, 33, 32, 48), np.float32), np.ones((side, side, 48, 64), np.float32)
    if where == "pixel":
        x[0, 7, 7, 1] = odd
    else:
        w[2, 0, 3, 5] = odd
    attrs = attributes((1, 1), (1, 1), ("SAME", "SAME"), "NHWC")
    (y,) = host.run("Conv2D", [x, w], attrs)
    with np.errstate(invalid="ignore"):
        np.testing.assert_array_equal(y, reference(x, w, (1, 1), (1, 1), ("SAME", "SAME")).astype(np.float32))
    (dx,) = host.run(
        "Conv2DBackpropInput",
        [np.array(x.shape, np.int32), w[:, :, :, :48].copy(), x],
        attrs,
        {"T": "float32"},
    )
    with np.errstate(invalid="ignore"):
        np.testing.assert_array_equal(
            dx,
            reference_gradients(x, w[:, :, :, :48], x, (1, 1), (1, 1), ("SAME", "SAME"))[0].astype(
                np.float32
            ),
        )


ATTRS = attributes((1, 1), (1, 1), ("VALID", "VALID"), "NHWC")


@pytest.mark.parametrize(
    ("x", "w", "attrs", "message"),
    [
        ((5, 5, 2), (3, 3, 2, 4), {}, r"input must be 4-dimensional.*\[5, 5, 2\]"),
        ((1, 5, 5, 2), (3, 3, 2), {}, "filter must be 4-dimensional"),
        ((1, 5, 5, 2), (3, 3, 3, 4), {}, "input depth 2 and the filter's input depth 3"),
        ((1, 5, 5, 2), (7, 3, 2, 4), {}, "Computed output size would be negative.*7 .*height of 5"),
        ((1, 5, 5, 2), (0, 3, 2, 4), {}, "negative|size"),
        ((1, 5, 5, 2), (3, 3, 2, 4), {"strides": [1, 0, 1, 1]}, "strides must be positive"),
        ((1, 5, 5, 2), (3, 3, 2, 4), {"strides": [1, 2**31, 1, 1]}, "strides must be positive"),
        ((1, 5, 5, 2), (3, 3, 2, 4), {"strides": [2, 1, 1, 1]}, "batch and depth"),
        ((1, 5, 5, 2), (3, 3, 2, 4), {"strides": [1, 1]}, "4 entries, found 2"),
        ((1, 5, 5, 2), (3, 3, 2, 4), {"dilations": [1, -1, 1, 1]}, "dilations must be positive"),
        ((1, 5, 5, 2), (3, 3, 2, 4), {"dilations": [1, 1, 1, 2]}, "batch and depth"),
        ((1, 5, 5, 2), (3, 3, 2, 4), {"padding": "FULL"}, "SAME, VALID or EXPLICIT, found 'FULL'"),
        (
            (1, 5, 5, 2),
            (3, 3, 2, 4),
            {"padding": "EXPLICIT", "explicit_paddings": [1, 1]},
            "8 numbers, found 2",
        ),
        (
            (1, 5, 5, 2),
            (3, 3, 2, 4),
            {"padding": "EXPLICIT", "explicit_paddings": [0, 0, -1, 0, 0, 0, 0, 0]},
            r"explicit_paddings\[2\] = -1",
        ),
        (
            (1, 5, 5, 2),
            (3, 3, 2, 4),
            {"padding": "EXPLICIT", "explicit_paddings": [1, 0, 0, 0, 0, 0, 0, 0]},
            "height and width only",
        ),
        ((1, 5, 5, 2), (3, 3, 2, 4), {"data_format": "NCDHW"}, "use NHWC or NCHW"),
    ],
)
def test_unfit_arguments_are_named(host, x, w, attrs, message):
    with pytest.raises(KernelError, match=message):
        host.run("Conv2D", [np.zeros(x, np.float32), np.zeros(w, np.float32)], {**ATTRS, **attrs})
    assert host.live_buffers == 0


@pytest.mark.parametrize(
    ("sizes", "dy", "message"),
    [
        ([1, 5, 5], (1, 3, 3, 4), "input_sizes must be a vector of 4"),
        ([1, 5, -5, 2], (1, 3, 3, 4), r"input_sizes\[2\] = -5"),
        ([2**31 - 1] * 4, (1, 3, 3, 4), "usable size"),
        (
            [1, 5, 6, 2],
            (1, 3, 3, 4),
            r"doesn't match computed: expected \[1, 3, 4, 4\], found \[1, 3, 3, 4\]",
        ),
        ([2, 5, 5, 2], (1, 3, 3, 4), "doesn't match"),
        ([1, 5, 5, 2], (3, 3, 4), "out_backprop must be 4-dimensional"),
    ],
)
def test_unfit_gradients_are_named(host, sizes, dy, message):
    with pytest.raises(KernelError, match=message):
        host.run(
            "Conv2DBackpropInput",
            [np.array(sizes, np.int32), np.zeros((3, 3, 2, 4), np.float32), np.zeros(dy, np.float32)],
            ATTRS,
            {"T": "float32"},
        )


def test_filter_gradient_checks_its_sizes(host):
    x, dy = np.zeros((1, 5, 5, 2), np.float32), np.zeros((1, 3, 3, 4), np.float32)
    for sizes, message in (
        ([3, 3, 2], "vector of 4"),
        ([3, 3, 2, -1], "usable size"),
        ([3, 2, 2, 4], "doesn't match"),
        ([3, 3, 1, 4], "depth"),
    ):
        with pytest.raises(KernelError, match=message):
            host.run("Conv2DBackpropFilter", [x, np.array(sizes, np.int32), dy], ATTRS)
