"""What the queue pipeline costs the main job: the same training step from files through queues, and
with batches that lie in memory.

    python examples/benchmarks/pipeline/run.py

Rounds alternate between both in one process; prints the medians and their ratio.
"""

from __future__ import annotations

import pathlib
import statistics
import sys
import time

import numpy as np

import flowcore as fc

EXAMPLES = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(EXAMPLES))
import image_data
from train_images import Network, input_batches


def main(rounds: int = 11, steps: int = 40, batch: int = 64) -> None:
    _, train, _ = image_data.find(None, EXAMPLES / "output")
    images, labels = input_batches(train, batch, 1)
    network = Network(train.shape, 10)
    loss = fc.reduce_mean(
        fc.nn.sparse_softmax_cross_entropy_with_logits(labels=labels, logits=network.logits(images, rate=0.5))
    )
    step = fc.train.AdamOptimizer(1e-4).minimize(loss)
    with fc.Session() as sess:
        sess.run([fc.global_variables_initializer(), fc.local_variables_initializer()])
        coord = fc.train.Coordinator()
        threads = fc.train.start_queue_runners(sess, coord)
        queued = sess.make_callable([step, loss])
        batches = [sess.run([images, labels]) for _ in range(20)]
        fed = sess.make_callable([step, loss], [images, labels])
        times: dict[str, list[float]] = {"queues": [], "memory": []}
        for _ in range(rounds):
            for name in times:
                if name == "memory":  # nothing is taken out, so that the runners stand still
                    time.sleep(0.3)
                begin = time.perf_counter()
                for i in range(steps):
                    if name == "queues":
                        queued()
                    else:
                        fed(*batches[i % 20])
                times[name].append((time.perf_counter() - begin) / steps * 1e3)
        coord.request_stop()
        coord.join(threads)
    medians = {name: statistics.median(t) for name, t in times.items()}
    ratio = statistics.median(np.array(times["queues"]) / np.array(times["memory"]))
    print(
        f"from files through queues {medians['queues']:.2f} ms a step, from memory {medians['memory']:.2f}"
        f" ms: ratio {ratio:.3f}"
    )


if __name__ == "__main__":
    main()
