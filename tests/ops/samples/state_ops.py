"""Samples of the ops in flowcore/ops/state_ops.py."""

from __future__ import annotations

TESTED_BY = {
    "ops/test_state_and_queues.py::test_uninitialised_variables_are_listed": [
        "VarHandleOp",
        "VarIsInitializedOp",
    ],
    "ops/test_state_and_queues.py::test_a_reader_keeps_the_value_of_its_moment": ["ReadVariableOp"],
    "ops/test_state_and_queues.py::test_variable_shape_of_a_handle": ["VariableShape"],
    "ops/test_state_and_queues.py::test_assign_add_and_sub_work_in_place_for_every_type": [
        "AssignVariableOp",
        "AssignAddVariableOp",
        "AssignSubVariableOp",
    ],
    "ops/test_state_and_queues.py::test_scatter_repeats_count_and_bad_rows_are_named": ["ResourceGather"],
    "ops/test_state_and_queues.py::test_every_scatter_counts_repeated_rows": [
        "ResourceScatterUpdate",
        "ResourceScatterAdd",
        "ResourceScatterSub",
        "ResourceScatterMul",
        "ResourceScatterDiv",
        "ResourceScatterMin",
        "ResourceScatterMax",
    ],
    "runtime/test_references.py::test_another_shape_may_be_assigned_where_it_is_not_validated": [
        "_AssignAnyShape"
    ],
    "ops/test_state_and_queues.py::test_counting_ends_at_the_limit": ["ResourceCountUpTo"],
    "train/test_optimizers.py::test_dense_steps_follow_the_formula": [
        "ResourceApplyGradientDescent",
        "ResourceApplyMomentum",
        "ResourceApplyAdam",
        "ResourceApplyAdagrad",
        "ResourceApplyRMSProp",
    ],
    "train/test_optimizers.py::test_sparse_steps_add_repeated_rows_and_leave_others": [
        "ResourceSparseApplyMomentum",
        "ResourceSparseApplyAdagrad",
    ],
}
