"""The Mandelbrot set: complex numbers iterated by a loop inside the graph, drawn as a picture.

The same iteration by a Python loop around a run each is timed beside it.
"""

from __future__ import annotations

import argparse
import pathlib
import time

import numpy as np
from PIL import Image

import flowcore as fc


def step(z: fc.Tensor, counts: fc.Tensor, points: fc.Tensor) -> tuple[fc.Tensor, fc.Tensor]:
    """One iteration for all points. Those that have left stay at 4, so that they do not overflow."""
    following = z * z + points
    inside = fc.abs(following) < 4
    held = fc.fill(fc.shape(points), fc.constant(4 + 0j, fc.complex64))
    return fc.where(inside, following, held), counts + fc.cast(inside, fc.int32)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--size", type=int, default=600, help="height of the picture in pixels")
    parser.add_argument("--iterations", type=int, default=200)
    parser.add_argument("--output", type=pathlib.Path, default=pathlib.Path(__file__).parent / "output")
    args = parser.parse_args()

    y, x = np.mgrid[-1.3 : 1.3 : args.size * 1j, -2.0 : 1.0 : args.size * 1.15j]
    points = fc.constant((x + 1j * y).astype(np.complex64))
    nothing = fc.zeros(points.shape, fc.int32)

    # The loop inside the graph: its variables are a counter, z and the counts.
    iterations = fc.placeholder(fc.int32, [], name="iterations")
    _, _, in_graph = fc.while_loop(
        lambda i, z, counts: i < iterations,
        lambda i, z, counts: (i + 1, *step(z, counts, points)),
        [0, points, nothing],
    )

    # The loop in Python: what it carries from run to run lives in variables of the session.
    z, counts = fc.Variable(points), fc.Variable(nothing)
    new_z, new_counts = step(z.value(), counts.value(), points)
    one_step = fc.group(z.assign(new_z, read_value=False), counts.assign(new_counts, read_value=False))

    with fc.Session() as sess:
        sess.run(fc.global_variables_initializer())
        run = sess.make_callable(in_graph, [iterations])
        run(1)  # makes the plan
        begin = time.perf_counter()
        found = run(args.iterations)
        graph_seconds = time.perf_counter() - begin

        run = sess.make_callable(one_step)
        run()
        sess.run(fc.global_variables_initializer())
        begin = time.perf_counter()
        for _ in range(args.iterations):
            run()
        python_seconds = time.perf_counter() - begin
        assert (sess.run(counts) == found).all()

    assert found[args.size // 2, int(args.size * 1.15 * 2 / 3)] == args.iterations  # the origin never leaves
    phase = np.sqrt(found / args.iterations)[..., None] * 2 * np.pi
    picture = (128 + 127 * np.cos(phase + np.array([0, 2, 4]))) * (found < args.iterations)[..., None]
    args.output.mkdir(parents=True, exist_ok=True)
    path = args.output / "mandelbrot.png"
    Image.fromarray(picture.astype(np.uint8)).save(path)
    print(
        f"{args.iterations} iterations of {found.size} points: {graph_seconds:.3f} s in the graph,"
        f" {python_seconds:.3f} s from Python: {path}"
    )


if __name__ == "__main__":
    main()
