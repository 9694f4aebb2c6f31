"""A training step of the image classifier: 5x5x32, 5x5x64 with pooling, 512, batch 64, 28x28, Adam."""

import numpy as np


def prepare(tf, config):
    rng = np.random.default_rng(0)
    x, y = tf.placeholder(tf.float32, [64, 28, 28, 1]), tf.placeholder(tf.int32, [64])

    def variable(*shape):
        return tf.Variable(
            rng.normal(size=shape, scale=np.prod(shape[:-1]) ** -0.5).astype(np.float32), use_resource=True
        )

    h = x
    for w, b in ((variable(5, 5, 1, 32), variable(32)), (variable(5, 5, 32, 64), variable(64))):
        h = tf.nn.relu(tf.nn.bias_add(tf.nn.conv2d(h, w, [1, 1, 1, 1], "SAME"), b))
        h = tf.nn.max_pool(h, [1, 2, 2, 1], [1, 2, 2, 1], "SAME")
    h = tf.nn.relu(tf.nn.bias_add(tf.matmul(tf.reshape(h, [64, 3136]), variable(3136, 512)), variable(512)))
    logits = tf.nn.bias_add(tf.matmul(h, variable(512, 10)), variable(10))
    loss = tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(labels=y, logits=logits))
    step = tf.train.AdamOptimizer(1e-4).minimize(loss)
    sess = tf.Session(config=config)
    sess.run(tf.global_variables_initializer())
    call = sess.make_callable([step, loss], [x, y])
    images, labels = (
        rng.normal(size=(64, 28, 28, 1)).astype(np.float32),
        rng.integers(0, 10, 64).astype(np.int32),
    )

    def run(calls):
        for _ in range(calls):
            call(images, labels)

    return run
