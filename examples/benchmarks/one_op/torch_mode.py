"""One scalar op in PyTorch, from a NumPy scalar and back."""

import numpy as np
import torch


def prepare():
    value = np.ones((), np.float32)

    def run(n):
        for _ in range(n):
            (torch.from_numpy(value) + 1.0).numpy()

    return run, 500, 1e6
