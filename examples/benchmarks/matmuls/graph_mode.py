"""Products of one variable with itself would be merged into one: every product has operands of its own."""


def prepare(tf, config, n, count):
    pairs = [
        [tf.Variable(tf.random_normal([n, n]), use_resource=True) for _ in range(2)] for _ in range(count)
    ]
    products = tf.group(*[tf.matmul(a, b) for a, b in pairs])
    sess = tf.Session(config=config)
    sess.run(tf.global_variables_initializer())
    call = sess.make_callable(products)

    def run(calls):
        for _ in range(calls):
            call()

    return run
