"""What an OpenCL device reaches with flowcore, beside the CPU kernels and NumPy, and as a part of
its own ceiling.

    python examples/benchmarks/opencl/devices.py [--device /gpu:0] [--rounds N] [--tinygrad PYTHON]

Everything is measured in one process, rounds alternating between the sides; medians. Operands are
variables on their device. The ceilings are probes of the device itself: independent chains of fused
multiply-adds on private values, and a copy from buffer to buffer. A launch is one node in a chain
of 1,000 that all compute one float; beside it, pyopencl's own call of the same kernel, 1,000 times.
Where the device is no processor, a call computes each row 20 times, one after the other: waiting
for a GPU takes longer than most rows.
"""

from __future__ import annotations

import argparse
import json
import os
import pathlib
import statistics
import subprocess
import time
from collections.abc import Callable

import numpy as np
from workloads import ROWS, STEPS

import flowcore as fc
from flowcore.runtime import devices

FMA_PROBE = """
#pragma OPENCL FP_CONTRACT ON
__kernel void probe(__global float *out, int rounds) {
    WIDE a[8], b = (WIDE)(1.0000001f), c = (WIDE)(get_global_id(0) * 1e-9f);
    for (int k = 0; k < 8; k++) a[k] = (WIDE)(k);
    for (int i = 0; i < rounds; i++) {
        #pragma unroll
        for (int k = 0; k < 8; k++) a[k] = a[k] * b + c;
    }
    WIDE sum = a[0];
    for (int k = 1; k < 8; k++) sum += a[k];
    const float *each = (const float *)&sum;
    float all = 0;
    for (int k = 0; k < sizeof(sum) / sizeof(float); k++) all += each[k];
    out[get_global_id(0)] = all;
}
"""


def timed(run: Callable[[], object], least: float = 0.05) -> float:
    """Seconds of one call, over enough calls."""
    run()
    count, begin = 0, time.perf_counter()
    while time.perf_counter() - begin < least:
        run()
        count += 1
    return (time.perf_counter() - begin) / count


def ceilings(device: devices.Device) -> tuple[float, float]:
    """(GFLOP/s of multiply-adds, GB/s of a copy, read and written)."""
    import pyopencl as cl

    handle = device.runtime.handle
    context = cl.Context([handle])
    queue = cl.CommandQueue(context)
    on_cpu = device.runtime.kind == "CPU"
    width = 16 if on_cpu else 1
    kernel = cl.Program(context, FMA_PROBE).build([f"-DWIDE=float{width if on_cpu else ''}"]).probe
    items = (64 if on_cpu else 2048) * handle.max_compute_units
    out = cl.Buffer(context, cl.mem_flags.READ_WRITE, 4 * items)
    size = 1 << 26 if on_cpu else 1 << 30
    a, b = (
        cl.Buffer(context, cl.mem_flags.READ_WRITE, size),
        cl.Buffer(context, cl.mem_flags.READ_WRITE, size),
    )

    def multiply() -> None:
        kernel(queue, (items,), (1 if on_cpu else 256,), out, np.int32(20000))
        queue.finish()

    def copy() -> None:
        cl.enqueue_copy(queue, b, a)
        queue.finish()

    return items * 20000 * 8 * width * 2 / timed(multiply) / 1e9, 2 * size / timed(copy) / 1e9


class Side:
    """Graphs built and run on one device."""

    def __init__(self, name: str, fuses: bool = True) -> None:
        level = fc.OptimizerOptions.L1 if fuses else fc.OptimizerOptions.L0
        self.name = name
        self.config = fc.ConfigProto(
            graph_options=fc.GraphOptions(optimizer_options=fc.OptimizerOptions(opt_level=level))
        )

    def make(
        self, build: Callable[..., fc.Tensor], *shapes: tuple[int, ...], times: int = 1
    ) -> Callable[[], object]:
        """A call that computes the tensor so many times and waits for it, by fetching one element of it."""
        graph = fc.Graph()
        with graph.as_default(), fc.device(self.name):
            operands = [fc.Variable(fc.random_normal(shape, seed=1)) for shape in shapes]
            y = build(*operands)
            for _ in range(times - 1):
                with fc.control_dependencies([y]):
                    y = build(*operands)
            last = fc.strided_slice(fc.reshape(y, [-1]), [0], [1])
            session = fc.Session(graph=graph, config=self.config)
            session.run(fc.global_variables_initializer())
            return session.make_callable(last)


def conv(x: fc.Tensor, f: fc.Tensor) -> fc.Tensor:
    return fc.nn.conv2d(x, f, strides=[1, 1, 1, 1], padding="SAME")


def conv_gradient(x: fc.Variable, f: fc.Variable, d: fc.Variable, which: int) -> fc.Tensor:
    return fc.gradients(conv(x, f), [x, f], grad_ys=[d.read_value()])[which]


def chain(x: fc.Variable) -> fc.Tensor:
    y = x.read_value()
    for _ in range(3):
        y = fc.tanh(y * 0.5 + 1.0)
    return -y


def arithmetic(x: fc.Variable) -> fc.Tensor:
    y = x.read_value()
    for _ in range(5):
        y = fc.maximum(y * 0.5, -1.0)
    return y


#: By the names of workloads.py: the graph, and the same in NumPy.
OPS: dict[str, tuple[Callable[..., fc.Tensor], Callable[..., object] | None]] = {
    "matmul": (fc.matmul, np.matmul),
    "conv": (conv, None),
    "conv image gradient": (lambda x, f, d: conv_gradient(x, f, d, 0), None),
    "conv filter gradient": (lambda x, f, d: conv_gradient(x, f, d, 1), None),
    "add": (lambda a, b: a + b, np.add),
    "tanh": (lambda a: fc.tanh(a.read_value()), np.tanh),
    "sum": (lambda a: fc.reduce_sum(a), np.sum),
    "row sums": (lambda a: fc.reduce_sum(a, 1), lambda a: a.sum(1)),
    "arg-max": (lambda a: fc.argmax(a, 1), lambda a: a.argmax(1)),
    "transpose": (lambda a: fc.transpose(a), lambda a: np.ascontiguousarray(a.T)),
    "softmax": (lambda a: fc.nn.softmax(a.read_value()), None),
    "chain": (chain, None),
    "arithmetic": (arithmetic, None),
}


def tinygrad_times(python: str) -> dict[str, float]:
    """Seconds by row of tinygrad's OpenCL backend in the environment of `python`; it takes the
    system's loader, and so the first device that that finds.
    """
    script = pathlib.Path(__file__).with_name("tinygrad_side.py")
    done = subprocess.run(
        [python, script], env={**os.environ, "DEV": "CL"}, stdout=subprocess.PIPE, text=True, check=True
    )
    return json.loads(done.stdout.splitlines()[-1])


def launch_costs(name: str, device: devices.Device) -> tuple[float, float]:
    """Microseconds of a node in a chain of 1,000, and of pyopencl's own call of a like kernel."""
    import pyopencl as cl

    with fc.Graph().as_default(), fc.device(name):
        x = fc.Variable([1.0])
        y = x.read_value()
        for _ in range(1000):
            y = fc.negative(y)
        off = fc.OptimizerOptions(opt_level=fc.OptimizerOptions.L0)
        with fc.Session(config=fc.ConfigProto(graph_options=fc.GraphOptions(optimizer_options=off))) as sess:
            sess.run(fc.global_variables_initializer())
            ours = timed(sess.make_callable(y), 0.3) / 1000
    context = cl.Context([device.runtime.handle])
    queue = cl.CommandQueue(context)
    arguments = "__global float *o, long o_at, __global float *x, long x_at, long n"
    text = (
        "__kernel void negate("
        + arguments
        + ") { for (size_t i = get_global_id(0); i < n; i += 64) o[i] = -x[i]; }"
    )
    kernel = cl.Program(context, text).build().negate
    a, b = (cl.Buffer(context, cl.mem_flags.READ_WRITE, 256) for _ in range(2))

    def chain() -> None:
        for _ in range(1000):
            kernel(queue, (64,), (64,), a, np.int64(0), b, np.int64(0), np.int64(1))
        queue.finish()

    return ours * 1e6, timed(chain, 0.3) / 1000 * 1e6


def copy_costs(name: str, size: int, rounds: int) -> tuple[float, float]:
    """Seconds that a value of so many bytes takes from the device to the caller, and from a host
    node to the device: what it adds to computing it.
    """

    def first(x: fc.Tensor) -> fc.Tensor:
        return fc.strided_slice(x, [0], [1])

    graph = fc.Graph()
    with graph.as_default():
        with fc.device(name):
            there = -fc.Variable(fc.ones([size // 4]))
            of_there = first(there)
        with fc.device("/cpu:0"):
            here = -fc.Variable(fc.ones([size // 4]))
            of_here = first(here)
        with fc.device(name):
            moved = first(here)
        session = fc.Session(graph=graph)
        session.run(fc.global_variables_initializer())
        calls = [session.make_callable(t) for t in (there, of_there, moved, of_here)]
    times = [[timed(call, 0.2) for call in calls] for _ in range(rounds)]
    fetched, one_there, sent, one_here = (statistics.median(column) for column in zip(*times, strict=True))
    return fetched - one_there, sent - one_here


def training_steps(name: str) -> dict[str, Callable[[], object]]:
    """One Adam step of an MLP (784-512-512-10, batch 128) and of the convnet of the main job (batch
    64), data in memory.
    """

    def weight(*shape: int) -> fc.Variable:
        return fc.Variable(fc.truncated_normal(shape, stddev=0.05, seed=1))

    def mlp(x: fc.Tensor) -> fc.Tensor:
        for a, b in ((784, 512), (512, 512)):
            x = fc.nn.relu(fc.nn.bias_add(fc.matmul(x, weight(a, b)), weight(b)))
        return fc.nn.bias_add(fc.matmul(x, weight(512, 10)), weight(10))

    def convnet(x: fc.Tensor) -> fc.Tensor:
        x = fc.reshape(x, [-1, 28, 28, 1])
        for c, o in ((1, 32), (32, 64)):
            x = fc.nn.relu(
                fc.nn.bias_add(fc.nn.conv2d(x, weight(5, 5, c, o), [1, 1, 1, 1], "SAME"), weight(o))
            )
            x = fc.nn.max_pool(x, [1, 2, 2, 1], [1, 2, 2, 1], "SAME")
        x = fc.nn.relu(fc.nn.bias_add(fc.matmul(fc.reshape(x, [-1, 3136]), weight(3136, 512)), weight(512)))
        return fc.nn.bias_add(fc.matmul(fc.nn.dropout(x, rate=0.5), weight(512, 10)), weight(10))

    steps = {}
    rng = np.random.default_rng(0)
    for (label, batch), network in zip(STEPS.items(), (mlp, convnet), strict=True):
        graph = fc.Graph()
        with graph.as_default():
            x, y = (
                fc.constant(rng.random((batch, 784), np.float32)),
                fc.constant(rng.integers(0, 10, batch).astype(np.int32)),
            )
            with fc.device(name):
                loss = fc.reduce_mean(
                    fc.nn.sparse_softmax_cross_entropy_with_logits(labels=y, logits=network(x))
                )
                train = fc.train.AdamOptimizer().minimize(loss)
            session = fc.Session(graph=graph)
            session.run(fc.global_variables_initializer())
        steps[label] = session.make_callable([train, loss])
    return steps


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--device", default="/gpu:0")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument(
        "--tinygrad",
        metavar="PYTHON",
        help="the interpreter of an environment that has tinygrad, to measure its OpenCL backend too",
    )
    args = parser.parse_args()
    device = devices.find("GPU", int(args.device.rpartition(":")[2]))
    print(f"{device.runtime.name}, {device.runtime.platform}, driver {device.runtime.driver}")
    peer = tinygrad_times(args.tinygrad) if args.tinygrad else {}
    flops, bandwidth = ceilings(device)
    print(f"ceilings by probe: {flops:.0f} GFLOP/s, {bandwidth:.1f} GB/s\n")
    here, there = Side(args.device), Side("/cpu:0")
    times_each = 1 if device.runtime.kind == "CPU" else 20
    print(f"{'':30}{'device':>12}{'of ceiling':>12}{'CPU kernels':>13}{'NumPy':>9}{'tinygrad':>10}")
    label = ""
    for row in ROWS:
        label = label if row.name.startswith(" ") else row.name
        build, reference = OPS[row.op]
        ours, cpu = here.make(build, *row.shapes, times=times_each), there.make(build, *row.shapes)
        arrays = [np.random.default_rng(0).standard_normal(s).astype(np.float32) for s in row.shapes]
        times: dict[str, list[float]] = {"device": [], "cpu": [], "numpy": []}
        for _ in range(args.rounds):
            times["device"].append(timed(ours) / times_each)
            times["cpu"].append(timed(cpu))
            if reference is not None:
                times["numpy"].append(timed(lambda f=reference, a=arrays: f(*a)))
                time.sleep(0.3)  # NumPy's threads go on spinning for a while
        rate = {side: row.work / statistics.median(t) / 1e9 for side, t in times.items() if t}
        theirs = peer.get(label + row.name if row.name.startswith(" ") else row.name)
        part = rate["device"] / (flops if row.unit == "GFLOP/s" else bandwidth)
        cells = [
            f"{rate['numpy']:9.1f}" if "numpy" in rate else " " * 9,
            f"{row.work / theirs / 1e9:10.1f}" if theirs else " " * 10,
        ]
        print(
            f"{row.name:30}{rate['device']:12.1f}{part:12.0%}{rate['cpu']:13.1f}{''.join(cells)}  {row.unit}",
            flush=True,
        )
    node, call = launch_costs(args.device, device)
    print(f"\nlaunch, chain of 1,000: {node:.1f} us a node; pyopencl's own call: {call:.1f} us")
    for size, label in ((1 << 20, "1 MB"), (1 << 26, "64 MB")):
        out, back = copy_costs(args.device, size, args.rounds)
        print(f"{label}: device to caller {out * 1e6:.0f} us, host node to device {back * 1e6:.0f} us")
    ours, cpu = training_steps(args.device), training_steps("/cpu:0")
    for name in ours:
        a, b = [], []
        for _ in range(args.rounds):
            a.append(timed(ours[name], 0.3))
            b.append(timed(cpu[name], 0.3))
        theirs = f"; tinygrad {peer[name] * 1e3:.1f} ms" if name in peer else ""
        print(
            f"{name}: {statistics.median(a) * 1e3:.1f} ms; CPU kernels {statistics.median(b) * 1e3:.1f}"
            f" ms{theirs}",
            flush=True,
        )
    for label, build in (("with three tanh", chain), ("of products and maxima", arithmetic)):
        for size in (1 << 20, 1 << 24):
            fused, unfused = (
                Side(args.device, fuses).make(build, (size,), times=times_each) for fuses in (True, False)
            )
            pairs = [(timed(fused), timed(unfused)) for _ in range(args.rounds)]
            print(
                f"chain of 10 ops {label}, {size >> 20}M floats, unfused over fused:"
                f" {statistics.median(b / a for a, b in pairs):.2f}",
                flush=True,
            )


if __name__ == "__main__":
    main()
