"""Samples of flowcore.ops.reference_ops: there are none, for ops on references need a variable."""

from flowcore.ops.reference_ops import SCATTERS, UPDATES

SAMPLES: dict[str, list[object]] = {}
TESTED_BY = {
    "runtime/test_references.py::test_ops_on_references_do_what_their_resource_forms_do": [
        "Assign",
        "AssignAdd",
        "AssignSub",
        "CountUpTo",
        "IsVariableInitialized",
        "RefIdentity",
        "Variable",
        "VariableV2",
        *[f"Scatter{kind}" for kind in SCATTERS],
        *UPDATES,
    ],
}
