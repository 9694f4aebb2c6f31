"""Samples of the ops in flowcore/ops/saving.py."""

from __future__ import annotations

TESTED_BY = {
    "ops/test_saving.py::test_values_come_back_in_every_dtype": ["SaveV2", "RestoreV2"],
    "ops/test_saving.py::test_bundles_are_merged": ["MergeV2Checkpoints"],
    "ops/test_saving.py::test_names_of_shards": ["ShardedFilename", "ShardedFilespec"],
    "ops/test_saving.py::test_one_tensor_is_restored": ["Restore", "RestoreSlice"],
    "ops/test_saving.py::test_version_1_is_not_written": ["Save", "SaveSlices"],
}
