"""Rain drops on a pond: the wave equation on a grid, solved by a loop inside the graph.

The same steps by a Python loop around a run each are timed beside it. Writes the pond at four moments.
"""

from __future__ import annotations

import argparse
import pathlib
import time

import numpy as np
from PIL import Image

import flowcore as fc

MOMENTS = 4


def laplacian(u: fc.Tensor) -> fc.Tensor:
    """The sum of the neighbours' differences, by a 3x3 convolution."""
    kernel = np.array([[0.5, 1.0, 0.5], [1.0, -6.0, 1.0], [0.5, 1.0, 0.5]], np.float32).reshape(3, 3, 1, 1)
    image = fc.expand_dims(fc.expand_dims(u, 0), -1)
    return fc.squeeze(fc.nn.conv2d(image, fc.constant(kernel), [1, 1, 1, 1], "SAME"), [0, 3])


def step(
    height: fc.Tensor, speed: fc.Tensor, eps: fc.Tensor, damping: fc.Tensor
) -> tuple[fc.Tensor, fc.Tensor]:
    """Height and speed a moment later. The height moves with the new speed: so energy does not grow."""
    speed = speed + eps * (laplacian(height) - damping * speed)
    return height + eps * speed, speed


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--size", type=int, default=400)
    parser.add_argument("--steps", type=int, default=800)
    parser.add_argument("--output", type=pathlib.Path, default=pathlib.Path(__file__).parent / "output")
    args = parser.parse_args()

    rng = np.random.default_rng(0)
    drops = np.zeros((args.size, args.size), np.float32)
    y, x = np.mgrid[: args.size, : args.size]
    for _ in range(12):
        at_y, at_x = rng.uniform(0, args.size, 2)
        drops += rng.uniform() * np.exp(-((y - at_y) ** 2 + (x - at_x) ** 2) / 18)
    still = np.zeros_like(drops)

    eps = fc.placeholder(fc.float32, [], name="time_step")
    damping = fc.placeholder(fc.float32, [], name="damping")

    # The loop inside the graph: a run goes on from the pond that it is fed, for so many steps.
    steps = fc.placeholder(fc.int32, [], name="steps")
    given_height = fc.placeholder(fc.float32, drops.shape, name="height")
    given_speed = fc.placeholder(fc.float32, drops.shape, name="speed")
    _, height, speed = fc.while_loop(
        lambda i, height, speed: i < steps,
        lambda i, height, speed: (i + 1, *step(height, speed, eps, damping)),
        [0, given_height, given_speed],
        name="waves",
    )

    # The loop in Python: the pond lives in variables. Both new values are computed from the old ones
    # before either is stored.
    height_variable, speed_variable = fc.Variable(drops), fc.Variable(still)
    new_height, new_speed = step(height_variable.value(), speed_variable.value(), eps, damping)
    with fc.control_dependencies([new_height, new_speed]):
        one_step = fc.group(
            height_variable.assign(new_height, read_value=False),
            speed_variable.assign(new_speed, read_value=False),
        )

    with fc.Session() as sess:
        run = sess.make_callable([height, speed], [given_height, given_speed, steps, eps, damping])
        run(drops, still, 1, 0.2, 0.01)  # makes the plan
        begin = time.perf_counter()
        moments, pond = [], (drops, still)
        for _ in range(MOMENTS):
            pond = run(*pond, args.steps // MOMENTS, 0.2, 0.01)
            moments.append(pond[0])
        graph_seconds = time.perf_counter() - begin

        run = sess.make_callable(one_step, [eps, damping])
        sess.run(fc.global_variables_initializer())
        run(0.2, 0.01)
        sess.run(fc.global_variables_initializer())
        begin = time.perf_counter()
        for _ in range(args.steps // MOMENTS * MOMENTS):
            run(0.2, 0.01)
        python_seconds = time.perf_counter() - begin
        np.testing.assert_allclose(sess.run(height_variable), moments[-1], atol=1e-5)

    assert np.isfinite(moments[-1]).all()
    args.output.mkdir(parents=True, exist_ok=True)
    path = args.output / "wave_equation.png"
    scaled = np.clip(np.hstack([0.5 + m / (8 * m.std()) for m in moments]), 0, 1)
    Image.fromarray((scaled * 255).astype(np.uint8)).save(path)
    print(
        f"{args.steps} steps of a {args.size}x{args.size} pond: {graph_seconds:.3f} s in the graph,"
        f" {python_seconds:.3f} s from Python; heights from {moments[-1].min():.3f} to"
        f" {moments[-1].max():.3f}: {path}"
    )


if __name__ == "__main__":
    main()
