"""What a type checker says of scripts that use flowcore, under `mypy --strict`."""

import pathlib
import re
import subprocess
import sys

import pytest

import flowcore

HERE = pathlib.Path(__file__).parent
USER_SCRIPT = HERE / "user_script.py"
TYPOS = HERE / "typos.py"


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    """Both scripts import flowcore, which is read once."""
    return tmp_path_factory.mktemp("mypy")


def mypy(script: pathlib.Path, cache: pathlib.Path) -> list[str]:
    """The lines of mypy's report on a script; what flowcore itself is made of is not reported."""
    package = pathlib.Path(flowcore.__file__).parent.parent
    command = [
        *(sys.executable, "-m", "mypy", "--strict", "--follow-imports=silent", "--config-file="),
        *("--no-pretty", "--no-color-output", f"--cache-dir={cache}", str(script)),
    ]
    environment = {"MYPYPATH": str(package), "PATH": ""}
    # site-packages on MYPYPATH are refused by mypy, which finds them itself
    if package.name == "site-packages":
        del environment["MYPYPATH"]
    done = subprocess.run(command, cwd=cache, env=environment, capture_output=True, text=True, check=False)
    assert not done.stderr, done.stderr
    return done.stdout.splitlines()


def test_a_users_script_passes(cache):
    report = mypy(USER_SCRIPT, cache)
    assert report == ["Success: no issues found in 1 source file"], "\n".join(report)


def test_typos_are_flagged(cache):
    expected = {
        (number, found[1])
        for number, line in enumerate(TYPOS.read_text().splitlines(), 1)
        if (found := re.search(r"# error: (\S+)$", line))
    }
    report = mypy(TYPOS, cache)
    found = {
        (int(line[1]), line[2])
        for text in report
        if (line := re.match(r".*?:(\d+): error: .* \[([a-z-]+)\]$", text))
    }
    assert found == expected, "\n".join(report)


def test_the_users_script_runs():
    done = subprocess.run([sys.executable, str(USER_SCRIPT)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.endswith("[1.0, 2.0, 3.0]\n")
