"""Matrix products and convolutions: flowcore beside TensorFlow and PyTorch, GFLOP/s.

    python examples/benchmarks/kernels/linalg.py --threads 1 --peer tensorflow=/path/to/python
    --peer torch=/path/to/python

Each engine runs in a process of its own, with the interpreter given for it; rounds alternate
between the engines, and the best round of each counts (other work on the machine only ever adds
time). flowcore runs in this interpreter. Operands are variables, so that nothing is fed or folded.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable

MATMULS = [  # name, m, n, k, transpose_a, transpose_b
    ("32x64x64", 32, 64, 64, False, False),
    ("dense 64x3136 by 3136x512", 64, 512, 3136, False, False),
    ("  its data gradient", 64, 3136, 512, False, True),
    ("  its weight gradient", 3136, 512, 64, True, False),
    ("dense 128x784 by 784x512", 128, 512, 784, False, False),
    ("dense 64x512 by 512x10", 64, 10, 512, False, False),
    ("  its data gradient", 64, 512, 10, False, True),
    ("  its weight gradient", 512, 10, 64, True, False),
    ("one row 1x3136 by 3136x512", 1, 512, 3136, False, False),
    ("square 512", 512, 512, 512, False, False),
    ("square 1024", 1024, 1024, 1024, False, False),
]
CONVOLUTIONS = [  # name, image (NHWC), filter, stride
    ("64x28x28x1, 5x5 to 32", (64, 28, 28, 1), (5, 5, 1, 32), 1),
    ("64x14x14x32, 5x5 to 64", (64, 14, 14, 32), (5, 5, 32, 64), 1),
    ("32x28x28x64, 3x3 to 64", (32, 28, 28, 64), (3, 3, 64, 64), 1),
    ("32x28x28x64, 3x3 to 128 / 2", (32, 28, 28, 64), (3, 3, 64, 128), 2),
    ("32x14x14x256, 1x1 to 64", (32, 14, 14, 256), (1, 1, 256, 64), 1),
    ("1x7x7x512, 3x3 to 512", (1, 7, 7, 512), (3, 3, 512, 512), 1),
    ("4x56x56x3, 7x7 to 64 / 2", (4, 56, 56, 3), (7, 7, 3, 64), 2),
]
SECONDS = 0.15


def graph_mode(fc: object, threads: int) -> Callable[[str, tuple], Callable[[], object]]:
    """Cases as graph-mode callables, for flowcore and TensorFlow alike."""
    config = fc.ConfigProto(inter_op_parallelism_threads=threads, intra_op_parallelism_threads=threads)
    sess = fc.Session(config=config)

    def variable(shape: tuple) -> object:
        v = fc.Variable(fc.random_normal(shape), use_resource=True, dtype=fc.float32)
        sess.run(v.initializer)
        return v.read_value() if hasattr(v, "read_value") else v

    def make(kind: str, args: tuple) -> Callable[[], object]:
        if kind == "matmul":
            m, n, k, ta, tb = args
            y = fc.matmul(
                variable((k, m) if ta else (m, k)),
                variable((n, k) if tb else (k, n)),
                transpose_a=ta,
                transpose_b=tb,
            )
        else:
            image, kernel, stride = args
            x, w = variable(image), variable(kernel)
            four = [1, stride, stride, 1]
            y = fc.nn.conv2d(x, w, strides=four, padding="SAME")
            if kind != "forward":
                dy = variable(tuple(y.shape.as_list()))
                y = fc.gradients(y, x if kind == "data" else w, grad_ys=dy)[0]
        return sess.make_callable(y.op)

    return make


def torch_mode(threads: int) -> Callable[[str, tuple], Callable[[], object]]:
    import torch

    torch.set_num_threads(threads)

    def make(kind: str, args: tuple) -> Callable[[], object]:
        if kind == "matmul":
            m, n, k, ta, tb = args
            a, b = torch.randn((k, m) if ta else (m, k)), torch.randn((n, k) if tb else (k, n))
            return lambda: torch.matmul(a.t() if ta else a, b.t() if tb else b)
        (n, h, w, c), (kh, kw, _, f), stride = args
        x = torch.randn(n, c, h, w).to(memory_format=torch.channels_last)
        weight = torch.randn(f, c, kh, kw).to(memory_format=torch.channels_last)
        pad = ((kh - 1) // 2, (kw - 1) // 2)
        y = torch.nn.functional.conv2d(x, weight, stride=stride, padding=pad)
        if kind == "forward":
            return lambda: torch.nn.functional.conv2d(x, weight, stride=stride, padding=pad)
        dy = torch.randn_like(y)
        mask = (kind == "data", kind == "filter", False)
        return lambda: torch.ops.aten.convolution_backward(
            dy, x, weight, None, (stride, stride), pad, (1, 1), False, (0, 0), 1, mask
        )

    return make


def cases() -> list[tuple[str, str, tuple, float]]:
    """(label, kind, arguments, floating-point operations)."""
    found = [(name, "matmul", (m, n, k, ta, tb), 2.0 * m * n * k) for name, m, n, k, ta, tb in MATMULS]
    for name, image, kernel, stride in CONVOLUTIONS:
        pixels = image[0] * -(-image[1] // stride) * -(-image[2] // stride)
        for kind in ("forward", "data", "filter"):
            found.append(
                (
                    f"{name}, {kind}",
                    kind,
                    (image, kernel, stride),
                    2.0 * pixels * kernel[0] * kernel[1] * kernel[2] * kernel[3],
                )
            )
    return found


def measure(engine: str, threads: int, only: str) -> dict[str, float]:
    """Seconds a call, the best of a few tries."""
    if engine == "torch":
        make = torch_mode(threads)
    elif engine == "tensorflow":
        os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
        import tensorflow.compat.v1 as tf

        tf.disable_eager_execution()
        make = graph_mode(tf, threads)
    else:
        import flowcore

        make = graph_mode(flowcore, threads)
    seconds = {}
    for index, (label, kind, args, _) in enumerate(cases()):
        if only not in label:
            continue
        call = make(kind, args)
        call()
        start = time.perf_counter()
        call()
        repeats = max(1, min(5000, int(SECONDS / 3 / (time.perf_counter() - start))))
        tries = []
        for _ in range(3):
            start = time.perf_counter()
            for _ in range(repeats):
                call()
            tries.append((time.perf_counter() - start) / repeats)
        seconds[str(index)] = min(tries)
    return seconds


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--only", default="", help="cases whose label contains this")
    parser.add_argument(
        "--peer",
        action="append",
        default=[],
        metavar="NAME=PYTHON",
        help="tensorflow or torch, and its interpreter",
    )
    parser.add_argument("--measure", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.measure:
        print(json.dumps(measure(args.measure, args.threads, args.only)))
        return
    engines = {"flowcore": sys.executable, **dict(peer.split("=", 1) for peer in args.peer)}
    best: dict[str, dict[str, float]] = {engine: {} for engine in engines}
    for _ in range(args.rounds):
        for engine, python in engines.items():
            command = [
                python,
                __file__,
                "--measure",
                engine,
                "--threads",
                str(args.threads),
                "--only",
                args.only,
            ]
            out = subprocess.run(
                command, check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
            ).stdout
            for case, seconds in json.loads(out.splitlines()[-1]).items():
                best[engine][case] = min(seconds, best[engine].get(case, seconds))
    print(
        f"{'GFLOP/s, ' + str(args.threads) + ' threads':42}"
        + "".join(f"{engine:>12}" for engine in engines)
        + "   time to best peer's"
    )
    for index, (label, _, _, flops) in enumerate(cases()):
        row = [best[engine].get(str(index)) for engine in engines]
        if row[0] is None:
            continue
        ratio = f"{row[0] / min(row[1:]):10.2f}" if len(row) > 1 else ""
        print(f"{label:42}" + "".join(f"{flops / t / 1e9:12.1f}" for t in row) + ratio, flush=True)


if __name__ == "__main__":
    main()
