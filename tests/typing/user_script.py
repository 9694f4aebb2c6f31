"""A user's script, as `mypy --strict` should take it: graph, variables, queue, training, session."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

import flowcore as fc


class Values(NamedTuple):
    loss: Any
    rate: Any


def layer(x: fc.Tensor, units: int, name: str) -> fc.Tensor:
    """A dense layer with a rectifier."""
    with fc.variable_scope(name):
        width = x.shape[-1].value
        weights = fc.get_variable("weights", [width, units], initializer=fc.glorot_uniform_initializer())
        bias = fc.get_variable("bias", [units], initializer=fc.zeros_initializer())
        return fc.nn.relu(fc.matmul(x, weights) + bias)


def operators(v: fc.Variable, t: fc.Tensor) -> list[fc.Tensor]:
    """What variables and tensors may do with each other and with Python's numbers."""
    arithmetic = [v + 1, 1 - v, v * t, t / v, -v, v**2, 2.0 * t, v @ t, abs(v), t // 2, t % 3]
    indexed = [v[0], t[1:, ...], t[:, fc.newaxis], v[fc.argmax(t[0])]]
    compared = [v > 0, t <= v, (t > 0) & (v < 1), ~(t >= 0)]
    return arithmetic + indexed + compared


def build(rate: float) -> tuple[fc.Tensor, fc.Tensor, fc.Tensor, fc.Operation]:
    x = fc.placeholder(fc.float32, [None, 4], name="x")
    labels = fc.placeholder(fc.int32, [None], name="labels")
    logits = layer(layer(x, 8, "hidden"), 3, "out")
    losses = fc.nn.sparse_softmax_cross_entropy_with_logits(labels=labels, logits=logits)
    loss = fc.reduce_mean(losses)
    step = fc.train.get_or_create_global_step()
    optimizer = fc.train.AdamOptimizer(learning_rate=rate)
    gradients = optimizer.compute_gradients(loss)
    train = optimizer.apply_gradients(gradients, global_step=step)
    return x, labels, loss, train


def rank(queue: fc.FIFOQueue) -> int | None:
    """A queue of any elements."""
    return queue.shapes[0].ndims


def what_is_taken_from_queues() -> list[fc.TensorShape]:
    """One component is a tensor, several are unpacked or indexed, named ones are a dictionary."""
    with fc.Graph().as_default():
        single = fc.FIFOQueue(10, fc.float32, shapes=[[]])
        several = fc.RandomShuffleQueue(10, 0, [fc.float32, fc.int32], shapes=[[], [2]])
        named = fc.FIFOQueue(10, [fc.float32], [[]], names=["x"])
        first, second = several.dequeue_many(3)
        image = fc.zeros([8, 8])
        images, labels = fc.train.batch([image, fc.constant(1)], 4)
        joined = fc.train.shuffle_batch_join([{"image": image}, {"image": image}], 4, 10, 2)
        record = fc.WholeFileReader().read(fc.train.string_input_producer(["a"]))
        found: list[fc.Tensor] = [
            single.dequeue(),
            single.dequeue_up_to(2) * 2.0,
            several.dequeue()[1],
            first,
            named.dequeue()["x"],
            images,
            fc.train.batch(image, 4),
            fc.train.shuffle_batch({"image": image}, 4, 10, 2)["image"],
            fc.train.batch_join([image, image], 4),
            joined["image"],
            record.value,
            fc.unique(labels).idx,
            fc.cast(second, fc.float32),
            fc.clip_by_value(image, 0.0, 1.0),
            fc.cond(fc.constant(True), lambda: image, lambda: image + 1.0),
        ]
        assert rank(single) == 0
        slices: fc.IndexedSlices = fc.cast(fc.IndexedSlices(image, fc.range(8)), fc.float64)
        return [single.dequeue().shape, slices.values.shape, *[tensor.shape for tensor in found]]


def numbers_from_a_queue() -> list[float]:
    with fc.Graph().as_default(), fc.Session() as sess:
        queue = fc.FIFOQueue(10, [fc.float32], shapes=[[]])
        fill = queue.enqueue_many([[1.0, 2.0, 3.0]])
        element: fc.Tensor = queue.dequeue()
        runner = fc.train.QueueRunner(queue, [fill])
        coordinator = fc.train.Coordinator()
        threads = runner.create_threads(sess, coord=coordinator, daemon=True, start=True)
        values = [float(sess.run(element)) for _ in range(3)]
        coordinator.request_stop()
        sess.run(queue.close(cancel_pending_enqueues=True))
        coordinator.join(threads)
        return values


def updates(v: fc.Variable, rows: fc.Tensor) -> tuple[list[fc.Tensor], list[fc.Operation]]:
    """An assignment gives the value afterwards, or the operation where that is asked for."""
    values = [v.assign(1.0), v.assign_add(2.0), fc.assign_sub(v, 1.0), fc.scatter_add(v, rows, 1.0)]
    operations = [v.assign(1.0, read_value=False), v.assign_sub(1.0, read_value=False)]
    doubled = fc.py_func(lambda x: 2 * x, [v.assign(1.0) + 1.0], fc.float32)
    return [*values, doubled], operations


def main() -> None:
    x, labels, loss, train = build(0.01)
    config = fc.ConfigProto(inter_op_parallelism_threads=2)
    data = np.random.rand(16, 4).astype(np.float32)
    with fc.Session(config=config) as sess:
        sess.run(fc.global_variables_initializer())
        feed = {x: data, labels: [0, 1, 2, 0] * 4}
        step = sess.make_callable([train, loss], feed_list=[x, labels])
        for _ in range(5):
            step(data, feed[labels])
        value = sess.run(loss, feed)
        one, both = sess.run([loss, train], feed_dict=feed)
        values = step(data, [0] * 16)[1:]
        named = sess.run({"loss": loss, "train": train}, feed)
        first, _ = sess.run((loss, train), feed)
        fields = sess.run(Values(loss, fc.constant(0.5)), feed)
        print(float(first), fields.loss, fields.rate)
        weights = sess.run(fc.trainable_variables()[0])
        print(
            weights.shape,
            float(value),
            one - 1.0,
            both,
            named["loss"],
            values,
            [v.name for v in fc.trainable_variables()],
        )
    with fc.Graph().as_default() as graph, fc.device("/cpu:0"):
        v = fc.Variable(fc.ones([2, 2]), name="v")
        with fc.control_dependencies([v.assign_add(fc.ones([2, 2]))]):
            print(len(operators(v, v.read_value())), graph)
    print(len(what_is_taken_from_queues()))
    print(numbers_from_a_queue())


if __name__ == "__main__":
    main()
