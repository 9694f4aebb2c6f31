"""The optimiser's update of one variable from a gradient that lies ready in another."""


def prepare(tf, config, n):
    parameter, gradient = (tf.Variable(tf.random_normal([n]), use_resource=True) for _ in range(2))
    step = tf.train.AdamOptimizer(1e-3).apply_gradients([(gradient.read_value(), parameter)])
    sess = tf.Session(config=config)
    sess.run(tf.global_variables_initializer())
    call = sess.make_callable(step)

    def run(calls):
        for _ in range(calls):
            call()

    return run
