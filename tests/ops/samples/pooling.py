"""Samples of the ops in flowcore/ops/pooling.py."""

from __future__ import annotations

TESTED_BY = {
    "kernels/test_nn.py::test_pooling_and_its_gradients": [
        "MaxPool",
        "MaxPoolGrad",
        "AvgPool",
        "AvgPoolGrad",
    ],
    "ops/test_nn_gradients.py::test_first_and_second_gradients": ["MaxPoolGradGrad"],
}
