"""Which tiles matrix products and convolutions use on a device: measured choices, kept between
processes beside the built programs.

Owns: the file of choices and the candidates. Measuring is the command's (flowcore/__main__.py):
this module runs nothing.
"""

from __future__ import annotations

import pathlib
from typing import Any, NamedTuple

from flowcore.opencl.programs import cache_folder, write_whole

__all__ = ["Tiles", "candidates", "load", "store"]


class Tiles(NamedTuple):
    """Of gemm.cl:

    rows and vectors of a processor's tile, side of a GPU's group. 0: chosen by the device's limits.
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


def _file() -> pathlib.Path | None:
    folder = cache_folder()
    return folder / "tiles.json" if folder is not None else None


def _read() -> dict[str, Any]:
    import json

    path = _file()
    try:
        found = json.loads(path.read_text(encoding="utf-8")) if path is not None else {}
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def load(identity: str) -> Tiles:
    """The stored choice for the device of this name and driver, or none. A damaged file holds no choice."""
    try:
        return Tiles(*(int(x) for x in _read()[identity]))
    except (KeyError, TypeError, ValueError):
        return Tiles()


def store(identity: str, tiles: Tiles) -> pathlib.Path | None:
    """Keeps the choice; returns the file, or None where nothing is kept. Raises OSError."""
    import json

    path = _file()
    if path is None:
        return None
    write_whole(path, json.dumps(_read() | {identity: list(tiles)}, indent=1).encode())
    return path
