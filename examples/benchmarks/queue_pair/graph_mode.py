"""An enqueue and a dequeue, one run each."""

import numpy as np


def prepare(tf, config):
    queue = tf.FIFOQueue(10, tf.float32, [[]])
    x = tf.placeholder(tf.float32, [])
    sess = tf.Session(config=config)
    put, take = sess.make_callable(queue.enqueue(x), [x]), sess.make_callable(queue.dequeue())
    value = np.float32(1)

    def run(calls):
        for _ in range(calls):
            put(value)
            take()

    return run
