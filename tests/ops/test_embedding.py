"""Rows of an embedding table: which, how long, and what comes back to the table."""

from __future__ import annotations

import numpy as np
import pytest

import flowcore as fc

TABLE = np.array([[3.0, 4.0], [0.3, 0.4], [6.0, 8.0]], np.float32)


@pytest.mark.parametrize("ids", [1, [2, 0], [[0, 1], [2, 2]]])
@pytest.mark.parametrize("dtype", [fc.int32, fc.int64])
def test_rows_stand_in_the_shape_of_the_ids(ids: object, dtype: fc.DType) -> None:
    found = fc.nn.embedding_lookup(fc.constant(TABLE), fc.constant(ids, dtype))
    assert found.shape.as_list() == [*np.shape(ids), 2]
    np.testing.assert_array_equal(fc.Session().run(found), TABLE[np.array(ids)])


@pytest.mark.parametrize("known", [True, False])
def test_longer_rows_are_scaled_down_each_by_itself(known: bool) -> None:
    ids = fc.placeholder(fc.int32, [2, 1] if known else None)
    found = fc.nn.embedding_lookup(fc.constant(TABLE), ids, max_norm=1.0)
    with fc.Session() as sess:
        rows = sess.run(found, {ids: [[2], [1]]})
    np.testing.assert_allclose(rows, [[[0.6, 0.8]], [[0.3, 0.4]]], rtol=1e-6)


def test_the_gradient_of_the_table_is_sparse_and_adds_rows_that_repeat() -> None:
    table = fc.Variable(TABLE)
    found = fc.nn.embedding_lookup([table], [1, 1, 0])
    gradient = fc.gradients(found, table, fc.constant([[1.0, 2.0], [10.0, 20.0], [5.0, 5.0]]))[0]
    assert isinstance(gradient, fc.IndexedSlices)
    with fc.Session() as sess:
        sess.run(table.initializer)
        assert sess.run(gradient).indices.tolist() == [1, 1, 0]
        whole = sess.run(fc.convert_to_tensor(gradient))
    np.testing.assert_array_equal(whole, [[5, 5], [11, 22], [0, 0]])


def test_what_cannot_be_looked_up_is_refused() -> None:
    with pytest.raises(NotImplementedError, match="several partitions"):
        fc.nn.embedding_lookup([TABLE, TABLE], [0])
    with pytest.raises(ValueError, match=r"rank|scalar"):
        fc.nn.embedding_lookup(1.0, [0])
    with pytest.raises(TypeError, match="as input 'indices'"):
        fc.nn.embedding_lookup(TABLE, [0.5])
    ids = fc.placeholder(fc.int32, [1])
    with fc.Session() as sess, pytest.raises(fc.errors.InvalidArgumentError, match="3"):
        sess.run(fc.nn.embedding_lookup(TABLE, ids), {ids: [3]})
