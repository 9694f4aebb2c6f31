"""What scripts do with nodes and tensors beside building them."""

from __future__ import annotations

import gc
import tracemalloc

import numpy as np
import pytest

import flowcore as fc


def test_inputs_outputs_and_control_inputs_are_lists_of_the_callers_own() -> None:
    a, b = fc.constant(1.0), fc.constant(2.0)
    with fc.control_dependencies([a]):
        total = fc.add(b, b)
    op = total.op
    assert (op.inputs, op.outputs, op.control_inputs) == ([b, b], [total], [a.op])
    assert fc.no_op().outputs == []
    assert op.inputs + op.outputs == [b, b, total]
    op.inputs.clear()
    op.control_inputs.append(b.op)
    assert (op.inputs, op.control_inputs) == ([b, b], [a.op])
    assert op.values() == (total,)


def test_programs_may_set_attributes_of_their_own() -> None:
    x = fc.constant(1.0)
    assert not hasattr(x, "_keras_shape")
    x._keras_shape = (None, 3)  # type: ignore[attr-defined]
    x.op.layer = "dense"  # type: ignore[attr-defined]
    assert fc.get_default_graph().get_tensor_by_name(x.name)._keras_shape == (None, 3)  # type: ignore[attr-defined]
    assert fc.get_default_graph().get_operation_by_name(x.op.name).layer == "dense"  # type: ignore[attr-defined]
    with pytest.raises(AttributeError):
        x.name = "other"  # type: ignore[misc]


@pytest.mark.parametrize("readers", [0, 1, 2, 5])
def test_consumers_are_all_readers_in_order(readers: int) -> None:
    x = fc.constant(1.0)
    ops = [fc.identity(x).op for _ in range(readers)]
    assert x.consumers() == ops
    square = (x * x).op
    assert x.consumers() == [*ops, square, square]


def test_consumers_are_known_of_what_is_added_after_the_first_question() -> None:
    x, y = fc.constant(1.0), fc.constant(2.0)
    first = fc.add(x, y).op
    assert (x.consumers(), first.outputs[0].consumers()) == ([first], [])
    x.consumers().clear()
    second = fc.negative(first.outputs[0]).op
    assert (x.consumers(), y.consumers(), first.outputs[0].consumers()) == ([first], [first], [second])


def _made_here(x: fc.Tensor) -> list[fc.Operation]:
    return [fc.identity(x).op, fc.identity(x).op]


def test_operations_of_one_line_share_what_says_where_it_is() -> None:
    one, other = _made_here(fc.constant(1.0))
    third = fc.identity(one.outputs[0]).op
    assert one._place is other._place
    assert one.created_at == other.created_at != third.created_at
    assert [frame.name for frame in one.traceback] == ["_made_here"]


def test_operations_of_equal_attributes_share_them() -> None:
    x = fc.constant(1.0)
    two, three, again = (fc.add_n([x] * n).op for n in (2, 3, 2))
    assert two.attrs is again.attrs
    assert (two.get_attr("N"), three.get_attr("N")) == (2, 3)


def test_a_node_takes_little_memory() -> None:
    count = 10_000
    with fc.Graph().as_default():
        x = y = fc.constant(1.0)
        gc.collect()
        tracemalloc.start()
        for _ in range(count):
            y = fc.add(x, y)
        size, _ = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    assert size / count < 480


def test_a_truth_value_is_refused_with_advice_that_exists() -> None:
    with pytest.raises(TypeError, match=r"Use flowcore\.where for a choice .* flowcore\.cond to run"):
        bool(fc.constant(True))
    with pytest.raises(TypeError, match=r"use flowcore\.where or flowcore\.gather"):
        fc.constant([1, 2])[np.array([True, False])]


def test_slices_know_the_whole_shape_and_can_be_negated() -> None:
    values, indices = fc.constant([[1.0, 2.0]]), fc.constant([3])
    known = fc.IndexedSlices(values, indices, fc.constant([5, 2]))
    assert known.shape.as_list() == [5, 2]
    assert fc.IndexedSlices(values, indices).shape.ndims is None
    with fc.Session() as sess:
        negative = sess.run(-known)
    np.testing.assert_array_equal(negative.values, [[-1.0, -2.0]])
    assert negative.indices.tolist() == [3]
    assert negative.dense_shape.tolist() == [5, 2]


def test_slices_are_made_of_what_converts_to_tensors() -> None:
    slices = fc.IndexedSlices([[1.0]], np.array([0]), [3, 1])
    assert (slices.values.dtype, slices.shape.as_list()) == (fc.float32, [3, 1])
    v = fc.Variable([1.0, 2.0])
    with fc.Session() as sess:
        sess.run(v.initializer)
        assert sess.run(v.scatter_update(fc.IndexedSlices([9.0], [0]))).tolist() == [9.0, 2.0]
    with pytest.raises(TypeError, match="indices of IndexedSlices"):
        fc.IndexedSlices([1.0], object())


def test_an_operation_made_by_hand_takes_missing_attributes_from_its_inputs() -> None:
    g = fc.get_default_graph()
    a, i = fc.constant([1.0, 2.0]), fc.constant(0)
    assert g.create_op("Identity", [a], [fc.float32]).outputs[0].shape.as_list() == [2]
    assert g.create_op("Placeholder", [], [fc.int8]).outputs[0].dtype is fc.int8
    both = g.create_op("ConcatV2", [a, a, i])
    assert (both.get_attr("N"), both.outputs[0].shape.as_list()) == (2, [4])
    assert g.create_op("IdentityN", [a, i]).get_attr("T") == [fc.float32, fc.int32]
    product = g.create_op("MatMul", [fc.ones([2, 3]), fc.ones([2, 3])], attrs={"transpose_b": True})
    assert product.outputs[0].shape.as_list() == [2, 2]
    with pytest.raises(ValueError, match="Cast needs attribute 'DstT'"):
        g.create_op("Cast", [a])
    with pytest.raises(TypeError, match=r"Identity yields \['float32'\], not \['int32'\]"):
        g.create_op("Identity", [a], [fc.int32])
    with fc.Session() as sess:
        assert sess.run(both.outputs[0]).tolist() == [1.0, 2.0, 1.0, 2.0]


@pytest.mark.parametrize(
    ("op_type", "inputs", "attrs", "message"),
    [
        ("Neg", ["x", "x"], {}, r"a new Neg takes 1 inputs \(x\), found 2"),
        ("Neg", [], {}, r"a new Neg takes 1 inputs \(x\), found 0"),
        ("NoOp", ["x"], {}, r"a new NoOp takes 0 inputs \(none\), found 1"),
        ("Add", ["x", "i"], {}, "input 1 of a new Add must be float32, found tensor 'i:0' of int32"),
        ("ReadFile", ["x"], {}, "input 0 of a new ReadFile must be string, found tensor 'x:0' of float32"),
        ("Neg", ["x"], {"T": "int32"}, "input 0 of a new Neg must be int32"),
        ("AddN", ["x"], {"N": 2**60}, r"a new AddN takes \d+ inputs \(inputs\), found 1"),
        ("AddN", [], {}, "AddN needs at least 1 tensors as input 'inputs', found 0"),
        ("IdentityN", ["x", "x"], {"T": ["int32"]}, r"a new IdentityN takes 1 inputs \(input\), found 2"),
        ("Neg", ["x"], {"foo": 1}, "Neg has no attribute 'foo'; it has T"),
    ],
)
def test_inputs_of_an_operation_made_by_hand_are_those_of_its_declaration(
    op_type: str, inputs: list[str], attrs: dict, message: str
) -> None:
    g = fc.get_default_graph()
    known = {"x": fc.constant([1.0], name="x"), "i": fc.constant(0, name="i")}
    before = g.version
    with pytest.raises(ValueError, match=message):
        g.create_op(op_type, [known[name] for name in inputs], attrs=attrs)
    assert g.version == before


def test_attributes_that_begin_with_an_underscore_are_free() -> None:
    op = fc.get_default_graph().create_op("NoOp", [], attrs={"_mine": 5})
    assert op.get_attr("_mine") == 5
