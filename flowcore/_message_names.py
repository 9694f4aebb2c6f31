"""Which of TensorFlow's messages each public module shows, as TensorFlow 1.15 does.

The classes come from `flowcore.protos` when they are first asked for. Imports nothing of flowcore.
"""

from __future__ import annotations

#: module -> the names of messages in it.
MESSAGES: dict[str, tuple[str, ...]] = {
    "flowcore": (
        "AttrValue",
        "ConfigProto",
        "Event",
        "GPUOptions",
        "GraphDef",
        "GraphOptions",
        "HistogramProto",
        "LogMessage",
        "MetaGraphDef",
        "NameAttrList",
        "NodeDef",
        "OptimizerOptions",
        "RunMetadata",
        "RunOptions",
        "SessionLog",
        "Summary",
        "SummaryMetadata",
        "TensorInfo",
    ),
    "flowcore.summary": ("Event", "SessionLog", "Summary", "SummaryDescription", "TaggedRunMetadata"),
    "flowcore.train": (
        "BytesList",
        "ClusterDef",
        "Example",
        "Feature",
        "FeatureList",
        "FeatureLists",
        "Features",
        "FloatList",
        "Int64List",
        "JobDef",
        "SaverDef",
        "SequenceExample",
        "ServerDef",
    ),
}
