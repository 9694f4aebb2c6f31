"""Loops and branches inside the graph."""

import numpy as np
import rows


def prepare(tf, config, what):
    tf.set_random_seed(0)
    fetch, feeds = globals()[f"_{what}"](tf)
    sess = tf.Session(config=config)
    sess.run(tf.global_variables_initializer())
    call = sess.make_callable(fetch, list(feeds))
    values = list(feeds.values())

    def run(calls):
        for _ in range(calls):
            call(*values)

    return run


def _trivial(tf):
    n = tf.placeholder(tf.int32, [])
    return tf.while_loop(lambda i: i < n, lambda i: i + 1, [0]), {n: rows.TURNS}


def _state(tf):
    n, x = tf.placeholder(tf.int32, []), tf.placeholder(tf.float32, [])
    last = tf.while_loop(lambda i, y: i < n, lambda i, y: (i + 1, y * 0.999 + x), [0, x])[1]
    return last, {n: rows.TURNS, x: 0.5}


def _gradient(tf):
    last, feeds = _state(tf)
    return tf.gradients(last, list(feeds)[1])[0], feeds


def _cond(tf):
    p, x = tf.placeholder(tf.bool, []), tf.placeholder(tf.float32, [])
    return tf.cond(p, lambda: x + 1.0, lambda: x * 2.0), {p: True, x: np.float32(1)}


def _matrix(tf):
    a = tf.placeholder(tf.float32, [rows.SIZE, rows.SIZE])
    return a, (0.5 * np.eye(rows.SIZE)).astype(np.float32)


def _products(tf):
    a, value = _matrix(tf)
    n = tf.placeholder(tf.int32, [])
    last = tf.while_loop(lambda i, m: i < n, lambda i, m: (i + 1, tf.matmul(m, a)), [0, a])[1]
    return last, {n: rows.PRODUCTS, a: value}


def _unrolled(tf):
    a, value = _matrix(tf)
    m = a
    for _ in range(rows.PRODUCTS):
        m = tf.matmul(m, a)
    return m, {a: value}


def _rows(tf):
    x = tf.placeholder(tf.float32, [rows.TURNS, 4])
    return x, np.ones((rows.TURNS, 4), np.float32)


def _map_fn(tf):
    x, value = _rows(tf)
    return tf.map_fn(lambda row: row * 2.0 + 1.0, x), {x: value}


def _long_rows(tf):
    x = tf.placeholder(tf.float32, [rows.LONG_ROWS, rows.LONG_ROW])

    def functions(row):
        for _ in range(4):
            row = tf.exp(tf.sin(row)) / tf.reduce_sum(row)
        return row

    return tf.map_fn(functions, x), {x: np.ones((rows.LONG_ROWS, rows.LONG_ROW), np.float32)}


def _scan(tf):
    x, value = _rows(tf)
    return tf.scan(lambda total, row: total * 0.5 + row, x), {x: value}


STEPS, UNITS, BATCH = 20, 200, 20


def _cell(tf, units):
    kernel = tf.get_variable("kernel", [2 * units, 4 * units], use_resource=True)
    bias = tf.get_variable("bias", [4 * units], initializer=tf.zeros_initializer(), use_resource=True)

    def cell(step, h, c):
        i, j, f, o = tf.split(tf.nn.bias_add(tf.matmul(tf.concat([step, h], 1), kernel), bias), 4, 1)
        c = tf.sigmoid(f) * c + tf.sigmoid(i) * tf.tanh(j)
        return tf.sigmoid(o) * tf.tanh(c), c

    return cell


def _sequence(tf):
    x = tf.placeholder(tf.float32, [STEPS, BATCH, UNITS])
    return x, np.random.default_rng(0).normal(size=(STEPS, BATCH, UNITS)).astype(np.float32)


def _lstm(tf):
    x, value = _sequence(tf)
    cell = _cell(tf, UNITS)
    steps = tf.TensorArray(tf.float32, STEPS).unstack(x)

    def body(i, h, c, outputs):
        h, c = cell(steps.read(i), h, c)
        return i + 1, h, c, outputs.write(i, h)

    zeros = tf.zeros([BATCH, UNITS])
    start = [0, zeros, zeros, tf.TensorArray(tf.float32, STEPS)]
    outputs = tf.while_loop(lambda i, *_: i < STEPS, body, start)[3].stack()
    return tf.reduce_mean(tf.square(outputs)), {x: value}


def _lstm_unrolled(tf):
    x, value = _sequence(tf)
    cell = _cell(tf, UNITS)
    h = c = tf.zeros([BATCH, UNITS])
    outputs = []
    for step in tf.unstack(x):
        h, c = cell(step, h, c)
        outputs.append(h)
    return tf.reduce_mean(tf.square(tf.stack(outputs))), {x: value}


def _lstm_step(tf):
    loss, feeds = _lstm(tf)
    return [tf.train.GradientDescentOptimizer(0.1).minimize(loss), loss], feeds
