"""train.Saver, of sixteen variables."""

import tempfile

VARIABLES = 16


def prepare(tf, config, megabytes, restores):
    folder = tempfile.TemporaryDirectory()
    size = megabytes * 2**20 // 4 // VARIABLES
    for i in range(VARIABLES):
        tf.get_variable(f"v{i}", initializer=tf.random_uniform([size], seed=i))
    saver = tf.train.Saver()
    sess = tf.Session(config=config)
    sess.run(tf.global_variables_initializer())
    path = saver.save(sess, f"{folder.name}/model", write_meta_graph=False)

    def run(calls, folder=folder):  # the folder stays as long as this function
        for _ in range(calls):
            if restores:
                saver.restore(sess, path)
            else:
                saver.save(sess, path, write_meta_graph=False)

    return run
