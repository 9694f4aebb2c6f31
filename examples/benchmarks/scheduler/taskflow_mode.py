"""The graphs in Taskflow (C++), compiled here; the program's header is found as the compiler finds it."""

import ctypes
import pathlib
import subprocess
import tempfile

import numpy as np
import shapes

SOURCE = pathlib.Path(__file__).with_suffix(".cpp")


def prepare(threads, shape, nodes):
    with tempfile.TemporaryDirectory() as folder:
        library = f"{folder}/graph.so"
        subprocess.run(
            [
                "g++",
                "-std=c++20",
                "-O3",
                "-march=native",
                "-pthread",
                "-shared",
                "-fPIC",
                str(SOURCE),
                "-o",
                library,
            ],
            check=True,
        )
        program = ctypes.CDLL(library)
    inputs = np.ascontiguousarray(shapes.inputs(shape, nodes), np.int64)
    program.build(ctypes.c_int(threads), ctypes.c_int64(nodes), inputs.ctypes.data_as(ctypes.c_void_p))

    def run(calls):
        program.run(ctypes.c_int64(calls))

    return run
