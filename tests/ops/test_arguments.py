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
