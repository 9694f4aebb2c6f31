"""Assertions, and values shown on the way."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from flowcore.kernels.in_python.registry import invalid, kernel


def _summary(array: np.ndarray, limit: int) -> str:
    """The first `limit` elements as text; all of them when it is negative."""
    flat = array.reshape(-1)
    count = flat.size if limit < 0 else min(limit, flat.size)
    parts = [v.decode("utf-8", "replace") if isinstance(v, bytes) else str(v) for v in flat[:count]]
    text = " ".join(parts) + ("..." if count < flat.size else "")
    return f"[{text}]" if array.ndim else text


@kernel("Assert")
def _assert(name: str, attrs: Mapping[str, Any]) -> Callable[..., Any]:
    limit = attrs.get("summarize", 3)

    def check(condition: np.ndarray, *data: np.ndarray) -> tuple[()]:
        if condition.ndim:
            raise invalid(f"the condition must be a scalar, found shape {list(condition.shape)}")
        if not condition:
            raise invalid("assertion failed: " + " ".join(f"[{_summary(d, limit)}]" for d in data))
        return ()

    return check


@kernel("Print")
def _print(name: str, attrs: Mapping[str, Any]) -> Callable[..., Any]:
    limit, first, message = attrs.get("summarize", 3), attrs.get("first_n", -1), attrs.get("message", "")
    count = 0

    def show(value: np.ndarray, *data: np.ndarray) -> np.ndarray:
        nonlocal count
        if first < 0 or count < first:
            count += 1
            text = message if isinstance(message, str) else message.decode("utf-8", "replace")
            print(text + "".join(f"[{_summary(d, limit)}]" for d in data), file=sys.stderr, flush=True)
        return value

    return show
