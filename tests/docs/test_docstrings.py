"""Every public function, class and method is described in full, and its example prints what it says.

A description is one line that ends with a full stop; Args with an entry per parameter; Returns; Raises;
an Example that is a doctest. It is written for mkdocstrings, in Google's style.
"""

from __future__ import annotations

import builtins
import doctest
import enum
import inspect
import pathlib
import re
import types
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
import pytest

import flowcore as fc

PUBLIC = (fc, fc.nn, fc.image, fc.train, fc.test, fc.timeline, fc.errors)

#: What raises nothing, whatever it is given, and why.
NEVER_RAISES = {
    "flowcore.errors.OpError": "takes any objects",
    "flowcore.errors.exception_for": "takes any object",
    "flowcore.runtime.list_devices.DeviceDescription": "a record",
    "flowcore.timeline.NodeStats": "a record",
    **dict.fromkeys(
        [
            "flowcore.train.saving_hooks.CheckpointSaverListener.before_save",
            "flowcore.train.saving_hooks.CheckpointSaverListener.after_save",
            "flowcore.train.saving_hooks.CheckpointSaverListener.end",
            "flowcore.train.session_run_hook.SessionRunHook.after_create_session",
            "flowcore.train.session_run_hook.SessionRunHook.before_run",
            "flowcore.train.session_run_hook.SessionRunHook.after_run",
            "flowcore.train.session_run_hook.SessionRunHook.end",
        ],
        "does nothing: classes of users' own override it",
    ),
    "flowcore.train.session_run_hook.SessionRunArgs": "a record",
    "flowcore.train.session_run_hook.SessionRunContext": "takes any objects",
    "flowcore.train.session_run_hook.SessionRunValues": "a record",
    "flowcore.graph.graph.Graph.is_fetchable": "takes any object",
    "flowcore.graph.scopes.container": "takes any object",
    "flowcore.ops.check_ops.is_numeric_tensor": "takes any object",
    "flowcore.ops.variable_scope.no_regularizer": "takes any object",
    "flowcore.ops.variable_scope.VariableScope.set_caching_device": "takes any object",
    "flowcore.ops.variable_scope.VariableScope.set_initializer": "what it gets is used later",
}

#: Classes that the library makes and users only meet: their constructors are not described.
MADE_BY_THE_LIBRARY = {
    "flowcore.dtypes.DType",
    "flowcore.graph.operation.Operation",
    "flowcore.graph.operation.Tensor",
}

SECTION = re.compile(r"^(Args|Returns|Yields|Raises|Example|Note):$")
ENTRY = re.compile(r"^ {4}\*{0,2}(\w+): \S")


class Described(NamedTuple):
    """A public object, the name that it is defined under, and what its description must have."""

    name: str
    value: Any
    level: str  # "full": all sections; "line": the first line is enough

    @property
    def doc(self) -> str:
        return inspect.getdoc(self.value) or "" if self.value.__doc__ else ""

    @property
    def sections(self) -> dict[str, list[str]]:
        found: dict[str, list[str]] = {}
        lines: list[str] = []
        for line in self.doc.splitlines():
            if match := SECTION.match(line):
                lines = found.setdefault(match[1], [])
            elif line and not line.startswith(" "):
                lines = []
            else:
                lines.append(line)
        return found

    def entries(self, section: str) -> list[str]:
        """The names that a section describes. A line that is neither an entry nor within one is its own."""
        lines = [line for line in self.sections.get(section, ()) if line and line[:8].strip()]
        return [m[1] if (m := ENTRY.match(line)) else line for line in lines]

    @property
    def parameters(self) -> list[str]:
        """The names of the parameters but for self and cls; a class has those of its constructor."""
        function = self.value
        if inspect.isclass(function):
            if hasattr(function, "_fields"):
                return list(function._fields)
            function = function.__init__
            if self.name in MADE_BY_THE_LIBRARY or function is object.__init__:
                return []
        receiver = ("self", "cls") if "." in function.__qualname__ else ()
        return [n for n in inspect.signature(function).parameters if n not in receiver]

    @property
    def returns_nothing(self) -> bool:
        return inspect.isclass(self.value) or self.value.__annotations__.get("return") in (None, "None")


def public_objects() -> Iterator[Described]:
    seen: set[int] = set()
    for module in PUBLIC:
        for name in sorted(vars(module)):
            value = getattr(module, name)
            if name.startswith("_") or not (inspect.isfunction(value) or inspect.isclass(value)):
                continue
            if not re.match(r"flowcore\.(?!_|arguments)", value.__module__):
                continue  # what a public module imports: typing, helpers
            if id(value) in seen:
                continue
            seen.add(id(value))
            where = f"{value.__module__}.{value.__name__}"
            yield Described(where, value, "line" if _is_plain(value) else "full")
            if inspect.isclass(value):
                yield from _members(where, value)


def _is_plain(value: Any) -> bool:
    """Whether a class says all in one line: an exception that another one describes, an enumeration."""
    return inspect.isclass(value) and (
        issubclass(value, enum.Enum) or (issubclass(value, Exception) and "__init__" not in vars(value))
    )


def _members(where: str, cls: type) -> Iterator[Described]:
    """Methods that a class defines. One that overrides, or has a meaning in the language, needs a line;
    one that every object has, such as __repr__, none.
    """
    for name, member in vars(cls).items():
        value = member.__func__ if isinstance(member, (classmethod, staticmethod)) else member
        is_method = isinstance(value, (types.FunctionType, property))
        special = name.startswith("__") and name.endswith("__")
        if not is_method or (name.startswith("_") and not special) or hasattr(builtins.object, name):
            continue
        overrides = any(hasattr(base, name) for base in cls.__mro__[1:])
        line_is_enough = special or overrides or isinstance(value, property)
        if name not in ("__slots__", "__dict__", "__weakref__", "__getattr__"):
            yield Described(f"{where}.{name}", value, "line" if line_is_enough else "full")


ALL = list(public_objects())
every = pytest.mark.parametrize("described", ALL, ids=[d.name.removeprefix("flowcore.") for d in ALL])


def _is_method(value: Any) -> bool:
    return isinstance(value, property) or (inspect.isfunction(value) and "." in value.__qualname__)


@every
def test_description(described: Described):
    assert described.doc, "there is none"
    first, *rest = described.doc.splitlines()
    assert first.endswith("."), f"the first line is no sentence: {first!r}"
    assert not rest or not rest[0], "a blank line follows the first"
    width = 92 if _is_method(described.value) else 96
    assert [line for line in described.doc.splitlines() if len(line) > width] == []
    if described.level == "line":
        return
    assert described.entries("Args") == described.parameters, "Args and the signature differ"
    for name in described.entries("Raises"):
        assert issubclass(getattr(builtins, name, None) or getattr(fc.errors, name), Exception)
    sections = described.sections
    if not described.returns_nothing:
        assert sections.get("Returns") or sections.get("Yields"), "Returns is missing"
    if described.name in NEVER_RAISES:
        assert "Raises" not in sections
    elif described.parameters:
        assert sections.get("Raises"), "Raises is missing"
    assert any(line.lstrip().startswith(">>>") for line in sections.get("Example", ())), "Example is missing"


@every
def test_example(described: Described, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    test = doctest.DocTestParser().get_doctest(
        described.doc, {"fc": fc, "np": np}, described.name, inspect.getsourcefile(fc), 0
    )
    failures: list[str] = []
    with np.printoptions(precision=6, suppress=False, linewidth=80):
        doctest.DocTestRunner(verbose=False).run(test, out=failures.append)
    assert not failures, "".join(failures)


def test_what_is_exempt_exists():
    assert {d.name for d in ALL} >= {*NEVER_RAISES, *MADE_BY_THE_LIBRARY}
