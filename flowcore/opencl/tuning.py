"""Which tiles matrix products and convolutions use on a device: measured choices, kept between
processes beside the built programs.

Owns: the files of choices, one for each device, and the candidates. Measuring is the command's
(flowcore/__main__.py): this module runs nothing.
"""

from __future__ import annotations

import pathlib
from typing import NamedTuple

from flowcore.opencl import stored
from flowcore.opencl.programs import cache_folder

__all__ = ["Tiles", "candidates", "load", "store"]


class Tiles(NamedTuple):
    """Of gemm.cl: rows and vectors of a processor's tile, side of a GPU's group. 0: chosen by the
    device's limits.
    """

    rows: int = 0
    vectors: int = 0
    side: int = 0


def candidates(is_cpu: bool, max_group: int) -> list[Tiles]:
    """What is worth measuring; the first is the choice without a measurement."""
    if is_cpu:
        return [
            Tiles(),
            *(
                Tiles(rows, vectors)
                for rows, vectors in ((4, 4), (5, 4), (6, 4), (4, 2), (6, 2), (8, 2), (12, 2))
            ),
        ]
    return [Tiles(), *(Tiles(side=side) for side in (8, 16) if side * side <= max_group)]


def _file(identity: str) -> pathlib.Path | None:
    folder = cache_folder()
    return folder / stored.file_name(identity, ".tiles") if folder is not None else None


def load(identity: str) -> Tiles:
    """The stored choice for the device of this name and driver, or none. A damaged file holds no choice."""
    path = _file(identity)
    content = stored.read(path, identity) if path is not None else None
    return Tiles(*map(int, content.split())) if content is not None else Tiles()


def store(identity: str, tiles: Tiles) -> pathlib.Path | None:
    """Keeps the choice; returns the file, or None where nothing is kept. Raises OSError."""
    path = _file(identity)
    if path is not None:
        stored.write(path, identity, " ".join(map(str, tiles)).encode())
    return path
