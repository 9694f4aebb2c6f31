"""The update as one compiled function that owns what it replaces."""

import functools

import jax
import jax.numpy as jnp


def prepare(n):
    @functools.partial(jax.jit, donate_argnums=(0, 1, 2, 3))
    def step(t, p, m, v, g):
        t, m, v = t + 1, 0.9 * m + 0.1 * g, 0.999 * v + 0.001 * g * g
        rate = 1e-3 * jnp.sqrt(1 - 0.999**t) / (1 - 0.9**t)
        return t, p - rate * m / (jnp.sqrt(v) + 1e-8), m, v

    p, g = (jax.random.normal(key, (n,)) for key in jax.random.split(jax.random.key(0)))
    state = jnp.zeros(()), p, jnp.zeros(n), jnp.zeros(n)

    def run(calls):
        nonlocal state
        for _ in range(calls):
            state = step(*state, g)
        jax.block_until_ready(state)

    return run
