"""Kernels in Python: image files."""

from __future__ import annotations

import io

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
