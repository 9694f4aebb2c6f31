"""What this installation computes with, for bug reports."""

from __future__ import annotations

import platform
import sys

import numpy as np

from flowcore._version import __version__
from flowcore.config import ConfigProto
from flowcore.kernels import blas
from flowcore.runtime.devices import all_devices
from flowcore.runtime.session import thread_count

__all__ = ["show_config"]


def show_config() -> None:
    """Prints what this installation computes with, for bug reports.

    That is versions, processor, threads, devices, and where matrix products come from.

    Example:
        >>> fc.show_config()  # doctest: +ELLIPSIS
        flowcore ..., NumPy ..., Python ... on ...
        threads: ...
        matrix products: ...
    """
    print(
        f"flowcore {__version__}, NumPy {np.__version__}, Python {platform.python_version()} on"
        f" {platform.system()} {platform.machine()}"
    )
    print(
        f"threads: {thread_count(ConfigProto())}; devices: {', '.join(d.name for d in all_devices())}; byte"
        f" order: {sys.byteorder}"
    )
    print(f"matrix products: {blas.info()}")
