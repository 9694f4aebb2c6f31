"""The Mandelbrot set: a variable of complex numbers, iterated by a graph, drawn as a picture."""

from __future__ import annotations

import argparse
import pathlib

import numpy as np
from PIL import Image

import flowcore as fc


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size", type=int, default=600, help="height of the picture in pixels")
    parser.add_argument("--iterations", type=int, default=200)
    parser.add_argument("--output", type=pathlib.Path, default=pathlib.Path(__file__).parent / "output")
    args = parser.parse_args()

    y, x = np.mgrid[-1.3 : 1.3 : args.size * 1j, -2.0 : 1.0 : args.size * 1.15j]
    points = fc.constant((x + 1j * y).astype(np.complex64))
    z = fc.Variable(points)
    steps = fc.Variable(fc.zeros(points.shape))
    following = z * z + points
    inside = fc.abs(following) < 4
    step = fc.group(
        z.assign(fc.where(inside, following, fc.fill(points.shape, fc.constant(4 + 0j, fc.complex64)))),
        steps.assign_add(fc.cast(inside, fc.float32)),
    )

    with fc.Session() as sess:
        sess.run(fc.global_variables_initializer())
        run = sess.make_callable(step)
        for _ in range(args.iterations):
            run()
        counts = sess.run(steps)
    assert counts[args.size // 2, int(args.size * 1.15 * 2 / 3)] == args.iterations  # the origin never leaves
    phase = np.sqrt(counts / args.iterations)[..., None] * 2 * np.pi
    picture = (128 + 127 * np.cos(phase + np.array([0, 2, 4]))) * (counts < args.iterations)[..., None]
    args.output.mkdir(parents=True, exist_ok=True)
    path = args.output / "mandelbrot.png"
    Image.fromarray(picture.astype(np.uint8)).save(path)
    print(f"{args.iterations} iterations of {counts.size} points: {path}")


if __name__ == "__main__":
    main()
