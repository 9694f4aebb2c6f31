"""The cell under a scan, compiled."""

import functools

import jax
import jax.numpy as jnp


def loss_of(parameters, x):
    kernel, bias = parameters

    def cell(state, step):
        h, c = state
        i, j, f, o = jnp.split(jnp.concatenate([step, h], 1) @ kernel + bias, 4, 1)
        c = jax.nn.sigmoid(f) * c + jax.nn.sigmoid(i) * jnp.tanh(j)
        h = jax.nn.sigmoid(o) * jnp.tanh(c)
        return (h, c), h

    zeros = jnp.zeros(x.shape[1:])
    return jnp.mean(jnp.square(jax.lax.scan(cell, (zeros, zeros), x)[1]))


@functools.partial(jax.jit, donate_argnums=0)
def step(parameters, x):
    loss, slopes = jax.value_and_grad(loss_of)(parameters, x)
    return jax.tree.map(lambda p, g: p - 0.1 * g, parameters, slopes), loss


def prepare(steps, units, batch):
    keys = jax.random.split(jax.random.key(0))
    parameters = 0.05 * jax.random.normal(keys[0], (2 * units, 4 * units)), jnp.zeros(4 * units)
    x = jax.random.normal(keys[1], (steps, batch, units))

    def run(calls):
        nonlocal parameters
        for _ in range(calls):
            parameters, loss = step(parameters, x)
            float(loss)

    return run
