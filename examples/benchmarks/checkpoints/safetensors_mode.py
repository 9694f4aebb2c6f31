"""The package safetensors, of the same arrays: its file is waited for and renamed; or read, and its values
moved to where they are used, because it maps the file and reads nothing by itself.
"""

import os
import tempfile

import numpy as np
from safetensors.numpy import load_file, save_file

VARIABLES = 16


def prepare(megabytes, restores):
    folder = tempfile.TemporaryDirectory()
    size = megabytes * 2**20 // 4 // VARIABLES
    values = {f"v{i}": np.random.default_rng(i).random(size, np.float32) for i in range(VARIABLES)}
    path = f"{folder.name}/model.safetensors"

    def save():
        save_file(values, f"{path}.part")
        with open(f"{path}.part", "rb") as file:
            os.fsync(file.fileno())
        os.replace(f"{path}.part", path)

    def restore():
        for name, value in load_file(path).items():
            values[name][...] = value

    save()

    def run(calls, folder=folder):  # the folder stays as long as this function
        for _ in range(calls):
            if restores:
                restore()
            else:
                save()

    return run
