"""The file `checkpoint`, which says which checkpoints a folder has, and the files of a checkpoint.

The file is text in the form of the message CheckpointState; here it is read and written without
protobuf.
"""

from __future__ import annotations

import contextlib
import glob
import os
import re
import time
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from flowcore import protos
from flowcore.arguments import listed, optional_function, real_number, text
from flowcore.arguments import path as as_path

if TYPE_CHECKING:
    from flowcore.protos import CheckpointState

__all__ = [
    "checkpoint_exists", "checkpoints_iterator", "generate_checkpoint_state_proto", "get_checkpoint_mtimes",
    "get_checkpoint_state", "latest_checkpoint", "remove_checkpoint", "update_checkpoint_state",
]  # fmt: skip

_SHARDS = ".data-?????-of-?????"
_TOKEN = re.compile(
    rb"""\s+ | \#[^\n]* | (?P<name>[a-z_]+)\s*: | [,;]
    | (?P<text>"(?:[^"\\\n]|\\.)*" | '(?:[^'\\\n]|\\.)*') | (?P<number>[-+.\w]+)""",
    re.VERBOSE,
)
_ESCAPE = re.compile(rb"\\(?:([0-7]{1,3})|x([0-9a-fA-F]{1,2})|(.))", re.DOTALL)
_LETTERS = {b"n": b"\n", b"r": b"\r", b"t": b"\t", b"a": b"\a", b"b": b"\b", b"f": b"\f", b"v": b"\v"}


class State(NamedTuple):
    """What the file says; paths are as they stand there."""

    model_checkpoint_path: str = ""
    all_model_checkpoint_paths: tuple[str, ...] = ()
    all_model_checkpoint_timestamps: tuple[float, ...] = ()
    last_preserved_timestamp: float | None = None


# ---- the text ----------------------------------------


def _unescaped(match: re.Match[bytes]) -> bytes:
    octal, hexadecimal, letter = match.groups()
    if letter is not None:
        return _LETTERS.get(letter, letter)
    return bytes([int(octal, 8) & 255 if octal else int(hexadecimal, 16)])


def parse_state(data: bytes) -> State:
    """The state that a file's bytes say. Raises ValueError when they are no such text."""
    found: dict[str, list[Any]] = {name: [] for name in State._fields}
    name, at, joins = "", 0, False
    while at < len(data):
        match = _TOKEN.match(data, at)
        if match is None:
            raise ValueError(f"byte {at} is neither a name, a text nor a number: {data[at : at + 20]!r}")
        at = match.end()
        if match["name"]:
            name, joins = match["name"].decode(), False
            if name not in found:
                raise ValueError(f"there is no field '{name}'")
        elif match["text"] and "path" in name:
            part = os.fsdecode(_ESCAPE.sub(_unescaped, match["text"][1:-1]))
            if joins:
                found[name][-1] += part
            else:
                found[name].append(part)
            joins = True
        elif match["number"] and "timestamp" in name:
            found[name].append(float(match["number"]))
        elif match["text"] or match["number"]:
            raise ValueError(f"'{name}' has the value {match[0].decode(errors='replace')}")
    return State(
        found["model_checkpoint_path"][-1] if found["model_checkpoint_path"] else "",
        tuple(found["all_model_checkpoint_paths"]),
        tuple(found["all_model_checkpoint_timestamps"]),
        found["last_preserved_timestamp"][-1] if found["last_preserved_timestamp"] else None,
    )


def _quoted(path: str) -> str:
    out = ""
    for byte in os.fsencode(path):
        plain = 32 <= byte < 127 and byte not in b"\"'\\"
        out += chr(byte) if plain else f"\\{byte:03o}"
    return f'"{out}"'


def format_state(state: State) -> bytes:
    """The text of a state."""
    lines = [f"model_checkpoint_path: {_quoted(state.model_checkpoint_path)}"]
    lines += [f"all_model_checkpoint_paths: {_quoted(p)}" for p in state.all_model_checkpoint_paths]
    lines += [f"all_model_checkpoint_timestamps: {t!r}" for t in state.all_model_checkpoint_timestamps]
    if state.last_preserved_timestamp is not None:
        lines.append(f"last_preserved_timestamp: {state.last_preserved_timestamp!r}")
    return "".join(f"{line}\n" for line in lines).encode()


def write_whole(path: str, pieces: Iterable[Any]) -> None:
    """Makes a file of these bytes, so that a crash leaves it or what was there before."""
    temporary = f"{path}.part-{os.getpid()}-{time.monotonic_ns()}"
    try:
        with open(temporary, "wb") as file:
            file.writelines(pieces)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(temporary)
        raise
    folder = os.open(os.path.dirname(path) or ".", os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


# ---- the file ----------------------------------------


def state_file(folder: str, latest_filename: str | None) -> str:
    """The path of the file of a folder."""
    name = "checkpoint" if latest_filename is None else text(latest_filename, "latest_filename")
    return os.path.join(folder, name)


def _read_state(folder: str, latest_filename: str | None) -> State | None:
    """The state of a folder, with paths that lead there; None where there is none that can be read."""
    path = state_file(folder, latest_filename)
    try:
        with open(path, "rb") as file:
            state = parse_state(file.read())
        if not state.model_checkpoint_path:
            raise ValueError("model_checkpoint_path is missing")
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, ValueError) as error:
        warnings.warn(f"{path} is passed over: {error}", stacklevel=3)
        return None
    return state._replace(
        model_checkpoint_path=os.path.join(folder, state.model_checkpoint_path),
        all_model_checkpoint_paths=tuple(os.path.join(folder, p) for p in state.all_model_checkpoint_paths),
    )


def _relative(path: str, folder: str) -> str:
    """A path as the file of a relative folder has it."""
    return path if os.path.isabs(path) or os.path.isabs(folder) else os.path.relpath(path, folder or ".")


def make_state(
    folder: str, path: str, paths: Sequence[str], times: Sequence[float] | None, preserved: float | None
) -> State:
    """The state of a folder whose newest checkpoint is `path`."""
    paths = list(paths)
    if path not in paths:
        paths.append(path)
    if times is not None and len(times) != len(paths):
        raise ValueError(
            f"all_model_checkpoint_timestamps has {len(times)} entries for {len(paths)} checkpoints"
        )
    return State(
        _relative(path, folder),
        tuple(_relative(p, folder) for p in paths),
        tuple(times or ()),
        preserved,
    )


def write_state(folder: str, state: State, latest_filename: str | None) -> None:
    """Makes this the state of a folder."""
    path = state_file(folder, latest_filename)
    if os.path.join(folder, state.model_checkpoint_path) == path:
        raise ValueError(
            f"the checkpoint '{path}' has the name of the file that tells of checkpoints; choose another name"
        )
    write_whole(path, [format_state(state)])


def _checked_state(
    save_dir: Any, model_checkpoint_path: Any, paths: Any, times: Any, preserved: Any
) -> tuple[str, State]:
    folder = as_path(save_dir, "save_dir")
    path = as_path(model_checkpoint_path, "model_checkpoint_path")
    others = [] if paths is None else listed(paths, "all_model_checkpoint_paths")
    return folder, make_state(
        folder,
        path,
        [as_path(p, "each of all_model_checkpoint_paths") for p in others],
        None
        if times is None
        else [
            real_number(t, "each of all_model_checkpoint_timestamps")
            for t in listed(times, "all_model_checkpoint_timestamps")
        ],
        None if preserved is None else real_number(preserved, "last_preserved_timestamp"),
    )


def _message(state: State) -> CheckpointState:
    message = protos.CheckpointState(
        model_checkpoint_path=state.model_checkpoint_path,
        all_model_checkpoint_paths=state.all_model_checkpoint_paths,
        all_model_checkpoint_timestamps=state.all_model_checkpoint_timestamps,
    )
    if state.last_preserved_timestamp is not None:
        message.last_preserved_timestamp = state.last_preserved_timestamp
    return message


def generate_checkpoint_state_proto(
    save_dir: str,
    model_checkpoint_path: str,
    all_model_checkpoint_paths: Sequence[str] | None = None,
    all_model_checkpoint_timestamps: Sequence[float] | None = None,
    last_preserved_timestamp: float | None = None,
) -> CheckpointState:
    """What the file `checkpoint` of a folder says, as a message.

    Args:
        save_dir: The folder.
        model_checkpoint_path: The newest checkpoint.
        all_model_checkpoint_paths: All that are kept, the oldest first; the newest is added where
            it is missing.
        all_model_checkpoint_timestamps: When each was made, in seconds since 1970; None: not said.
        last_preserved_timestamp: When one was last kept for good; None: not said.

    Returns:
        A CheckpointState. Paths are relative to save_dir where both are relative.

    Raises:
        TypeError: a path is no text, or a time no number.
        ValueError: there are not as many times as paths.

    Example:
        >>> fc.train.generate_checkpoint_state_proto("run", "run/model-1").model_checkpoint_path
        'model-1'
    """
    return _message(
        _checked_state(
            save_dir,
            model_checkpoint_path,
            all_model_checkpoint_paths,
            all_model_checkpoint_timestamps,
            last_preserved_timestamp,
        )[1]
    )


def update_checkpoint_state(
    save_dir: str,
    model_checkpoint_path: str,
    all_model_checkpoint_paths: Sequence[str] | None = None,
    latest_filename: str | None = None,
    all_model_checkpoint_timestamps: Sequence[float] | None = None,
    last_preserved_timestamp: float | None = None,
) -> None:
    """Writes the file `checkpoint` of a folder. Saver.save does this itself.

    Args:
        save_dir: The folder.
        model_checkpoint_path: The newest checkpoint.
        all_model_checkpoint_paths: All that are kept, the oldest first; the newest is added where
            it is missing.
        latest_filename: Another name for the file; None: "checkpoint".
        all_model_checkpoint_timestamps: When each was made, in seconds since 1970; None: not said.
        last_preserved_timestamp: When one was last kept for good; None: not said.

    Raises:
        TypeError: a path is no text, or a time no number.
        ValueError: there are not as many times as paths, or the file has the checkpoint's name.
        OSError: the file cannot be written.

    Example:
        >>> fc.train.update_checkpoint_state(".", "model-1")
        >>> with open("checkpoint") as file:
        ...     print(file.readline(), end="")
        model_checkpoint_path: "model-1"
    """
    folder, state = _checked_state(
        save_dir,
        model_checkpoint_path,
        all_model_checkpoint_paths,
        all_model_checkpoint_timestamps,
        last_preserved_timestamp,
    )
    write_state(folder, state, latest_filename)


def get_checkpoint_state(checkpoint_dir: str, latest_filename: str | None = None) -> CheckpointState | None:
    """What the file `checkpoint` of a folder says.

    Args:
        checkpoint_dir: The folder.
        latest_filename: Another name of the file; None: "checkpoint".

    Returns:
        A CheckpointState, whose paths lead there from here; None where there is no file, or, with a
        warning, where it cannot be read.

    Raises:
        TypeError: an argument is no text.

    Example:
        >>> print(fc.train.get_checkpoint_state("no_such_folder"))
        None
    """
    state = _read_state(as_path(checkpoint_dir, "checkpoint_dir"), latest_filename)
    return None if state is None else _message(state)


def latest_checkpoint(checkpoint_dir: str, latest_filename: str | None = None) -> str | None:
    """The newest checkpoint of a folder.

    Args:
        checkpoint_dir: The folder.
        latest_filename: Another name of the file that says so; None: "checkpoint".

    Returns:
        What Saver.restore takes; None where there is none.

    Raises:
        TypeError: an argument is no text.

    Example:
        >>> v = fc.Variable(1.0)
        >>> with fc.Session() as sess:
        ...     sess.run(v.initializer)
        ...     print(fc.train.Saver().save(sess, "run/model", global_step=10))
        run/model-10
        >>> fc.train.latest_checkpoint("run")
        'run/model-10'
    """
    state = _read_state(as_path(checkpoint_dir, "checkpoint_dir"), latest_filename)
    if state is None:
        return None
    if exists(state.model_checkpoint_path):
        return state.model_checkpoint_path
    warnings.warn(
        f"{state_file(checkpoint_dir, latest_filename)} names {state.model_checkpoint_path}, which is"
        " not there",
        stacklevel=2,
    )
    return None


# ---- the files of a checkpoint ----------------------------------------


def files_of(prefix: str) -> list[str]:
    """The files of a checkpoint, the index first."""
    escaped = glob.escape(prefix)
    index = glob.glob(f"{escaped}.index")
    if index:
        return index + sorted(glob.glob(escaped + _SHARDS))
    return sorted(p for p in {*glob.glob(escaped), *glob.glob(prefix)} if os.path.isfile(p))


def exists(prefix: str) -> bool:
    """Whether there is a checkpoint of either version."""
    return os.path.isfile(f"{prefix}.index") or bool(files_of(prefix))


def checkpoint_exists(checkpoint_prefix: str) -> bool:
    """Whether there is a checkpoint of this name, of version 1 or 2.

    Args:
        checkpoint_prefix: What Saver.save returns.

    Returns:
        A bool.

    Raises:
        TypeError: checkpoint_prefix is no text.

    Example:
        >>> fc.train.checkpoint_exists("no_such_folder/model-1")
        False
    """
    return exists(as_path(checkpoint_prefix, "checkpoint_prefix"))


def get_checkpoint_mtimes(checkpoint_prefixes: Sequence[str]) -> list[float]:
    """When checkpoints were written.

    Args:
        checkpoint_prefixes: A list of what Saver.save returns.

    Returns:
        A list of seconds since 1970; what is not there is left out.

    Raises:
        TypeError: an entry is no text.

    Example:
        >>> fc.train.get_checkpoint_mtimes(["no_such_folder/model-1"])
        []
    """
    times = []
    for prefix in listed(checkpoint_prefixes, "checkpoint_prefixes"):
        files = files_of(as_path(prefix, "each of checkpoint_prefixes"))
        with contextlib.suppress(OSError):
            times += [os.path.getmtime(files[0])] if files else []
    return times


def remove_checkpoint(
    checkpoint_prefix: str, checkpoint_format_version: Any = 2, meta_graph_suffix: str = "meta"
) -> None:
    """Removes the files of a checkpoint; none is no error.

    Args:
        checkpoint_prefix: What Saver.save returns.
        checkpoint_format_version: Accepted: files of both versions are found.
        meta_graph_suffix: What the name of the MetaGraph's file ends in.

    Raises:
        TypeError: an argument is no text.
        OSError: a file cannot be removed.

    Example:
        >>> fc.train.remove_checkpoint("no_such_folder/model-1")
    """
    prefix = as_path(checkpoint_prefix, "checkpoint_prefix")
    meta_graph = f"{prefix}.{text(meta_graph_suffix, 'meta_graph_suffix')}"
    for path in [*files_of(prefix), meta_graph]:  # the index first: what is left is no checkpoint
        with contextlib.suppress(FileNotFoundError):
            os.unlink(path)


def checkpoints_iterator(
    checkpoint_dir: str,
    min_interval_secs: float = 0,
    timeout: float | None = None,
    timeout_fn: Callable[[], Any] | None = None,
) -> Iterator[str]:
    """Waits for checkpoints that another process writes, one after the other.

    Args:
        checkpoint_dir: The folder.
        min_interval_secs: Seconds from one checkpoint to the next, at least.
        timeout: Seconds to wait for a new one; None: for ever.
        timeout_fn: Called when they are over: True ends the iteration, anything else waits again.
            None: it ends.

    Yields:
        The path of each checkpoint that is new.

    Raises:
        TypeError: an argument is of another kind.

    Example:
        >>> list(fc.train.checkpoints_iterator("no_such_folder", timeout=0))
        []
    """
    interval = real_number(min_interval_secs, "min_interval_secs")
    limit = None if timeout is None else real_number(timeout, "timeout")
    give_up = optional_function(timeout_fn, "timeout_fn")
    seen: str | None = None
    while True:
        begun = time.monotonic()
        found = latest_checkpoint(checkpoint_dir)
        while found is None or found == seen:
            if limit is not None and time.monotonic() - begun >= limit:
                break
            time.sleep(1 if limit is None else max(0, min(1, limit - (time.monotonic() - begun))))
            found = latest_checkpoint(checkpoint_dir)
        if found is None or found == seen:
            if give_up is None or give_up() is True:
                return
            continue
        seen = found
        yield found
        time.sleep(max(0, interval - (time.monotonic() - begun)))
