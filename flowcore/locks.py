"""Locks that are free in a forked child, whichever of the parent's threads had them.

A thread that does not survive the fork never gives its locks back, so that its child would wait for
them for ever. Owns: the locks of this package that outlive a call. Must never import anything above it.
"""

from __future__ import annotations

import os
import threading
import weakref
from typing import Any

__all__ = ["lock", "reentrant_lock"]

_locks: weakref.WeakSet[Any] = weakref.WeakSet()


def lock() -> threading.Lock:
    """As `threading.Lock`."""
    made = threading.Lock()
    _locks.add(made)
    return made


def reentrant_lock() -> Any:
    """As `threading.RLock`."""
    made = threading.RLock()
    _locks.add(made)
    return made


def _free_all() -> None:
    for each in _locks:
        each._at_fork_reinit()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_free_all)
