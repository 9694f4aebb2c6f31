"""A multilayer perceptron on scikit-learn's digits, fed from memory by placeholders."""

from __future__ import annotations

import argparse

import numpy as np
from sklearn.datasets import load_digits

import flowcore as fc


def dense(x: fc.Tensor, size: int, name: str) -> fc.Tensor:
    fan_in = x.shape[1].value
    with fc.name_scope(name):
        weights = fc.Variable(
            fc.truncated_normal([fan_in, size], stddev=fan_in**-0.5, seed=1), name="weights"
        )
        biases = fc.Variable(fc.zeros([size]), name="biases")
        return fc.matmul(x, weights) + biases


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument("--output", help="unused: nothing is written")
    args = parser.parse_args()

    data = load_digits()
    images, labels = (data.data / 16).astype(np.float32), data.target.astype(np.int32)
    train, test = slice(0, 1500), slice(1500, None)

    x = fc.placeholder(fc.float32, [None, 64], name="images")
    y = fc.placeholder(fc.int32, [None], name="labels")
    logits = dense(fc.nn.relu(dense(x, 64, "hidden")), 10, "logits")
    loss = fc.reduce_mean(fc.nn.sparse_softmax_cross_entropy_with_logits(labels=y, logits=logits))
    step = fc.train.MomentumOptimizer(0.1, 0.9).minimize(loss)
    accuracy = fc.reduce_mean(fc.cast(fc.nn.in_top_k(logits, y, 1), fc.float32))

    rng = np.random.default_rng(0)
    with fc.Session() as sess:
        sess.run(fc.global_variables_initializer())
        run = sess.make_callable([step, loss], [x, y])
        for epoch in range(args.epochs):
            order = rng.permutation(1500)
            losses = [run(images[train][b], labels[train][b])[1] for b in np.array_split(order, 1500 // 32)]
            print(f"epoch {epoch + 1}: loss {np.mean(losses):.4f}")
        print(f"test accuracy: {sess.run(accuracy, {x: images[test], y: labels[test]}):.4f}")


if __name__ == "__main__":
    main()
