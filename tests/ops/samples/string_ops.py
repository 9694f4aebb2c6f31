"""Samples of the ops in flowcore/ops/string_ops.py."""

from __future__ import annotations

TESTED_BY = {"ops/test_string_ops.py::test_strings_are_joined": ["StringJoin"]}
