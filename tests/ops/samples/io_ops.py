"""Samples of the ops in flowcore/ops/io_ops.py."""

from __future__ import annotations

TESTED_BY = {
    "train/test_pipeline.py::test_a_missing_file_is_named": ["ReadFile"],
    "train/test_pipeline.py::test_files_are_found_by_pattern": ["MatchingFiles"],
}
