"""The global step: how it is read, and what is refused."""

from __future__ import annotations

import re
from typing import Any

import pytest

import flowcore as fc


def test_the_global_step_is_read_by_variable_tensor_or_name() -> None:
    step = fc.train.create_global_step()
    with fc.Session() as sess:
        sess.run(step.assign(7))
        for it in (step, step.read_value(), "global_step:0"):
            assert fc.train.global_step(sess, it) == 7


@pytest.mark.parametrize("empty", [True, False])
def test_what_is_not_in_the_graph_of_the_session_is_refused(empty: bool) -> None:
    step = fc.train.create_global_step()
    with fc.Graph().as_default() as graph:
        if not empty:
            fc.constant(1)
        other = fc.Session(graph=graph)
    cases: list[tuple[Any, type[Exception], str]] = [
        (step, ValueError, "'global_step:0' is of another graph than sess; make the session with"),
        (fc.identity(step, name="copy"), ValueError, "'copy:0' is of another graph"),
        ("global_step:0", ValueError, "no operation named 'global_step'; make the session with"),
        ("global_step", ValueError, "not the name of a tensor"),
        (None, TypeError, "must be a Variable, a Tensor or the name of one, found None"),
        (3, TypeError, "found 3"),
    ]
    with other:
        for it, error, message in cases:
            with pytest.raises(error, match=re.escape(message)):
                fc.train.global_step(other, it)
    with pytest.raises(TypeError, match="sess must be a flowcore Session, found 3"):
        fc.train.global_step(3, step)
