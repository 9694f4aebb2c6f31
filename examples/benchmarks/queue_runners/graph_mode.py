"""A queue of indices, a gather, a queue of batches."""

import numpy as np


def prepare(tf, config, batch):
    rng = np.random.default_rng(0)
    images, labels = (
        tf.constant(rng.integers(0, 256, (10_000, 28, 28, 1), np.uint8)),
        tf.constant(rng.integers(0, 10, 10_000, np.int32)),
    )
    index = tf.train.range_input_producer(10_000, shuffle=True, capacity=256).dequeue()
    batches = tf.train.batch(
        [tf.gather(images, index), tf.gather(labels, index)], batch, num_threads=4, capacity=4 * batch
    )
    sess = tf.Session(config=config)
    sess.run([tf.global_variables_initializer(), tf.local_variables_initializer()])
    tf.train.start_queue_runners(sess)
    call = sess.make_callable(batches)

    def run(calls):
        for _ in range(calls):
            call()

    return run
