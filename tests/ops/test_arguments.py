"""Arguments with two names: one of them may be given."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import flowcore as fc

X = np.ones((2, 3), np.float32)
IMAGE = np.ones((1, 4, 4, 1), np.float32)
FILTER = np.ones((1, 1, 1, 1), np.float32)
RECORDS = np.zeros(1, [("a", "i8")])


@pytest.mark.parametrize(
    ("old", "new", "call"),
    [
        ("reduction_indices", "axis", lambda **names: fc.reduce_sum(X, **names)),
        ("reduction_indices", "axis", lambda **names: fc.reduce_logsumexp(X, **names)),
        ("dimension", "axis", lambda **names: fc.argmax(X, **names)),
        ("dimension", "axis", lambda **names: fc.argmin(X, **names)),
        ("dim", "axis", lambda **names: fc.nn.softmax(X, **names)),
        ("dim", "axis", lambda **names: fc.nn.log_softmax(X, **names)),
        ("dim", "axis", lambda **names: fc.expand_dims(X, **names)),
        ("dim", "axis", lambda **names: fc.nn.l2_normalize(X, **names)),
        ("dim", "axis", lambda **names: fc.nn.softmax_cross_entropy_with_logits(labels=X, logits=X, **names)),
        ("dim", "axis", lambda **names: fc.nn.softmax_cross_entropy_with_logits_v2(X, X, **names)),
        ("squeeze_dims", "axis", lambda **names: fc.squeeze(X[:1], **names)),
    ],
)
def test_an_axis(old: str, new: str, call: Callable[..., Any]) -> None:
    with pytest.raises(ValueError, match=f"Cannot specify both '{old}' and '{new}'"):
        call(**{old: 0, new: 0})
    with fc.Session() as sess:
        by_old, by_new = sess.run([call(**{old: 0}), call(**{new: 0})])
    np.testing.assert_array_equal(by_old, by_new)


@pytest.mark.parametrize(
    ("old", "new", "value", "call"),
    [
        ("keep_dims", "keepdims", True, lambda **names: fc.reduce_mean(X, 0, **names)),
        ("keep_dims", "keepdims", True, lambda **names: fc.reduce_logsumexp(X, 0, **names)),
        ("keep_dims", "keepdims", True, lambda **names: fc.nn.moments(X, [0], **names)[1]),
        (
            "filter",
            "filters",
            FILTER,
            lambda **names: fc.nn.conv2d(IMAGE, strides=1, padding="SAME", **names),
        ),
    ],
)
def test_others(old: str, new: str, value: Any, call: Callable[..., Any]) -> None:
    with pytest.raises(ValueError, match=f"Cannot specify both '{old}' and '{new}'"):
        call(**{old: value, new: value})
    with fc.Session() as sess:
        by_old, by_new = sess.run([call(**{old: value}), call(**{new: value})])
    np.testing.assert_array_equal(by_old, by_new)


def test_arguments_that_cannot_be_left_out() -> None:
    with pytest.raises(ValueError, match="Cannot specify both 'keep_prob' and 'rate'"):
        fc.nn.dropout(X, 0.9, rate=0.1)
    with pytest.raises(ValueError, match="Cannot specify both 'value' and 'input'"):
        fc.nn.max_pool(IMAGE, 1, 1, "SAME", input=IMAGE)
    with pytest.raises(ValueError, match="Cannot specify both 'value' and 'input'"):
        fc.nn.avg_pool(IMAGE, 1, 1, "SAME", input=IMAGE)
    with pytest.raises(ValueError, match="Cannot specify both 'targets' and 'labels'"):
        fc.nn.weighted_cross_entropy_with_logits(labels=X, logits=X, pos_weight=1.0, targets=X)
    for without in ("labels", "logits", "pos_weight"):
        given = {"labels": X, "logits": X, "pos_weight": 1.0}
        del given[without]
        with pytest.raises(ValueError, match=f"needs {without}"):
            fc.nn.weighted_cross_entropy_with_logits(**given)
    with pytest.raises(ValueError, match="needs a filter"):
        fc.nn.conv2d(IMAGE, strides=1, padding="SAME")
    with pytest.raises(ValueError, match="needs rate"):
        fc.nn.dropout(X)


def test_the_tensor_and_the_message_of_a_check_may_be_given_once() -> None:
    with pytest.raises(ValueError, match="Cannot specify both 't' and 'x'"):
        fc.verify_tensor_all_finite(X, "weights", x=X)
    with pytest.raises(ValueError, match="Cannot specify both 'msg' and 'message'"):
        fc.verify_tensor_all_finite(X, "weights", message="weights")
    with fc.Session() as sess:
        np.testing.assert_array_equal(sess.run(fc.verify_tensor_all_finite(x=X, message="weights")), X)


@pytest.mark.parametrize(
    ("name", "call"),
    [
        ("transpose_a", lambda flag: fc.matmul(X, X, transpose_a=flag)),
        ("adjoint_b", lambda flag: fc.matmul(X, X, adjoint_b=flag)),
        ("conjugate", lambda flag: fc.transpose(X, conjugate=flag)),
        ("exclusive", lambda flag: fc.cumsum(X, exclusive=flag)),
        ("reverse", lambda flag: fc.cumprod(X, reverse=flag)),
        ("keepdims", lambda flag: fc.reduce_sum(X, keepdims=flag)),
        ("verify_shape", lambda flag: fc.constant(1.0, shape=[], verify_shape=flag)),
        ("verify_shape", lambda flag: fc.constant_initializer(1.0, verify_shape=flag)),
        ("verify_shape", lambda flag: fc.constant_initializer(1.0)([], verify_shape=flag)),
        ("validate_shape", lambda flag: fc.Variable(X, validate_shape=flag)),
        ("read_value", lambda flag: fc.Variable(X).assign(X, read_value=flag)),
        ("trainable", lambda flag: fc.Variable(X, trainable=flag)),
        ("auxiliary_name_scope", lambda flag: fc.variable_scope("a", auxiliary_name_scope=flag)),
        ("colocate_gradients_with_ops", lambda flag: fc.gradients([], [], colocate_gradients_with_ops=flag)),
        ("add_shapes", lambda flag: fc.get_default_graph().as_graph_def(add_shapes=flag)),
        ("accept_options", lambda flag: fc.Session().make_callable(fc.constant(1), accept_options=flag)),
        ("ignore_live_threads", lambda flag: fc.train.Coordinator().join(ignore_live_threads=flag)),
        ("cancel_pending_enqueues", lambda flag: fc.FIFOQueue(1, fc.int32).close(flag)),
    ],
)
@pytest.mark.parametrize("flag", [3, "yes"])
def test_flags(name: str, call: Callable[[Any], Any], flag: Any) -> None:
    with pytest.raises(TypeError, match=f"'?{name}'?( of \\w+)? must be (True or False|bool), found"):
        call(flag)


@pytest.mark.parametrize("name", ["daemon", "start"])
def test_flags_of_a_queue_runner(name: str) -> None:
    queue = fc.FIFOQueue(1, fc.int32)
    runner = fc.train.QueueRunner(queue, [queue.enqueue(1)])
    with fc.Session() as sess, pytest.raises(TypeError, match=f"{name} must be True or False, found 3"):
        runner.create_threads(sess, **{name: 3})


@pytest.mark.parametrize(
    ("match", "call"),
    [
        ("x must be a tensor of numbers, found string", lambda: fc.conj("a")),
        ("input must be a tensor of numbers, found string", lambda: fc.real("a")),
        ("input must be a tensor of numbers, found string", lambda: fc.imag("a")),
        ("input must be a tensor of numbers, found bool", lambda: fc.real(True)),
        ("limit must be a real number, found string", lambda: fc.range(0, "a")),
        (
            "logits must be of a floating dtype, found string",
            lambda: fc.nn.weighted_cross_entropy_with_logits(["a"], ["b"], 1.0),
        ),
        (
            "labels must be of a floating dtype, found int32",
            lambda: fc.nn.sigmoid_cross_entropy_with_logits(labels=[1], logits=[1.0]),
        ),
    ],
)
def test_what_takes_numbers_names_the_argument_that_is_none(match: str, call: Callable[[], Any]) -> None:
    with pytest.raises(TypeError, match=match):
        call()


@pytest.mark.parametrize("rate", [1.0, 1.5, -0.5, float("nan")])
def test_dropout_refuses_a_rate_out_of_range_whenever_it_is_known(rate: float) -> None:
    fed = fc.placeholder(fc.float32, [])
    dropped = fc.nn.dropout(X, rate=fed)
    kept = fc.nn.dropout(X, keep_prob=fed)
    with pytest.raises(ValueError, match=r"rate must be .* in the range \[0, 1\), got"):
        fc.nn.dropout(X, rate=fc.constant(rate))
    with fc.Session() as sess:
        for result, value in ((dropped, rate), (kept, 1 - rate)):
            with pytest.raises(fc.errors.InvalidArgumentError, match=r"in the range \[0, 1\), got"):
                sess.run(result, {fed: value})
        np.testing.assert_array_equal(sess.run(dropped, {fed: 0.0}), X)


def test_mappings_with_keys_of_several_kinds() -> None:
    with pytest.raises(TypeError, match=r"inputs: the keys of a mapping must be of one kind.*\['x', 3\]"):
        fc.group({"x": fc.constant(1), 3: fc.constant(2)})
    queue = fc.FIFOQueue(1, [fc.int32, fc.int32], names=["a", "b"])
    with pytest.raises(ValueError, match=r"the dictionary has \['x', 3\], the queue's components are"):
        queue.enqueue({"x": 1, 3: 2})


def test_a_check_without_data_still_says_what_failed() -> None:
    with pytest.raises(fc.errors.InvalidArgumentError, match="assertion failed, and there is no data"):
        fc.assert_positive(-1, data=[])


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (lambda: fc.reduce_sum([1.0], axis="x"), "axis must be whole numbers"),
        (lambda: fc.reduce_sum([1.0], axis=1.5), "axis must be whole numbers"),
        (lambda: fc.reshape([1], "a"), "shape must be whole numbers"),
        (lambda: fc.reshape([1], [1.5]), "shape must be whole numbers of at most 64 bits, found .1.5."),
        (lambda: fc.reshape([1], [2**70]), "shape must be whole numbers of at most 64 bits"),
        (lambda: fc.gather([1], "a"), "string as input 'indices'; it takes int32, int64"),
        (lambda: fc.gather([1], [0.5]), "float32 as input 'indices'"),
        (lambda: fc.expand_dims([1], "a"), "string as input 'dim'"),
        (lambda: fc.argmax([1], "a"), "string as input 'dimension'"),
        (lambda: fc.sqrt(fc.constant(1)), "Sqrt does not take dtype int32 as input 'x'; it takes float16"),
        (lambda: fc.concat([[1], [2]], "a"), "string as input 'axis'"),
        (lambda: fc.concat(3, [1]), r"axis of concat must be a scalar.*arguments are \(values, axis\)"),
        (lambda: fc.concat([], 0), "ConcatV2 needs at least 1 tensors as input 'values', found 0"),
        (lambda: fc.split([1], None), "num_or_size_splits must be fully known"),
        (lambda: fc.split([1], "a"), "num_or_size_splits must be whole numbers"),
        (lambda: fc.split([1], fc.constant(1)), "num_or_size_splits must be a Python number or a vector"),
        (lambda: fc.py_func(len, 3, fc.int32), "inp must be a list, found 3"),
        (lambda: fc.get_default_graph().create_op("Sqrt", [fc.constant(1)]), "int32 as input 'x'"),
        (lambda: fc.gradients(None, None), "ys must be a Tensor or a list of Tensors, found None"),
        (lambda: fc.gradients(fc.constant(1.0), [None]), "xs must be a Tensor or a list of Tensors"),
        (lambda: fc.gradients([], [], aggregation_method=17), r"one of \[0, 1, 2\].*found 17"),
        (lambda: fc.gradients([], [], aggregation_method=np.ones(2)), "aggregation_method must be one of"),
        (lambda: fc.gradients([], [], unconnected_gradients=RECORDS), "unconnected_gradients must be"),
        (lambda: fc.gradients([], [], gate_gradients="x"), "gate_gradients must be True or False"),
    ],
)  # fmt: skip
def test_messages_name_the_argument_and_not_the_attribute(make: Callable[[], object], text: str) -> None:
    with pytest.raises((TypeError, ValueError), match=text):
        make()
