"""What is in a checkpoint, without a graph: its tensors' names, shapes, dtypes and values."""

from __future__ import annotations

import difflib
import os
from typing import Any, NamedTuple

import numpy as np

from flowcore import dtypes, errors
from flowcore.arguments import path as as_path
from flowcore.arguments import text
from flowcore.kernels import _saving
from flowcore.train.checkpoint_state import latest_checkpoint

__all__ = ["CheckpointReader", "NewCheckpointReader", "list_variables", "load_checkpoint", "load_variable"]


class StoredTensor(NamedTuple):
    """A tensor of a checkpoint. `parts`: (start, length) of each dimension, of each part; none: whole."""

    dtype: str
    shape: tuple[int, ...]
    parts: list[tuple[tuple[int, int], ...]]


def _checked(result: Any) -> Any:
    """What the kernels' unit gives, unless it is a report."""
    if isinstance(result, tuple) and len(result) == 2 and isinstance(result[1], str):
        raise errors.exception_for(result[0])(None, None, result[1])
    return result


class CheckpointReader:
    """The tensors of a checkpoint, of version 1 or 2.

    Its files are read when they are asked for; what is damaged is found by the sums that they have.

    Args:
        filepattern: What Saver.save returned; of version 1, a file or a pattern.

    Raises:
        TypeError: filepattern is no text.
        NotFoundError: there is no such checkpoint.
        DataLossError: it is damaged.

    Example:
        >>> v = fc.Variable([1.0, 2.0], name="v")
        >>> with fc.Session() as sess:
        ...     sess.run(v.initializer)
        ...     path = fc.train.Saver().save(sess, "model")
        >>> reader = fc.train.NewCheckpointReader(path)
        >>> reader.get_variable_to_shape_map(), reader.get_tensor("v")
        ({'v': [2]}, array([1., 2.], dtype=float32))
    """

    def __init__(self, filepattern: str) -> None:
        self._path = as_path(filepattern, "filepattern")
        self._reader = _checked(_saving.open_reader(os.fsencode(self._path)))
        self.version, found = _saving.list_tensors(self._reader)
        self._tensors = {
            name.decode("utf-8", "surrogateescape"): StoredTensor(dtype, shape, parts)
            for name, _, dtype, shape, parts in found
        }

    @property
    def tensors(self) -> dict[str, StoredTensor]:
        """What is there, by name."""
        return self._tensors

    def get_variable_to_shape_map(self) -> dict[str, list[int]]:
        """The shapes of all tensors.

        Returns:
            A dictionary from names to lists of sizes.

        Example:
            >>> v = fc.Variable([1.0, 2.0], name="v")
            >>> with fc.Session() as sess:
            ...     sess.run(v.initializer)
            ...     path = fc.train.Saver().save(sess, "model")
            >>> fc.train.NewCheckpointReader(path).get_variable_to_shape_map()
            {'v': [2]}
        """
        return {name: list(tensor.shape) for name, tensor in self._tensors.items()}

    def get_variable_to_dtype_map(self) -> dict[str, Any]:
        """The dtypes of all tensors.

        Returns:
            A dictionary from names to DTypes; of a dtype that flowcore does not have, its name.

        Example:
            >>> v = fc.Variable([1.0, 2.0], name="v")
            >>> with fc.Session() as sess:
            ...     sess.run(v.initializer)
            ...     path = fc.train.Saver().save(sess, "model")
            >>> fc.train.NewCheckpointReader(path).get_variable_to_dtype_map()
            {'v': flowcore.float32}
        """
        return {name: _dtype(tensor.dtype) for name, tensor in self._tensors.items()}

    def has_tensor(self, tensor_str: str) -> bool:
        """Whether there is a tensor of this name.

        Args:
            tensor_str: The name.

        Returns:
            A bool.

        Raises:
            TypeError: tensor_str is no text.

        Example:
            >>> v = fc.Variable([1.0, 2.0], name="v")
            >>> with fc.Session() as sess:
            ...     sess.run(v.initializer)
            ...     path = fc.train.Saver().save(sess, "model")
            >>> fc.train.NewCheckpointReader(path).has_tensor("w")
            False
        """
        return text(tensor_str, "tensor_str") in self._tensors

    def get_tensor(self, tensor_str: str) -> Any:
        """The value of a tensor.

        Args:
            tensor_str: The name.

        Returns:
            A NumPy array; of a scalar a NumPy scalar, or bytes.

        Raises:
            TypeError: tensor_str is no text.
            NotFoundError: there is none, with the nearest names.
            DataLossError: its bytes are damaged.
            UnimplementedError: flowcore does not have its dtype.

        Example:
            >>> v = fc.Variable([1.0, 2.0], name="v")
            >>> with fc.Session() as sess:
            ...     sess.run(v.initializer)
            ...     path = fc.train.Saver().save(sess, "model")
            >>> fc.train.NewCheckpointReader(path).get_tensor("v")
            array([1., 2.], dtype=float32)
        """
        name = text(tensor_str, "tensor_str")
        tensor = self._tensors.get(name)
        if tensor is None:
            raise errors.NotFoundError(
                None, None, f"checkpoint {self._path} has no tensor '{name}'{near(name, self._tensors)}"
            )
        key = name.encode("utf-8", "surrogateescape")
        _checked(_saving.expect_readable(self._reader, key))
        if tensor.dtype == "string":
            texts = np.array([None, *_checked(_saving.read_strings(self._reader, key))], object)[1:]
            return texts.reshape(tensor.shape)[()]
        value = np.empty(tensor.shape, dtypes.as_dtype(tensor.dtype).as_numpy_dtype)
        _checked(_saving.read_into(self._reader, key, value.reshape(-1).view(np.uint8).data))
        return value[()]

    def debug_string(self) -> bytes:
        """What is there, a line for each tensor: name, dtype, shape.

        Returns:
            Bytes.

        Example:
            >>> v = fc.Variable([1.0, 2.0], name="v")
            >>> with fc.Session() as sess:
            ...     sess.run(v.initializer)
            ...     path = fc.train.Saver().save(sess, "model")
            >>> fc.train.NewCheckpointReader(path).debug_string()
            b'v (DT_FLOAT32) [2]\\n'
        """
        lines = [f"{name} (DT_{t.dtype.upper()}) {list(t.shape)}" for name, t in self._tensors.items()]
        return "".join(f"{line}\n" for line in lines).encode("utf-8", "surrogateescape")

    def __repr__(self) -> str:
        return f"<flowcore.train.CheckpointReader of '{self._path}', {len(self._tensors)} tensors>"


def _dtype(name: str) -> Any:
    try:
        return dtypes.as_dtype(name)
    except TypeError:
        return name


def near(name: str, others: Any) -> str:
    """ "; did you mean ..." where some of `others` look like `name`."""
    found = difflib.get_close_matches(name, others, 3)
    return f"; did you mean {' or '.join(repr(f) for f in found)}?" if found else ""


NewCheckpointReader = CheckpointReader


def load_checkpoint(ckpt_dir_or_file: str) -> CheckpointReader:
    """The reader of a checkpoint, or of the newest one of a folder.

    Args:
        ckpt_dir_or_file: What Saver.save returned, or a folder.

    Returns:
        A CheckpointReader.

    Raises:
        TypeError: ckpt_dir_or_file is no text.
        ValueError: the folder has no checkpoint.
        NotFoundError: there is no such checkpoint.
        DataLossError: it is damaged.

    Example:
        >>> v = fc.Variable(1.0, name="v")
        >>> with fc.Session() as sess:
        ...     sess.run(v.initializer)
        ...     path = fc.train.Saver().save(sess, "run/model")
        >>> fc.train.load_checkpoint("run").has_tensor("v")
        True
    """
    path = as_path(ckpt_dir_or_file, "ckpt_dir_or_file")
    if os.path.isdir(path):
        latest = latest_checkpoint(path)
        if latest is None:
            raise ValueError(f"Couldn't find 'checkpoint' file or checkpoints in given directory {path}")
        path = latest
    return CheckpointReader(path)


def list_variables(ckpt_dir_or_file: str) -> list[tuple[str, list[int]]]:
    """The names and shapes of a checkpoint's tensors.

    Args:
        ckpt_dir_or_file: What Saver.save returned, or a folder.

    Returns:
        A list of (name, list of sizes), sorted by name.

    Raises:
        TypeError: ckpt_dir_or_file is no text.
        ValueError: the folder has no checkpoint.
        NotFoundError: there is no such checkpoint.
        DataLossError: it is damaged.

    Example:
        >>> v = fc.Variable([1.0, 2.0], name="v")
        >>> with fc.Session() as sess:
        ...     sess.run(v.initializer)
        ...     path = fc.train.Saver().save(sess, "model")
        >>> fc.train.list_variables(path)
        [('v', [2])]
    """
    return sorted(load_checkpoint(ckpt_dir_or_file).get_variable_to_shape_map().items())


def load_variable(ckpt_dir_or_file: str, name: str) -> Any:
    """The value of one tensor of a checkpoint.

    Args:
        ckpt_dir_or_file: What Saver.save returned, or a folder.
        name: The tensor's name; a closing ":0" is taken off.

    Returns:
        A NumPy array; of a scalar a NumPy scalar, or bytes.

    Raises:
        TypeError: an argument is no text.
        ValueError: the folder has no checkpoint.
        NotFoundError: there is no such checkpoint or tensor.
        DataLossError: it is damaged.

    Example:
        >>> v = fc.Variable([1.0, 2.0], name="v")
        >>> with fc.Session() as sess:
        ...     sess.run(v.initializer)
        ...     path = fc.train.Saver().save(sess, "model")
        >>> fc.train.load_variable(path, "v")
        array([1., 2.], dtype=float32)
    """
    name = text(name, "name").removesuffix(":0")
    return load_checkpoint(ckpt_dir_or_file).get_tensor(name)
