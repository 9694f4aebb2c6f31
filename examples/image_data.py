"""Image files for the training example: finds a data set and describes it as files with labels.

A data set is a list of image files, each a strip of equally large images one below the other (or a
single image), with the labels of each file.
"""

from __future__ import annotations

import gzip
import pathlib
import sys
from dataclasses import dataclass

import numpy as np
from PIL import Image
from tqdm import tqdm

FASHION_MNIST = pathlib.Path("/usr/share/datasets/fashion-mnist")
IMAGE_SUFFIXES = {".png", ".jpg", ".jpeg", ".bmp"}
PER_STRIP = 100


@dataclass
class Images:
    """`files[i]` holds `labels.shape[1]` images of `shape` (height, width, channels) with the
    labels `labels[i]`.
    """

    files: list[str]
    labels: np.ndarray
    shape: tuple[int, int, int]

    def __len__(self) -> int:
        return self.labels.size

    def load(self) -> tuple[np.ndarray, np.ndarray]:
        """All images, uint8, and labels, in memory."""
        mode = "L" if self.shape[2] == 1 else "RGB"
        parts = [
            np.asarray(Image.open(f).convert(mode), np.uint8).reshape(-1, *self.shape) for f in self.files
        ]
        return np.concatenate(parts), self.labels.reshape(-1)


def write_strips(folder: pathlib.Path, images: np.ndarray, labels: np.ndarray, what: str) -> Images:
    """Writes images as PNG strips of up to PER_STRIP, all of one length, into `folder`, unless they
    are there.
    """
    per = next(n for n in range(min(PER_STRIP, len(images)), 0, -1) if len(images) % n == 0)
    labels = labels.reshape(-1, per)
    files = [folder / f"{i:05d}.png" for i in range(len(labels))]
    if not all(f.exists() for f in files):
        folder.mkdir(parents=True, exist_ok=True)
        for i, file in enumerate(tqdm(files, f"writing {what} images", unit="file", disable=None)):
            strip = images[i * per : (i + 1) * per].reshape(-1, images.shape[2])
            # decodes three times as fast, at twice the size
            Image.fromarray(strip).save(file, compress_level=0)
    return Images([str(f) for f in files], labels.astype(np.int32), (images.shape[1], images.shape[2], 1))


def read_idx(path: pathlib.Path) -> np.ndarray:
    """An idx.gz file: magic number, sizes, bytes."""
    with gzip.open(path) as file:
        data = file.read()
    rank = data[3]
    shape = np.frombuffer(data, ">i4", rank, 4)
    return np.frombuffer(data, np.uint8, offset=4 + 4 * rank).reshape(shape)


def fashion_mnist(cache: pathlib.Path) -> tuple[Images, Images]:
    """Fashion-MNIST from Debian's package dataset-fashion-mnist."""
    parts = []
    for what, prefix in (("training", "train"), ("test", "t10k")):
        images = read_idx(FASHION_MNIST / f"{prefix}-images-idx3-ubyte.gz")
        labels = read_idx(FASHION_MNIST / f"{prefix}-labels-idx1-ubyte.gz")
        parts.append(write_strips(cache / "fashion-mnist" / prefix, images, labels, what))
    return parts[0], parts[1]


def digits(cache: pathlib.Path) -> tuple[Images, Images]:
    """The scanned digits of scikit-learn: 1,797 images of 8 x 8, every sixth one for the test."""
    from sklearn.datasets import load_digits

    data = load_digits()
    images, labels = (data.images * 15.9375).astype(np.uint8), data.target
    test = np.arange(len(images)) % 6 == 5
    return (
        write_strips(cache / "digits" / "train", images[~test], labels[~test], "training"),
        write_strips(cache / "digits" / "test", images[test], labels[test], "test"),
    )


def folder(root: pathlib.Path) -> tuple[Images, Images]:
    """DIR/train/<class>/* and DIR/test/<class>/*; without these, DIR/<class>/* with every sixth
    image for the test.
    """
    has_split = (root / "train").is_dir() and (root / "test").is_dir()
    base = root / "train" if has_split else root
    classes = sorted(p.name for p in base.iterdir() if p.is_dir()) if base.is_dir() else []
    if len(classes) < 2:
        sys.exit(f"{root}: expected one folder per class with image files, found {len(classes)} folders")

    def files(of: pathlib.Path) -> list[tuple[str, int]]:
        return [
            (str(f), i)
            for i, name in enumerate(classes)
            for f in sorted((of / name).glob("*"))
            if f.suffix.lower() in IMAGE_SUFFIXES
        ]

    pairs = files(base)
    train = pairs if has_split else [p for i, p in enumerate(pairs) if i % 6 != 5]
    test = files(root / "test") if has_split else pairs[5::6]
    if not train or not test:
        sys.exit(f"{root}: no image files ({', '.join(sorted(IMAGE_SUFFIXES))}) in its class folders")
    first = Image.open(train[0][0])
    shape = (first.height, first.width, 1 if first.mode in ("L", "1") else 3)
    # type: ignore[return-value]
    return tuple(
        Images([f for f, _ in part], np.array([[label] for _, label in part], np.int32), shape)
        for part in (train, test)
    )


def find(data: str | None, cache: pathlib.Path) -> tuple[str, Images, Images]:
    """(name, training images, test images): from `data` when given, else Fashion-MNIST where it is
    installed, else the digits.
    """
    if data == "digits":
        return "digits", *digits(cache)
    if data is not None:
        return data, *folder(pathlib.Path(data))
    if FASHION_MNIST.is_dir():
        return "Fashion-MNIST", *fashion_mnist(cache)
    print(
        "Fashion-MNIST is not installed (Debian: apt-get install dataset-fashion-mnist); using the digits of"
        " scikit-learn",
        file=sys.stderr,
    )
    return "digits", *digits(cache)
