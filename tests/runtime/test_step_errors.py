"""A failed step as the user sees it: the class, the node, what it said, where it was made, and the cause."""

from __future__ import annotations

import os

import numpy as np
import pytest

import flowcore as fc


def failure(fetch: object, **options: object) -> fc.errors.OpError:
    with fc.Session() as sess, pytest.raises(fc.errors.OpError) as caught:
        sess.run(fetch, **options)  # type: ignore[arg-type]
    return caught.value


def test_the_message_names_node_type_reason_and_line() -> None:
    x = fc.placeholder(fc.float32, [None, None], name="x")
    product = fc.matmul(x, [[1.0], [2.0]], name="product")
    error = failure(product, feed_dict={x: np.ones([2, 3])})
    assert isinstance(error, fc.errors.InvalidArgumentError)
    assert error.op is product.op
    assert error.node_def.name == "product"
    first, second = error.message.split("\n")
    assert first.startswith("node 'product' (MatMul): ")
    assert os.path.basename(__file__) in second
    assert second.strip().startswith("created at ")


def test_an_error_of_ours_inside_a_kernel_keeps_class_and_words_and_says_its_class_once() -> None:
    holds = fc.Assert(False, ["too small"], name="check")
    error = failure(holds)
    assert type(error) is fc.errors.InvalidArgumentError
    assert error.message.startswith("node 'check' (Assert): assertion failed: [too small]")
    counted = fc.py_func(lambda: [1, 2], [], fc.int32, name="counted")
    message = failure(counted).message
    assert message.startswith("node 'counted' (PyFunc): the Python function returned 2 values where 1 were")

    def raises() -> None:
        raise fc.errors.AbortedError(None, None, "not today")

    error = failure(fc.py_func(raises, [], fc.float32, name="called"))
    assert type(error) is fc.errors.AbortedError
    assert error.message.startswith("node 'called' (PyFunc): not today\n")
    assert isinstance(error.__cause__, fc.errors.AbortedError)


@pytest.mark.parametrize(
    ("raised", "kind"),
    [
        (StopIteration("end"), fc.errors.OutOfRangeError),
        (FileNotFoundError("gone"), fc.errors.NotFoundError),
        (PermissionError("no"), fc.errors.PermissionDeniedError),
        (NotImplementedError("later"), fc.errors.UnimplementedError),
        (MemoryError("full"), fc.errors.ResourceExhaustedError),
        (ValueError("wrong"), fc.errors.InvalidArgumentError),
        (TypeError("wrong"), fc.errors.InvalidArgumentError),
        (ZeroDivisionError("zero"), fc.errors.UnknownError),
    ],
)
def test_other_exceptions_are_classed_and_named(raised: Exception, kind: type[fc.errors.OpError]) -> None:
    def fails() -> None:
        raise raised

    error = failure(fc.py_func(fails, [], fc.float32))
    assert type(error) is kind
    assert f"{type(raised).__name__}: {raised}" in error.message
    assert error.__cause__ is raised


def test_a_member_of_a_fused_node_is_named_and_so_are_the_others() -> None:
    x = fc.placeholder(fc.int32, [None])
    error = failure(fc.negative(fc.floordiv(x + 1, x, name="part")), feed_dict={x: [1, 0]})
    assert "node 'part' (FloorDiv)" in error.message
    assert "computed together with" in error.message


def test_a_variable_without_a_value_names_the_initialiser_of_its_kind() -> None:
    shown = fc.Variable(1.0, name="shown")
    local = fc.Variable(1.0, name="local", collections=[fc.GraphKeys.LOCAL_VARIABLES])
    for variable, name in ((shown, "global_variables_initializer"), (local, "local_variables_initializer")):
        error = failure(variable)
        assert isinstance(error, fc.errors.FailedPreconditionError)
        assert name in error.message
