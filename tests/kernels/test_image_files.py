"""Kernels in Python: image files."""

from __future__ import annotations

import io
import struct
import zlib

import numpy as np
import pytest

import flowcore as fc

image = pytest.importorskip("PIL.Image")


def test_grey_png_of_16_bits() -> None:
    grey = np.array([[0, 255, 256], [0x1234, 0xFF00, 0xFFFF]], np.uint16)
    buffer = io.BytesIO()
    image.fromarray(grey).save(buffer, "PNG")
    data = fc.constant(buffer.getvalue())
    with fc.Session() as sess:
        for channels in (0, 1):
            deep = sess.run(fc.image.decode_png(data, channels, fc.uint16))
            np.testing.assert_array_equal(deep, grey[..., None])
            flat = sess.run(fc.image.decode_png(data, channels))
            np.testing.assert_array_equal(flat, (grey >> 8).astype(np.uint8)[..., None])
        for dtype, values in ((fc.uint8, grey >> 8), (fc.uint16, grey)):
            colours = sess.run(fc.image.decode_png(data, 3, dtype))
            np.testing.assert_array_equal(colours, np.repeat(values[..., None], 3, -1))
            clear = sess.run(fc.image.decode_png(data, 4, dtype))
            np.testing.assert_array_equal(clear[..., :3], np.repeat(values[..., None], 3, -1))
            assert (clear[..., 3] == dtype.max).all()


def png_of_16_bits(pixels: np.ndarray, interlaced: bool = False, extra: bytes = b"") -> bytes:
    """A file of [rows, columns, channels], whose rows take turns with the five filters of the format."""
    rows, columns, channels = pixels.shape
    kind = {1: 0, 2: 4, 3: 2, 4: 6}[channels]
    whole = [(0, 0, 1, 1)]
    seven = [(0, 0, 8, 8), (0, 4, 8, 8), (4, 0, 8, 4), (0, 2, 4, 4), (2, 0, 4, 2), (0, 1, 2, 2), (1, 0, 2, 1)]
    content = b"".join(
        filtered(pixels[top::down, left::right])
        for top, left, down, right in (seven if interlaced else whole)
    )
    header = struct.pack(">IIBBBBB", columns, rows, 16, kind, 0, 0, interlaced)
    chunks = chunk(b"IHDR", header) + extra + chunk(b"IDAT", zlib.compress(content)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + chunks


def chunk(name: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))


def filtered(pixels: np.ndarray) -> bytes:
    if not pixels.size:
        return b""
    width = 2 * pixels.shape[2]
    found = b""
    above = np.zeros(pixels.shape[1] * width, np.int64)
    for i, row in enumerate(pixels):
        x = np.frombuffer(row.astype(">u2").tobytes(), np.uint8).astype(np.int64)
        left, corner = (np.concatenate([np.zeros(width, np.int64), line[:-width]]) for line in (x, above))
        estimate = left + above - corner
        near = np.abs(np.stack([estimate - left, estimate - above, estimate - corner])).argmin(0)
        guess = [0, left, above, (left + above) // 2, np.choose(near, [left, above, corner])][i % 5]
        found += bytes([i % 5]) + ((x - guess) % 256).astype(np.uint8).tobytes()
        above = x
    return found


@pytest.mark.parametrize("interlaced", [False, True])
@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_png_of_16_bits_keeps_them_all(channels: int, interlaced: bool) -> None:
    pixels = np.random.default_rng(channels).integers(0, 65536, [11, 13, channels], np.uint16)
    data = fc.constant(png_of_16_bits(pixels, interlaced))
    colours, alpha = (pixels[..., :-1], pixels[..., -1:]) if channels in (2, 4) else (pixels, None)
    opaque = np.full([11, 13, 1], 65535, np.uint16)
    with fc.Session() as sess:
        np.testing.assert_array_equal(sess.run(fc.image.decode_png(data, dtype=fc.uint16)), pixels)
        np.testing.assert_array_equal(
            sess.run(fc.image.decode_png(data, 4, fc.uint16)),
            np.concatenate([np.broadcast_to(colours, [11, 13, 3]), opaque if alpha is None else alpha], -1),
        )
        np.testing.assert_array_equal(
            sess.run(fc.image.decode_png(data, 3, fc.uint16)), np.broadcast_to(colours, [11, 13, 3])
        )
        grey = sess.run(fc.image.decode_png(data, 1, fc.uint16))
        weights = [0.299, 0.587, 0.114] if colours.shape[-1] == 3 else [1]
        np.testing.assert_allclose(grey[..., 0], colours @ np.array(weights), atol=1)
        np.testing.assert_array_equal(sess.run(fc.image.decode_png(data)), pixels >> 8)  # of 8 bits


def test_a_transparent_colour_of_16_bits_is_told_from_its_neighbour() -> None:
    pixels = np.array([[[1, 2, 3], [1, 2, 4]]], np.uint16)
    data = png_of_16_bits(pixels, extra=chunk(b"tRNS", struct.pack(">HHH", 1, 2, 3)))
    with fc.Session() as sess:
        clear = sess.run(fc.image.decode_png(data, 4, fc.uint16))
        for channels in (0, 3):
            np.testing.assert_array_equal(sess.run(fc.image.decode_png(data, channels, fc.uint16)), pixels)
        grey = png_of_16_bits(pixels[..., :1], extra=chunk(b"tRNS", struct.pack(">H", 1)))
        assert sess.run(fc.image.decode_png(grey, 2, fc.uint16)).tolist() == [[[1, 0], [1, 0]]]
    assert clear[0, :, 3].tolist() == [0, 65535]


def test_a_broken_png_of_16_bits_is_refused() -> None:
    data = png_of_16_bits(np.ones([9, 9, 3], np.uint16))
    with fc.Session() as sess:
        for broken in (data[:60], data[:20], data[:24] + b"\x10\x07" + data[26:]):
            with pytest.raises(fc.errors.InvalidArgumentError, match="not a usable PNG image"):
                sess.run(fc.image.decode_png(broken, 3, fc.uint16))


def test_other_files_of_8_bits_fill_16() -> None:
    pixels = np.array([[[0, 1, 255]]], np.uint8)
    with fc.Session() as sess:
        deep = sess.run(fc.image.decode_png(fc.image.encode_png(pixels), dtype=fc.uint16))
    assert deep.tolist() == [[[0, 257, 65535]]]


def test_what_a_file_cannot_be_written_with_is_refused() -> None:
    pixels = np.zeros([2, 3, 3], np.uint8)
    for compression in (-2, 10):
        with pytest.raises(ValueError, match=f"compression must be .* found {compression}"):
            fc.image.encode_png(pixels, compression)
    for quality in (-1, 101):
        with pytest.raises(ValueError, match=f"quality must be .* found {quality}"):
            fc.image.encode_jpeg(pixels, quality=quality)
    with pytest.raises(ValueError, match="'format'"):
        fc.image.encode_jpeg(pixels, format="cmyk")
    with fc.Session() as sess:
        assert sess.run(fc.image.encode_jpeg(pixels, format="rgb"))[:2] == b"\xff\xd8"
        assert sess.run(fc.image.encode_png(pixels, 9))[1:4] == b"PNG"
        with pytest.raises(fc.errors.InvalidArgumentError, match=r"with 1 channels here, found \[2, 3, 3\]"):
            sess.run(fc.image.encode_jpeg(pixels, format="grayscale"))
        with pytest.raises(
            fc.errors.InvalidArgumentError, match="at most 65500 rows and columns, found"
        ) as info:
            sess.run(fc.image.encode_jpeg(fc.zeros([1, 65501, 3], fc.uint8)))
        assert "InvalidArgumentError" not in info.value.message
        assert sess.run(fc.image.encode_jpeg(fc.zeros([1, 65500, 1], fc.uint8)))[:2] == b"\xff\xd8"
