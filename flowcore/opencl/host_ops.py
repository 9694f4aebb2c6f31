"""The op types that have no OpenCL kernel, each with its reason. All others have one.

Owns: this table, which placement, tests and docs/opencl.md share.
"""

from __future__ import annotations

__all__ = ["HOST_OPS"]

#: Reason -> op types.
_BY_REASON = {
    "OpenCL C has no complex numbers": ("Angle", "Complex", "ComplexAbs", "Conj", "Imag", "Real"),
    "queues live on the host": (
        "QueueCloseV2",
        "QueueDequeueManyV2",
        "QueueDequeueUpToV2",
        "QueueDequeueV2",
        "QueueEnqueueManyV2",
        "QueueEnqueueV2",
        "QueueIsClosedV2",
        "QueueSizeV2",
        "RefSelect",
    ),
    "files are read and written by the host": (
        "MatchingFiles",
        "MergeV2Checkpoints",
        "ReadFile",
        "ReaderNumRecordsProducedV2",
        "ReaderNumWorkUnitsCompletedV2",
        "ReaderReadV2",
        "ReaderResetV2",
        "Restore",
        "RestoreSlice",
        "RestoreV2",
        "Save",
        "SaveSlices",
        "SaveV2",
        "ShardedFilename",
        "ShardedFilespec",
    ),
    "text lives on the host": ("StringJoin",),
    "images are decoded and encoded by the host": (
        "DecodeBmp",
        "DecodeImage",
        "DecodeJpeg",
        "DecodePng",
        "EncodeJpeg",
        "EncodePng",
    ),
    "its error or its text shows values, which the host must see": ("Assert", "CheckNumerics", "Print"),
    "a counter whose limit is an error with its value": ("ResourceCountUpTo",),
}

#: Op type -> why it has no OpenCL kernel.
HOST_OPS = {op: reason for reason, ops in _BY_REASON.items() for op in ops}
