"""A queue of file names, a Python function that reads a file, a queue of batches."""

import files


def prepare(tf, config, batch):
    folder, images, labels = files.write()
    names = tf.train.slice_input_producer([images, labels], shuffle=True)
    image, label = tf.py_func(files.read, names, [tf.uint8, tf.uint8])
    image.set_shape([None, 28, 28, 1])
    label.set_shape([None])
    batches = tf.train.batch(
        [image, label], batch, num_threads=2, capacity=2 * files.PER_FILE, enqueue_many=True
    )
    sess = tf.Session(config=config)
    sess.run([tf.global_variables_initializer(), tf.local_variables_initializer()])
    tf.train.start_queue_runners(sess)
    call = sess.make_callable(batches)

    def run(calls, folder=folder):  # the files stay as long as this function
        for _ in range(calls):
            call()

    return run
