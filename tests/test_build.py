"""What `import flowcore` says where it was not built, or was built from other sources."""

import importlib.machinery
import os
import pathlib
import re
import shutil
import subprocess
import sys

import pytest

import flowcore

PACKAGE = pathlib.Path(flowcore.__file__).parent
SUFFIX = importlib.machinery.EXTENSION_SUFFIXES[0]


@pytest.fixture
def checkout(tmp_path):
    """A copy of the package in a folder that looks like a checkout."""
    shutil.copytree(PACKAGE, tmp_path / "flowcore", ignore=shutil.ignore_patterns("__pycache__", "*.c"))
    (tmp_path / "setup.py").touch()
    return tmp_path


def import_error(folder: pathlib.Path) -> str:
    """The last line of what an import in a fresh interpreter ends with."""
    done = subprocess.run(
        [sys.executable, "-c", "import flowcore"],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(folder)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1, "it was imported"
    return done.stderr.splitlines()[-1]


def test_the_copy_as_it_stands_is_imported(checkout):
    with pytest.raises(AssertionError, match="it was imported"):
        import_error(checkout)


def test_an_unbuilt_checkout(checkout):
    for module in checkout.rglob("*.so"):
        module.unlink()
    assert import_error(checkout) == (
        f"ImportError: flowcore is not built: {checkout}/flowcore lacks _buffer{SUFFIX}, _fifo{SUFFIX},"
        f" _reader{SUFFIX}, _engine{SUFFIX}. Build it:"
        f" run `pip install -e .` in {checkout} (it needs a C compiler)"
    )


def test_every_module_of_cython_is_looked_for():
    sources = {p.stem for p in PACKAGE.glob("_*.pyx")}
    assert not sources or sources == set(flowcore._build._UNITS)


def test_one_module_is_missing(checkout):
    (checkout / "flowcore" / f"_fifo{SUFFIX}").unlink()
    assert f"lacks _fifo{SUFFIX}. Build it" in import_error(checkout)


def test_a_build_for_another_python(checkout):
    module = checkout / "flowcore" / f"_engine{SUFFIX}"
    module.rename(module.with_name("_engine.cpython-399-x86_64-linux-gnu.so"))
    assert (
        f"lacks _engine{SUFFIX} (_engine.cpython-399-x86_64-linux-gnu.so is for another Python). Build it"
        in (import_error(checkout))
    )


def test_a_build_of_older_sources(checkout):
    header = checkout / "flowcore" / "_kernel.h"
    text, count = re.subn(r"(#define FC_ABI) 0x\w+", r"\1 999", header.read_text())
    assert count == 1
    header.write_text(text)
    error = import_error(checkout)
    assert "flowcore's build is not one of the sources beside it" in error
    assert f"{header} is version 999. Build it: run `pip install -e .` in {checkout}" in error


def test_an_installation_that_lacks_a_module(checkout):
    (checkout / "setup.py").unlink()
    (checkout / "flowcore" / f"_buffer{SUFFIX}").unlink()
    assert import_error(checkout).endswith("Install it anew: pip install --force-reinstall flowcore")
