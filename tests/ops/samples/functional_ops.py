"""Samples of the ops in flowcore/ops/functional_ops.py."""

from __future__ import annotations

TESTED_BY = {
    "ops/test_cond.py::test_one_branch_runs_and_what_is_made_outside_runs_anyway": ["If"],
    "ops/test_cond.py::test_branches_nest_and_capture_through_one_another": ["StatelessIf"],
    "ops/test_cond.py::test_case_and_call_ops_by_hand": [
        "Case",
        "StatelessCase",
        "PartitionedCall",
        "StatefulPartitionedCall",
    ],
    "test_body_gradients.py::test_of_a_branch_which_uses_what_is_inside_and_what_is_around": ["FakeParam"],
    "ops/test_while_loop.py::test_values_after_some_turns": ["StatelessWhile"],
    "ops/test_while_loop.py::test_variables_are_read_and_assigned_in_turn": ["While"],
}
