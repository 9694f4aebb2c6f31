"""Declarations beside TensorFlow's: arguments, attributes, defaults and bounds of every op."""

from __future__ import annotations

import pathlib
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from flowcore import protos
from flowcore.graph.node_defs import op_def_message
from flowcore.graph.op_def import get_op_def, registered_ops
from flowcore.graph_import import _WITHOUT_EFFECT

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from beside_tensorflow import run_in_tensorflow

#: What differs on purpose: op -> what of it, with the reason.
DEVIATIONS = {
    "Concat": {"minimum of N"},  # one tensor is joined too
    "ConcatV2": {"minimum of N"},
    "DecodeImage": {"default of expand_animations"},  # 1.15 has the function, not the op
    "RefSelect": {"inputs", "outputs"},  # it chooses between handles of queues, which are no references here
    "ConcatOffset": {"inputs", "outputs"},  # as in 1.15; later versions take shapes of int64 too
    "StringJoin": {"minimum of N"},
    "TensorListGetItem": {"inputs"},
}
#: Attributes of flowcore's own: TensorFlow ignores those that begin with "_".
OWN_ATTRIBUTES = {"_alike", "_resize", "_strict"}
#: Plan-made ops, which no graph has.
OF_PLANS = {"_AssignAnyShape", "_TensorListSplitIntoExistingList"}


@pytest.fixture(scope="module")
def theirs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, protos.OpDef]:
    folder = tmp_path_factory.mktemp("registry")
    run_in_tensorflow(
        """
        import tensorflow
        from tensorflow.python.client import pywrap_tf_session as session
        with open("ops", "wb") as file:
            file.write(session.TF_GetBuffer(session.TF_GetAllOpList()))
        """,
        folder,
    )
    return {op.name: op for op in protos.OpList.FromString((folder / "ops").read_bytes()).op}


def arguments(args: Any) -> list[tuple[Any, ...]]:
    return [(a.name, a.type, a.type_attr, a.number_attr, a.type_list_attr, a.is_ref) for a in args]


def differences(ours: protos.OpDef, theirs: protos.OpDef) -> Iterator[str]:
    if arguments(ours.input_arg) != arguments(theirs.input_arg):
        yield "inputs"
    if arguments(ours.output_arg) != arguments(theirs.output_arg):
        yield "outputs"
    if theirs.is_stateful and not ours.is_stateful:
        yield "stateful"
    mine, other = ({a.name: a for a in op.attr} for op in (ours, theirs))
    for name in mine.keys() - other.keys() - OWN_ATTRIBUTES:
        yield f"{name} is not theirs"
    for name in other.keys() - mine.keys() - _WITHOUT_EFFECT.get(ours.name, {}).keys():
        yield f"{name} is not ours"
    for name in mine.keys() & other.keys():
        a, b = mine[name], other[name]
        if a.type != b.type:
            yield f"type of {name}"
        if a.default_value != b.default_value:
            yield f"default of {name}"
        if a.has_minimum and (not b.has_minimum or a.minimum > b.minimum):
            yield f"minimum of {name}"
        if b.has_minimum and b.minimum > max(a.minimum if a.has_minimum else 0, 1):
            yield f"minimum of {name}"


@pytest.mark.parametrize("op_type", sorted(set(registered_ops()) - OF_PLANS))
def test_the_declaration_is_theirs(op_type: str, theirs: dict[str, protos.OpDef]) -> None:
    found = set(differences(op_def_message(get_op_def(op_type)), theirs[op_type]))
    assert found == DEVIATIONS.get(op_type, set())
