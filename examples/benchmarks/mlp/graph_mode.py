"""A training step of a perceptron 784-512-512-10, batch 128, gradient descent."""

import numpy as np

UNIT = "ms a step"


def prepare(tf):
    rng = np.random.default_rng(0)
    x, y = tf.placeholder(tf.float32, [128, 784]), tf.placeholder(tf.int32, [128])
    h = x
    for i, (m, n) in enumerate(((784, 512), (512, 512), (512, 10))):
        w = tf.Variable(rng.normal(size=(m, n), scale=m**-0.5).astype(np.float32), use_resource=True)
        b = tf.Variable(np.zeros(n, np.float32), use_resource=True)
        h = tf.nn.bias_add(tf.matmul(h, w), b)
        if i < 2:
            h = tf.nn.relu(h)
    loss = tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(labels=y, logits=h))
    step = tf.train.GradientDescentOptimizer(0.01).minimize(loss)
    sess = tf.Session()
    sess.run(tf.global_variables_initializer())
    call = sess.make_callable([step, loss], [x, y])
    images, labels = rng.normal(size=(128, 784)).astype(np.float32), rng.integers(0, 10, 128).astype(np.int32)

    def run(n):
        for _ in range(n):
            call(images, labels)

    return run, 10, 1e3
