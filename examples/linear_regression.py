"""Linear regression: finds the slope and the intercept of a noisy line by gradient descent."""

from __future__ import annotations

import argparse

import numpy as np

import flowcore as fc


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=400)
    parser.add_argument("--output", help="unused: nothing is written")
    args = parser.parse_args()

    rng = np.random.default_rng(0)
    points = rng.uniform(-1, 1, 200).astype(np.float32)
    values = (3 * points + 0.5 + rng.normal(0, 0.1, 200)).astype(np.float32)

    x = fc.placeholder(fc.float32, [None], name="x")
    y = fc.placeholder(fc.float32, [None], name="y")
    slope = fc.Variable(0.0, name="slope")
    intercept = fc.Variable(0.0, name="intercept")
    loss = fc.reduce_mean(fc.square(slope * x + intercept - y))
    train = fc.train.GradientDescentOptimizer(0.1).minimize(loss)

    with fc.Session() as sess:
        sess.run(fc.global_variables_initializer())
        for _ in range(args.steps):
            sess.run(train, {x: points, y: values})
        a, b, final = sess.run([slope, intercept, loss], {x: points, y: values})
    expected = np.polyfit(points, values, 1)
    assert np.allclose([a, b], expected, atol=1e-2), (a, b, expected)
    print(
        f"y = {a:.3f} x + {b:.3f}, mean squared error {final:.4f} (least squares: {expected[0]:.3f},"
        f" {expected[1]:.3f})"
    )


if __name__ == "__main__":
    main()
