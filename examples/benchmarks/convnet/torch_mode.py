"""The image classifier's training step in PyTorch, eager, channels last."""

import numpy as np
import torch


def prepare():
    rng = np.random.default_rng(0)
    torch.manual_seed(0)
    nn = torch.nn
    model = nn.Sequential(
        nn.Conv2d(1, 32, 5, padding=2),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(32, 64, 5, padding=2),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(3136, 512),
        nn.ReLU(),
        nn.Linear(512, 10),
    )
    model = model.to(memory_format=torch.channels_last)
    optimizer = torch.optim.Adam(model.parameters(), 1e-4)
    images = torch.from_numpy(rng.normal(size=(64, 1, 28, 28)).astype(np.float32)).to(
        memory_format=torch.channels_last
    )
    labels = torch.from_numpy(rng.integers(0, 10, 64))

    def run(calls):
        for _ in range(calls):
            optimizer.zero_grad(set_to_none=True)
            loss = nn.functional.cross_entropy(model(images), labels)
            loss.backward()
            optimizer.step()
            loss.item()

    return run
