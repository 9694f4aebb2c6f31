"""Kernels in Python: image files, file patterns, printing.

Importing it fills `PYTHON_KERNELS`. A new kernel is a function in a file of its subject here, or in a
new one, which is then imported below.
"""

from flowcore.kernels.in_python import file_patterns, image_files, messages
from flowcore.kernels.in_python.registry import PYTHON_KERNELS

__all__ = ["PYTHON_KERNELS", "file_patterns", "image_files", "messages"]
