"""What a type checker must flag: the lines with a comment, which names the kind of error. Never run."""

import flowcore as fc

x = fc.placeholder(fc.float32, [None, 4])
v = fc.Variable(fc.ones([4, 4]), nane="v")  # error: call-arg
y = fc.matmull(x, v)  # error: attr-defined
z = fc.matmul(x)  # error: call-arg
z.evaluate()  # error: attr-defined
print(z.op.inpts)  # error: attr-defined
fc.nn.rellu(z)  # error: attr-defined
fc.train.AdamOptimiser(0.1)  # error: attr-defined
fc.train.SyncReplicasOptimizer()  # error: attr-defined
loss: fc.Operation = fc.reduce_mean(z)  # error: assignment
train = fc.train.AdamOptimizer(0.1).minimize(z, v)  # fine: global_step
fc.train.AdamOptimizer(0.1).minimize(z, var_list=v)  # error: arg-type
fc.FIFOQueue("10", [fc.float32])  # error: call-overload
queue = fc.FIFOQueue(10, [fc.float32])
print(v.graph.operations)  # error: attr-defined
queue.enqueue_all([1.0])  # error: attr-defined
print(queue.dequeue().shapes)  # error: union-attr
print(fc.FIFOQueue(10, fc.float32).dequeue().shapes)  # error: attr-defined
print(fc.FIFOQueue(10, [fc.float32], names=["x"]).dequeue().shape)  # error: attr-defined
print(fc.train.batch(x, 2).shapes)  # error: attr-defined
print(fc.train.batch([x, x], 2).shapes)  # error: union-attr
print(fc.train.batch({"x": x}, 2)["x"].shapes)  # error: attr-defined
fc.train.batch(x, 2, number_threads=2)  # error: call-overload
print(fc.cast(x, fc.int32).values)  # error: attr-defined
print(fc.cond(x > 0, lambda: x, lambda: x).shapes)  # error: attr-defined
config = fc.ConfigProto(inter_op_threads=2)  # error: call-arg
with fc.Session(config=2) as sess:  # error: arg-type
    sess.runn(z)  # error: attr-defined
    sess.run(3)  # error: call-overload
    sess.run(z, [x])  # error: call-overload
    sess.run([z, v]).keys()  # error: attr-defined
    sess.make_callable(z, x)  # error: call-overload
    sess.run(z, feed_dict={x: 1.0}, option=None)  # error: call-overload
fc.train.Coordinator().request_stopp()  # error: attr-defined
print(fc.errors.OutOfRange)  # error: attr-defined
