"""Every Python snippet of the documentation runs and prints what the page says."""

from __future__ import annotations

import importlib.util
import pathlib
import subprocess
import sys

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
RUNNER = pathlib.Path(__file__).with_name("page.py")
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]

_spec = importlib.util.spec_from_file_location("page", RUNNER)
page = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(page)


def run(path: pathlib.Path, folder: pathlib.Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(RUNNER), str(path)]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, timeout=100)


@pytest.mark.parametrize(
    "path",
    [p for p in PAGES if p.exists() and page.snippets(p.read_text())],
    ids=lambda p: str(p.relative_to(ROOT)),
)
def test_snippets_run(path, tmp_path):
    done = run(path, tmp_path)
    assert done.returncode == 0, done.stderr


def test_a_wrong_output_and_a_failing_snippet_are_seen(tmp_path):
    wrong = tmp_path / "wrong.md"
    wrong.write_text("# A\n\n```python\nprint(1 + 1)\n```\n\n```text\n3\n```\n")
    assert f"{wrong}:4 prints" in run(wrong, tmp_path).stderr
    failing = tmp_path / "failing.md"
    failing.write_text('```python\nx = 1\n```\n\n```python title="why"\nx + y\n```\n')
    assert "line 6, in <module>" in run(failing, tmp_path).stderr


def test_few_snippets_do_not_run():
    marked = [p for p in PAGES if 'title="not run: ' in p.read_text()]
    assert len(marked) <= 3, marked


def test_no_snippet_escapes_by_its_fence():
    """Python in a block of another name, or indented, would not run."""
    for path in PAGES:
        for line in path.read_text().splitlines():
            words = line.strip().removeprefix("```").split()
            if line.strip().startswith("```") and words:
                assert words[0] in ("python", "text"), f"{path}: {line}"
                assert line.startswith("```"), f"{path}: an indented block: {line}"
