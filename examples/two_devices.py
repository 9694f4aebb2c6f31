"""A multilayer perceptron on two devices at once: the model split between them, or each batch.

    python examples/two_devices.py [--split model|batch] [--devices /gpu:0,/gpu:1] [--epochs N]

Without --devices, the first two of this machine: any OpenCL devices, and the CPU where there are fewer.
"""

from __future__ import annotations

import argparse

import numpy as np
from sklearn.datasets import load_digits

import flowcore as fc


class Layer:
    """A dense layer whose variables live on `device`."""

    def __init__(self, fan_in: int, size: int, name: str, device: str) -> None:
        with fc.device(device):
            self.weights = fc.Variable(
                fc.truncated_normal([fan_in, size], stddev=fan_in**-0.5, seed=1), name=f"{name}/weights"
            )
            self.biases = fc.Variable(fc.zeros([size]), name=f"{name}/biases")

    def __call__(self, x: fc.Tensor) -> fc.Tensor:
        return fc.nn.bias_add(fc.matmul(x, self.weights), self.biases)


def mean_loss(logits: fc.Tensor, labels: fc.Tensor) -> fc.Tensor:
    return fc.reduce_mean(fc.nn.sparse_softmax_cross_entropy_with_logits(labels=labels, logits=logits))


def split_model(
    x: fc.Tensor, y: fc.Tensor, hidden: Layer, last: Layer, devices: list[str]
) -> tuple[fc.Tensor, fc.Operation]:
    """The hidden layer computes on the first device, the rest on the second; what passes between
    them is copied, also on the way back.
    """
    with fc.device(devices[0]):
        features = fc.nn.relu(hidden(x))
    with fc.device(devices[1]):
        logits = last(features)
        step = fc.train.MomentumOptimizer(0.1, 0.9).minimize(mean_loss(logits, y))
    return logits, step


def split_batch(
    x: fc.Tensor, y: fc.Tensor, hidden: Layer, last: Layer, devices: list[str]
) -> tuple[fc.Tensor, fc.Operation]:
    """Each device computes the gradients of its half of the batch; their means update the variables."""
    variables = [hidden.weights, hidden.biases, last.weights, last.biases]
    half = fc.shape(x)[0] // 2
    towers, logits = [], []
    for device, xs, ys in ((devices[0], x[:half], y[:half]), (devices[1], x[half:], y[half:])):
        with fc.device(device):
            logits.append(last(fc.nn.relu(hidden(xs))))
            towers.append(fc.gradients(mean_loss(logits[-1], ys), variables))
    with fc.device(devices[0]):
        means = [(a + b) * 0.5 for a, b in zip(*towers, strict=True)]
        step = fc.train.MomentumOptimizer(0.1, 0.9).apply_gradients(zip(means, variables, strict=True))
        return fc.concat(logits, 0), step


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--split", choices=["model", "batch"], default="batch")
    parser.add_argument("--devices", help="two devices, separated by a comma")
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--output", help="unused: nothing is written")
    args = parser.parse_args()
    found = [d.name for d in fc.list_devices() if d.name and "Simulator" not in d.description]
    devices = args.devices.split(",") if args.devices else [*found[1:], *found[:1]][:2]
    devices = (devices * 2)[:2]
    print(f"{args.split} split between {devices[0]} and {devices[1]}")

    data = load_digits()
    images, labels = (data.data / 16).astype(np.float32), data.target.astype(np.int32)
    x = fc.placeholder(fc.float32, [None, 64], name="images")
    y = fc.placeholder(fc.int32, [None], name="labels")
    hidden = Layer(64, 64, "hidden", devices[0])
    last = Layer(64, 10, "logits", devices[1] if args.split == "model" else devices[0])
    logits, step = (split_model if args.split == "model" else split_batch)(x, y, hidden, last, devices)
    hits = fc.reduce_mean(fc.cast(fc.equal(fc.argmax(logits, 1, output_type=fc.int32), y), fc.float32))

    rng = np.random.default_rng(0)
    with fc.Session() as sess:
        sess.run(fc.global_variables_initializer())
        run = sess.make_callable(step, [x, y])
        for _ in range(args.epochs):
            for batch in np.array_split(rng.permutation(1500), 1500 // 32):
                run(images[batch], labels[batch])
        print(f"test accuracy: {sess.run(hits, {x: images[1500:], y: labels[1500:]}):.4f}")


if __name__ == "__main__":
    main()
