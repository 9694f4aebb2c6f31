"""A data loader with a worker process per processor; each image is decoded by Pillow."""

import itertools

import files
import numpy as np
import torch
from PIL import Image
from torch.utils.data import DataLoader, Dataset


class Images(Dataset):
    def __init__(self):
        self.folder, self.names = files.write()

    def __len__(self):
        return len(self.names)

    def __getitem__(self, index):
        return torch.from_numpy(np.array(Image.open(self.names[index])))


def prepare(batch):
    loader = DataLoader(Images(), batch, shuffle=True, num_workers=2, persistent_workers=True)
    batches = itertools.chain.from_iterable(itertools.repeat(loader))

    def run(calls):
        for _ in itertools.islice(batches, calls):
            pass

    return run
