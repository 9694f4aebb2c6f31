"""python -m flowcore: what this installation has and computes with."""

from __future__ import annotations

import argparse
import math
import statistics
import sys
import time

import flowcore as fc
from flowcore import bench, checkpoint_files
from flowcore.graph.device import DeviceSpec
from flowcore.opencl import _opencl, programs, runtimes, tuning
from flowcore.runtime import opencl_devices

#: Matrix products (m, k, n) that stand for what networks compute: few rows, square, large.
SIZES = [(128, 784, 512), (512, 512, 512), (1024, 1024, 1024)]


def _size(count: int) -> str:
    return (
        f"{count / 2**30:.1f} GiB"
        if count >= 2**30
        else f"{count / 2**20:.0f} MiB"
        if count >= 2**20
        else f"{count / 2**10:.0f} KiB"
    )


def show_devices(verbose: bool) -> None:
    """Prints every device, with its limits and what flowcore will do there."""
    found = fc.list_devices()
    for d in found:
        print(f"{d.name or '(not usable)'}  {d.description}" + (f", {d.platform}" if d.platform else ""))
        if not d.platform:
            print(f"    {d.units} threads")
            continue
        print(f"    {d.version}, driver {d.driver}")
        print(
            f"    {d.units} compute units, {_size(d.memory)} of memory (at most {_size(d.max_buffer)} at"
            f" once), {_size(d.local_memory)} of local memory,"
        )
        print(f"    work groups of up to {d.max_group}, vectors of {d.vector_bytes} bytes")
        if verbose:
            print(f"    extensions: {' '.join(d.extensions)}")
        for remark in d.remarks:
            print(f"    - {remark}")
        if d.problem:
            print(f"    not usable: {d.problem}")
    if len(found) == 1:
        print(runtimes.absence())


def warm(name: str) -> None:
    """Runs one training step of a small network there, so that its programs are built and stored."""
    with fc.Graph().as_default(), fc.device(name):
        images = fc.random_uniform([8, 12, 12, 1])
        filters, dense = (
            fc.Variable(fc.truncated_normal([3, 3, 1, 32])),
            fc.Variable(fc.truncated_normal([6 * 6 * 32, 10])),
        )
        x = fc.nn.max_pool(
            fc.nn.relu(fc.nn.bias_add(fc.nn.conv2d(images, filters, [1, 1, 1, 1], "SAME"), fc.zeros([32]))),
            [1, 2, 2, 1],
            [1, 2, 2, 1],
            "SAME",
        )
        logits = fc.matmul(fc.nn.dropout(fc.reshape(x, [8, -1]), rate=0.5), dense)
        loss = fc.reduce_mean(
            fc.nn.sparse_softmax_cross_entropy_with_logits(labels=fc.zeros([8], fc.int32), logits=logits)
        )
        steps = [
            optimizer.minimize(loss)
            for optimizer in (
                fc.train.GradientDescentOptimizer(0.1),
                fc.train.MomentumOptimizer(0.1, 0.9),
                fc.train.AdamOptimizer(),
            )
        ]
        with fc.Session(config=fc.ConfigProto(allow_soft_placement=True)) as sess:
            sess.run(fc.global_variables_initializer())
            for step in steps:
                sess.run(step)


def product_rate(device: str, m: int, k: int, n: int) -> float:
    """GFLOP/s of a matrix product there: the median of seven."""
    with fc.Graph().as_default(), fc.device(device):
        a, b = fc.Variable(fc.ones([m, k])), fc.Variable(fc.ones([k, n]))
        corner = fc.matmul(a, b)[:1, :1]
        with fc.Session() as sess:
            sess.run(fc.global_variables_initializer())
            run = sess.make_callable(corner)
            run()
            times = []
            for _ in range(7):
                begin = time.perf_counter()
                run()
                times.append(time.perf_counter() - begin)
    return 2.0 * m * k * n / statistics.median(times) / 1e9


def tune(device: opencl_devices.OpenCLDevice) -> tuning.Tiles:
    """Measures which tiles matrix products and convolutions run fastest with there, and keeps the
    choice, also for later processes. Returns it.
    """
    rates: dict[tuning.Tiles, float] = {}
    try:
        for tiles in tuning.candidates(device.runtime.kind == "CPU", device.runtime.max_group):
            _opencl.set_tiles(device.capsule, *tiles)
            rates[tiles] = math.exp(
                statistics.fmean(math.log(product_rate(device.name, *size)) for size in SIZES)
            )
            print(
                f"  {'by the limits' if tiles == tuning.Tiles() else tiles}: {rates[tiles]:.1f} GFLOP/s",
                flush=True,
            )
        best = max(rates, key=lambda tiles: rates[tiles])
        tuning.store(device.runtime.identity, best)
        return best
    finally:
        _opencl.set_tiles(device.capsule, *tuning.load(device.runtime.identity))


def _chosen(name: str | None, parser: argparse.ArgumentParser) -> list[opencl_devices.OpenCLDevice]:
    """The OpenCL device of this name, or all but simulators."""
    opened = opencl_devices.opencl_devices()
    if name is None:
        return [d for d in opened if not d.runtime.is_simulator]
    try:
        spec = DeviceSpec.from_string(name)
    except ValueError as error:
        parser.error(str(error))
    chosen = [
        d
        for d in opened
        if spec.device_type in opencl_devices.OPENCL_NAMES and d.index == (spec.device_index or 0)
    ]
    if not chosen:
        names = ", ".join(d.name for d in opened) or runtimes.absence()
        parser.error(f"--device {name} is no OpenCL device of this machine; it has: {names}")
    return chosen


def show_checkpoint(path: str, target: str | None) -> int:
    """Lists or converts a checkpoint; the exit status."""
    try:
        if target is None:
            return 0 if checkpoint_files.show(path) else 1
        print(f"{checkpoint_files.convert(path, target)} tensors written to {target}")
        return 0
    except (fc.errors.OpError, OSError, ValueError) as error:
        print(f"{type(error).__name__}: {error}", file=sys.stderr)
        return 1


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m flowcore", description="What this installation has and computes with."
    )
    parser.add_argument("--version", action="version", version=f"flowcore {fc.__version__}")
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("config", help="versions, threads, devices, where matrix products come from")
    listing = commands.add_parser(
        "devices", help="all devices, their limits, and what flowcore will do there"
    )
    listing.add_argument("--verbose", action="store_true", help="their extensions too")
    listing.add_argument(
        "--warm",
        action="store_true",
        help="build the programs of a training step on each device, ahead of time",
    )
    tuner = commands.add_parser(
        "tune",
        help="measure which tiles matrix products run fastest with on OpenCL devices, and keep the choice",
    )
    tuner.add_argument("--device", help="only this one, such as /gpu:0")
    timing = commands.add_parser(
        "bench", help="measure calls, queues, products and a training step here, beside NumPy"
    )
    timing.add_argument("--seconds", type=float, default=2.0, help="for each line of the table (default 2)")
    checkpoint = commands.add_parser("checkpoint", help="list a checkpoint and check it, or convert it")
    checkpoint.add_argument("path", help="what Saver.save returned, a folder, a .safetensors or a .npz file")
    checkpoint.add_argument(
        "--to", help="convert to this: NAME.safetensors, NAME.npz, or the name of a checkpoint"
    )
    args = parser.parse_args()
    if args.command == "checkpoint":
        sys.exit(show_checkpoint(args.path, args.to))
    if args.command == "bench":
        bench.show(args.seconds)
        return
    if args.command == "tune":
        for device in _chosen(args.device, parser):
            print(f"{device.name}, {device.runtime.name}, {device.runtime.platform}")
            print(f"  kept: {tune(device)}")
        return
    if args.command == "config":
        fc.show_config()
        return
    show_devices(args.verbose)
    if args.warm:
        for device in opencl_devices.opencl_devices():
            print(f"building programs for {device.name} ...", flush=True)
            warm(device.name)
        print(f"stored in {programs.cache_folder() or 'no folder: FLOWCORE_CACHE=none'}")


if __name__ == "__main__":
    main()
