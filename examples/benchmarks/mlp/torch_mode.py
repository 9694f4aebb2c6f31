"""The perceptron's training step in PyTorch, eager."""

import itertools

import numpy as np
import torch


def prepare():
    rng = np.random.default_rng(0)
    torch.manual_seed(0)
    sizes = (784, 512, 512, 10)
    layers = []
    for m, n in itertools.pairwise(sizes):
        layers += [torch.nn.Linear(m, n), torch.nn.ReLU()]
    model = torch.nn.Sequential(*layers[:-1])
    optimizer = torch.optim.SGD(model.parameters(), 0.01)
    images = torch.from_numpy(rng.normal(size=(128, 784)).astype(np.float32))
    labels = torch.from_numpy(rng.integers(0, 10, 128))

    def run(n):
        for _ in range(n):
            optimizer.zero_grad(set_to_none=True)
            loss = torch.nn.functional.cross_entropy(model(images), labels)
            loss.backward()
            optimizer.step()
            loss.item()

    return run, 10, 1e3
