"""How the cost of a node grows with the graph: building, gradients, planning (and verifying) on the
first run, a run, and memory. All are to be linear.

Every size is measured in a process of its own. The graph is a random one of scalar products and
sums, and its gradient.
"""

from __future__ import annotations

import itertools
import json
import subprocess
import sys
import time
from typing import Any

import processor
import serve
import sides
from workload import Row

SIZES = [1_000, 10_000, 100_000]
LARGE = 1_000_000
PEERS = {"flowcore": LARGE, "tensorflow": 10_000}  # each with the largest size that it is asked for
STAGES = ["build", "gradients", "plan", "run"]


def measure(side: str, nodes: int) -> dict[str, float]:
    """Microseconds (`run`: nanoseconds) and bytes a node; forward nodes count for building and
    gradients, all nodes of the graph otherwise. `memory` is what the process grew by at its peak; of it
    `own` is the list of nodes that the benchmark keeps. The list of their inputs is there before.
    """
    tf, config = serve.graph_library(side, Row("", "ns", optimise=False), 2)
    inputs = serve.load("scheduler", "shapes").inputs("random graph", nodes).tolist()
    serve.forget_peak()
    base = serve.megabytes("VmRSS")
    clock = [time.perf_counter()]

    def lap() -> None:
        clock.append(time.perf_counter())

    with tf.Graph().as_default() as graph:
        x = tf.placeholder(tf.float32, [])
        made = [tf.identity(x)]
        for i, (a, b) in enumerate(inputs):
            made.append((tf.multiply if i % 2 else tf.add)(made[a + 1], made[b + 1]))
        lap()
        slope = tf.gradients(made[-1], x)[0]
        lap()
        count = len(graph.get_operations())
        sess = tf.Session(config=config)
        call = sess.make_callable(slope, [x])
        call(0.0)
        lap()
        runs = max(1, 200_000 // count)
        for _ in range(runs):
            call(0.0)
        lap()
    seconds = dict(zip(STAGES, (b - a for a, b in itertools.pairwise(clock))))
    return {
        "build": seconds["build"] / nodes * 1e6,
        "gradients": seconds["gradients"] / nodes * 1e6,
        "plan": seconds["plan"] / count * 1e6,
        "run": seconds["run"] / runs / count * 1e9,
        "memory": (serve.megabytes("VmHWM") - base) * 2**20 / count,
        "own": sys.getsizeof(made) / count,
        "nodes": count,
    }


def table(there: dict[str, str], large: bool) -> list[dict[str, Any]]:
    """Prints and returns it."""
    titles = [
        "cost growth",
        "nodes",
        "with gradients",
        "build, µs a node",
        "gradients, µs a node",
        "plan, first run, µs a node",
        "run, ns a node",
        "bytes a node",
        "of them the benchmark's",
    ]
    print(f"Processor: {processor.describe()}.\n")
    print(f"| {' | '.join(titles)} |\n|{'---|' * len(titles)}")
    found = []
    for side, limit in PEERS.items():
        for nodes in [*SIZES, *([LARGE] if large else [])]:
            if side not in there or nodes > limit:
                continue
            done = subprocess.run([there[side], __file__, side, str(nodes)], capture_output=True, text=True)
            if done.returncode:
                print(
                    f"growth, {nodes} nodes: {sides.LABELS[side]} failed:"
                    f" {done.stderr.strip().splitlines()[-1:]}",
                    file=sys.stderr,
                )
                continue
            cost = json.loads(done.stdout.splitlines()[-1])
            found.append({"side": side, "forward": nodes, **cost})
            figures = " | ".join(f"{cost[stage]:.3g}" for stage in STAGES)
            print(
                f"| {sides.LABELS[side]} | {nodes:,} | {cost['nodes']:,} | {figures} |"
                f" {cost['memory']:.0f} | {cost['own']:.1f} |",
                flush=True,
            )
    print()
    return found


if __name__ == "__main__":
    print(json.dumps(measure(sys.argv[1], int(sys.argv[2]))))
