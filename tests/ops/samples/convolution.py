"""Samples of the ops in flowcore/ops/convolution.py."""

from __future__ import annotations

TESTED_BY = {
    "kernels/test_conv.py::test_geometries": ["Conv2D", "Conv2DBackpropInput", "Conv2DBackpropFilter"],
}
