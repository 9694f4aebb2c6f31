"""The training step in PyTorch, eager."""

import itertools

import start
import torch


def prepare(sizes, batch):
    torch.manual_seed(0)
    layers = []
    for m, n in itertools.pairwise(sizes):
        layers += [torch.nn.Linear(m, n), torch.nn.ReLU()]
    model = torch.nn.Sequential(*layers[:-1])
    optimizer = torch.optim.SGD(model.parameters(), 0.01)
    images, labels = map(torch.from_numpy, start.examples(sizes, batch))
    labels = labels.long()

    def run(calls):
        for _ in range(calls):
            optimizer.zero_grad(set_to_none=True)
            loss = torch.nn.functional.cross_entropy(model(images), labels)
            loss.backward()
            optimizer.step()
            loss.item()

    return run
