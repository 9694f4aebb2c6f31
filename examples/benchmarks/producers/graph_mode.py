"""Four Python threads enqueue single items; batches of 64 are taken out."""

import threading

import numpy as np


def prepare(tf, config):
    queue = tf.FIFOQueue(1000, tf.float32, [[16]])
    x = tf.placeholder(tf.float32, [16])
    sess = tf.Session(config=config)
    put, take = sess.make_callable(queue.enqueue(x), [x]), sess.make_callable(queue.dequeue_many(64))
    value = np.ones(16, np.float32)

    def run(calls):
        def produce():
            for _ in range(16 * calls):
                put(value)

        threads = [threading.Thread(target=produce) for _ in range(4)]
        for t in threads:
            t.start()
        for _ in range(calls):
            take()
        for t in threads:
            t.join()

    return run
