"""The training step as a graph; images and labels are fed, the loss is fetched."""

import start


def prepare(tf, config, sizes, batch):
    images, labels = start.examples(sizes, batch)
    x, y = tf.placeholder(tf.float32, images.shape), tf.placeholder(tf.int32, labels.shape)
    h = x
    for i, (w, b) in enumerate(start.layers(sizes)):
        h = tf.nn.bias_add(tf.matmul(h, tf.Variable(w, use_resource=True)), tf.Variable(b, use_resource=True))
        if i < len(sizes) - 2:
            h = tf.nn.relu(h)
    loss = tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(labels=y, logits=h))
    step = tf.train.GradientDescentOptimizer(0.01).minimize(loss)
    sess = tf.Session(config=config)
    sess.run(tf.global_variables_initializer())
    call = sess.make_callable([step, loss], [x, y])

    def run(calls):
        for _ in range(calls):
            call(images, labels)

    return run
