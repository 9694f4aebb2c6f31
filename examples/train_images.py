"""Trains an image classifier from files, through queues: the main job.

    python examples/train_images.py [--data DIR] [--epochs N] [--output DIR]

Image files -> queue of file names -> read and decode -> shuffling queue -> batches -> convolutional
network -> Adam -> evaluation.
Shows a progress bar (loss, images/s, how full the queue is), prints the test accuracy after each
epoch and draws the learning curve as a PNG.
Ctrl-C stops cleanly and keeps the last result.
"""

from __future__ import annotations

import argparse
import os
import pathlib
import sys
import time

import numpy as np
from tqdm import tqdm

import flowcore as fc

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import image_data

HERE = pathlib.Path(__file__).resolve().parent


def input_batches(images: image_data.Images, batch_size: int, threads: int) -> tuple[fc.Tensor, fc.Tensor]:
    """Batches (images as uint8, labels) from files, shuffled, for ever."""
    file_name, labels = fc.train.slice_input_producer([images.files, images.labels], capacity=64)
    image = fc.image.decode_png(fc.read_file(file_name), channels=images.shape[2])
    several = fc.reshape(image, [-1, *images.shape])
    waiting = min(10000, len(images) // 2)
    return fc.train.shuffle_batch(
        [several, labels],
        batch_size,
        capacity=waiting + 40 * batch_size,
        min_after_dequeue=waiting,
        num_threads=threads,
        enqueue_many=True,
    )


def weight(shape: list[int], fan_in: int, name: str) -> fc.Variable:
    return fc.Variable(fc.truncated_normal(shape, stddev=(2.0 / fan_in) ** 0.5), name=name)


class Network:
    """Two 5x5 convolutions with pooling, a dense layer of 512 with dropout, and the logits."""

    def __init__(self, shape: tuple[int, int, int], classes: int) -> None:
        height, width, channels = shape
        self.flat = -(-height // 4) * -(-width // 4) * 64
        sizes = {
            "conv1": [5, 5, channels, 32],
            "conv2": [5, 5, 32, 64],
            "dense": [self.flat, 512],
            "logits": [512, classes],
        }
        self.layers = {
            name: (
                weight(size, int(np.prod(size[:-1])), f"{name}/weights"),
                fc.Variable(fc.zeros([size[-1]]), name=f"{name}/biases"),
            )
            for name, size in sizes.items()
        }

    def logits(self, images: fc.Tensor, rate: float = 0.0) -> fc.Tensor:
        x = fc.cast(images, fc.float32) * (1.0 / 255.0) - 0.3
        for name in ("conv1", "conv2"):
            w, b = self.layers[name]
            x = fc.nn.relu(fc.nn.bias_add(fc.nn.conv2d(x, w, [1, 1, 1, 1], "SAME"), b))
            x = fc.nn.max_pool(x, [1, 2, 2, 1], [1, 2, 2, 1], "SAME")
        w, b = self.layers["dense"]
        x = fc.nn.relu(fc.nn.bias_add(fc.matmul(fc.reshape(x, [-1, self.flat]), w), b))
        x = fc.nn.dropout(x, rate=rate)
        w, b = self.layers["logits"]
        return fc.nn.bias_add(fc.matmul(x, w), b)


def draw_curve(
    path: pathlib.Path, losses: list[float], accuracies: list[tuple[int, float]], title: str
) -> None:
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    figure, left = plt.subplots(figsize=(8, 4.5))
    smooth = np.convolve(losses, np.ones(20) / 20, "valid") if len(losses) >= 20 else np.array(losses)
    left.plot(np.arange(len(smooth)), smooth, color="tab:blue", linewidth=1)
    left.set(xlabel="step", ylabel="training loss (mean of 20 steps)", title=title)
    right = left.twinx()
    if accuracies:
        right.plot(*zip(*accuracies, strict=True), "o-", color="tab:orange")
    right.set_ylabel("test accuracy", color="tab:orange")
    figure.tight_layout()
    figure.savefig(path, dpi=120)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument(
        "--data",
        help="folder with one folder of image files per class (and train/, test/ above them), or 'digits'",
    )
    parser.add_argument(
        "--epochs", type=int, help="times through the training images (default 5; 60 for the digits)"
    )
    parser.add_argument("--batch-size", type=int, default=64)
    parser.add_argument("--learning-rate", type=float, default=1e-3)
    parser.add_argument("--threads", type=int, default=1, help="threads that read and decode")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--steps", type=int, help="stop after so many steps, for a quick look")
    parser.add_argument("--device", help="device for the network, such as /cpu:0")
    parser.add_argument(
        "--output",
        type=pathlib.Path,
        default=HERE / "output",
        help="where image files and the learning curve go",
    )
    args = parser.parse_args()

    name, train, test = image_data.find(args.data, args.output)
    test_images, test_labels = test.load()
    classes = int(max(train.labels.max(), test_labels.max())) + 1
    epochs = args.epochs or (60 if name == "digits" else 5)
    steps_per_epoch = max(1, len(train) // args.batch_size)
    size = "x".join(map(str, train.shape))
    print(
        f"{name}: {len(train)} training and {len(test)} test images of {size}, {classes} classes; {epochs}"
        f" epochs of {steps_per_epoch} steps"
    )

    fc.set_random_seed(args.seed)
    images, labels = input_batches(train, args.batch_size, args.threads)
    with fc.device(args.device):
        network = Network(train.shape, classes)
        loss = fc.reduce_mean(
            fc.nn.sparse_softmax_cross_entropy_with_logits(
                labels=labels, logits=network.logits(images, rate=0.5)
            )
        )
        step = fc.train.create_global_step()
        # a fifth is left in the end
        rate = fc.train.exponential_decay(args.learning_rate, step, steps_per_epoch * epochs, 0.2)
        train_op = fc.train.AdamOptimizer(rate).minimize(loss, global_step=step)
        fed_images = fc.placeholder(fc.uint8, [None, *train.shape], name="images")
        fed_labels = fc.placeholder(fc.int32, [None], name="labels")
        correct = fc.equal(fc.argmax(network.logits(fed_images), 1, output_type=fc.int32), fed_labels)
    queue = fc.get_collection(fc.GraphKeys.QUEUE_RUNNERS)[-1].queue
    fill = queue.size()

    def accuracy() -> float:
        hits = sum(
            int(
                sess.run(
                    correct, {fed_images: test_images[i : i + 500], fed_labels: test_labels[i : i + 500]}
                ).sum()
            )
            for i in range(0, len(test_labels), 500)
        )
        return hits / len(test_labels)

    losses: list[float] = []
    accuracies: list[tuple[int, float]] = []
    interrupted = False
    with fc.Session() as sess:
        sess.run([fc.global_variables_initializer(), fc.local_variables_initializer()])
        coord = fc.train.Coordinator()
        threads = fc.train.start_queue_runners(sess, coord)
        one_step = sess.make_callable([train_op, loss])
        try:
            for epoch in range(epochs):
                begin = time.perf_counter()
                with tqdm(
                    total=steps_per_epoch,
                    desc=f"epoch {epoch + 1}/{epochs}",
                    unit="step",
                    disable=None,
                    mininterval=0.5,
                ) as bar:
                    for i in range(steps_per_epoch):
                        losses.append(float(one_step()[1]))
                        if i % 20 == 19:
                            speed = (i + 1) * args.batch_size / (time.perf_counter() - begin)
                            bar.set_postfix_str(
                                f"loss {np.mean(losses[-20:]):.3f}, {speed:.0f} images/s, queue"
                                f" {sess.run(fill)}",
                                refresh=False,
                            )
                        bar.update()
                        if args.steps and len(losses) >= args.steps:
                            break
                speed = (i + 1) * args.batch_size / (time.perf_counter() - begin)
                accuracies.append((len(losses), accuracy()))
                print(
                    f"epoch {epoch + 1}: loss {np.mean(losses[-steps_per_epoch:]):.4f}, test accuracy"
                    f" {accuracies[-1][1]:.4f}, {speed:.0f} images/s"
                )
                if args.steps and len(losses) >= args.steps:
                    break
        except KeyboardInterrupt:
            interrupted = True
            print("\ninterrupted: stopping the queues", file=sys.stderr)
            accuracies.append((len(losses), accuracy()))
        finally:
            coord.request_stop()
            coord.join(threads, stop_grace_period_secs=10)
    args.output.mkdir(parents=True, exist_ok=True)
    curve = args.output / "learning_curve.png"
    draw_curve(
        curve,
        losses,
        accuracies,
        f"{name}: {train.shape[0]}x{train.shape[1]} images, {len(losses)}"
        f" steps{' (interrupted)' if interrupted else ''}",
    )
    print(f"learning curve: {curve}")
    print(f"test accuracy: {accuracies[-1][1] if accuracies else float('nan'):.4f}")


if __name__ == "__main__":
    main()
