"""Files that outlive the process which wrote them: built programs, measured choices.

Owns: their format, and the notes that tell a later process that this one died while a driver read one
of them. What a file holds is handed out only if every byte is as it was written: a driver trusts what
it is given, and dies of a flipped bit. Must never import pyopencl: it knows bytes only.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import pathlib
import struct
import threading
import time
from collections.abc import Iterator

__all__ = ["file_name", "may_read", "read", "write"]

#: Magic, version of this format, length of the content, what the content is for, and a digest of all
#: of these and the content.
_HEAD = struct.Struct("<8sIQ32s")
_MAGIC, _VERSION, _DIGEST_BYTES = b"flowcore", 1, 32
_MAX_AGE = 86400.0  # seconds


def file_name(key: str, suffix: str) -> str:
    """The name of the file for this key."""
    import hashlib

    return hashlib.sha256(key.encode()).hexdigest() + suffix


def _seal(key: str, content: bytes) -> tuple[bytes, bytes]:
    """The head of a file with this content, and the digest that follows it."""
    import hashlib

    head = _HEAD.pack(_MAGIC, _VERSION, len(content), hashlib.sha256(key.encode()).digest())
    return head, hashlib.blake2b(head + content, digest_size=_DIGEST_BYTES).digest()


def write(path: pathlib.Path, key: str, content: bytes) -> None:
    """Stores `content` for `key`. Other processes see the whole file or none of it. Raises OSError."""
    path.parent.mkdir(parents=True, exist_ok=True)
    _sweep(path.parent)
    unfinished = _own(path, "unfinished")
    try:
        unfinished.write_bytes(b"".join([*_seal(key, content), content]))
        os.replace(unfinished, path)
    finally:
        unfinished.unlink(missing_ok=True)


def _sweep(folder: pathlib.Path) -> None:
    """Deletes what processes left behind that were killed while they wrote.

    Writing takes far less than `_MAX_AGE`, so a file that old is nobody's.
    """
    for left in folder.glob("*.unfinished"):
        with contextlib.suppress(OSError):  # another process sweeps too
            if time.time() - left.stat().st_mtime > _MAX_AGE:
                left.unlink()


def read(path: pathlib.Path, key: str) -> bytes | None:
    """What `write` stored there for this key, or None.

    A file with anything else in it is deleted.
    """
    try:
        data = path.read_bytes()
    except OSError:
        return None
    content = data[_HEAD.size + _DIGEST_BYTES :]
    if data[: _HEAD.size + _DIGEST_BYTES] == b"".join(_seal(key, content)):
        return content
    with contextlib.suppress(OSError):  # in a folder that cannot be written to, it stays unused
        path.unlink()
    return None


@contextlib.contextmanager
def may_read(path: pathlib.Path) -> Iterator[bool]:
    """Whether a driver may be given this file's content, inside the block.

    A note beside the file says so while the block runs. It is held by a lock, which ends with the
    process: a note without a lock is one that a process died over. Then the file is deleted, and its
    content not tried again. Where no note can be made, nothing may be read either.
    """
    dead = [note for note in path.parent.glob(f"{path.name}.*.reading") if _is_dead(note)]
    with contextlib.ExitStack() as stack:
        try:
            for file in (path, *dead) if dead else ():
                file.unlink(missing_ok=True)
            stack.enter_context(_note(path))
        except OSError:
            yield False
        else:
            yield not dead


@contextlib.contextmanager
def _note(path: pathlib.Path) -> Iterator[None]:
    note, unlocked = _own(path, "reading"), _own(path, "unfinished")
    descriptor = os.open(unlocked, os.O_CREAT | os.O_WRONLY | os.O_CLOEXEC, 0o600)
    try:
        # Under its name it appears with its lock, so that no other process takes it for a dead one's.
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        os.replace(unlocked, note)
        try:
            yield
        finally:
            note.unlink(missing_ok=True)
    finally:
        unlocked.unlink(missing_ok=True)
        os.close(descriptor)


def _is_dead(note: pathlib.Path) -> bool:
    """Whether the process that made the note has ended before it took the note away."""
    try:
        descriptor = os.open(note, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return False  # taken away since
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
        return os.fstat(descriptor).st_nlink > 0  # 0: taken away, then unlocked
    except OSError:
        return False  # its process is at it
    finally:
        os.close(descriptor)


def _own(path: pathlib.Path, what: str) -> pathlib.Path:
    """A name beside `path` that no other thread of any process uses."""
    return path.with_name(f"{path.name}.{os.getpid()}.{threading.get_ident()}.{what}")
