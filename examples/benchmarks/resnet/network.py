"""The network's structure and weights, for every side alike. Batch normalisation is a scale and a shift."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Convolution:
    """`kernel` is [height, width, channels in, channels out]; `pad` pixels are added on every side."""

    kernel: np.ndarray
    scale: np.ndarray
    shift: np.ndarray
    stride: int
    pad: int


@dataclass(frozen=True)
class Block:
    """Two convolutions and a way around them, through a convolution where the shape changes."""

    first: Convolution
    second: Convolution
    around: Convolution | None


@dataclass(frozen=True)
class Network:
    """A convolution and a pool of 3x3 by 2, blocks, the mean over the image, a dense layer."""

    stem: Convolution
    blocks: list[Block]
    dense: np.ndarray


def build() -> Network:
    rng = np.random.default_rng(0)

    def convolution(size: int, inputs: int, outputs: int, stride: int = 1) -> Convolution:
        kernel = rng.normal(size=(size, size, inputs, outputs), scale=(size * size * inputs) ** -0.5).astype(
            np.float32
        )
        return Convolution(
            kernel,
            rng.uniform(0.9, 1.1, outputs).astype(np.float32),
            np.zeros(outputs, np.float32),
            stride,
            size // 2,
        )

    blocks, inputs = [], 64
    for outputs in (64, 128, 256, 512):
        for index in range(2):
            stride = 2 if outputs > 64 and index == 0 else 1
            around = convolution(1, inputs, outputs, stride) if stride == 2 else None
            blocks.append(
                Block(convolution(3, inputs, outputs, stride), convolution(3, outputs, outputs), around)
            )
            inputs = outputs
    return Network(
        convolution(7, 3, 64, 2), blocks, rng.normal(size=(512, 1000), scale=0.05).astype(np.float32)
    )


def images(batch: int) -> np.ndarray:
    """[batch, height, width, channels]."""
    return np.random.default_rng(1).normal(size=(batch, 224, 224, 3)).astype(np.float32)
