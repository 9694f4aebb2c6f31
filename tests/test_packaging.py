"""What is released: version, change log and tag agree; the distribution holds all that it needs."""

from __future__ import annotations

import pathlib
import re
import subprocess
import sys
import tarfile

import pytest

import flowcore

ROOT = pathlib.Path(__file__).parents[1]
pytestmark = pytest.mark.skipif(not (ROOT / "setup.py").is_file(), reason="needs the source tree")


def git(*args: str) -> str:
    done = subprocess.run(["git", *args], cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip("not a git checkout")
    return done.stdout


def test_the_change_log_begins_with_unreleased_and_names_the_version():
    headings = re.findall(r"^## (.+)$", (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), re.M)
    assert headings[0] == "Unreleased"
    released = [heading.split()[0] for heading in headings[1:]]
    assert not released or released[0] == flowcore.__version__


def test_a_tag_agrees_with_the_version():
    tags = [tag for tag in git("tag", "--points-at", "HEAD").split() if tag.startswith("v")]
    assert tags in ([], [f"v{flowcore.__version__}"])


def test_the_source_distribution_holds_what_git_tracks(tmp_path):
    tracked = {
        name
        for name in git("ls-files").splitlines()
        if not name.startswith((".ci/", ".github/", ".git")) and name != ".pre-commit-config.yaml"
    }
    subprocess.run(
        [sys.executable, "setup.py", "-q", "sdist", "--dist-dir", str(tmp_path)],
        cwd=ROOT,
        capture_output=True,
        check=True,
    )
    [archive] = tmp_path.iterdir()
    with tarfile.open(archive) as tar:
        packed = {name.partition("/")[2] for name in tar.getnames()}
    assert tracked - packed == set()
    assert not [name for name in packed if name.endswith((".so", ".pyc"))]
