"""The image classifier's training step as one compiled function, with Adam written out."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax


def loss_of(layers, x, y):
    for w, b in layers[:2]:
        x = jax.nn.relu(
            lax.conv_general_dilated(x, w, (1, 1), "SAME", dimension_numbers=("NHWC", "HWIO", "NHWC")) + b
        )
        x = lax.reduce_window(x, -jnp.inf, lax.max, (1, 2, 2, 1), (1, 2, 2, 1), "SAME")
    (w, b), (v, c) = layers[2:]
    logits = jax.nn.relu(x.reshape(len(x), -1) @ w + b) @ v + c
    return -jnp.mean(jnp.take_along_axis(jax.nn.log_softmax(logits), y[:, None], 1))


@functools.partial(jax.jit, donate_argnums=(0, 1, 2, 3))
def step(t, layers, means, squares, x, y):
    loss, slopes = jax.value_and_grad(loss_of)(layers, x, y)
    t = t + 1
    rate = 1e-4 * jnp.sqrt(1 - 0.999**t) / (1 - 0.9**t)
    means = jax.tree.map(lambda m, g: 0.9 * m + 0.1 * g, means, slopes)
    squares = jax.tree.map(lambda v, g: 0.999 * v + 0.001 * g * g, squares, slopes)
    layers = jax.tree.map(lambda p, m, v: p - rate * m / (jnp.sqrt(v) + 1e-8), layers, means, squares)
    return (t, layers, means, squares), loss


def prepare():
    rng = np.random.default_rng(0)
    shapes = (5, 5, 1, 32), (5, 5, 32, 64), (3136, 512), (512, 10)
    layers = [
        (jnp.asarray(rng.normal(size=s, scale=np.prod(s[:-1]) ** -0.5), jnp.float32), jnp.zeros(s[-1]))
        for s in shapes
    ]
    images, labels = (
        rng.normal(size=(64, 28, 28, 1)).astype(np.float32),
        rng.integers(0, 10, 64).astype(np.int32),
    )
    state = jnp.zeros(()), layers, jax.tree.map(jnp.zeros_like, layers), jax.tree.map(jnp.zeros_like, layers)

    def run(calls):
        nonlocal state
        for _ in range(calls):
            state, loss = step(*state, images, labels)
            float(loss)

    return run
