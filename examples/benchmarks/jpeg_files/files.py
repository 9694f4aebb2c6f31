"""Writes JPEG files of 224x224 smooth random colours."""

from __future__ import annotations

import pathlib
import tempfile

import numpy as np
from PIL import Image


def write(count: int = 128) -> tuple[tempfile.TemporaryDirectory[str], list[str]]:
    """A folder, and its file names. The folder goes when the first of these does."""
    rng = np.random.default_rng(0)
    folder = tempfile.TemporaryDirectory()
    names = [str(pathlib.Path(folder.name) / f"{i}.jpg") for i in range(count)]
    for name in names:
        Image.fromarray(rng.integers(0, 256, (28, 28, 3), np.uint8)).resize(
            (224, 224), Image.Resampling.BICUBIC
        ).save(name, quality=90)
    return folder, names
