"""Checks, when it is imported, that the compiled modules are there and fit the sources beside them, and
says what to run where they do not.

Must be imported before anything that needs them, and import nothing of flowcore but them.
"""

from __future__ import annotations

import os
from importlib.machinery import EXTENSION_SUFFIXES
from types import ModuleType

_PACKAGE = os.path.dirname(os.path.abspath(__file__))
#: Without these nothing works; the units of kernels are found.
_UNITS = ("_buffer", "_fifo", "_reader", "_engine")


def _check_files() -> None:
    missing = [unit for unit in _UNITS if not _is_built(unit)]
    if missing:
        files = ", ".join(unit + EXTENSION_SUFFIXES[0] for unit in missing)
        raise ImportError(
            f"flowcore is not built: {_PACKAGE} lacks {files}{_others(missing[0])}. {_advice()}"
        )


def _check_interface(engine: ModuleType) -> None:
    found, wanted = getattr(engine, "ABI", None), _wanted_abi()
    if found != wanted:
        raise ImportError(
            f"flowcore's build is not one of the sources beside it: {engine.__file__} has"
            f" {'an older interface' if found is None else f'interface {found}'} of kernels,"
            f" {os.path.join(_PACKAGE, '_kernel.h')} is version {wanted}. {_advice()}"
        )


def _is_built(unit: str) -> bool:
    return any(os.path.exists(os.path.join(_PACKAGE, unit) + suffix) for suffix in EXTENSION_SUFFIXES)


def _others(unit: str) -> str:
    """Says so where the module was built for another Python."""
    built = [f for f in os.listdir(_PACKAGE) if f.startswith(f"{unit}.") and f.endswith((".so", ".pyd"))]
    return f" ({min(built)} is for another Python)" if built else ""


def _wanted_abi() -> int:
    with open(os.path.join(_PACKAGE, "_kernel.h"), encoding="utf-8") as header:
        for line in header:
            if line.startswith("#define FC_ABI "):
                return int(line.split()[2], 0)
    raise ImportError(f"{header.name} does not define FC_ABI. {_advice()}")


def _advice() -> str:
    root = os.path.dirname(_PACKAGE)
    if not os.path.exists(os.path.join(root, "setup.py")):
        return "Install it anew: pip install --force-reinstall flowcore"
    return f"Build it: run `pip install -e .` in {root} (it needs a C compiler)"


_check_files()

from flowcore import _engine  # noqa: E402  (after what explains why it may be missing)

_check_interface(_engine)
