"""Loops and branches compiled by JAX."""

import jax
import jax.numpy as jnp
import numpy as np
import rows


def prepare(what):
    found = globals().get(f"_{what}")
    if found is None:
        raise SystemExit(f"no counterpart of {what}")
    function, *values = found()
    compiled = jax.jit(function)

    def run(calls):
        for _ in range(calls):
            np.asarray(compiled(*values))

    return run


def _trivial():
    return lambda n: jax.lax.while_loop(lambda i: i < n, lambda i: i + 1, 0), rows.TURNS


def _last(x):
    return jax.lax.fori_loop(0, rows.TURNS, lambda i, y: y * 0.999 + x, x)


def _state():
    return _last, jnp.float32(0.5)


def _gradient():
    def scanned(x):
        return jax.lax.scan(lambda y, _: (y * 0.999 + x, None), x, None, rows.TURNS)[0]

    return jax.grad(scanned), jnp.float32(0.5)


def _cond():
    return lambda p, x: jax.lax.cond(p, lambda x: x + 1.0, lambda x: x * 2.0, x), True, np.float32(1)


def _products():
    a = 0.5 * jnp.eye(rows.SIZE)
    return lambda a: jax.lax.fori_loop(0, rows.PRODUCTS, lambda i, m: m @ a, a), a


def _map_fn():
    return lambda x: jax.lax.map(lambda row: row * 2.0 + 1.0, x), jnp.ones((rows.TURNS, 4))


def _long_rows():
    def functions(row):
        for _ in range(4):
            row = jnp.exp(jnp.sin(row)) / row.sum()
        return row

    return lambda x: jax.lax.map(functions, x), jnp.ones((rows.LONG_ROWS, rows.LONG_ROW))


def _scan():
    def step(total, row):
        total = total * 0.5 + row
        return total, total

    return lambda x: jax.lax.scan(step, jnp.zeros(4), x)[1], jnp.ones((rows.TURNS, 4))
