"""JPEG files by simplejpeg, where it is installed: Pillow's pixels in less than half of the time."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np

__all__ = ["decode_plain"]


@functools.cache
def _simplejpeg() -> Any:
    """The faster of two ways to the same pixels (both are libjpeg-turbo); None where it is not installed."""
    try:
        import simplejpeg
    except ImportError:
        return None
    return simplejpeg


def decode_plain(data: bytes, channels: int, most_pixels: int) -> np.ndarray | None:
    """A grey or RGB JPEG image, asked for as it is, without Pillow's copies and its lock.

    None: for Pillow to decode, or to refuse.
    """
    fast = _simplejpeg()
    if fast is None:
        return None
    try:
        height, width, colours, _ = fast.decode_jpeg_header(data)
        own = 1 if colours == "Gray" else 3
        if colours not in ("Gray", "YCbCr") or channels not in (0, own) or height * width > most_pixels:
            return None
        return fast.decode_jpeg(data, colorspace="GRAY" if own == 1 else "RGB")
    except ValueError:
        return None
