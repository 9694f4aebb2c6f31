"""What this installation computes with, for bug reports."""

from __future__ import annotations

import platform
import sys

import numpy as np

from flowcore._version import __version__
from flowcore.config import Settings
from flowcore.kernels import blas
from flowcore.runtime.list_devices import list_devices
from flowcore.runtime.session import thread_count

__all__ = ["show_config"]


def show_config() -> None:
    """Prints what this installation computes with, for bug reports.

    That is versions, threads, where matrix products come from, and all devices, which it opens.

    Example:
        >>> fc.show_config()  # doctest: +ELLIPSIS
        flowcore ..., NumPy ..., Python ... on ...
        threads: ...
        matrix products: ...
        /device:CPU:0: ...
    """
    print(
        f"flowcore {__version__}, NumPy {np.__version__}, Python {platform.python_version()} on"
        f" {platform.system()} {platform.machine()}"
    )
    print(f"threads: {thread_count(Settings())}; byte order: {sys.byteorder}")
    print(f"matrix products: {blas.info()}")
    for device in list_devices():
        if device.problem:
            print(f"not usable: {device.description}, {device.platform}: {device.problem}")
        else:
            maker = f", {device.platform}, driver {device.driver}" if device.platform else ""
            print(f"{device.name}: {device.description}{maker}")
