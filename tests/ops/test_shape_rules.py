"""Static shapes, and arguments of wrong shapes, that scripts for TensorFlow 1.15 rely on."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import flowcore as fc

X = np.ones((2, 3), np.float32)


@pytest.mark.parametrize("axes", [1, [[2], [0]], [2, 0]])
def test_tensordot_keeps_the_sizes_that_are_known(axes: object) -> None:
    product = fc.tensordot(fc.placeholder(fc.float32, [None, 3, 4]), fc.zeros([4, 2]), axes)
    assert product.shape.as_list() == [None, 3, 2]


def test_fill_and_dropout_take_scalars_alone() -> None:
    with pytest.raises(ValueError, match="value of a Fill must be a scalar"):
        fc.fill([2], [1.0, 2.0])
    with pytest.raises(ValueError, match="rate must be a scalar"):
        fc.nn.dropout(fc.ones([2]), [0.5, 1.0])
    with pytest.raises(ValueError, match="rate must be a scalar"):
        fc.nn.dropout(fc.ones([2]), rate=fc.constant([0.5]))


def test_weighted_cross_entropy_needs_labels_of_the_logits_shape() -> None:
    with pytest.raises(ValueError, match="logits and labels must have one shape"):
        fc.nn.weighted_cross_entropy_with_logits(fc.ones([2, 1]), fc.ones([2, 2]), 2.0)


def test_a_shape_that_is_a_single_number_in_the_run_is_a_vector_of_one() -> None:
    shape = fc.placeholder_with_default(2, None)
    with fc.Session() as sess:
        assert sess.run(fc.reshape([[7], [8]], shape)).tolist() == [7, 8]


def test_an_unknown_shape_has_as_many_parts_as_are_asked_for() -> None:
    assert fc.TensorShape(None)[:2].as_list() == [None, None]
    assert fc.TensorShape(None)[1:].ndims is None


@pytest.mark.parametrize(
    ("name", "kind", "call"),
    [
        ("perm of a Transpose", "vector", lambda x: fc.transpose(X, x)),
        ("axis of a ReverseV2", "scalar or a vector", lambda x: fc.reverse(X, x)),
        ("x of an InvertPermutation", "vector", lambda x: fc.invert_permutation(x)),
        ("reduction_indices of a Sum", "scalar or a vector", lambda x: fc.reduce_sum(X, x)),
        ("dimension of an ArgMax", "scalar", lambda x: fc.argmax(X, x)),
        ("axis of a Cumsum", "scalar", lambda x: fc.cumsum(X, x)),
        ("axis of a GatherV2", "scalar", lambda x: fc.gather(X, [0], axis=x)),
        ("depth of an OneHot", "scalar", lambda x: fc.one_hot([0], x)),
        ("on_value of an OneHot", "scalar", lambda x: fc.one_hot([0], 3, x, 0)),
        ("split_dim of a Split", "scalar", lambda x: fc.split(X, 1, x)),
        ("split_dim of a SplitV", "scalar", lambda x: fc.split(X, [2], x)),
        ("k of an InTopKV2", "scalar", lambda x: fc.nn.in_top_k(X, [0, 1], x)),
    ],
)
def test_axes_and_counts_have_the_rank_that_the_op_takes(name: str, kind: str, call: Any) -> None:
    wrong = {"vector": [0, [[0]]], "scalar": [[0], [[0]]], "scalar or a vector": [[[0]]]}[kind]
    for value in wrong:
        for given in (value, fc.constant(value), fc.placeholder(fc.int32, np.shape(value))):
            with pytest.raises(ValueError, match=f"{name} must be a {kind}, found shape"):
                call(given)
