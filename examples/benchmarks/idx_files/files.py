"""Writes idx files, the format of MNIST: a header of 16 bytes (images) or 8 (labels), then the bytes."""

from __future__ import annotations

import pathlib
import tempfile

import numpy as np

PER_FILE = 2000


def write(count: int = 10) -> tuple[tempfile.TemporaryDirectory[str], list[str], list[str]]:
    """A folder, and the names of its image files and label files.

    The folder goes when the first of these does.
    """
    rng = np.random.default_rng(0)
    folder = tempfile.TemporaryDirectory()
    images, labels = (
        [str(pathlib.Path(folder.name) / f"{kind}-{i}") for i in range(count)]
        for kind in ("images", "labels")
    )
    for image_file, label_file in zip(images, labels):
        header = np.array([0x803, PER_FILE, 28, 28], ">i4").tobytes()
        pathlib.Path(image_file).write_bytes(
            header + rng.integers(0, 256, PER_FILE * 784, np.uint8).tobytes()
        )
        pathlib.Path(label_file).write_bytes(
            np.array([0x801, PER_FILE], ">i4").tobytes() + rng.integers(0, 10, PER_FILE, np.uint8).tobytes()
        )
    return folder, images, labels


def read(image_file: bytes | str, label_file: bytes | str) -> tuple[np.ndarray, np.ndarray]:
    """The images and labels of a pair of files."""
    return np.fromfile(image_file, np.uint8, offset=16).reshape(-1, 28, 28, 1), np.fromfile(
        label_file, np.uint8, offset=8
    )
