"""The same bytes in one file: written, waited for until they are on the disk, renamed; or read."""

import os
import tempfile

import numpy as np

VARIABLES = 16


def prepare(megabytes, restores):
    folder = tempfile.TemporaryDirectory()
    size = megabytes * 2**20 // 4 // VARIABLES
    values = [np.random.default_rng(i).random(size, np.float32) for i in range(VARIABLES)]
    path = f"{folder.name}/model"

    def save():
        with open(f"{path}.part", "wb", buffering=0) as file:
            for value in values:
                file.write(value)
            os.fsync(file.fileno())
        os.replace(f"{path}.part", path)

    def restore():
        with open(path, "rb", buffering=0) as file:
            return [np.fromfile(file, np.float32, size) for _ in range(VARIABLES)]

    save()

    def run(calls, folder=folder):
        for _ in range(calls):
            if restores:
                restore()
            else:
                save()

    return run
