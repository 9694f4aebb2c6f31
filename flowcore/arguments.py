"""Checks of plain Python arguments, one per kind, with the argument's name in every error.

What is checked here is what several functions take: whole numbers of 64 bits, numbers, text, bytes,
seeds. Imports nothing of flowcore.
"""

from __future__ import annotations

import operator
from typing import Any

__all__: list[str] = []

INT64_MIN, INT64_MAX = -(2**63), 2**63 - 1


def described(value: Any) -> str:
    """`value` as messages show it: its repr, cut where it is long, or its type where it has none."""
    try:
        text = repr(value)
    except Exception:
        return f"an object of type {type(value).__name__}"
    return text if len(text) <= 60 else f"{text[:57]}..."


def whole_number(value: Any, what: str, least: int = INT64_MIN, most: int = INT64_MAX) -> int:
    """`value` as an int between `least` and `most`.

    Raises TypeError when it is no whole number, ValueError when it is out of range.
    """
    try:
        number = operator.index(value)
    except TypeError:
        raise TypeError(f"{what} must be a whole number, found {described(value)}") from None
    if not least <= number <= most:
        raise ValueError(f"{what} must be from {least} to {most}, found {described(number)}")
    return number


def real_number(value: Any, what: str) -> float:
    """`value` as a float. Raises TypeError when it is no number, ValueError when it is too large for one."""
    if isinstance(value, (str, bytes, bytearray)):
        raise TypeError(f"{what} must be a number, found {described(value)}")
    try:
        return float(value)
    except OverflowError:
        raise ValueError(f"{what} is too large for a float: {described(value)}") from None
    except (TypeError, ValueError):
        raise TypeError(f"{what} must be a number, found {described(value)}") from None


def text(value: Any, what: str) -> str:
    """`value` as a str: bytes are decoded as UTF-8. Raises TypeError or ValueError."""
    if isinstance(value, bytes):
        try:
            return value.decode()
        except UnicodeDecodeError:
            raise ValueError(
                f"{what} must be text, found bytes that are no UTF-8: {described(value)}"
            ) from None
    if not isinstance(value, str):
        raise TypeError(f"{what} must be a str, found {described(value)}")
    return value


def as_bytes(value: Any, what: str) -> bytes:
    """`value` as bytes: text as UTF-8, and what `os.fsdecode` made of other bytes as these bytes.

    Raises TypeError when it is neither bytes nor str, ValueError for text that has no UTF-8 (lone
    surrogates).
    """
    if isinstance(value, str):
        try:
            return value.encode("utf-8", "surrogateescape")
        except UnicodeEncodeError:
            raise ValueError(
                f"{what} holds a lone surrogate, which has no UTF-8: {described(value)}; pass bytes"
            ) from None
    if isinstance(value, bytes):
        return value
    raise TypeError(f"{what} must be bytes or a str, found {described(value)}")
