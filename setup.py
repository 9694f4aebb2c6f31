"""Extension modules of flowcore; everything else is in pyproject.toml.

Each folder flowcore/kernels/<unit>/ with C files becomes the extension flowcore.kernels._<unit>: a
new kernel needs no edit here.

`build_ext` compiles an object file anew only where its source, a header that it includes, or its
command has changed since: the compiler writes down what it has read (-MMD).

FLOWCORE_SANITIZE=thread|address builds under that sanitizer, FLOWCORE_ONLY=_engine,_array builds
only these, FLOWCORE_JOBS sets the number of compilers run at once.
"""

import os
import pathlib
import shlex
import sys
from concurrent.futures import ThreadPoolExecutor

import numpy
from Cython.Build import cythonize
from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext

ROOT = pathlib.Path(__file__).parent.resolve()
os.chdir(ROOT)
HEADERS = sorted(
    str(p)
    for folder, suffixes in (("flowcore", {".h"}), ("opencl_kernels", {".h", ".def"}))
    for p in pathlib.Path(folder).rglob("*")
    if p.suffix in suffixes
)
JOBS = int(os.environ.get("FLOWCORE_JOBS") or os.cpu_count() or 1)
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


class BuildExt(build_ext):
    """build_ext that keeps object files, compiles only stale ones, and JOBS of them at once."""

    def build_extensions(self) -> None:
        with ThreadPoolExecutor(JOBS) as self.compilers:
            self.compiler.compile = self.compile_stale
            super().build_extensions()

    def compile_stale(
        self, sources, output_dir=None, macros=None, include_dirs=None, debug=0, extra_preargs=None,
        extra_postargs=None, depends=None,
    ):  # fmt: skip
        """Takes the place of the compiler's own method, which compiles all files of an extension."""
        compiler = self.compiler
        _, objects, postargs, pp_opts, build = compiler._setup_compile(
            output_dir, macros, include_dirs, sources, None, extra_postargs
        )
        args = compiler._get_cc_args(pp_opts, debug, extra_preargs)

        def compile_one(obj: str) -> None:
            source, suffix = build[obj]
            command = shlex.join([*compiler.compiler_so, *args, source, *postargs])
            if is_fresh(pathlib.Path(obj), command):
                return
            compiler._compile(obj, source, suffix, args, [*postargs, "-MMD", "-MF", obj + ".d"], pp_opts)
            pathlib.Path(obj + ".command").write_text(command)

        list(self.compilers.map(compile_one, objects))
        return objects


def is_fresh(obj: pathlib.Path, command: str) -> bool:
    """Whether an object file is newer than all that it was made of, by the same command."""
    try:
        made = obj.stat().st_mtime_ns
        if pathlib.Path(f"{obj}.command").read_text() != command:
            return False
        read = pathlib.Path(f"{obj}.d").read_text().replace("\\\n", " ").partition(":")[2]
        return all(pathlib.Path(name).stat().st_mtime_ns < made for name in shlex.split(read))
    except OSError:  # never compiled, or one of its headers is gone
        return False


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
            "protos/*.bin",
            "protos/*.proto",
            "protos/*.pyi",
        ],
        "flowcore.opencl_kernels": ["*.def", "formulas/*.def", "*.cl"],
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
    cmdclass={"build_ext": BuildExt},
    options={"build_ext": {"parallel": JOBS}},
)
