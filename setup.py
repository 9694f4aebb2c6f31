"""Extension modules of flowcore; everything else is in pyproject.toml.

Each folder flowcore/kernels/<unit>/ with C files becomes the extension flowcore.kernels._<unit>: a
new kernel needs no edit here.

FLOWCORE_SANITIZE=thread|address builds under that sanitizer, FLOWCORE_ONLY=_engine,_array builds
only these, FLOWCORE_JOBS sets the number of compilers run at once.
"""

import os
import pathlib
import sys

import numpy
from Cython.Build import cythonize
from setuptools import Extension, setup

ROOT = pathlib.Path(__file__).parent.resolve()
os.chdir(ROOT)
HEADERS = sorted(str(p) for p in pathlib.Path("flowcore").rglob("*.h")) + sorted(
    str(p) for p in pathlib.Path("opencl_kernels").glob("*")
)
SANITIZE = os.environ.get("FLOWCORE_SANITIZE", "")
ONLY = [name for name in os.environ.get("FLOWCORE_ONLY", "").split(",") if name]

# Contraction is off everywhere: a formula gives the same bits on every device. Relaxed math is
# never set globally. Python's own flags ask for debugging symbols, two thirds of the installed
# size: not here.
COMPILE = [
    "-O3",
    "-g0",
    "-ffp-contract=off",
    "-fno-math-errno",
    "-fno-trapping-math",
    "-fwrapv",
    "-fvisibility=hidden",
    "-pthread",
]
if SANITIZE:
    COMPILE = [
        "-O1",
        "-g",
        "-ffp-contract=off",
        "-fno-omit-frame-pointer",
        f"-fsanitize={SANITIZE}",
        "-DFC_NO_CLONES",
        "-DFC_DEBUG",
        "-pthread",
    ]
LINK = ["-pthread", *([f"-fsanitize={SANITIZE}"] if SANITIZE else [])]
if sys.platform.startswith("linux"):
    LINK += ["-lm", "-ldl"]


def extension(name: str, sources: list[str]) -> Extension:
    return Extension(
        name,
        sources=sources,
        include_dirs=["flowcore", "opencl_kernels", numpy.get_include()],
        define_macros=[("NPY_NO_DEPRECATED_API", "NPY_2_0_API_VERSION")],
        extra_compile_args=COMPILE,
        extra_link_args=LINK,
        depends=HEADERS,
    )


def kernel_units() -> list[Extension]:
    folders = sorted({p.parent for p in pathlib.Path("flowcore/kernels").glob("*/module.c")})
    return [
        extension(f"flowcore.kernels._{folder.name}", sorted(str(p) for p in folder.glob("*.c")))
        for folder in folders
    ]


opencl_unit = extension(
    "flowcore.opencl._opencl", sorted(str(p) for p in pathlib.Path("flowcore/opencl").glob("*.c"))
)
cython_units = [
    extension(f"flowcore.{p.stem}", [str(p)]) for p in sorted(pathlib.Path("flowcore").glob("_*.pyx"))
]
extensions = [
    e for e in [*cython_units, *kernel_units(), opencl_unit] if not ONLY or e.name.rsplit(".", 1)[1] in ONLY
]

setup(
    packages=[
        *(
            "flowcore" + "".join(f".{part}" for part in p.parent.relative_to("flowcore").parts)
            for p in sorted(pathlib.Path("flowcore").rglob("__init__.py"))
        ),
        "flowcore.opencl_kernels",
    ],
    package_dir={"flowcore.opencl_kernels": "opencl_kernels"},
    package_data={
        "flowcore": [
            "py.typed",
            "*.pyi",
            "*.h",
            "*.pxd",
            "kernels/*.h",
            "kernels/*.pyi",
            "opencl/*.h",
            "opencl/*.pyi",
        ],
        "flowcore.opencl_kernels": ["*.def", "*.cl", "*.h"],
    },
    ext_modules=cythonize(
        extensions,
        language_level=3,
        compiler_directives={
            "binding": True,
            "embedsignature": True,
            "boundscheck": False,
            "wraparound": False,
            "cdivision": True,
            "initializedcheck": False,
        },
    ),
    options={"build_ext": {"parallel": int(os.environ.get("FLOWCORE_JOBS", os.cpu_count() or 1))}},
)
