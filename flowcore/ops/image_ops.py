"""Images:

decoding and encoding (through Pillow, the extra flowcore[images]) and simple transformations.
Public as flowcore.image.
"""

from __future__ import annotations

from typing import Any

from flowcore import dtypes
from flowcore.graph.apply import apply
from flowcore.graph.conversion import convert_to_tensor
from flowcore.graph.op_def import register
from flowcore.graph.operation import Operation, Tensor
from flowcore.graph.scopes import name_scope
from flowcore.ops import shapes
from flowcore.ops.arithmetic import multiply
from flowcore.ops.casts import cast, saturate_cast
from flowcore.shape import TensorShape

__all__ = [
    "convert_image_dtype",
    "decode_bmp",
    "decode_image",
    "decode_jpeg",
    "decode_png",
    "encode_jpeg",
    "encode_png",
]


def _image_shape(op: Operation) -> Any:
    channels = op.get_attr("channels")
    if channels not in (0, 1, 2, 3, 4):
        raise ValueError(f"channels must be 0 (as in the file) to 4, found {channels}")
    return [TensorShape([None, None, channels or None])]


register(
    "DecodePng",
    inputs=["contents: string"],
    outputs=["image: dtype"],
    attrs=["channels: int = 0", "dtype: {uint8, uint16} = uint8"],
    shape=_image_shape,
    grad=None,
)
register(
    "DecodeJpeg",
    inputs=["contents: string"],
    outputs=["image: uint8"],
    attrs=[
        "channels: int = 0",
        "ratio: int = 1",
        "fancy_upscaling: bool = True",
        "try_recover_truncated: bool = False",
        "acceptable_fraction: float = 1.0",
        "dct_method: string = ''",
    ],
    shape=_image_shape,
    grad=None,
)
register(
    "DecodeBmp",
    inputs=["contents: string"],
    outputs=["image: uint8"],
    attrs=["channels: int = 0"],
    shape=_image_shape,
    grad=None,
)
register(
    "DecodeImage",
    inputs=["contents: string"],
    outputs=["image: dtype"],
    attrs=["channels: int = 0", "dtype: {uint8} = uint8", "expand_animations: bool = False"],
    shape=_image_shape,
    grad=None,
)
register(
    "EncodePng",
    inputs=["image: T"],
    outputs=["contents: string"],
    attrs=["compression: int = -1", "T: {uint8} = uint8"],
    shape=shapes.scalar,
    grad=None,
)
register(
    "EncodeJpeg",
    inputs=["image: uint8"],
    outputs=["contents: string"],
    attrs=["quality: int = 95"],
    shape=shapes.scalar,
    grad=None,
)


def decode_png(
    contents: Any, channels: int = 0, dtype: Any = dtypes.uint8, name: str | None = None
) -> Tensor:
    """A PNG file's bytes as [height, width, channels];

    channels 0: as many as the file has. A corrupt file is an InvalidArgumentError.
    """
    return apply("DecodePng", contents, channels=channels, dtype=dtypes.as_dtype(dtype), name=name)


def decode_jpeg(
    contents: Any,
    channels: int = 0,
    ratio: int = 1,
    fancy_upscaling: bool = True,
    try_recover_truncated: bool = False,
    acceptable_fraction: float = 1,
    dct_method: str = "",
    name: str | None = None,
) -> Tensor:
    """A JPEG file's bytes as [height, width, channels], uint8.

    A corrupt or truncated file is an InvalidArgumentError.
    """
    if ratio != 1:
        raise ValueError("decode_jpeg with ratio is not supported")
    return apply("DecodeJpeg", contents, channels=channels, name=name)


def decode_bmp(contents: Any, channels: int = 0, name: str | None = None) -> Tensor:
    """A BMP file's bytes as [height, width, channels], uint8."""
    return apply("DecodeBmp", contents, channels=channels, name=name)


def decode_image(
    contents: Any, channels: int = 0, dtype: Any = dtypes.uint8, name: str | None = None
) -> Tensor:
    """The bytes of a PNG, JPEG, BMP or GIF file (its first frame) as [height, width, channels]."""
    return apply("DecodeImage", contents, channels=channels, dtype=dtypes.as_dtype(dtype), name=name)


def encode_png(image: Any, compression: int = -1, name: str | None = None) -> Tensor:
    """[height, width, channels] of uint8 as the bytes of a PNG file."""
    return apply("EncodePng", image, compression=compression, name=name)


def encode_jpeg(image: Any, format: str = "", quality: int = 95, name: str | None = None) -> Tensor:
    """[height, width, 1 or 3] of uint8 as the bytes of a JPEG file."""
    return apply("EncodeJpeg", image, quality=quality, name=name)


def convert_image_dtype(image: Any, dtype: Any, saturate: bool = False, name: str | None = None) -> Tensor:
    """An image as another type, scaled so that the whole range stays the whole range:

    integers 0..max, floats 0..1.
    """
    image = convert_to_tensor(image, name="image")
    target = dtypes.as_dtype(dtype)
    with name_scope(name, "convert_image", [image]) as scope:
        if image.dtype == target:
            return apply("Identity", image, name=scope)
        to = saturate_cast if saturate else cast
        if image.dtype.is_integer and target.is_integer:
            up, down = target.max // image.dtype.max, (image.dtype.max + 1) // (target.max + 1)
            return (
                multiply(cast(image, target), up, name=scope)
                if image.dtype.max < target.max
                else cast(to(image // down, target), target, name=scope)
            )
        if target.is_floating and image.dtype.is_floating:
            return cast(image, target, name=scope)
        if target.is_floating:
            return multiply(cast(image, target), 1.0 / image.dtype.max, name=scope)
        return to(multiply(image, target.max + 0.5), target, name=scope)
