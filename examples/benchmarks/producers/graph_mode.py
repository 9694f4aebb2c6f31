"""Four Python threads enqueue single items; batches of 64 are taken out."""

import threading

import numpy as np

UNIT = "us an item"


def prepare(tf):
    queue = tf.FIFOQueue(1000, tf.float32, [[16]])
    x = tf.placeholder(tf.float32, [16])
    sess = tf.Session()
    put, take = sess.make_callable(queue.enqueue(x), [x]), sess.make_callable(queue.dequeue_many(64))
    value = np.ones(16, np.float32)

    def run(n):
        def produce():
            for _ in range(16 * n):
                put(value)

        threads = [threading.Thread(target=produce) for _ in range(4)]
        for t in threads:
            t.start()
        for _ in range(n):
            take()
        for t in threads:
            t.join()

    return run, 20, 1e6 / 64
