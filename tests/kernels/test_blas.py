"""The choice of the matrix product: own kernels by default, other libraries on request, the same
results from each.
"""

import importlib.util
import os
import subprocess
import sys

import numpy as np
import pytest

import flowcore as fc
from flowcore.kernels import blas

INSTALLED = [name for name, find in blas.FINDERS.items() if find()]


@pytest.fixture(params=INSTALLED)
def library(request):
    """An external library, for one test."""
    before = blas.info()["name"]
    yield blas.choose(request.param)
    blas.choose(before)


def in_child(code, **environment):
    env = {**os.environ, **environment}
    return subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True, check=False)


def products():
    """MatMul with each transposition and BatchMatMulV2 with each adjoint, in every type that a BLAS has."""
    rng = np.random.default_rng(0)
    found = []
    with fc.Graph().as_default(), fc.Session() as sess:
        for dtype in (np.float32, np.float64, np.complex64, np.complex128):
            a, b = rng.normal(size=(2, 70, 300)), rng.normal(size=(2, 300, 90))
            if np.dtype(dtype).kind == "c":
                a, b = a + 1j * rng.normal(size=a.shape), b + 1j * rng.normal(size=b.shape)
            a, b = a.astype(dtype), b.astype(dtype)
            for left in (False, True):
                for right in (False, True):
                    x = np.conj(np.swapaxes(a, 1, 2)) if left else a
                    y = np.conj(np.swapaxes(b, 1, 2)) if right else b
                    found.append((a @ b, fc.matmul(x, y, adjoint_a=left, adjoint_b=right)))
                    found.append(
                        (
                            a[0] @ b[0],
                            fc.matmul(a[0].T if left else a[0], b[0].T if right else b[0], left, right),
                        )
                    )
        return [(expected, sess.run(tensor)) for expected, tensor in found]


def check_products():
    for expected, value in products():
        np.testing.assert_allclose(
            value,
            expected,
            rtol=0,
            atol=2e-4 if value.dtype.itemsize <= 8 and value.dtype != np.float64 else 1e-11,
        )


def test_own_kernels_give_the_products():
    check_products()


def test_library_gives_the_products(library):
    assert blas.info()["name"] == library
    check_products()


def test_library_leaves_empty_products_zero(library):
    with fc.Graph().as_default(), fc.Session() as sess:
        assert (
            sess.run(fc.matmul(np.ones((3, 0), np.float32), np.ones((0, 2), np.float32))).tolist()
            == [[0, 0]] * 3
        )
        assert sess.run(fc.matmul(np.ones((0, 3)), np.ones((3, 2)))).shape == (0, 2)


def test_default_is_own_and_leaves_numpy_alone():
    child = in_child(
        "import flowcore; from flowcore.kernels import blas; print(blas.info()['name'])", FLOWCORE_BLAS=""
    )
    assert child.stdout.strip() == "own", child.stderr


@pytest.mark.parametrize("name", INSTALLED)
def test_environment_chooses(name):
    child = in_child(
        "import flowcore; from flowcore.kernels import blas; print(blas.info())", FLOWCORE_BLAS=name
    )
    assert f"'name': '{name}'" in child.stdout, child.stderr


def test_unknown_choice_is_refused():
    with pytest.raises(ValueError, match="FLOWCORE_BLAS=mkl: expected own, numpy or openblas32"):
        blas.choose("mkl")


def test_missing_library_is_named():
    if importlib.util.find_spec("scipy_openblas32"):
        pytest.skip("scipy-openblas32 is installed")
    with pytest.raises(ValueError, match="no such library is installed"):
        blas.choose("openblas32")
