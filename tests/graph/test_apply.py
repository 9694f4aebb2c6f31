"""From Python arguments to a node: conversions, inferred attributes, names, results."""

from __future__ import annotations

import pytest

import flowcore as fc
from flowcore.graph.apply import apply


def test_the_first_tensor_of_a_type_attribute_converts_the_others_on_both_sides() -> None:
    x = fc.constant(1.0, fc.float64)
    for total in (apply("Add", x, 2, name="a"), apply("Add", 2, x, name="b")):
        assert [t.dtype for t in total.op.inputs] == [fc.float64] * 2
    assert [t.op.name for t in x.graph.get_tensor_by_name("a:0").op.inputs] == ["Const", "a/y"]
    assert fc.Session().run(total) == 3.0


def test_results_take_the_form_of_the_outputs() -> None:
    assert isinstance(apply("NoOp"), fc.Operation)
    assert isinstance(apply("Neg", 1.0), fc.Tensor)
    parts = apply("Split", 0, [1, 2], num_split=2)
    assert [t.op.type for t in parts] == ["Split", "Split"]
    unique = apply("Unique", [1, 1, 2])
    assert unique._fields == ("y", "idx")
    assert unique.y.op is unique.idx.op


def test_attributes_come_from_inputs_arguments_and_defaults() -> None:
    product = apply("MatMul", [[1.0]], [[2.0]], transpose_b=True).op
    assert {n: product.get_attr(n) for n in ("T", "transpose_a", "transpose_b")} == {
        "T": fc.float32, "transpose_a": False, "transpose_b": True,
    }  # fmt: skip
    joined = apply("ConcatV2", [[1], [2], [3]], 0).op
    assert (joined.get_attr("N"), joined.get_attr("T")) == (3, fc.int32)
    several = apply("IdentityN", [1, 2.0])[0].op
    assert several.get_attr("T") == [fc.int32, fc.float32]


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: apply("Neg"), TypeError, r"Neg takes 1 inputs \(x\), found 0"),
        (lambda: apply("Neg", 1.0, colour=1), TypeError, "Neg has no attribute 'colour'; it has T"),
        (lambda: apply("Neg", None), ValueError, "Input 'x' of Neg is None"),
        (lambda: apply("Cast", 1.0), TypeError, r"Cast needs attribute 'DstT' \(type\)"),
        (
            lambda: apply("AddN", 1.0),
            TypeError,
            "Input 'inputs' of AddN must be a list of tensors, found float",
        ),
        (lambda: apply("Add", 1.0, "a"), TypeError, "Input 'y' of Add: Expected float32"),
        (
            lambda: apply("Add", fc.constant(1.0), fc.constant(1)),
            TypeError,
            r"Input 'y' of 'Add' is int32, not float32.*attribute 'T'.*Use flowcore.cast",
        ),
        (lambda: apply("Negg", 1.0), ValueError, "No op type 'Negg' is registered; did you mean 'Neg'"),
        (
            lambda: apply("Neg", 1.0, name="a b"),
            ValueError,
            "'a b' is not a valid scope name|'a b' is not a valid operation name",
        ),
    ],
)
def test_what_does_not_fit_the_declaration_is_refused(
    make: object, error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        make()  # type: ignore[operator]


def test_a_node_goes_to_the_graph_of_its_inputs() -> None:
    with fc.Graph().as_default() as graph:
        x = fc.constant(1.0)
    assert apply("Neg", x).graph is graph
    with pytest.raises(ValueError, match="the other inputs belong to different graphs"):
        apply("AddN", [x, fc.constant(1.0)])
