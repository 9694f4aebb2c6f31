"""Samples of the ops in flowcore/ops/random_ops.py."""

from __future__ import annotations

TESTED_BY = {
    "ops/test_state_and_queues.py::test_random_numbers_have_their_distribution": [
        "RandomUniform",
        "RandomStandardNormal",
        "TruncatedNormal",
        "RandomUniformInt",
    ],
    "train/test_pipeline.py::test_each_epoch_holds_each_element_once": ["RandomShuffle"],
}
