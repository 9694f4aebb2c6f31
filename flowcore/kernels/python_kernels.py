"""Kernels in Python: decoding and encoding of images (through Pillow), file patterns, printing.

Each entry is a factory (node name, attributes) -> callable(*arrays) -> array or tuple; the engine
calls it with the GIL.
Raise an exception of flowcore.errors to choose the class that the user sees. Knows no graph.
"""

from __future__ import annotations

import functools
import glob
import io
import sys
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from flowcore import errors

PYTHON_KERNELS: dict[str, Callable[[str, Mapping[str, Any]], Callable[..., Any]]] = {}


def _kernel(op_type: str) -> Callable[[Any], Any]:
    def add(factory: Any) -> Any:
        PYTHON_KERNELS[op_type] = factory
        return factory

    return add


def _invalid(message: str) -> errors.InvalidArgumentError:
    return errors.InvalidArgumentError(None, None, message)


def _pillow() -> Any:
    try:
        from PIL import Image
    except ImportError:
        raise errors.UnimplementedError(
            None, None, "decoding images needs Pillow: pip install 'flowcore[images]'"
        ) from None
    return Image


_MODES = {1: "L", 2: "LA", 3: "RGB", 4: "RGBA"}


@functools.cache
def _simplejpeg() -> Any:
    """The faster of two ways to the same pixels (both are libjpeg-turbo); None where it is not installed."""
    try:
        import simplejpeg
    except ImportError:
        return None
    return simplejpeg


def _plain_jpeg(data: bytes, channels: int, most_pixels: int) -> np.ndarray | None:
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


def _with_channels(grey: np.ndarray, channels: int) -> np.ndarray:
    """Grey values of 16 bits as an image of 1 to 4 channels (0: as it is); alpha is opaque."""
    copies = [grey] * (3 if channels >= 3 else 1)
    opaque = [np.full_like(grey, 65535)] if channels in (2, 4) else []
    return np.stack([*copies, *opaque], -1)


def _decoder(formats: tuple[str, ...]) -> Callable[[str, Mapping[str, Any]], Callable[..., Any]]:
    def factory(name: str, attrs: Mapping[str, Any]) -> Callable[..., Any]:
        channels = attrs.get("channels", 0)
        sixteen_bits = attrs.get("dtype") == 17

        def decode(contents: np.ndarray) -> np.ndarray:
            if contents.ndim:
                raise _invalid(f"contents must be a scalar, got shape {list(contents.shape)}")
            data: bytes = contents.item()
            image_module = _pillow()
            if "JPEG" in formats and data[:2] == b"\xff\xd8" and not sixteen_bits:
                array = _plain_jpeg(data, channels, image_module.MAX_IMAGE_PIXELS or 0)
                if array is not None:
                    return array
            try:
                image = image_module.open(io.BytesIO(data), formats=formats)
                image.load()
            except image_module.DecompressionBombError as error:
                raise errors.ResourceExhaustedError(
                    None, None, f"the image is too large to decode: {error}"
                ) from None
            except Exception as error:
                kinds = " or ".join(formats)
                raise _invalid(f"not a usable {kinds} image ({len(data)} bytes): {error}") from None
            if image.mode.startswith("I"):  # grey, of 16 bits
                deep = np.asarray(image).astype(np.uint16)
                if sixteen_bits:
                    return _with_channels(deep, channels)
                image = image_module.fromarray((deep >> 8).astype(np.uint8), "L")
            if channels:
                image = image if image.mode == _MODES[channels] else image.convert(_MODES[channels])
            elif image.mode not in ("L", "LA", "RGB", "RGBA"):
                image = image.convert(
                    "RGBA" if "transparency" in image.info else "L" if image.mode in ("1", "F") else "RGB"
                )
            array = np.asarray(image, np.uint8)
            array = array[..., None] if array.ndim == 2 else array
            return array.astype(np.uint16) * 257 if sixteen_bits else array

        return decode

    return factory


PYTHON_KERNELS["DecodePng"] = _decoder(("PNG",))
PYTHON_KERNELS["DecodeJpeg"] = _decoder(("JPEG",))
PYTHON_KERNELS["DecodeBmp"] = _decoder(("BMP",))
PYTHON_KERNELS["DecodeImage"] = _decoder(("PNG", "JPEG", "BMP", "GIF"))


def _encoder(
    format_name: str, options: Callable[[Mapping[str, Any]], dict[str, Any]]
) -> Callable[[str, Mapping[str, Any]], Callable[..., Any]]:
    def factory(name: str, attrs: Mapping[str, Any]) -> Callable[..., Any]:
        def encode(image: np.ndarray) -> np.ndarray:
            if image.ndim != 3 or image.shape[2] not in ((1, 3) if format_name == "JPEG" else _MODES):
                raise _invalid(
                    f"an image must have shape [height, width, channels], found {list(image.shape)}"
                )
            if not image.size:
                raise _invalid(f"an image without pixels cannot be encoded: {list(image.shape)}")
            buffer = io.BytesIO()
            picture = _pillow().fromarray(
                image[..., 0] if image.shape[2] == 1 else image, _MODES[image.shape[2]]
            )
            picture.save(buffer, format_name, **options(attrs))
            return np.asarray(buffer.getvalue(), object)

        return encode

    return factory


PYTHON_KERNELS["EncodePng"] = _encoder(
    "PNG", lambda attrs: {} if attrs.get("compression", -1) < 0 else {"compress_level": attrs["compression"]}
)
PYTHON_KERNELS["EncodeJpeg"] = _encoder("JPEG", lambda attrs: {"quality": attrs.get("quality", 95)})


@_kernel("MatchingFiles")
def _matching_files(name: str, attrs: Mapping[str, Any]) -> Callable[..., Any]:
    def match(pattern: np.ndarray) -> np.ndarray:
        found: set[str] = set()
        for item in np.asarray(pattern, object).reshape(-1):
            if b"\0" in item:
                raise _invalid(f"a file pattern cannot hold a NUL byte, found {item!r}")
            found.update(glob.glob(item.decode("utf-8", "surrogateescape")))
        return np.array([path.encode("utf-8", "surrogateescape") for path in sorted(found)], object)

    return match


def _summary(array: np.ndarray, limit: int) -> str:
    """The first `limit` elements as text; all of them when it is negative."""
    flat = array.reshape(-1)
    count = flat.size if limit < 0 else min(limit, flat.size)
    parts = [v.decode("utf-8", "replace") if isinstance(v, bytes) else str(v) for v in flat[:count]]
    text = " ".join(parts) + ("..." if count < flat.size else "")
    return f"[{text}]" if array.ndim else text


@_kernel("Assert")
def _assert(name: str, attrs: Mapping[str, Any]) -> Callable[..., Any]:
    limit = attrs.get("summarize", 3)

    def check(condition: np.ndarray, *data: np.ndarray) -> tuple[()]:
        if condition.ndim:
            raise _invalid(f"the condition must be a scalar, found shape {list(condition.shape)}")
        if not condition:
            raise _invalid("assertion failed: " + " ".join(f"[{_summary(d, limit)}]" for d in data))
        return ()

    return check


@_kernel("Print")
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
