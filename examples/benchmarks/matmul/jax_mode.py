"""The product in JAX."""

import jax


def prepare(n):
    a, b = (jax.random.normal(key, (n, n)) for key in jax.random.split(jax.random.key(0)))
    product = jax.jit(lambda a, b: a @ b)

    def run(calls):
        for _ in range(calls):
            product(a, b).block_until_ready()

    return run
