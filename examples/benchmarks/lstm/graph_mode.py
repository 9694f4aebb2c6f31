"""The cell written out and unrolled."""

import numpy as np


def prepare(tf, config, steps, units, batch):
    rng = np.random.default_rng(0)
    x = tf.placeholder(tf.float32, [steps, batch, units])
    kernel = tf.Variable(
        rng.normal(size=(2 * units, 4 * units), scale=0.05).astype(np.float32), use_resource=True
    )
    bias = tf.Variable(np.zeros(4 * units, np.float32), use_resource=True)
    h = c = tf.zeros([batch, units])
    outputs = []
    for step in tf.unstack(x):
        i, j, f, o = tf.split(tf.nn.bias_add(tf.matmul(tf.concat([step, h], 1), kernel), bias), 4, 1)
        c = tf.sigmoid(f) * c + tf.sigmoid(i) * tf.tanh(j)
        h = tf.sigmoid(o) * tf.tanh(c)
        outputs.append(h)
    loss = tf.reduce_mean(tf.square(tf.stack(outputs)))
    step = tf.train.GradientDescentOptimizer(0.1).minimize(loss)
    sess = tf.Session(config=config)
    sess.run(tf.global_variables_initializer())
    call = sess.make_callable([step, loss], [x])
    value = rng.normal(size=(steps, batch, units)).astype(np.float32)

    def run(calls):
        for _ in range(calls):
            call(value)

    return run
