"""The table of kernels in Python, and what each of them needs. Knows no graph."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from flowcore import errors

__all__ = ["PYTHON_KERNELS", "invalid", "kernel"]

#: Op type -> factory (node name, attributes) -> callable(*arrays) -> array or tuple, which the engine
#: calls with the GIL. An exception of flowcore.errors chooses the class that the user sees.
PYTHON_KERNELS: dict[str, Callable[[str, Mapping[str, Any]], Callable[..., Any]]] = {}


def kernel(op_type: str) -> Callable[[Any], Any]:
    """Registers the factory that it decorates."""

    def add(factory: Any) -> Any:
        PYTHON_KERNELS[op_type] = factory
        return factory

    return add


def invalid(message: str) -> errors.InvalidArgumentError:
    """The error of an input that a kernel cannot take."""
    return errors.InvalidArgumentError(None, None, message)
