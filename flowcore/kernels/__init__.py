"""The registry of CPU kernels: finds every extension unit of this package and of the queues. Knows no graph.

Owns: `CAPSULES` (kernel tables), `RESOURCE_FACTORIES` (op type -> function that makes its session
state), `PYTHON_KERNELS` (op type -> factory of a Python callable), `find_formula` (of the unit
_elementwise), `find_row_loops` (of _reduce), `new_kept` (of _linalg). A new unit is found by its
name: nothing here is edited for it.
"""

from __future__ import annotations

import importlib
import os
from collections.abc import Callable, Mapping
from importlib.machinery import EXTENSION_SUFFIXES
from types import ModuleType
from typing import Any

from flowcore.kernels import blas
from flowcore.kernels.in_python import PYTHON_KERNELS

__all__ = ["CAPSULES", "PYTHON_KERNELS", "RESOURCE_FACTORIES", "find_formula", "find_row_loops", "new_kept"]


def _units() -> list[ModuleType]:
    names = {
        name.removesuffix(suffix)
        for folder in __path__
        for name in os.listdir(folder)
        for suffix in EXTENSION_SUFFIXES
        if name.endswith(suffix)
    }
    # others are of another Python
    units = sorted(f"{__name__}.{name}" for name in names if name.isidentifier())
    return [importlib.import_module(name) for name in [*units, "flowcore._fifo", "flowcore._reader"]]


CAPSULES: list[object] = []
RESOURCE_FACTORIES: dict[str, Callable[[str, Mapping[str, Any]], object]] = {}


def find_formula(op: str, dtype: int) -> int:
    """The number of the line of elementwise.def for `op` of `dtype`, by its number;

    -1 where there is none, as in a build without that unit.
    """
    return -1


def find_row_loops(op: str, dtype: int) -> int:
    """Where the loops of a reduction of `dtype`, by its number, lie that a fused node may call; 0
    where there are none.
    """
    return 0


def new_kept() -> object:
    """The state, as a capsule, of a node whose kernel keeps what it made of a constant
    (FC_KEEPS_CONSTANT).
    """
    raise NotImplementedError("no unit of this build keeps constants")


for _unit in _units():
    CAPSULES += _unit.KERNELS
    find_formula = getattr(_unit, "find_formula", find_formula)
    find_row_loops = getattr(_unit, "find_row_loops", find_row_loops)
    new_kept = getattr(_unit, "new_kept", new_kept)
    for _name in vars(_unit):
        if _name.startswith("create_"):
            RESOURCE_FACTORIES[_name.removeprefix("create_")] = getattr(_unit, _name)

blas.choose()
