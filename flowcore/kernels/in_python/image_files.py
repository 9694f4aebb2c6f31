"""Image files to pixels and back, through Pillow; JPEG files of plain kinds by a faster way."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from flowcore import errors
from flowcore.kernels.in_python import jpeg, png
from flowcore.kernels.in_python.registry import PYTHON_KERNELS, invalid


def _pillow() -> Any:
    try:
        from PIL import Image
    except ImportError:
        raise errors.UnimplementedError(
            None, None, "decoding images needs Pillow: pip install 'flowcore[images]'"
        ) from None
    return Image


_MODES = {1: "L", 2: "LA", 3: "RGB", 4: "RGBA"}


def _decoder(formats: tuple[str, ...]) -> Callable[[str, Mapping[str, Any]], Callable[..., Any]]:
    def factory(name: str, attrs: Mapping[str, Any]) -> Callable[..., Any]:
        channels = attrs.get("channels", 0)
        sixteen_bits = attrs.get("dtype") == 17

        def decode(contents: np.ndarray) -> np.ndarray:
            if contents.ndim:
                raise invalid(f"contents must be a scalar, got shape {list(contents.shape)}")
            data: bytes = contents.item()
            if "JPEG" in formats and data[:2] == b"\xff\xd8" and not sixteen_bits:
                array = jpeg.decode_plain(data, channels, _pillow().MAX_IMAGE_PIXELS or 0)
                if array is not None:
                    return array
            return _by_pillow(data, formats, channels, sixteen_bits)

        return decode

    return factory


def _by_pillow(data: bytes, formats: tuple[str, ...], channels: int, sixteen_bits: bool) -> np.ndarray:
    image_module = _pillow()

    def opened(contents: bytes) -> Any:
        return image_module.open(io.BytesIO(contents), formats=formats)

    try:
        deep = png.decode_deep(data, channels, opened) if "PNG" in formats else None
        if deep is not None:
            return deep if sixteen_bits else (deep >> 8).astype(np.uint8)
        image = opened(data)
        image.load()
    except image_module.DecompressionBombError as error:
        raise errors.ResourceExhaustedError(
            None, None, f"the image is too large to decode: {error}"
        ) from None
    except Exception as error:
        kinds = " or ".join(formats)
        raise invalid(f"not a usable {kinds} image ({len(data)} bytes): {error}") from None
    if channels:
        image = image if image.mode == _MODES[channels] else image.convert(_MODES[channels])
    elif image.mode not in _MODES.values():
        image = image.convert(
            "RGBA" if "transparency" in image.info else "L" if image.mode in ("1", "F") else "RGB"
        )
    array = np.asarray(image, np.uint8)
    array = array[..., None] if array.ndim == 2 else array
    return array.astype(np.uint16) * 257 if sixteen_bits else array


PYTHON_KERNELS["DecodePng"] = _decoder(("PNG",))
PYTHON_KERNELS["DecodeJpeg"] = _decoder(("JPEG",))
PYTHON_KERNELS["DecodeBmp"] = _decoder(("BMP",))
PYTHON_KERNELS["DecodeImage"] = _decoder(("PNG", "JPEG", "BMP", "GIF"))


def _encoder(
    format_name: str,
    options: Callable[[Mapping[str, Any]], dict[str, Any]],
    channels: Callable[[Mapping[str, Any]], tuple[int, ...]],
    most: int,  # rows, and columns
) -> Callable[[str, Mapping[str, Any]], Callable[..., Any]]:
    def factory(name: str, attrs: Mapping[str, Any]) -> Callable[..., Any]:
        allowed = channels(attrs)

        def encode(image: np.ndarray) -> np.ndarray:
            if image.ndim != 3 or image.shape[2] not in allowed:
                raise invalid(
                    f"an image must have shape [height, width, channels], with {_either(allowed)} channels"
                    f" here, found {list(image.shape)}"
                )
            if not image.size:
                raise invalid(f"an image without pixels cannot be encoded: {list(image.shape)}")
            if max(image.shape[:2]) > most:
                raise invalid(
                    f"a {format_name} image has at most {most} rows and columns, found {list(image.shape)}"
                )
            buffer = io.BytesIO()
            picture = _pillow().fromarray(
                image[..., 0] if image.shape[2] == 1 else image, _MODES[image.shape[2]]
            )
            picture.save(buffer, format_name, **options(attrs))
            return np.asarray(buffer.getvalue(), object)

        return encode

    return factory


def _either(numbers: tuple[int, ...]) -> str:
    return " or ".join(map(str, numbers))


def _jpeg_options(attrs: Mapping[str, Any]) -> dict[str, Any]:
    return {"quality": attrs.get("quality", 95)}


def _jpeg_channels(attrs: Mapping[str, Any]) -> tuple[int, ...]:
    return {"grayscale": (1,), "rgb": (3,)}.get(attrs.get("format", ""), (1, 3))


def _png_channels(attrs: Mapping[str, Any]) -> tuple[int, ...]:
    return tuple(_MODES)


PYTHON_KERNELS["EncodePng"] = _encoder("PNG", png.options, _png_channels, 2**31 - 1)
PYTHON_KERNELS["EncodeJpeg"] = _encoder("JPEG", _jpeg_options, _jpeg_channels, 65500)
