"""Static shapes, and arguments of wrong shapes, that scripts for TensorFlow 1.15 rely on."""

from __future__ import annotations

import pytest

import flowcore as fc


@pytest.mark.parametrize("axes", [1, [[2], [0]], [2, 0]])
def test_tensordot_keeps_the_sizes_that_are_known(axes: object) -> None:
    product = fc.tensordot(fc.placeholder(fc.float32, [None, 3, 4]), fc.zeros([4, 2]), axes)
    assert product.shape.as_list() == [None, 3, 2]


def test_fill_and_dropout_take_scalars_alone() -> None:
    with pytest.raises(ValueError, match="value must be a scalar"):
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
