"""OpenCL programs: from opencl_kernels/ and build options to a built program.

Owns: composing source text, building it, and saying what went wrong. A program is asked for by file
name and options, words like "T=float32 R=bool FORMULA=Less": `FORMULA` picks a line of
elementwise.def, a dtype name makes an element type, anything else is a macro. A fused program,
several lines of elementwise.def in one, is written out in the options: see fused_text.py.
"""

from __future__ import annotations

import contextlib
import os
import pathlib
import warnings
from typing import Any

from flowcore import locks
from flowcore.opencl import stored
from flowcore.opencl.formulas import (
    CLASSES,
    FLOORMOD,
    INTEGER,
    TYPES,
    cast_macro,
    formula_for,
    formula_source,
    formulas,
    function_names,
    kernel_text,
    type_macros,
)
from flowcore.opencl.fused_text import fused_source

__all__ = ["Programs", "cache_folder", "formula_for", "formula_source", "formulas", "source"]


def source(file: str, options: str) -> str:
    """The whole text of a program.

    Raises KeyError for an unknown formula, FileNotFoundError for an unknown file.
    """
    words = dict(word.split("=", 1) for word in options.split())
    if "FUSED" in words:
        macros = [f"#define {name} {words[name]}\n" for name in ("OP", "DIVIDE") if name in words]
        return "".join(
            [
                fused_source(words["FUSED"], words["ACCESS"], int(words["AXES"]), words.get("R", "")),
                *macros,
                kernel_text(file + ".cl"),
            ]
        )
    types = {name: value for name, value in words.items() if value in TYPES}
    used = {TYPES[dtype][1] for dtype in types.values()}
    parts = ["#pragma OPENCL EXTENSION cl_khr_fp64 : enable\n"] if "double" in used else []
    parts += [kernel_text("prelude.cl")]
    parts += [type_macros(name, dtype) for name, dtype in types.items()]
    parts += [
        f"#define {name} {value}\n"
        for name, value in words.items()
        if name not in types and name != "FORMULA"
    ]
    if used & {"float", "double"}:
        double = "double" in used
        parts += [kernel_text("functions.def")]
        parts += [function_names(double)]
        parts += [FLOORMOD] if double else []
    if "T" in types and "R" in types:
        parts += [cast_macro(types["T"], types["R"])]
    if "FORMULA" in words:
        refuses = formula_for(words["FORMULA"], types["T"]).refuses
        parts += [INTEGER] if types["T"] in CLASSES["INT"] else []
        parts += [
            formula_source(words["FORMULA"], types["T"], "formula"),
            "#define FORMULA(x, y) formula(x, y)\n",
        ]
        parts += [f"#define REFUSES(y) ({refuses})\n"] if refuses else []
    return "".join(parts) + kernel_text(file + ".cl")


class Programs:
    """The programs of one device. `build` is what the launchers call, from any thread."""

    def __init__(self, context: Any, device: Any, flags: str) -> None:
        self.context = context
        self.device = device
        self.flags = flags
        self.compiled = 0
        self._built: dict[tuple[str, str], Any] = {}
        self._lock = locks.lock()

    def build(self, file: str, options: str) -> int:
        """The address of the built program. Raises RuntimeError with the compiler's log."""
        with self._lock:
            program = self._built.get((file, options))
            if program is None:
                program = self._built[file, options] = self._load_or_compile(file, options)
        return program.int_ptr

    def _load_or_compile(self, file: str, options: str) -> Any:
        import pyopencl as cl
        from pyopencl.characterize import has_src_build_cache

        text = source(file, options)
        key = self._key(text)
        path = None if has_src_build_cache(self.device) else _cache_file(key)
        program = self._stored(path, key) if path is not None else None
        if program is not None:
            return program
        try:
            program = compiled(self.context, self.device, self.flags, text)
        except cl.RuntimeError as error:
            raise RuntimeError(
                f"{self.device.name} could not build {file}.cl with {options!r}:\n{str(error).strip()}"
            ) from None
        self.compiled += 1
        if path is not None:
            # a folder that cannot be written to keeps nothing
            with contextlib.suppress(OSError):
                stored.write(path, key, program.get_info(cl.program_info.BINARIES)[0])
        return program

    def _stored(self, path: pathlib.Path, key: str) -> Any:
        """The program that is kept there, or None."""
        import pyopencl as cl

        content = stored.read(path, key)
        if content is None:
            return None
        with stored.may_read(path) as allowed:
            if not allowed:
                return None
            try:
                return _built(cl.Program(self.context, [self.device], [content]), self.flags, self.device)
            except cl.Error:
                return None  # of another version of the driver

    def _key(self, text: str) -> str:
        """All that a built program depends on."""
        device = self.device
        return chr(0).join(
            (
                device.platform.name,
                device.platform.version,
                device.name,
                device.version,
                device.driver_version,
                self.flags,
                text,
            )
        )


def _cache_file(key: str) -> pathlib.Path | None:
    folder = cache_folder()
    return None if folder is None else folder / stored.file_name(key, ".bin")


def compiled(context: Any, device: Any, flags: str, text: str) -> Any:
    """A program built from source, by no cache of pyopencl's: that one stays locked for ever when a
    process dies in it.
    """
    import pyopencl as cl

    program = cl.Program(context, text)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        _ = program.int_ptr  # the program itself exists now, and the cache is left alone
    return _built(program, flags, device)


def _built(program: Any, flags: str, device: Any) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # remarks of the compiler
        return program.build(flags, devices=[device])


def cache_folder() -> pathlib.Path | None:
    """Where built programs are kept between processes: FLOWCORE_CACHE ("none": nowhere), else the
    user's cache folder.
    """
    choice = os.environ.get("FLOWCORE_CACHE", "")
    if choice.lower() == "none":
        return None
    if choice:
        return pathlib.Path(choice)
    try:
        return pathlib.Path(os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache") / "flowcore"
    except RuntimeError:  # no home
        return None
