"""The matrix products alone, against NumPy in higher precision, for every type, layout and
instruction set.
"""

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
TYPES = ["float16", ml_dtypes.bfloat16, "float32", "float64", "int32", "int64", "complex64", "complex128"]
EDGES = [1, 7, 15, 63, 64, 65, 129]


@pytest.fixture(scope="module")
def host():
    return KernelHost(SOURCES, ["fc_linalg_kernels"], PYTHON)


def numbers(rng, shape, dtype):
    """Small whole numbers: their products are exact in every type, so that sums up to 2^8 terms
    (bfloat16) can be compared exactly.
    """
    x = rng.integers(-2, 3, size=shape)
    if np.dtype(dtype).kind == "c":
        x = x + 1j * rng.integers(-2, 3, size=shape)
    return x.astype(dtype)


def expected_product(a, b, dtype):
    """The exact product, rounded once."""
    wide = np.complex128 if np.dtype(dtype).kind == "c" else np.float64
    return np.matmul(a.astype(wide), b.astype(wide)).astype(dtype)


@pytest.mark.parametrize("dtype", TYPES, ids=lambda t: np.dtype(t).name)
@pytest.mark.parametrize(("transpose_a", "transpose_b"), list(itertools.product([False, True], repeat=2)))
def test_products_around_the_tile_edges(host, dtype, transpose_a, transpose_b):
    rng = np.random.default_rng(0)
    for m, n, k in itertools.product(EDGES, [1, 3, 10, 32, 33, 65], [1, 7, 64, 129]):
        a, b = numbers(rng, (m, k), dtype), numbers(rng, (k, n), dtype)
        (c,) = host.run(
            "MatMul",
            [a.T if transpose_a else a, b.T if transpose_b else b],
            {"transpose_a": transpose_a, "transpose_b": transpose_b},
        )
        np.testing.assert_array_equal(c, expected_product(a, b, dtype), err_msg=f"{m} x {k} by {k} x {n}")


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(
    ("m", "n", "k"), [(600, 300, 300), (3, 700, 1000), (1000, 3, 520), (450, 257, 513), (1, 1, 5000)]
)
def test_products_larger_than_one_block(host, dtype, m, n, k):
    rng = np.random.default_rng(1)
    a, b = rng.normal(size=(m, k)).astype(dtype), rng.normal(size=(k, n)).astype(dtype)
    for ta, tb in itertools.product([False, True], repeat=2):
        (c,) = host.run(
            "MatMul", [a.T if ta else a, b.T if tb else b], {"transpose_a": ta, "transpose_b": tb}
        )
        np.testing.assert_allclose(
            c, a.astype(np.float64) @ b, rtol=0, atol=k**0.5 * 60 * np.finfo(dtype).eps
        )


@pytest.mark.parametrize("dtype", TYPES, ids=lambda t: np.dtype(t).name)
@pytest.mark.parametrize("op", ["BatchMatMulV2", "MatMul"])
def test_a_column_or_a_row_times_a_matrix_in_every_layout(host, dtype, op):
    """A transposed matrix times a column is computed as a row: conjugates and batches turn with it."""
    rng = np.random.default_rng(3)
    flags = ("adj_x", "adj_y") if op == "BatchMatMulV2" else ("transpose_a", "transpose_b")
    adjoint = np.conj if op == "BatchMatMulV2" else np.asarray
    batches = [((), ()), ((3,), (1,)), ((2, 1), (3,))] if op == "BatchMatMulV2" else [((), ())]
    for (m, n, k), (x_batch, y_batch) in itertools.product(
        [(65, 1, 40), (1, 65, 40), (2, 1, 7), (300, 1, 1), (1, 1, 9), (4, 65, 40)], batches
    ):
        a, b = numbers(rng, (*x_batch, m, k), dtype), numbers(rng, (*y_batch, k, n), dtype)
        for ta, tb in itertools.product([False, True], repeat=2):
            x = np.ascontiguousarray(adjoint(a).swapaxes(-1, -2)) if ta else a
            y = np.ascontiguousarray(adjoint(b).swapaxes(-1, -2)) if tb else b
            (c,) = host.run(op, [x, y], {flags[0]: ta, flags[1]: tb})
            np.testing.assert_array_equal(c, expected_product(a, b, dtype), err_msg=f"{m} {n} {k} {ta} {tb}")


@pytest.mark.parametrize("dtype", TYPES, ids=lambda t: np.dtype(t).name)
@pytest.mark.parametrize(("m", "n", "k"), [(0, 3, 2), (3, 0, 2), (3, 2, 0), (0, 0, 0)])
def test_empty_operands_give_an_empty_or_zero_product(host, dtype, m, n, k):
    (c,) = host.run(
        "MatMul",
        [np.ones((m, k), dtype), np.ones((k, n), dtype)],
        {"transpose_a": False, "transpose_b": False},
    )
    assert c.shape == (m, n)
    assert c.dtype == np.dtype(dtype)
    assert not c.any()


def test_nan_and_infinity_pass_through(host):
    a = np.zeros((20, 40), np.float32)
    a[3, 5], a[7, 0] = np.nan, np.inf
    (c,) = host.run(
        "MatMul", [a, np.ones((40, 20), np.float32)], {"transpose_a": False, "transpose_b": False}
    )
    assert np.isnan(c[3]).all()
    assert np.isposinf(c[7]).all()
    assert not np.delete(c, [3, 7], 0).any()


def test_integers_wrap_around(host):
    a = np.array([[2**31 - 1, 2**30]], np.int32)
    (c,) = host.run(
        "MatMul", [a, np.array([[2], [2]], np.int32)], {"transpose_a": False, "transpose_b": False}
    )
    assert c.tolist() == [[2**31 - 2]]


@pytest.mark.parametrize(
    ("a", "b", "attrs", "message"),
    [
        ((2, 3), (2, 3), {}, r"In\[0\]: \[2, 3\], In\[1\]: \[2, 3\].*3 and 2"),
        ((2, 3), (2, 3), {"transpose_a": True, "transpose_b": True}, "2 and 3"),
        ((3,), (3, 2), {}, r"In\[0\] is not a matrix.*\[3\]"),
        ((2, 3), (), {}, r"In\[1\] is not a matrix.*\[\]"),
    ],
)
def test_unfit_operands_are_named(host, a, b, attrs, message):
    with pytest.raises(KernelError, match=message) as error:
        host.run(
            "MatMul",
            [np.zeros(a, np.float32), np.zeros(b, np.float32)],
            {"transpose_a": False, "transpose_b": False, **attrs},
        )
    assert error.value.code == 3
    assert host.live_buffers == 0


@pytest.mark.parametrize("dtype", TYPES, ids=lambda t: np.dtype(t).name)
@pytest.mark.parametrize(
    ("x", "y"),
    [
        ((2, 3), (3, 4)),
        ((5, 2, 3), (5, 3, 4)),
        ((2, 1, 7, 3), (5, 3, 2)),
        ((3, 4), (6, 2, 4, 5)),
        ((1, 3, 1, 2, 2), (4, 1, 2, 2, 3)),
        ((0, 2, 3), (3, 4)),
        ((2, 2, 0), (2, 0, 3)),
    ],
)
def test_batches_broadcast_and_adjoints_conjugate(host, dtype, x, y):
    rng = np.random.default_rng(2)
    a, b = numbers(rng, x, dtype), numbers(rng, y, dtype)
    for adj_x, adj_y in itertools.product([False, True], repeat=2):
        left = np.conj(np.swapaxes(a, -1, -2)) if adj_x else a
        right = np.conj(np.swapaxes(b, -1, -2)) if adj_y else b
        (c,) = host.run("BatchMatMulV2", [left, right], {"adj_x": adj_x, "adj_y": adj_y})
        np.testing.assert_array_equal(c, expected_product(a, b, dtype))


def test_many_small_products_are_one_call(host):
    rng = np.random.default_rng(3)
    a, b = rng.normal(size=(300, 4, 5)), rng.normal(size=(300, 5, 3))
    (c,) = host.run("BatchMatMul", [a, b], {"adj_x": False, "adj_y": False})
    np.testing.assert_allclose(c, a @ b, atol=1e-13)


@pytest.mark.parametrize(
    ("op", "x", "y", "message"),
    [
        ("BatchMatMul", (2, 3, 4), (4, 5), "different ndims"),
        ("BatchMatMul", (1, 3, 4), (2, 4, 5), "batch dimensions"),
        ("BatchMatMulV2", (3, 3, 4), (2, 4, 5), r"batch dimensions: \[3, 3, 4\] vs. \[2, 4, 5\]"),
        ("BatchMatMulV2", (4,), (4, 5), "ndims must be >= 2"),
        ("BatchMatMulV2", (2, 3, 4), (2, 3, 4), "inner sizes are 4 and 3"),
    ],
)
def test_unfit_batches_are_named(host, op, x, y, message):
    with pytest.raises(KernelError, match=message):
        host.run(op, [np.zeros(x, np.float32), np.zeros(y, np.float32)], {"adj_x": False, "adj_y": False})


@pytest.mark.parametrize("simd", ["baseline", "avx2"])
def test_lesser_instruction_sets_agree(simd):
    """The choice is made once per process, so a child runs this file's sweeps over edges and blocks."""
    tests = "edges and (float32 or float64) or larger"
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-x",
        "--import-mode=importlib",
        "-p",
        "no:cacheprovider",
        str(pathlib.Path(__file__)),
        "-k",
        tests,
    ]
    result = subprocess.run(
        command,
        env={"FLOWCORE_SIMD": simd, "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stdout[-2000:]
