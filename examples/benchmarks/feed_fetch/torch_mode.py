"""100 MB negated in PyTorch, from a NumPy array and back."""

import numpy as np
import torch


def prepare():
    value = np.ones(25_000_000, np.float32)

    def run(calls):
        for _ in range(calls):
            (-torch.from_numpy(value)).numpy()

    return run
