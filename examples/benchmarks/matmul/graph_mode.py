"""The product of two variables, not fetched."""


def prepare(tf, config, n):
    a, b = (tf.Variable(tf.random_normal([n, n]), use_resource=True) for _ in range(2))
    product = tf.matmul(a, b)
    sess = tf.Session(config=config)
    sess.run(tf.global_variables_initializer())
    call = sess.make_callable(product.op)

    def run(calls):
        for _ in range(calls):
            call()

    return run
