"""First and second gradients of the layers of networks against numeric differentiation, in float64."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import flowcore as fc

draw = np.random.default_rng(3)
IMAGE, KERNEL = draw.normal(size=(2, 5, 6, 2)), draw.normal(size=(3, 2, 2, 3))
DISTINCT = draw.permutation(120).reshape(2, 5, 6, 2) / 10.0


def conv(strides: Any, padding: Any, layout: str = "NHWC", dilations: Any = 1) -> Callable[..., fc.Tensor]:
    def apply(x: fc.Tensor, w: fc.Tensor) -> fc.Tensor:
        if layout == "NCHW":
            x = fc.transpose(x, [0, 3, 1, 2])
        return fc.nn.conv2d(x, w, strides, padding, data_format=layout, dilations=dilations)

    return apply


def pool(
    f: Callable[..., fc.Tensor], size: Any, strides: Any, padding: str, layout: str = "NHWC"
) -> Callable[..., fc.Tensor]:
    def apply(x: fc.Tensor) -> fc.Tensor:
        x = fc.transpose(x, [0, 3, 1, 2]) if layout == "NCHW" else x
        return f(x, size, strides, padding, data_format=layout)

    return apply


LOGITS, LABELS = draw.normal(size=(3, 4)), np.exp(draw.normal(size=(3, 4)))
LABELS /= LABELS.sum(1, keepdims=True)
CASES: dict[str, tuple[Callable[..., fc.Tensor], list[np.ndarray]]] = {
    "conv same": (conv(1, "SAME"), [IMAGE, KERNEL]),
    "conv strided": (conv([2, 1], "VALID"), [IMAGE, KERNEL]),
    "conv explicit": (conv(2, [[0, 0], [2, 0], [1, 1], [0, 0]]), [IMAGE, KERNEL]),
    "conv dilated": (conv(1, "SAME", dilations=[1, 2]), [IMAGE, KERNEL]),
    "conv NCHW": (conv(2, "SAME", "NCHW"), [IMAGE, KERNEL]),
    "max pool": (pool(fc.nn.max_pool, 2, 2, "VALID"), [DISTINCT]),
    "max pool overlapping": (pool(fc.nn.max_pool, 3, 1, "SAME"), [DISTINCT]),
    "max pool NCHW": (pool(fc.nn.max_pool, [3, 2], 2, "SAME", "NCHW"), [DISTINCT]),
    "avg pool": (pool(fc.nn.avg_pool, 2, 2, "VALID"), [IMAGE]),
    "avg pool overlapping": (pool(fc.nn.avg_pool, 3, 2, "SAME"), [IMAGE]),
    "avg pool NCHW": (pool(fc.nn.avg_pool, 3, 1, "SAME", "NCHW"), [IMAGE]),
    "bias": (fc.nn.bias_add, [IMAGE, draw.normal(size=2)]),
    "bias NCHW": (
        lambda x, b: fc.nn.bias_add(fc.transpose(x, [0, 3, 1, 2]), b, "NCHW"),
        [IMAGE, draw.normal(size=2)],
    ),
    "softmax": (fc.nn.softmax, [LOGITS]),
    "softmax over rows": (lambda x: fc.nn.softmax(x, axis=0), [LOGITS]),
    "log softmax": (lambda x: fc.nn.log_softmax(x, axis=0), [LOGITS]),
    "cross-entropy": (
        lambda x, y: fc.nn.softmax_cross_entropy_with_logits_v2(labels=y, logits=x),
        [LOGITS, LABELS],
    ),
    "cross-entropy over rows": (
        lambda x, y: fc.nn.softmax_cross_entropy_with_logits_v2(labels=y, logits=x, axis=0),
        [LOGITS.T, LABELS.T],
    ),
    "sparse cross-entropy": (
        lambda x: fc.nn.sparse_softmax_cross_entropy_with_logits(labels=[0, 3, 1], logits=x),
        [LOGITS],
    ),
    "sigmoid cross-entropy": (
        lambda x, y: fc.nn.sigmoid_cross_entropy_with_logits(labels=y, logits=x),
        [LOGITS, LABELS],
    ),
    "weighted cross-entropy": (
        lambda x, y: fc.nn.weighted_cross_entropy_with_logits(labels=y, logits=x, pos_weight=2.0),
        [LOGITS, LABELS],
    ),
    "l2 loss": (fc.nn.l2_loss, [LOGITS]),
    "l2 normalize": (lambda x: fc.nn.l2_normalize(x, 1), [LOGITS]),
    "moments": (lambda x: fc.stack(fc.nn.moments(x, [0])), [LOGITS]),
    "batch matmul": (fc.matmul, [draw.normal(size=(2, 3, 2)), draw.normal(size=(1, 2, 4))]),
    "batch matmul adjoint": (
        lambda a, b: fc.matmul(a, b, adjoint_a=True, transpose_b=True),
        [draw.normal(size=(2, 2, 3)), draw.normal(size=(4, 2))],
    ),
    "tensordot": (
        lambda a, b: fc.tensordot(a, b, [[1, 2], [1, 0]]),
        [draw.normal(size=(2, 3, 2)), draw.normal(size=(2, 3, 4))],
    ),
    "swish": (lambda x: fc.nn.swish(x), [LOGITS]),
    "embedding": (lambda x: fc.nn.embedding_lookup(x, [[0, 2], [2, 2]]), [LOGITS]),
}


@pytest.mark.parametrize("static", [True, False], ids=["static", "unknown"])
@pytest.mark.parametrize("case", CASES)
def test_first_and_second_gradients(case: str, static: bool) -> None:
    function, arrays = CASES[case]
    if not static and (
        case.startswith(("tensordot", "softmax", "log softmax")) or case.endswith(("over rows", "NCHW"))
    ):
        xs = [fc.placeholder(fc.float64, [None] * a.ndim) for a in arrays]  # what needs to know a rank
    else:
        xs = [fc.placeholder(fc.float64, a.shape if static else None) for a in arrays]
    y = function(*xs)
    feeds = dict(zip(xs, arrays, strict=True))
    with fc.Session() as sess:
        size = list(np.shape(sess.run(y, feeds)))
        weights = fc.constant(np.random.default_rng(5).normal(size=size))
        loss = fc.reduce_sum(y * weights)
        shapes = [list(a.shape) for a in arrays]
        assert fc.test.compute_gradient_error(xs, shapes, loss, [], arrays, 1e-5) < 1e-7
        for g, shape in zip(fc.gradients(loss + fc.reduce_sum(y * y), xs), shapes, strict=True):
            total = fc.reduce_sum(
                fc.convert_to_tensor(g) * fc.constant(np.random.default_rng(6).normal(size=shape))
            )
            for x, h, array in zip(xs, fc.gradients(total, xs), arrays, strict=True):
                if h is not None and case != "moments":  # their variance takes the mean for a constant
                    assert (
                        fc.test.compute_gradient_error(
                            x, list(array.shape), total, [], array, 1e-5, extra_feed_dict=feeds
                        )
                        < 1e-6
                    ), (case, shape)


def test_dropout_scales_what_it_keeps_and_its_gradient_likewise() -> None:
    x = fc.placeholder(fc.float32, [1000])
    y = fc.nn.dropout(x, rate=0.25, seed=1)
    g = fc.gradients(y, x)[0]
    with fc.Session() as sess:
        value, gradient = sess.run([y, g], {x: np.full(1000, 3.0)})
        again = sess.run(y, {x: np.full(1000, 3.0)})
    np.testing.assert_allclose(gradient * 3, value, rtol=1e-6)
    np.testing.assert_allclose(np.unique(value), [0, 4], rtol=1e-6)
    assert 650 < (value > 0).sum() < 850
    assert (value != again).any()
    assert fc.nn.dropout(x, rate=0) is x
    noise = fc.nn.dropout(fc.ones([4, 5]), keep_prob=0.5, noise_shape=[4, 1], seed=2)
    with fc.Session() as sess:
        assert (np.ptp(sess.run(noise), axis=1) == 0).all()
    for bad in (dict(rate=1.0), dict(rate=-0.1), dict(keep_prob=0.0), dict()):
        with pytest.raises(ValueError, match="rate"):
            fc.nn.dropout(x, **bad)
    with pytest.raises(ValueError, match="int32"):
        fc.nn.dropout(fc.constant([1, 2]), rate=0.5)
