"""Saver: writes the variables of a session to checkpoints, and brings them back.

Owns: the nodes that do it, named as TensorFlow 1.15 names them; which checkpoints are kept; saving in
the background. The formats are in kernels/saving.
"""

from __future__ import annotations

import contextlib
import os
import re
import threading
import time
import uuid
import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from flowcore import errors, locks, protos
from flowcore.arguments import flag, instance, listed, real_number, text, whole_number
from flowcore.arguments import path as as_path
from flowcore.graph.apply import apply
from flowcore.graph.graph import Graph, GraphKeys
from flowcore.graph.operation import Operation, Tensor
from flowcore.graph.scopes import colocate_with, control_dependencies, device, get_collection, name_scope
from flowcore.ops import saving as _saving  # noqa: F401 (declares the ops)
from flowcore.ops.constant_ops import constant, placeholder_with_default
from flowcore.ops.control_flow_ops import group, with_dependencies
from flowcore.ops.string_ops import string_join
from flowcore.runtime.session import BaseSession
from flowcore.train import checkpoint_state
from flowcore.train.checkpoint_reader import CheckpointReader, near
from flowcore.train.saveables import Saveable, saveables
from flowcore.train.training_util import global_step as value_of_step

if TYPE_CHECKING:
    from flowcore.protos import SaverDef

__all__ = ["Saver"]

#: Writes the graph of a session to a file: (path, graph, saver's definition, strip_default_attrs). None
#: as long as flowcore has no MetaGraphs; set by what brings them.
meta_graph_writer: Callable[[str, Graph, Any, bool], None] | None = None

_HOST = "/device:CPU:0"
_VERSION = 2


class _Names(NamedTuple):
    """The tensors and the operation by which a graph saves and restores."""

    filename: str
    save: str
    restore: str


# ---- the nodes ----------------------------------------


def _save_nodes(filename: Tensor, kept: Sequence[Saveable]) -> Tensor:
    with name_scope("SaveV2", values=[]) as scope:
        names = constant([s.name for s in kept], name="tensor_names")
        specs = constant([s.spec for s in kept], name="shape_and_slices")
    save = apply("SaveV2", filename, names, specs, [s.tensor for s in kept], name=scope)
    with colocate_with(filename):
        return with_dependencies([save], filename)


def _restore_nodes(filename: Tensor, kept: Sequence[Saveable], reshape: bool) -> list[Operation]:
    with device("cpu:0"), name_scope("RestoreV2", values=[]) as scope:
        names = constant([s.name for s in kept], name="tensor_names")
        specs = constant([s.spec for s in kept], name="shape_and_slices")
        values = apply("RestoreV2", filename, names, specs, dtypes=[s.dtype for s in kept], name=scope)
    return [s.restore(value, reshape) for s, value in zip(kept, values, strict=True)]


def _by_device(kept: Sequence[Saveable]) -> list[tuple[str, list[Saveable]]]:
    found: dict[str, list[Saveable]] = {}
    for one in kept:
        found.setdefault(one.variable.device, []).append(one)
    return sorted(found.items())


def _sharded_save_nodes(filename: Tensor, shards: Sequence[tuple[str, list[Saveable]]]) -> Tensor:
    """Each device's variables in a file of its own, which become one checkpoint."""
    with device(_HOST):
        prefix = string_join([filename, f"_temp_{uuid.uuid4().hex}/part"])
    count = constant(len(shards), name="num_shards")
    names, done = [], []
    for i, (_, kept) in enumerate(shards):
        with device(_HOST):
            names.append(apply("ShardedFilename", prefix, i, count))
            done.append(_save_nodes(names[-1], kept))
    with device(_HOST):
        with control_dependencies([t.op for t in done]):
            prefixes = apply("Pack", names, name="MergeV2Checkpoints/checkpoint_prefixes")
            merge = apply("MergeV2Checkpoints", prefixes, filename)
        with control_dependencies([*(t.op for t in done), merge]):
            return apply("Identity", filename)


def _build(kept: Sequence[Saveable], name: str | None, filename: Any, sharded: bool, reshape: bool) -> _Names:
    with name_scope(name, "save", [s.variable.op for s in kept]):
        default = placeholder_with_default(filename or "model", shape=(), name="filename")
        path = placeholder_with_default(default, shape=(), name="Const")
        if not sharded:
            saved = _save_nodes(path, kept)
            restored = group(*_restore_nodes(path, kept, reshape), name="restore_all")
        else:
            shards = _by_device(kept)
            saved = _sharded_save_nodes(path, shards)
            parts = [group(*_restore_nodes(path, s, reshape), name="restore_shard") for _, s in shards]
            restored = group(*parts, name="restore_all")
    return _Names(path.name, saved.name, restored.name)


def _inputs_of_saves(save: Tensor) -> list[Tensor]:
    """The tensors that the SaveV2 ops behind a tensor write."""
    found: dict[Tensor, None] = {}
    seen, waiting = set(), [save.op]
    while waiting:
        op = waiting.pop()
        if op in seen:
            continue
        seen.add(op)
        if op.type == "SaveV2":
            found.update(dict.fromkeys(op.inputs[3:]))
        else:
            waiting += [*op.control_inputs, *(t.op for t in op.inputs)]
    return list(found)


# ---- the saver ----------------------------------------


class Saver:
    """Writes variables to checkpoints and brings their values back.

    A checkpoint is written by ops of the graph, in the format of TensorFlow (version 2): PATH.index
    and PATH.data-00000-of-00001. A file `checkpoint` in the same folder says which is the newest. A
    crash at any moment leaves the newest whole one readable. Make it when all variables are there.

    Args:
        var_list: What to keep: a list of Variables, or a dictionary from the names that the
            checkpoint is to have; parts of a partitioned one as a list. None: all global variables.
        reshape: Whether values may be restored into another shape of as many elements.
        sharded: Whether the variables of each device go to a file of their own.
        max_to_keep: How many checkpoints are kept; None or 0: all.
        keep_checkpoint_every_n_hours: One in so many hours is kept for good.
        name: A name for the scope of its nodes; None: "save".
        restore_sequentially: Accepted: all tensors are restored by one op.
        saver_def: A SaverDef that names nodes of the graph: none are made.
        builder: Must be None.
        defer_build: Whether the nodes are made by a later call of `build`.
        allow_empty: Whether there may be no variables: then it does nothing.
        write_version: 2; version 1 is read only.
        pad_step_number: Whether the step in a name has 8 digits, so that names sort.
        save_relative_paths: Whether the file `checkpoint` has relative paths, so that the folder
            can be moved.
        filename: The default of the file name's tensor; None: "model".
        background: Whether `save` only takes the values, and a thread writes them while the caller
            goes on. This takes a copy of the variables in memory for so long.

    Raises:
        TypeError: var_list holds something else, or an argument is of another kind.
        ValueError: there is nothing to save, two variables have one name, or write_version is 1.

    Example:
        >>> v = fc.Variable([1.0, 2.0], name="v")
        >>> saver = fc.train.Saver()
        >>> with fc.Session() as sess:
        ...     sess.run(v.initializer)
        ...     path = saver.save(sess, "run/model", global_step=3)
        >>> with fc.Session() as sess:
        ...     saver.restore(sess, path)
        ...     print(path, sess.run(v))
        run/model-3 [1. 2.]
    """

    def __init__(
        self,
        var_list: Any = None,
        reshape: bool = False,
        sharded: bool = False,
        max_to_keep: int | None = 5,
        keep_checkpoint_every_n_hours: float = 10000.0,
        name: str | None = None,
        restore_sequentially: bool = False,
        saver_def: SaverDef | None = None,
        builder: Any = None,
        defer_build: bool = False,
        allow_empty: bool = False,
        write_version: Any = _VERSION,
        pad_step_number: bool = False,
        save_relative_paths: bool = False,
        filename: str | None = None,
        background: bool = False,
    ) -> None:
        if builder is not None:
            raise ValueError("builder must be None: a Saver makes its own nodes")
        if defer_build and var_list is not None:
            raise ValueError(
                "If `var_list` is provided then build cannot be deferred. Either set defer_build=False or"
                " var_list=None."
            )
        self._var_list = var_list
        self._reshape = flag(reshape, "reshape")
        self._sharded = flag(sharded, "sharded")
        self._max_to_keep = 0 if max_to_keep is None else whole_number(max_to_keep, "max_to_keep", 0)
        self._hours = real_number(keep_checkpoint_every_n_hours, "keep_checkpoint_every_n_hours")
        self._name = name
        flag(restore_sequentially, "restore_sequentially")
        self._allow_empty = flag(allow_empty, "allow_empty")
        self._pad_step_number = flag(pad_step_number, "pad_step_number")
        self._save_relative_paths = flag(save_relative_paths, "save_relative_paths")
        self._filename = filename
        self._background = flag(background, "background")
        if whole_number(write_version, "write_version") != _VERSION:
            raise ValueError(
                f"write_version must be {_VERSION}, found {write_version}: version 1 of checkpoints is read,"
                " but not written"
            )
        self._names: _Names | None = None
        self._is_empty = False
        self._kept: list[Saveable] = []
        #: (path, time) of what is kept, the oldest first, and of what is to be removed.
        self._last: list[tuple[str, float]] = []
        self._superfluous: list[tuple[str, float]] = []
        self._writing: _Writing | None = None
        self._lock = locks.reentrant_lock()
        if saver_def is not None:
            self._take_definition(saver_def)
        elif not flag(defer_build, "defer_build"):
            self.build()
        self._next_to_keep = time.time() + self._hours * 3600

    def build(self) -> None:
        """Makes the nodes, for a Saver made with defer_build=True; once.

        Raises:
            ValueError: there is nothing to save, or two variables have one name.

        Example:
            >>> saver = fc.train.Saver(defer_build=True)
            >>> v = fc.Variable(1.0)
            >>> saver.build()
            >>> saver
            <flowcore.train.Saver 'save/restore_all'>
        """
        if self._names is not None or self._is_empty:
            return
        variables = get_collection(GraphKeys.GLOBAL_VARIABLES) if self._var_list is None else self._var_list
        kept = saveables(variables)
        if not kept:
            if not self._allow_empty:
                raise ValueError(
                    "No variables to save: make the Saver when the variables are there, or with"
                    " allow_empty=True"
                )
            self._is_empty = True
            return
        self._kept = kept
        with kept[0].variable.graph.as_default():
            self._names = _build(kept, self._name, self._filename, self._sharded, self._reshape)

    # -- its definition ---------------------------------------------------------------------------

    @property
    def saver_def(self) -> SaverDef:
        """What a MetaGraph keeps of it: the names of its nodes, and what it keeps."""
        return self.as_saver_def()

    def as_saver_def(self) -> SaverDef:
        """What a MetaGraph keeps of it.

        Returns:
            A SaverDef.

        Raises:
            RuntimeError: its nodes are not made yet.

        Example:
            >>> v = fc.Variable(1.0)
            >>> fc.train.Saver().as_saver_def().restore_op_name
            'save/restore_all'
        """
        names = self._built() or _Names("", "", "")
        return protos.SaverDef(
            filename_tensor_name=names.filename,
            save_tensor_name=names.save,
            restore_op_name=names.restore,
            max_to_keep=self._max_to_keep,
            sharded=self._sharded,
            keep_checkpoint_every_n_hours=self._hours,
            version=protos.SaverDef.V2,
        )

    def to_proto(self, export_scope: str | None = None) -> SaverDef | None:
        """What a MetaGraph keeps of it, for one scope of the graph.

        Args:
            export_scope: A scope that is taken off the names; None: none.

        Returns:
            A SaverDef; None where its nodes are not in that scope.

        Raises:
            TypeError: export_scope is no text.
            RuntimeError: its nodes are not made yet.

        Example:
            >>> v = fc.Variable(1.0)
            >>> fc.train.Saver().to_proto().save_tensor_name
            'save/control_dependency:0'
        """
        definition = self.as_saver_def()
        if export_scope is None:
            return definition
        scope = f"{text(export_scope, 'export_scope')}/"
        if not definition.filename_tensor_name.startswith(scope):
            return None
        for field in ("filename_tensor_name", "save_tensor_name", "restore_op_name"):
            setattr(definition, field, getattr(definition, field).removeprefix(scope))
        return definition

    @staticmethod
    def from_proto(saver_def: SaverDef, import_scope: str | None = None) -> Saver:
        """The Saver of a definition, whose nodes are in the graph.

        Args:
            saver_def: A SaverDef.
            import_scope: The scope that its nodes were imported into; None: none.

        Returns:
            A Saver.

        Raises:
            TypeError: an argument is of another kind.

        Example:
            >>> v = fc.Variable(1.0)
            >>> definition = fc.train.Saver().to_proto()
            >>> fc.train.Saver.from_proto(definition)
            <flowcore.train.Saver 'save/restore_all'>
        """
        copy = protos.SaverDef()
        copy.CopyFrom(_definition(saver_def))
        if import_scope is not None:
            scope = text(import_scope, "import_scope")
            for field in ("filename_tensor_name", "save_tensor_name", "restore_op_name"):
                setattr(copy, field, f"{scope}/{getattr(copy, field)}")
        return Saver(saver_def=copy)

    def _take_definition(self, saver_def: Any) -> None:
        found = _definition(saver_def)
        if found.version == protos.SaverDef.V1:
            raise ValueError("this SaverDef is of version 1 of checkpoints, which is not written")
        self._names = _Names(found.filename_tensor_name, found.save_tensor_name, found.restore_op_name)
        self._max_to_keep = found.max_to_keep
        self._sharded = found.sharded
        self._hours = found.keep_checkpoint_every_n_hours

    def _built(self) -> _Names | None:
        """The names of its nodes; None for one without variables."""
        if self._names is None and not self._is_empty:
            raise RuntimeError("`build()` should be called before save if defer_build==True")
        return self._names

    # -- what is kept -----------------------------------------------------------------------------

    @property
    def last_checkpoints(self) -> list[str]:
        """The checkpoints that are kept and may be removed later, the oldest first."""
        return [path for path, _ in self._last]

    def set_last_checkpoints(self, last_checkpoints: Sequence[str]) -> None:
        """Says which checkpoints there are, of an age that is not known.

        Args:
            last_checkpoints: Their paths, the oldest first.

        Raises:
            TypeError: an entry is no text.

        Example:
            >>> v = fc.Variable(1.0)
            >>> saver = fc.train.Saver()
            >>> saver.set_last_checkpoints(["run/model-1", "run/model-2"])
            >>> saver.last_checkpoints
            ['run/model-1', 'run/model-2']
        """
        paths = listed(last_checkpoints, "last_checkpoints")
        self._last = [(text(p, "each of last_checkpoints"), float("inf")) for p in paths]

    def set_last_checkpoints_with_time(self, last_checkpoints_with_time: Sequence[tuple[str, float]]) -> None:
        """Says which checkpoints there are, and when each was made.

        Args:
            last_checkpoints_with_time: Pairs of path and seconds since 1970, the oldest first.

        Raises:
            TypeError: an entry is no such pair.

        Example:
            >>> v = fc.Variable(1.0)
            >>> fc.train.Saver().set_last_checkpoints_with_time([("run/model-1", 0.0)])
        """
        pairs = listed(last_checkpoints_with_time, "last_checkpoints_with_time")
        try:
            self._last = [(text(p, "each path"), real_number(t, "each time")) for p, t in pairs]
        except ValueError:
            raise TypeError("last_checkpoints_with_time must be pairs of path and time") from None

    def recover_last_checkpoints(self, checkpoint_paths: Sequence[str]) -> None:
        """Finds out which checkpoints of a list are there, as after a restart.

        Args:
            checkpoint_paths: Their paths, the oldest first.

        Raises:
            TypeError: an entry is no text.

        Example:
            >>> v = fc.Variable(1.0)
            >>> saver = fc.train.Saver()
            >>> saver.recover_last_checkpoints(["no_such_folder/model-1"])
            >>> saver.last_checkpoints
            []
        """
        found = []
        for path in listed(checkpoint_paths, "checkpoint_paths"):
            times = checkpoint_state.get_checkpoint_mtimes([path])
            found += [(path, times[0])] if times else []
        self._last = found

    def _record(self, path: str) -> None:
        """Notes a new checkpoint, and which old one is one too many."""
        if self._max_to_keep <= 0:
            return
        self._last = [entry for entry in self._last if entry[0] != path]
        self._last.append((path, time.time()))
        while len(self._last) > self._max_to_keep:
            self._superfluous.append(self._last.pop(0))

    def _remove_superfluous(self, meta_graph_suffix: str) -> None:
        superfluous, self._superfluous = self._superfluous, []
        for path, made in superfluous:
            if made > self._next_to_keep and made != float("inf"):
                self._next_to_keep += self._hours * 3600
                continue
            try:
                checkpoint_state.remove_checkpoint(path, meta_graph_suffix=meta_graph_suffix)
            except OSError as error:
                warnings.warn(f"an old checkpoint is left: {error}", stacklevel=4)

    # -- saving -----------------------------------------------------------------------------------

    def save(
        self,
        sess: BaseSession,
        save_path: str,
        global_step: Any = None,
        latest_filename: str | None = None,
        meta_graph_suffix: str = "meta",
        write_meta_graph: bool = True,
        write_state: bool = True,
        strip_default_attrs: bool = False,
        save_debug_info: bool = False,
    ) -> str | None:
        """Writes a checkpoint of the values that the variables have now.

        Args:
            sess: The Session that has the variables.
            save_path: The path of the checkpoint, without the step. Its folder is made.
            global_step: A number that becomes part of the name, or the Tensor, Variable or name of
                a tensor that has it; None: the name has none.
            latest_filename: Another name of the file that says which is the newest; None:
                "checkpoint".
            meta_graph_suffix: What the name of the graph's file ends in.
            write_meta_graph: Whether the graph is written too, once flowcore has MetaGraphs: as yet
                none is.
            write_state: Whether the file `checkpoint` is written, and old checkpoints are removed.
            strip_default_attrs: For the graph's file.
            save_debug_info: Accepted.

        Returns:
            The path of the checkpoint, with the step; None where there are no variables.

        Raises:
            TypeError: sess is no Session, or a path is no text.
            ValueError: latest_filename has a folder, or is the name of the checkpoint itself.
            RuntimeError: the nodes are not made yet.
            FailedPreconditionError: a variable has no value.
            PermissionDeniedError: the folder may not be written.
            ResourceExhaustedError: the disk is full; what was there before is unchanged.

        Example:
            >>> v = fc.Variable([1.0, 2.0], name="v")
            >>> with fc.Session() as sess:
            ...     sess.run(v.initializer)
            ...     print(fc.train.Saver().save(sess, "run/model", global_step=3))
            run/model-3
        """
        names = self._built()
        instance(sess, BaseSession, "sess")
        prefix = as_path(save_path, "save_path")
        latest = "checkpoint" if latest_filename is None else text(latest_filename, "latest_filename")
        if os.path.split(latest)[0]:
            raise ValueError(f"'latest_filename' must not contain path components, found '{latest}'")
        path = self._path(sess, prefix, global_step)
        if global_step is None and os.path.basename(path) == latest and not self._sharded:
            raise ValueError(f"'latest_filename' collides with 'save_path': '{latest}' and '{path}'")
        if flag(write_meta_graph, "write_meta_graph") and meta_graph_writer is not None:
            meta_graph_writer(
                f"{path}.{meta_graph_suffix}", sess.graph, self.as_saver_def(), strip_default_attrs
            )
        if names is None:
            return None
        self.wait()
        writing = _Writing(self, sess, names, path, latest if flag(write_state, "write_state") else None)
        writing.meta_graph_suffix = text(meta_graph_suffix, "meta_graph_suffix")
        if self._background:
            self._writing = writing
            writing.begin()
        else:
            writing.write(sess, {})
        return path

    def wait(self) -> None:
        """Waits until what a Saver with background=True writes is on the disk.

        Raises:
            OpError: it could not be written.
            OSError: the file `checkpoint` could not be written.

        Example:
            >>> v = fc.Variable(1.0)
            >>> saver = fc.train.Saver(background=True)
            >>> with fc.Session() as sess:
            ...     sess.run(v.initializer)
            ...     path = saver.save(sess, "model")
            >>> saver.wait()
            >>> fc.train.checkpoint_exists(path)
            True
        """
        writing, self._writing = self._writing, None
        if writing is not None:
            writing.end()

    def _path(self, sess: BaseSession, prefix: str, global_step: Any) -> str:
        if global_step is None:
            return prefix
        if isinstance(global_step, str):
            global_step = sess.graph.as_graph_element(global_step)
        step = value_of_step(sess, global_step) if hasattr(global_step, "graph") else global_step
        step = whole_number(step, "global_step")
        return f"{prefix}-{step:08d}" if self._pad_step_number else f"{prefix}-{step}"

    def _finish(self, path: str, latest_filename: str, meta_graph_suffix: str) -> None:
        """The checkpoint is written: says so in its folder, and removes what is one too many."""
        with self._lock:
            self._record(path)
            folder = os.path.dirname(path)
            paths = self.last_checkpoints
            if self._save_relative_paths:
                relative = os.path.relpath(path, folder or ".")
                state = checkpoint_state.State(
                    relative, tuple(os.path.relpath(p, folder or ".") for p in paths) or (relative,)
                )
            else:
                state = checkpoint_state.make_state(folder, path, paths, None, None)
            checkpoint_state.write_state(folder, state, latest_filename)
            self._remove_superfluous(meta_graph_suffix)
            _remove_leftovers(path, latest_filename)

    # -- restoring --------------------------------------------------------------------------------

    def restore(self, sess: BaseSession, save_path: str) -> None:
        """Gives the variables the values of a checkpoint. They need no initializer.

        Args:
            sess: The Session.
            save_path: What `save` or latest_checkpoint returned; of version 1 too.

        Raises:
            TypeError: sess is no Session, or save_path no text.
            ValueError: there is no such checkpoint.
            RuntimeError: the nodes are not made yet.
            NotFoundError: variables are not in it: all of them are named, with near names.
            InvalidArgumentError: variables have other shapes or dtypes there: all are named.
            DataLossError: it is damaged.

        Example:
            >>> v = fc.Variable([1.0, 2.0], name="v")
            >>> saver = fc.train.Saver()
            >>> with fc.Session() as sess:
            ...     sess.run(v.initializer)
            ...     path = saver.save(sess, "model")
            >>> with fc.Session() as sess:
            ...     saver.restore(sess, path)
            ...     print(sess.run(v))
            [1. 2.]
        """
        names = self._built()
        instance(sess, BaseSession, "sess")
        if names is None:
            return
        if save_path is None:
            raise ValueError("Can't load save_path when it is None.")
        path = as_path(save_path, "save_path")
        self.wait()
        if not checkpoint_state.exists(path):
            raise ValueError(f"The passed save_path is not a valid checkpoint: {path}")
        try:
            sess.run(names.restore, {names.filename: path})
        except (errors.NotFoundError, errors.InvalidArgumentError) as error:
            problems = _differences(sess.graph.get_operation_by_name(names.restore), path)
            if not problems:
                raise
            raise type(error)(
                error._node_def,
                error.op,
                f"checkpoint {path} does not fit this graph:\n  " + "\n  ".join(problems),
            ) from error

    def __repr__(self) -> str:
        return f"<flowcore.train.Saver '{self._names.restore if self._names else ''}'>"


def _definition(value: Any) -> Any:
    """A SaverDef, ours or TensorFlow's, as ours."""
    if isinstance(value, protos.SaverDef):
        return value
    if getattr(getattr(value, "DESCRIPTOR", None), "full_name", "") != "tensorflow.SaverDef":
        raise TypeError(f"saver_def must be a SaverDef, found {value!r}")
    return protos.SaverDef.FromString(value.SerializeToString())


class _Writing:
    """One checkpoint that is being written."""

    def __init__(self, saver: Saver, sess: BaseSession, names: _Names, path: str, latest: str | None) -> None:
        self._saver = saver
        self._graph = sess.graph
        self._sess = sess
        self._names = names
        self._path = path
        self._latest = latest
        self.meta_graph_suffix = "meta"
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name="flowcore-saver")
        self._values: dict[Any, Any] = {}

    def write(self, sess: BaseSession, values: Mapping[Any, Any]) -> None:
        sess.run(self._names.save, {**values, self._names.filename: self._path})
        if self._latest is not None:
            self._saver._finish(self._path, self._latest, self.meta_graph_suffix)

    def begin(self) -> None:
        """Takes the values, in one step, and has a thread write them."""
        tensors = _inputs_of_saves(self._graph.get_tensor_by_name(self._names.save))
        self._values = dict(zip(tensors, self._sess.run(tensors), strict=True))
        self._thread.start()

    def _run(self) -> None:
        try:
            with contextlib.closing(BaseSession(graph=self._graph)) as sess:  # lives as long as it must
                self.write(sess, self._values)
        except BaseException as error:
            self._error = error
        self._values = {}

    def end(self) -> None:
        self._thread.join()
        if self._error is not None:
            raise self._error


# ---- what is wrong, and what is left ----------------------------------------


def _differences(restore: Operation, path: str) -> list[str]:
    """How a checkpoint differs from the variables that a graph restores of it."""
    reader = CheckpointReader(path)
    problems, seen, waiting = [], set(), [restore]
    while waiting:
        op = waiting.pop()
        for consumer in (*op.control_inputs, *(t.op for t in op.inputs)):
            if consumer not in seen:
                seen.add(consumer)
                waiting.append(consumer)
    for op in sorted((o for o in seen if o.type == "RestoreV2"), key=lambda o: o.name):
        names = _texts(op.inputs[1])
        for name, output in zip(names, op.outputs, strict=False):
            stored = reader.tensors.get(name)
            if stored is None:
                problems.append(f"'{name}' is missing{near(name, reader.tensors)}")
            elif stored.dtype != output.dtype.name:
                problems.append(f"'{name}' is {output.dtype.name} here and {stored.dtype} there")
            else:
                problems += _other_shape(name, output, stored.shape)
    return problems


def _texts(tensor: Tensor) -> list[str]:
    value = tensor.op.get_attr("value") if tensor.op.type == "Const" else []
    return [v.decode("utf-8", "surrogateescape") if isinstance(v, bytes) else str(v) for v in list(value)]


def _other_shape(name: str, output: Tensor, stored: tuple[int, ...]) -> list[str]:
    """Where the variable that takes a restored value has another shape."""
    for op in output.consumers():
        targets = op.outputs[0].consumers() if op.type == "Identity" else [op]
        for assign in targets:
            if assign.type not in ("Assign", "AssignVariableOp"):
                continue
            variable = assign.inputs[0].op
            shape = variable.get_attr("shape")
            if not shape.is_compatible_with(stored):
                return [f"'{name}' has shape {shape.as_list()} here and {list(stored)} there"]
    return []


_BEING_WRITTEN = re.compile(r"(?:(?:-\d+)?\.(?:index|data-\d{5,}-of-\d{5,}))\.part-(\d+)-\d+\Z")
_STATE_BEING_WRITTEN = re.compile(r"\.part-(\d+)-\d+\Z")
_UNFINISHED = re.compile(r"(?:-\d+)?(?:_temp_[0-9a-f]{32}|\.data-\d{5,}-of-\d{5,})\Z")
_DAY = 86400


def _remove_leftovers(path: str, latest_filename: str) -> None:
    """Removes what processes that were killed have left of checkpoints of this name, at other steps too.

    A file that is being written has its process in its name. What has not, the folder of shards that were
    not merged, and data without an index, goes when it is a day old: another process may be at it.
    """
    folder = os.path.dirname(path) or "."
    stem = re.sub(r"-\d+\Z", "", os.path.basename(path))
    with contextlib.suppress(OSError):
        for name in os.listdir(folder):
            state = _STATE_BEING_WRITTEN.fullmatch(name.removeprefix(latest_filename))
            if (state and not _is_alive(int(state[1]))) or (
                name.startswith(stem) and _is_left(folder, name, stem)
            ):
                _remove(os.path.join(folder, name))


def _is_left(folder: str, name: str, stem: str) -> bool:
    written = _BEING_WRITTEN.fullmatch(name.removeprefix(stem))
    if written:
        return not _is_alive(int(written[1]))
    if not _UNFINISHED.fullmatch(name.removeprefix(stem)):
        return False
    path = os.path.join(folder, name)
    index = re.sub(r"\.data-[^.]*\Z", ".index", path)
    return time.time() - os.path.getmtime(path) > _DAY and (index == path or not os.path.exists(index))


def _remove(path: str) -> None:
    with contextlib.suppress(OSError):
        if os.path.isdir(path):
            for name in os.listdir(path):
                os.unlink(os.path.join(path, name))
            os.rmdir(path)
        else:
            os.unlink(path)


def _is_alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except (PermissionError, OverflowError):
        return True
    return True
