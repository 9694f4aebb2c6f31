"""The training step as one compiled function that owns the weights it replaces."""

import functools

import jax
import jax.numpy as jnp
import start


def loss_of(layers, x, y):
    for w, b in layers[:-1]:
        x = jax.nn.relu(x @ w + b)
    w, b = layers[-1]
    return -jnp.mean(jnp.take_along_axis(jax.nn.log_softmax(x @ w + b), y[:, None], 1))


@functools.partial(jax.jit, donate_argnums=0)
def step(layers, x, y):
    loss, slopes = jax.value_and_grad(loss_of)(layers, x, y)
    return jax.tree.map(lambda p, g: p - 0.01 * g, layers, slopes), loss


def prepare(sizes, batch):
    layers = jax.tree.map(jnp.asarray, start.layers(sizes))
    images, labels = start.examples(sizes, batch)

    def run(calls):
        nonlocal layers
        for _ in range(calls):
            layers, loss = step(layers, images, labels)
            float(loss)

    return run
