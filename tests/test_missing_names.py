"""The table of TensorFlow's names that are not there yet, and what asking for one says."""

from __future__ import annotations

import importlib
import pathlib
import re
import subprocess
import sys
from typing import Any

import pytest

import flowcore as fc
from flowcore._missing_members import MISSING_MEMBERS
from flowcore._missing_names import MISSING

NAMES = [(module, name) for module, names in MISSING.items() for name in names]


@pytest.mark.parametrize("module", MISSING)
def test_a_name_that_exists_leaves_the_table(module: str) -> None:
    there = vars(importlib.import_module(module))
    assert not [name for name in MISSING[module] if name in there]


@pytest.mark.parametrize(("module", "name"), NAMES)
def test_every_name_says_that_it_is_not_there_and_hasattr_is_false(module: str, name: str) -> None:
    owner = importlib.import_module(module)
    assert not hasattr(owner, name)
    remedy = MISSING[module][name]
    text = (
        f"^{re.escape(f'{module}.{name}')} is not there yet; {re.escape(f'use {remedy}') if remedy else ''}"
    )
    with pytest.raises(AttributeError, match=text) as error:
        getattr(owner, name)
    assert (error.value.name, error.value.obj) == (name, owner)
    with pytest.raises(ImportError, match=text):
        exec(f"from {module} import {name}", {})


def test_what_remedies_name_is_there() -> None:
    for module, names in MISSING.items():
        for name, remedy in names.items():
            for path in re.findall(r"flowcore((?:\.\w+)+)", remedy or ""):
                value: object = fc
                for part in path[1:].split("."):
                    assert hasattr(value, part), f"{module}.{name} advises flowcore{path}"
                    value = getattr(value, part)


def test_names_outside_the_table_are_plain_attribute_errors() -> None:
    with pytest.raises(AttributeError, match=r"^module 'flowcore' has no attribute 'placehloder'$"):
        fc.placehloder  # type: ignore[attr-defined]  # noqa: B018
    with pytest.raises(AttributeError, match=r"^module 'flowcore.nn' has no attribute 'rleu'$"):
        fc.nn.rleu  # type: ignore[attr-defined]  # noqa: B018
    with pytest.raises(ImportError, match="cannot import name 'placehloder'"):
        exec("from flowcore import placehloder", {})


def test_a_type_checker_flags_missing_names_and_typos(tmp_path: pathlib.Path) -> None:
    pytest.importorskip("mypy")
    script = tmp_path / "script.py"
    script.write_text(
        "import flowcore as tf\n\ntf.train.Supervisor()\ntf.placehloder\ntf.nn.top_k\ntf.test.main\n"
    )
    found = subprocess.run(
        [sys.executable, "-m", "mypy", "--cache-dir", str(tmp_path / "cache"), str(script)],
        capture_output=True,
        text=True,
        timeout=300,
    ).stdout
    assert re.findall(r"script\.py:(\d+): error: Module has no attribute", found) == ["3", "4", "5"], found


@pytest.mark.parametrize("path", MISSING_MEMBERS)
def test_a_member_that_is_missing_says_so_of_the_class_and_of_its_objects(path: str) -> None:
    cls: Any = fc
    for part in path.split("."):
        cls = getattr(cls, part)
    made = {"Variable": lambda: fc.Variable(1.0), "Session": fc.Session, "ReaderBase": fc.IdentityReader}
    owners = [cls, *([made[path]()] if path in made else [])]
    for name, remedy in MISSING_MEMBERS[path].items():
        advice = re.escape(f"use {remedy}") if remedy else ""
        text = f"^flowcore.{re.escape(path)}.{name} is not there yet; {advice}"
        for owner in owners:
            assert not hasattr(owner, name)
            with pytest.raises(AttributeError, match=text):
                getattr(owner, name)


def test_a_program_may_give_a_class_of_its_own_what_is_missing() -> None:
    class Kept(fc.Variable):
        def to_proto(self) -> str:
            return self.op.name

    assert Kept(1.0, name="kept").to_proto() == "kept"


@pytest.mark.parametrize("name", ["flowcore.contrib.slim", "flowcore.keras", "flowcore.compat.v1"])
def test_the_import_of_a_module_that_is_missing_says_so(name: str) -> None:
    text = re.escape(".".join(name.split(".")[:2])) + " is not there yet"
    with pytest.raises(ModuleNotFoundError, match=text):
        importlib.import_module(name)
    with pytest.raises(ModuleNotFoundError, match=r"No module named .flowcore.contribb"):
        importlib.import_module("flowcore.contribb")


@pytest.mark.parametrize(
    ("name", "instead"),
    [(name, "cond") for name in ("switch", "merge", "ref_switch", "ref_merge")]
    + [(name, "while_loop") for name in ("enter", "exit", "next_iteration", "loop_cond")],
)
def test_flat_control_flow_says_what_it_is_and_what_to_use(name: str, instead: str) -> None:
    with pytest.raises(AttributeError, match=rf"use flowcore\.{instead}; of this the graphs of TensorFlow 1"):
        getattr(fc, name)
