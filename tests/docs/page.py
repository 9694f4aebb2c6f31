"""Runs the Python snippets of a page of documentation, in order, in one namespace.

`python page.py PAGE.md`. A block that begins with three backticks and `python` runs. A `text` block
that follows one is what it prints; `...` in it stands for anything. A block that must not run has a
title that says why, which readers see too: title="not run: it waits for a camera".
"""

from __future__ import annotations

import contextlib
import doctest
import io
import pathlib
import re
import sys
from typing import NamedTuple

FENCE = re.compile(r"^```(?P<language>\w+)(?P<info>[^\n]*)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)


class Snippet(NamedTuple):
    line: int
    code: str
    output: str | None


def snippets(text: str) -> list[Snippet]:
    """The blocks that run, each with what it prints where the page shows that."""
    found: list[Snippet] = []
    runs = False
    for block in FENCE.finditer(text):
        line = text.count("\n", 0, block.start()) + 2
        if block["language"] == "python":
            runs = 'title="not run: ' not in block["info"]
            if runs:
                found.append(Snippet(line, block["text"], None))
        elif block["language"] == "text" and runs:
            found[-1] = found[-1]._replace(output=block["text"])
            runs = False
    return found


def run(page: pathlib.Path) -> None:
    """Raises what a snippet raises, and AssertionError where it prints something else."""
    namespace = {"__name__": "__main__"}
    checker = doctest.OutputChecker()
    for snippet in snippets(page.read_text()):
        printed = io.StringIO()
        # tracebacks name the page and its line
        code = compile("\n" * (snippet.line - 1) + snippet.code, str(page), "exec", dont_inherit=True)
        with contextlib.redirect_stdout(printed):
            exec(code, namespace)
        if snippet.output is not None:
            same = checker.check_output(snippet.output, printed.getvalue(), doctest.ELLIPSIS)
            assert same, (
                f"{page}:{snippet.line} prints\n{printed.getvalue()}but the page says\n{snippet.output}"
            )


if __name__ == "__main__":
    run(pathlib.Path(sys.argv[1]))
