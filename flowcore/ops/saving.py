"""Ops that write tensors to checkpoints and read them: what `flowcore.train.Saver` is made of.

As in TensorFlow 1.15. They run on the host. Must never import train.
"""

from __future__ import annotations

from flowcore.graph.op_def import register
from flowcore.ops import shapes

__all__: list[str] = []

_FILE = ["filename: string", "tensor_names: string"]
_SOURCE = ["dt: type", "preferred_shard: int = -1"]

register(
    "SaveV2",
    inputs=["prefix: string", "tensor_names: string", "shape_and_slices: string", "tensors: list(dtypes)"],
    attrs=["dtypes: list(type) >= 1"],
    shape=shapes.none,
    stateful=True,
    on_host=True,
    grad=None,
)
register(
    "RestoreV2",
    inputs=["prefix: string", "tensor_names: string", "shape_and_slices: string"],
    outputs=["tensors: list(dtypes)"],
    attrs=["dtypes: list(type) >= 1"],
    shape=None,
    stateful=True,
    on_host=True,
    grad=None,
)
register(
    "MergeV2Checkpoints",
    inputs=["checkpoint_prefixes: string", "destination_prefix: string"],
    attrs=["delete_old_dirs: bool = True"],
    shape=shapes.none,
    stateful=True,
    on_host=True,
    grad=None,
)
register(
    "Save",
    inputs=[*_FILE, "data: list(T)"],
    attrs=["T: list(type) >= 1"],
    shape=shapes.none,
    stateful=True,
    on_host=True,
    grad=None,
)
register(
    "SaveSlices",
    inputs=[*_FILE, "shapes_and_slices: string", "data: list(T)"],
    attrs=["T: list(type) >= 1"],
    shape=shapes.none,
    stateful=True,
    on_host=True,
    grad=None,
)
register(
    "Restore",
    inputs=["file_pattern: string", "tensor_name: string"],
    outputs=["tensor: dt"],
    attrs=_SOURCE,
    shape=None,
    stateful=True,
    on_host=True,
    grad=None,
)
register(
    "RestoreSlice",
    inputs=["file_pattern: string", "tensor_name: string", "shape_and_slice: string"],
    outputs=["tensor: dt"],
    attrs=_SOURCE,
    shape=None,
    stateful=True,
    on_host=True,
    grad=None,
)
register(
    "ShardedFilename",
    inputs=["basename: string", "shard: int32", "num_shards: int32"],
    outputs=["filename: string"],
    shape=shapes.scalar,
    on_host=True,
    grad=None,
)
register(
    "ShardedFilespec",
    inputs=["basename: string", "num_shards: int32"],
    outputs=["filename: string"],
    shape=shapes.scalar,
    on_host=True,
    grad=None,
)
