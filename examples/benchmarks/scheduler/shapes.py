"""The graphs, for every side alike: for each node the two nodes that it reads; -1 is the fed value."""

import numpy as np

WINDOW = 100  # a node of the random graph reads two of so many before it


def inputs(shape: str, nodes: int) -> np.ndarray:
    before = np.arange(-1, nodes - 1)
    if shape == "chain":
        return np.stack([before, before], 1)
    if shape == "fan":
        return np.full((nodes, 2), -1)
    return np.maximum(-1, before[:, None] - np.random.default_rng(0).integers(0, WINDOW, (nodes, 2)))
