"""Samples of the ops in flowcore/ops/control_flow_ops.py."""

from __future__ import annotations

TESTED_BY = {
    "runtime/test_session.py::test_fetches_keep_their_structure": ["NoOp"],
    "ops/test_state_and_queues.py::test_assert_and_print_show_the_data": ["Assert", "Print"],
    "runtime/test_session.py::test_py_func_errors_carry_their_cause": ["PyFunc"],
}
