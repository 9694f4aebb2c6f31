"""A data loader over the images of the files, in order."""

import itertools

import files
import torch
from torch.utils.data import DataLoader, IterableDataset


class Images(IterableDataset):
    def __init__(self):
        self.folder, self.images, self.labels = files.write()

    def __iter__(self):
        for pair in itertools.cycle(zip(self.images, self.labels)):
            images, labels = map(torch.from_numpy, files.read(*pair))
            yield from zip(images, labels)


def prepare(batch):
    # in this process: sending batches from workers takes longer than making them
    batches = iter(DataLoader(Images(), batch))

    def run(calls):
        for _ in itertools.islice(batches, calls):
            pass

    return run
