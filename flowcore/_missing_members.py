"""Methods and fields of TensorFlow 1.x's classes that flowcore's do not have, with what to use instead.

A name that becomes real leaves the table (a test sees to it). Imports nothing of flowcore.
"""

from __future__ import annotations

from typing import Any

_SAVE = "flowcore.train.Saver, which keeps the values of variables"
_ROWS = "scatter_update and its like on whole rows"
_AS_PLAIN_DATA = "Graph.as_graph_def() or the object itself: there is no form to write down yet"
_READER = "a new reader: its state cannot be written down yet"
#: path below flowcore -> name -> what to use instead, or None.
MISSING_MEMBERS: dict[str, dict[str, str | None]] = {
    "Variable": {
        "aggregation": None,
        "batch_scatter_update": _ROWS,
        "experimental_ref": "the variable itself, which can be a key",
        "from_proto": _SAVE,
        "gather_nd": "sparse_read for rows, or flowcore.gather on a reshaped value",
        "scatter_nd_add": _ROWS,
        "scatter_nd_sub": _ROWS,
        "scatter_nd_update": _ROWS,
        "synchronization": None,
        "to_proto": _SAVE,
    },
    "Tensor": {"experimental_ref": "the tensor itself, which can be a key"},
    "Session": {
        "partial_run": "one run with all feeds, or variables that keep what lies between two",
        "partial_run_setup": "one run with all feeds, or variables that keep what lies between two",
        "reset": "Session.close: variables and queues belong to a session",
    },
    "InteractiveSession": {
        "partial_run": "one run with all feeds, or variables that keep what lies between two",
        "partial_run_setup": "one run with all feeds, or variables that keep what lies between two",
    },
    "Graph": {
        "collections": "get_all_collection_keys()",
        "container": "flowcore.container",
        "prevent_fetching": None,
        "switch_to_thread_local": "as_default() in each thread: scopes belong to threads already",
    },
    "DeviceSpec": {
        "make_merged_spec": "a copy and merge_from",
        "replace": "a new DeviceSpec with the fields",
    },
    "ReaderBase": {
        "read_up_to": "flowcore.train.batch of what read gives",
        "restore_state": _READER,
        "serialize_state": _READER,
    },
    "train.Saver": {"export_meta_graph": "the program that builds the graph: there are no MetaGraphs yet"},
    "train.QueueRunner": {
        "from_proto": _AS_PLAIN_DATA,
        "queue_closed_exception_types": None,
        "to_proto": _AS_PLAIN_DATA,
    },
}


class _Missing:
    """An attribute that is not there, of a class and of its objects, and says so."""

    def __init__(self, text: str) -> None:
        self._text = text

    def __get__(self, instance: Any, owner: Any = None) -> Any:
        raise AttributeError(self._text)


def mark(package: Any) -> None:
    """Lets the classes of a package say what they miss; `hasattr` stays False."""
    for path, names in MISSING_MEMBERS.items():
        cls = package
        for part in path.split("."):
            cls = getattr(cls, part)
        for name, remedy in names.items():
            advice = f"use {remedy}" if remedy else "docs/compatibility.md says what comes later"
            assert name not in vars(cls), f"{path}.{name} is there"
            setattr(cls, name, _Missing(f"flowcore.{path}.{name} is not there yet; {advice}"))
