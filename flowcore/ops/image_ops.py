"""Images: decoding and encoding (through Pillow, the extra flowcore[images]) and simple
transformations. Public as flowcore.image.
"""

from __future__ import annotations

from typing import Any

from flowcore import dtypes
from flowcore.arguments import flag, whole_number
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
    attrs=["format: {'', 'grayscale', 'rgb'} = ''", "quality: int = 95"],
    shape=shapes.scalar,
    grad=None,
)


def decode_png(
    contents: Any, channels: int = 0, dtype: Any = dtypes.uint8, name: str | None = None
) -> Tensor:
    """The picture in a PNG file.

    Args:
        contents: The bytes of the file, a scalar of dtype string.
        channels: 1 grey, 2 grey and alpha, 3 colours, 4 colours and alpha; 0: as in the file.
        dtype: uint8 or uint16.
        name: A name for the operation.

    Returns:
        A Tensor of dtype dtype and shape [height, width, channels].

    Raises:
        TypeError: contents is no text, or dtype another.
        ValueError: channels is not one of 0 to 4.
        InvalidArgumentError: The file is corrupt, truncated or of another kind (when it runs).

    Example:
        >>> grey = np.full([1, 2, 1], 7, np.uint8)
        >>> fc.Session().run(fc.image.decode_png(fc.image.encode_png(grey))[0, :, 0])
        array([7, 7], dtype=uint8)
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
    """The picture in a JPEG file.

    Args:
        contents: The bytes of the file, a scalar of dtype string.
        channels: 1 grey, 2 grey and alpha, 3 colours, 4 colours and alpha; 0: as in the file.
        ratio: 1: the size is that of the file.
        fancy_upscaling: Not used; there for scripts that pass it.
        try_recover_truncated: Not used; there for scripts that pass it.
        acceptable_fraction: Not used; there for scripts that pass it.
        dct_method: Not used; there for scripts that pass it.
        name: A name for the operation.

    Returns:
        A Tensor of dtype uint8 and shape [height, width, channels].

    Raises:
        TypeError: contents is no text.
        ValueError: channels is not one of 0 to 4, or ratio is not 1.
        InvalidArgumentError: The file is corrupt, truncated or of another kind (when it runs).

    Example:
        >>> grey = np.full([1, 2, 1], 7, np.uint8)
        >>> fc.Session().run(fc.image.decode_jpeg(fc.image.encode_jpeg(grey))[0, :, 0])
        array([7, 7], dtype=uint8)
    """
    if whole_number(ratio, "ratio") != 1:
        raise ValueError("decode_jpeg with ratio is not supported")
    return apply("DecodeJpeg", contents, channels=channels, name=name)


def decode_bmp(contents: Any, channels: int = 0, name: str | None = None) -> Tensor:
    """The picture in a BMP file.

    Args:
        contents: The bytes of the file, a scalar of dtype string.
        channels: 1 grey, 2 grey and alpha, 3 colours, 4 colours and alpha; 0: as in the file.
        name: A name for the operation.

    Returns:
        A Tensor of dtype uint8 and shape [height, width, channels].

    Raises:
        TypeError: contents is no text.
        ValueError: channels is not one of 0 to 4.
        InvalidArgumentError: The file is corrupt, truncated or of another kind (when it runs).

    Example:
        >>> fc.image.decode_bmp(fc.placeholder(fc.string), channels=3).shape
        TensorShape([None, None, 3])
    """
    return apply("DecodeBmp", contents, channels=channels, name=name)


def decode_image(
    contents: Any, channels: int = 0, dtype: Any = dtypes.uint8, name: str | None = None
) -> Tensor:
    """The picture in a PNG, JPEG, BMP or GIF file; of the last, the first frame.

    Args:
        contents: The bytes of the file, a scalar of dtype string.
        channels: 1 grey, 2 grey and alpha, 3 colours, 4 colours and alpha; 0: as in the file.
        dtype: uint8.
        name: A name for the operation.

    Returns:
        A Tensor of dtype dtype and shape [height, width, channels].

    Raises:
        TypeError: contents is no text, or dtype another.
        ValueError: channels is not one of 0 to 4.
        InvalidArgumentError: The file is corrupt, truncated or of another kind (when it runs).

    Example:
        >>> grey = np.full([1, 2, 1], 7, np.uint8)
        >>> fc.Session().run(fc.image.decode_image(fc.image.encode_png(grey))[0, :, 0])
        array([7, 7], dtype=uint8)
    """
    return apply("DecodeImage", contents, channels=channels, dtype=dtypes.as_dtype(dtype), name=name)


def encode_png(image: Any, compression: int = -1, name: str | None = None) -> Tensor:
    """A picture as the bytes of a PNG file.

    Args:
        image: A Tensor of dtype uint8 and shape [height, width, channels], with 1 to 4 channels.
        compression: 0 fast to 9 small; -1: a mean.
        name: A name for the operation.

    Returns:
        A scalar Tensor of dtype string.

    Raises:
        TypeError: image has another dtype, or compression is no whole number.
        ValueError: compression is less than -1 or more than 9.
        InvalidArgumentError: image has another shape (when it runs).

    Example:
        >>> data = fc.Session().run(fc.image.encode_png(np.zeros([2, 2, 3], np.uint8)))
        >>> data[1:4]
        b'PNG'
    """
    level = whole_number(compression, "compression")
    if not -1 <= level <= 9:
        raise ValueError(f"compression must be -1 (a choice by itself) or 0 to 9, found {level}")
    return apply("EncodePng", image, compression=level, name=name)


def encode_jpeg(image: Any, format: str = "", quality: int = 95, name: str | None = None) -> Tensor:
    """A picture as the bytes of a JPEG file.

    Args:
        image: A Tensor of dtype uint8 and shape [height, width, channels], with 1 or 3 channels.
        format: "grayscale" or "rgb" asks for that many channels; "": what the image has.
        quality: 0 small to 100 faithful.
        name: A name for the operation.

    Returns:
        A scalar Tensor of dtype string.

    Raises:
        TypeError: image has another dtype, or quality is no whole number.
        ValueError: format is another, or quality is less than 0 or more than 100.
        InvalidArgumentError: image has another shape (when it runs).

    Example:
        >>> data = fc.Session().run(fc.image.encode_jpeg(np.zeros([2, 2, 3], np.uint8)))
        >>> data[6:10]
        b'JFIF'
    """
    percent = whole_number(quality, "quality")
    if not 0 <= percent <= 100:
        raise ValueError(f"quality must be 0 to 100, found {percent}")
    return apply("EncodeJpeg", image, format=format, quality=percent, name=name)


def convert_image_dtype(image: Any, dtype: Any, saturate: bool = False, name: str | None = None) -> Tensor:
    """A picture as another dtype, its range scaled: integers 0 .. max, floating 0 .. 1.

    Args:
        image: A Tensor of a floating or integer dtype and any shape, or what converts to one.
        dtype: The new dtype, likewise.
        saturate: Whether values out of range give the nearest limit.
        name: A name for the operation.

    Returns:
        A Tensor of dtype and image's shape.

    Raises:
        TypeError: image or dtype are another dtype.

    Example:
        >>> fc.Session().run(fc.image.convert_image_dtype(np.uint8([0, 255]), fc.float32))
        array([0., 1.], dtype=float32)
    """
    image = convert_to_tensor(image, name="image")
    target = dtypes.as_dtype(dtype)
    with name_scope(name, "convert_image", [image]) as scope:
        if image.dtype.base_dtype == target:
            return apply("Identity", image, name=scope)
        to = saturate_cast if flag(saturate, "saturate") else cast
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
