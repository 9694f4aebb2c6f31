"""Samples of the ops in flowcore/ops/image_ops.py."""

from __future__ import annotations

TESTED_BY = {
    "ops/test_state_and_queues.py::test_images_survive_a_round_trip_and_corrupt_ones_are_refused": [
        "DecodePng",
        "DecodeImage",
        "EncodePng",
        "EncodeJpeg",
    ],
    "ops/test_state_and_queues.py::test_jpeg_images_decode_to_the_same_pixels_with_and_without_simplejpeg": [
        "DecodeJpeg"
    ],
    "ops/test_state_and_queues.py::test_bitmaps_decode_to_their_pixels": ["DecodeBmp"],
}
