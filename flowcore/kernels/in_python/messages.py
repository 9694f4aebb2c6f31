"""Assertions, and values shown on the way."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from flowcore.kernels.in_python.registry import invalid, kernel


def _element(value: Any) -> str:
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    return f"{value:.6g}" if isinstance(value, np.floating) else str(value)


def _rows(array: np.ndarray, left: int) -> tuple[str, int]:
    """The first `left` elements as text, in brackets per row; how many may still come."""
    if array.ndim <= 1:
        flat = array.reshape(-1)
        text = " ".join(_element(v) for v in flat[:left])
        return text + ("..." if left < flat.size else ""), max(left - flat.size, 0)
    text = ""
    for row in array:
        if not left:
            return text + "...", 0
        part, left = _rows(row, left)
        text += f"[{part}]"
    return text, left


def _summary(array: np.ndarray, limit: int) -> str:
    """The first `limit` elements as text; all of them when it is negative."""
    return f"[{_rows(array, array.size if limit < 0 else limit)[0]}]"


@kernel("Assert")
def _assert(name: str, attrs: Mapping[str, Any]) -> Callable[..., Any]:
    limit = attrs.get("summarize", 3)

    def check(condition: np.ndarray, *data: np.ndarray) -> tuple[()]:
        if condition.ndim:
            raise invalid(f"the condition must be a scalar, found shape {list(condition.shape)}")
        if not condition:
            raise invalid("assertion failed: " + " ".join(_summary(d, limit) for d in data))
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
            print(text + "".join(_summary(d, limit) for d in data), file=sys.stderr, flush=True)
        return value

    return show
