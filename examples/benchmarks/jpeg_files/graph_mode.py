"""A queue of file names, reading and decoding, a queue of batches."""

import files


def prepare(tf, config, batch):
    folder, names = files.write()
    name = tf.train.string_input_producer(names).dequeue()
    image = tf.image.decode_jpeg(tf.read_file(name), channels=3)
    image.set_shape([224, 224, 3])
    batches = tf.train.batch([image], batch, num_threads=2, capacity=2 * batch)
    sess = tf.Session(config=config)
    sess.run([tf.global_variables_initializer(), tf.local_variables_initializer()])
    tf.train.start_queue_runners(sess)
    call = sess.make_callable(batches)

    def run(calls, folder=folder):  # the files stay as long as this function
        for _ in range(calls):
            call()

    return run
