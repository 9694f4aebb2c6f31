"""The documentation site is complete: every public name has its entry, every page is in the navigation."""

from __future__ import annotations

import importlib
import inspect
import pathlib
import re

import flowcore as fc

ROOT = pathlib.Path(__file__).resolve().parents[2]
MODULES = {
    module
    for page in (ROOT / "docs" / "reference").glob("*.md")
    for module in re.findall(r"^::: (\S+)$", page.read_text(), re.MULTILINE)
}


def test_the_reference_names_modules_that_exist():
    for module in MODULES:
        importlib.import_module(module)


def test_every_public_function_and_class_is_in_the_reference():
    exported = {
        name for module in MODULES for name in getattr(importlib.import_module(module), "__all__", ())
    }
    for public in (fc, fc.nn, fc.image, fc.train, fc.errors, fc.test, fc.timeline):
        for name, value in vars(public).items():
            described = inspect.isclass(value) or inspect.isroutine(value)
            if name.startswith("_") or not described or not value.__module__.startswith("flowcore"):
                continue
            if value.__module__.startswith("flowcore._"):
                continue  # a helper that a public module imports
            found = name in exported or value.__module__ in MODULES
            assert found, f"{public.__name__}.{name} of {value.__module__}"


def test_every_page_is_in_the_navigation_once():
    listed = re.findall(r"([\w/-]+\.md)$", (ROOT / "mkdocs.yml").read_text(), re.MULTILINE)
    pages = [str(p.relative_to(ROOT / "docs")) for p in (ROOT / "docs").rglob("*.md")]
    assert sorted(listed) == sorted(pages)


def test_nothing_is_loaded_from_elsewhere():
    text = (ROOT / "mkdocs.yml").read_text()
    assert "font: false" in text
    assert not re.search(r"https?:|analytics|extra_javascript", text)


def test_prose_is_wrapped():
    """100 columns, but for tables and what cannot be broken: `mdformat --wrap 100 --compact-tables`."""
    for page in [ROOT / "CONTRIBUTING.md", *(ROOT / "docs").rglob("*.md")]:
        for number, line in enumerate(page.read_text().splitlines(), 1):
            breakable = " " in re.sub(r"`[^`]*`|\[[^]]*\]\([^)]*\)", "", line.strip().lstrip("-0123456789. "))
            wide = len(line) > 100 and not line.startswith("|") and breakable
            assert not wide, f"{page.relative_to(ROOT)}:{number} has {len(line)} columns"
