"""What PNG files have beyond other formats: grey values of 16 bits, and a degree of compression."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

__all__ = ["options", "with_channels"]


def with_channels(grey: np.ndarray, channels: int) -> np.ndarray:
    """Grey values of 16 bits as an image of 1 to 4 channels (0: as it is); alpha is opaque."""
    copies = [grey] * (3 if channels >= 3 else 1)
    opaque = [np.full_like(grey, 65535)] if channels in (2, 4) else []
    return np.stack([*copies, *opaque], -1)


def options(attrs: Mapping[str, Any]) -> dict[str, Any]:
    """What Pillow is told when it writes a file; a negative compression leaves the choice to it."""
    compression = attrs.get("compression", -1)
    return {} if compression < 0 else {"compress_level": compression}
