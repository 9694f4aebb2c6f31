"""Chooses the matrix product: flowcore's own kernels, or the BLAS of another package. Knows no graph.

Owns: finding, loading and setting up an external library. `choose` runs once, when the CPU kernels
are first imported.

The own kernels are the default: measured beside OpenBLAS they are level with it where both use AVX2
and up to 1.7 times as fast where OpenBLAS leaves AVX-512 unused, they need no copy of an image for
convolutions, and they leave NumPy alone. FLOWCORE_BLAS asks for another choice:

- ``own`` (or unset): flowcore's kernels;
- ``numpy``: the OpenBLAS that NumPy's wheel brings and has already loaded;
- ``openblas32``: the package scipy-openblas32, when it is installed.

flowcore splits large products itself, so an external library is set to one thread, through its own
call. That setting belongs to the loaded library: with ``numpy`` it holds for NumPy's own products
as well, for as long as the process lives; with ``openblas32`` for flowcore alone.
"""

from __future__ import annotations

import ctypes
import importlib.util
import os
import pathlib
from typing import NamedTuple

import numpy as np

from flowcore.kernels._linalg import set_blas, simd

__all__ = ["Blas", "choose", "info"]

VARIABLE = "FLOWCORE_BLAS"
ROUTINES = ("sgemm", "dgemm", "cgemm", "zgemm")


class Blas(NamedTuple):
    """An external library: how its symbols are spelt, and its file."""

    name: str
    path: str
    symbol: str  # format of a routine's name
    wide: bool  # 64-bit integers
    threads: tuple[str, ...]  # names of the call that sets the number of threads, the most local one first


_chosen: Blas | None = None


def _numpy() -> Blas | None:
    """NumPy's own library: beside the package on Linux and Windows, inside it on macOS."""
    package = pathlib.Path(np.__file__).parent
    for folder in (package.with_name("numpy.libs"), package / ".dylibs"):
        for path in sorted(folder.glob("*openblas64*")):
            calls = ("openblas_set_num_threads_local", "scipy_openblas_set_num_threads64_")
            return Blas("numpy", str(path), "scipy_cblas_{}64_", True, calls)
    return None


def _openblas32() -> Blas | None:
    spec = importlib.util.find_spec("scipy_openblas32")
    for folder in spec.submodule_search_locations or () if spec else ():
        for path in sorted(pathlib.Path(folder, "lib").glob("libscipy_openblas*")):
            if path.suffix in (".so", ".dylib", ".dll"):
                return Blas(
                    "openblas32",
                    str(path),
                    "scipy_cblas_{}",
                    False,
                    ("openblas_set_num_threads_local", "scipy_openblas_set_num_threads"),
                )
    return None


FINDERS = {"numpy": _numpy, "openblas32": _openblas32}


def _load(blas: Blas) -> list[int]:
    """Addresses of the four routines; the library has one thread then. Raises OSError or
    AttributeError when it is not what it seems.
    """
    library = ctypes.CDLL(blas.path)
    addresses = [
        ctypes.cast(getattr(library, blas.symbol.format(routine)), ctypes.c_void_p).value or 0
        for routine in ROUTINES
    ]
    for name in blas.threads:
        if hasattr(library, name):
            getattr(library, name)(ctypes.c_int(1))
            return addresses
    raise AttributeError(f"{blas.path} has none of {', '.join(blas.threads)}")


def choose(name: str | None = None) -> str:
    """Sets the matrix product for the process and returns its name. Not to be called while a session runs.

    Args:
        name: "own", "numpy" or "openblas32"; None: what FLOWCORE_BLAS says, else "own".

    Raises:
        ValueError: an unknown name, or a library that is not there or cannot be used.
    """
    global _chosen  # noqa: PLW0603  one per process, like the library itself
    name = name or os.environ.get(VARIABLE) or "own"
    if name == "own":
        _chosen = None
        set_blas((0, 0, 0, 0), False)
        return name
    if name not in FINDERS:
        raise ValueError(f"{VARIABLE}={name}: expected own, {' or '.join(FINDERS)}")
    blas = FINDERS[name]()
    if blas is None:
        raise ValueError(
            f"{VARIABLE}={name}: no such library is installed; unset it to use flowcore's own kernels"
        )
    try:
        addresses = _load(blas)
    except (OSError, AttributeError) as e:
        raise ValueError(f"{VARIABLE}={name}: cannot use {blas.path}: {e}") from e
    _chosen = blas
    set_blas(tuple(addresses), blas.wide)
    return name


def info() -> dict[str, str]:
    """What computes matrix products: "name", "simd" (instruction set of the own kernels) and, for
    an external library, its "path".
    """
    found = {"name": _chosen.name if _chosen else "own", "simd": simd()}
    return {**found, "path": _chosen.path} if _chosen else found
