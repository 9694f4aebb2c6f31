"""Rain drops on a pond: the wave equation, solved by a graph whose state lives in variables."""

from __future__ import annotations

import argparse
import pathlib

import numpy as np
from PIL import Image

import flowcore as fc


def laplacian(u: fc.Tensor) -> fc.Tensor:
    """The sum of the neighbours' differences, by a 3x3 convolution."""
    kernel = np.array([[0.5, 1.0, 0.5], [1.0, -6.0, 1.0], [0.5, 1.0, 0.5]], np.float32).reshape(3, 3, 1, 1)
    image = fc.expand_dims(fc.expand_dims(u, 0), -1)
    return fc.squeeze(fc.nn.conv2d(image, fc.constant(kernel), [1, 1, 1, 1], "SAME"), [0, 3])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size", type=int, default=400)
    parser.add_argument("--steps", type=int, default=800)
    parser.add_argument("--output", type=pathlib.Path, default=pathlib.Path(__file__).parent / "output")
    args = parser.parse_args()

    rng = np.random.default_rng(0)
    drops = np.zeros((args.size, args.size), np.float32)
    for _ in range(40):
        drops[tuple(rng.integers(0, args.size, 2))] = rng.uniform()

    eps = fc.placeholder(fc.float32, [], name="time_step")
    damping = fc.placeholder(fc.float32, [], name="damping")
    height, speed = fc.Variable(drops), fc.Variable(fc.zeros(drops.shape))
    new_height = height + eps * speed
    new_speed = speed + eps * (laplacian(height.value()) - damping * speed)
    # Both new values are computed from the old ones before either is stored.
    with fc.control_dependencies([new_height, new_speed]):
        step = fc.group(
            height.assign(new_height, read_value=False), speed.assign(new_speed, read_value=False)
        )

    with fc.Session() as sess:
        sess.run(fc.global_variables_initializer())
        run = sess.make_callable(step, [eps, damping])
        for _ in range(args.steps):
            run(0.03, 0.04)
        pond = sess.run(height)
    assert np.isfinite(pond).all()
    args.output.mkdir(parents=True, exist_ok=True)
    path = args.output / "wave.png"
    scaled = np.clip((pond + 0.1) / 0.2, 0, 1)
    Image.fromarray((scaled * 255).astype(np.uint8)).save(path)
    print(
        f"{args.steps} steps of a {args.size}x{args.size} pond, heights from {pond.min():.3f} to"
        f" {pond.max():.3f}: {path}"
    )


if __name__ == "__main__":
    main()
