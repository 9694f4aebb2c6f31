"""Samples of the ops in flowcore/ops/constant_ops.py."""

from __future__ import annotations

from samples import Sample, unary

SAMPLES: dict[str, list[Sample]] = {
    "PlaceholderWithDefault": unary(lambda x: x, attrs={"shape": [3, 4]}),
}

TESTED_BY = {
    "graph/test_graph.py::test_constants_take_the_dtypes_of_tensorflow": ["Const"],
    "runtime/test_session.py::test_an_unfed_placeholder_is_named_with_dtype_shape_and_line": ["Placeholder"],
}
