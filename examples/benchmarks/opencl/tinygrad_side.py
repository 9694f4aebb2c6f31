"""tinygrad's OpenCL backend, its JIT on, on the rows of workloads.py: prints a JSON object, seconds
by row. Run by devices.py in an environment that has it.
"""

from __future__ import annotations

import json
import statistics
import sys
import time
from collections.abc import Callable

import numpy as np
from tinygrad import Context, Device, Tensor, TinyJit
from tinygrad.nn import Conv2d, Linear, optim
from workloads import ROWS, STEPS


def chain(x: Tensor) -> Tensor:
    for _ in range(3):
        x = (x * 0.5 + 1.0).tanh()
    return -x


def arithmetic(x: Tensor) -> Tensor:
    for _ in range(5):
        x = (x * 0.5).maximum(-1.0)
    return x


def conv(x: Tensor, f: Tensor) -> Tensor:
    return x.permute(0, 3, 1, 2).conv2d(f.permute(3, 2, 0, 1), padding=f.shape[0] // 2).permute(0, 2, 3, 1)


OPS: dict[str, Callable[..., Tensor]] = {
    "matmul": Tensor.matmul,
    "conv": conv,
    "conv image gradient": lambda x, f, d: conv(x, f).gradient(x, gradient=d)[0],
    "conv filter gradient": lambda x, f, d: conv(x, f).gradient(f, gradient=d)[0],
    "add": Tensor.add,
    "tanh": Tensor.tanh,
    "sum": Tensor.sum,
    "row sums": lambda a: a.sum(1),
    "arg-max": lambda a: a.argmax(1),
    "transpose": lambda a: a.transpose().contiguous(),
    "softmax": Tensor.softmax,
    "chain": chain,
    "arithmetic": arithmetic,
}


def seconds(call: Callable[[], object]) -> float:
    """Median of a few calls, each to the device's end; the first ones compile."""
    for _ in range(3):
        call()
    Device[Device.DEFAULT].synchronize()
    times = []
    while len(times) < 3 or (sum(times) < 0.3 and len(times) < 50):
        begin = time.perf_counter()
        call()
        Device[Device.DEFAULT].synchronize()
        times.append(time.perf_counter() - begin)
    return statistics.median(times)


def training_step(name: str, batch: int) -> Callable[[], object]:
    dense = [Linear(784, 512), Linear(512, 512), Linear(512, 10)]
    convs = [Conv2d(1, 32, 5, padding=2), Conv2d(32, 64, 5, padding=2)]
    after = [Linear(3136, 512), Linear(512, 10)]

    def network(x: Tensor) -> Tensor:
        if name.startswith("MLP"):
            return dense[2](dense[1](dense[0](x).relu()).relu())
        x = x.reshape(-1, 1, 28, 28)
        for layer in convs:
            x = layer(x).relu().max_pool2d((2, 2))
        return after[1](after[0](x.reshape(-1, 3136)).relu().dropout(0.5))

    used = dense if name.startswith("MLP") else [*convs, *after]
    optimizer = optim.Adam([p for layer in used for p in (layer.weight, layer.bias)])
    rng = np.random.default_rng(0)
    x, y = (
        Tensor(rng.random((batch, 784), np.float32)).realize(),
        Tensor(rng.integers(0, 10, batch).astype(np.int32)).realize(),
    )

    @TinyJit
    def step() -> Tensor:
        with Context(TRAINING=1):
            optimizer.zero_grad()
            loss = network(x).sparse_categorical_crossentropy(y).backward()
            return loss.realize(*optimizer.schedule_step())

    return step


def main() -> None:
    found: dict[str, float] = {}
    label = ""
    for row in ROWS:
        label = label if row.name.startswith(" ") else row.name
        operands = [Tensor.randn(*shape).realize() for shape in row.shapes]

        @TinyJit
        def call(*x: Tensor, op: Callable[..., Tensor] = OPS[row.op]) -> Tensor:
            return op(*x).realize()

        if row.work < 1e11:  # a call of the largest product takes it longer than all of the others
            found[label + row.name if row.name.startswith(" ") else row.name] = seconds(
                lambda f=call, x=operands: f(*x)
            )
        print(row.name, file=sys.stderr, flush=True)
    for name, batch in STEPS.items():
        found[name] = seconds(training_step(name, batch))
    print(json.dumps(found))


if __name__ == "__main__":
    main()
