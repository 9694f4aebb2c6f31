"""Samples of the ops in flowcore/ops/list_ops.py."""

from __future__ import annotations

TESTED_BY = {
    "ops/test_list_ops.py::test_elements_are_written_and_read": [
        "TensorListReserve",
        "TensorListSetItem",
        "TensorListGetItem",
        "TensorListLength",
        "TensorListElementShape",
    ],
    "ops/test_list_ops.py::test_a_list_grows_and_shrinks_at_its_end": [
        "EmptyTensorList",
        "TensorListPushBack",
        "TensorListPopBack",
        "TensorListResize",
    ],
    "ops/test_list_ops.py::test_rows_become_elements_and_elements_rows": [
        "TensorListFromTensor",
        "TensorListStack",
        "TensorListGather",
        "TensorListScatterV2",
        "TensorListScatterIntoExistingList",
    ],
    "ops/test_list_ops.py::test_parts_become_elements_and_elements_parts": [
        "TensorListSplit",
        "_TensorListSplitIntoExistingList",
        "TensorListConcatV2",
    ],
}
