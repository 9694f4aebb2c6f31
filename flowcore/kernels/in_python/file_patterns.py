"""Names of files that match patterns."""

from __future__ import annotations

import glob
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from flowcore.kernels.in_python.registry import invalid, kernel


@kernel("MatchingFiles")
def _matching_files(name: str, attrs: Mapping[str, Any]) -> Callable[..., Any]:
    def match(pattern: np.ndarray) -> np.ndarray:
        found: set[str] = set()
        for item in np.asarray(pattern, object).reshape(-1):
            if b"\0" in item:
                raise invalid(f"a file pattern cannot hold a NUL byte, found {item!r}")
            found.update(glob.glob(item.decode("utf-8", "surrogateescape")))
        return np.array([path.encode("utf-8", "surrogateescape") for path in sorted(found)], object)

    return match
