"""Samples of the ops in flowcore/ops/data_flow_ops.py."""

from __future__ import annotations

import numpy as np

from samples import I32, REAL, SIGNED, Sample

SAMPLES: dict[str, list[Sample]] = {
    "RefSelect": [Sample([np.array(1, I32), [REAL, SIGNED]], lambda i, xs: xs[1])],
}

TESTED_BY = {
    "ops/test_state_and_queues.py::test_a_queue_gives_out_in_order_and_says_when_it_ends": [
        "FIFOQueueV2",
        "QueueEnqueueManyV2",
        "QueueDequeueManyV2",
        "QueueDequeueUpToV2",
        "QueueSizeV2",
        "QueueIsClosedV2",
    ],
    "ops/test_state_and_queues.py::test_a_shuffling_queue_keeps_its_minimum_until_it_closes": [
        "RandomShuffleQueueV2"
    ],
    "ops/test_state_and_queues.py::test_elements_do_not_alias_what_was_fed": [
        "QueueEnqueueV2",
        "QueueDequeueV2",
    ],
    "ops/test_state_and_queues.py::test_closing_cancels_waiting_enqueues_when_asked": ["QueueCloseV2"],
    "train/test_pipeline.py::test_files_are_read_through_a_queue_of_names": [
        "WholeFileReaderV2",
        "ReaderReadV2",
        "ReaderNumRecordsProducedV2",
        "ReaderNumWorkUnitsCompletedV2",
    ],
    "train/test_pipeline.py::test_a_reader_of_names_starts_anew_after_a_reset": [
        "IdentityReaderV2",
        "ReaderResetV2",
    ],
}
