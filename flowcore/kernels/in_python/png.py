"""What PNG files have beyond other formats: values of 16 bits, and a degree of compression."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

__all__ = ["decode_deep", "options"]

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_GREY, _GREY_ALPHA, _RGB_ALPHA = 0, 4, 6
_OPAQUE = 65535


def decode_deep(data: bytes, channels: int, open_image: Callable[[bytes], Any]) -> np.ndarray | None:
    """The pixels of a PNG file with values of 16 bits, all bits of them, [rows, columns, channels].

    Channels are 1 to 4 (0: those of the file). None for another file. `open_image` gives an image
    of Pillow.

    Source: Portable Network Graphics (PNG) Specification, W3C, 2003, section 11.2.2.
    """
    if data[:8] != _SIGNATURE or data[12:16] != b"IHDR" or data[24:25] != b"\x10":
        return None
    kind = data[25]
    if kind == _GREY_ALPHA:
        return _with_channels(_grey_with_alpha(data, open_image), channels)
    image = open_image(data)
    hidden = image.info.get("transparency")
    if kind == _GREY:
        pixels = np.asarray(image).astype(np.uint16)[..., None]
    else:
        pixels = np.asarray(image).astype(np.uint16) << 8 | _low_bytes(open_image(data))
    if hidden is not None and channels in (2, 4):
        shown = np.where((pixels == hidden).all(-1, keepdims=True), 0, _OPAQUE)
        pixels = np.concatenate([pixels, shown.astype(np.uint16)], -1)
    return _with_channels(pixels, channels)


def _low_bytes(image: Any) -> np.ndarray:
    """Of colours and alpha Pillow keeps the high byte of each value. It takes values of two bytes in
    either order, though, and the wrong one keeps the low bytes.
    """
    image.tile = [(*tile[:3], f"{image.mode};16L") for tile in image.tile]
    return np.asarray(image)


def _grey_with_alpha(data: bytes, open_image: Callable[[bytes], Any]) -> np.ndarray:
    """Its pixels have four bytes: read as RGBA of 8 bits, by another header."""
    header = data[12:24] + bytes([8, _RGB_ALPHA]) + data[26:29]
    image = open_image(data[:12] + header + zlib.crc32(header).to_bytes(4, "big") + data[33:])
    return np.ascontiguousarray(image).view(">u2").astype(np.uint16)


def _with_channels(pixels: np.ndarray, channels: int) -> np.ndarray:
    """Another number of channels; new alpha is opaque, and grey is made of colours with the weights
    that Pillow has for 8 bits (ITU-R BT.601).
    """
    found = pixels.shape[-1]
    if channels in (0, found):
        return pixels
    colours, alpha = (pixels[..., :-1], pixels[..., -1:]) if found in (2, 4) else (pixels, None)
    if channels in (1, 2) and colours.shape[-1] == 3:
        weighted = colours.astype(np.uint64) @ np.array([19595, 38470, 7471], np.uint64)
        colours = ((weighted + 0x8000) >> np.uint64(16)).astype(np.uint16)[..., None]
    if channels in (3, 4) and colours.shape[-1] == 1:
        colours = np.repeat(colours, 3, -1)
    if channels in (1, 3):
        return colours
    return np.concatenate([colours, np.full_like(colours[..., :1], _OPAQUE) if alpha is None else alpha], -1)


def options(attrs: Mapping[str, Any]) -> dict[str, Any]:
    """What Pillow is told when it writes a file; a negative compression leaves the choice to it."""
    compression = attrs.get("compression", -1)
    return {} if compression < 0 else {"compress_level": compression}
