"""Ops on strings."""

from __future__ import annotations

import numpy as np
import pytest

import flowcore as fc


def test_strings_are_joined() -> None:
    long = "x" * 100
    with fc.Session() as sess:
        assert sess.run(fc.string_join(["a", "b", long])) == f"ab{long}".encode()
        joined = fc.string_join([[["a"], [long]], "", [["c"], ["d"]]], separator="--")
        assert joined.shape == [2, 1]
        assert sess.run(joined).tolist() == [[b"a----c"], [long.encode() + b"----d"]]
        assert sess.run(fc.string_join([np.zeros([0], object), "b"])).tolist() == []
        unknown = fc.placeholder(fc.string)
        joined = fc.string_join([unknown, ["a", "b"]])
        assert joined.shape.ndims is None
        assert sess.run(joined, {unknown: b"x"}).tolist() == [b"xa", b"xb"]
        with pytest.raises(fc.errors.InvalidArgumentError, match=r"has shape \[2\] and another one \[3\]"):
            sess.run(joined, {unknown: [b"x"] * 3})
    with pytest.raises(ValueError):
        fc.string_join([["a"], ["b", "c"]])
    with pytest.raises(TypeError):
        fc.string_join([1, 2])
