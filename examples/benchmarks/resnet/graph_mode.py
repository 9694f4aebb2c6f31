"""The network as a graph over constants; a stride of two pads as the other sides do."""

import network


def prepare(tf, config, batch):
    net = network.build()
    x = tf.placeholder(tf.float32, [batch, 224, 224, 3])

    def convolution(c, h):
        if c.stride > 1 and c.pad:
            h = tf.pad(h, [[0, 0], [c.pad, c.pad], [c.pad, c.pad], [0, 0]])
        padding = "SAME" if c.stride == 1 else "VALID"
        return tf.nn.conv2d(h, tf.constant(c.kernel), [1, c.stride, c.stride, 1], padding) * tf.constant(
            c.scale
        ) + tf.constant(c.shift)

    h = tf.nn.relu(convolution(net.stem, x))
    h = tf.nn.max_pool(h, [1, 3, 3, 1], [1, 2, 2, 1], "SAME")
    for block in net.blocks:
        around = h if block.around is None else convolution(block.around, h)
        h = tf.nn.relu(convolution(block.second, tf.nn.relu(convolution(block.first, h))) + around)
    logits = tf.matmul(tf.reduce_mean(h, [1, 2]), tf.constant(net.dense))
    call = tf.Session(config=config).make_callable(logits, [x])
    value = network.images(batch)

    def run(calls):
        for _ in range(calls):
            call(value)

    return run
