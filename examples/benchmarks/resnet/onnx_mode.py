"""The network as an ONNX model, channels first, which is that format's own order."""

import network
import numpy as np
import onnxruntime
from onnx import TensorProto, helper, numpy_helper


def model(net, batch):
    nodes, weights = [], []

    def constant(value):
        weights.append(numpy_helper.from_array(np.ascontiguousarray(value), f"w{len(weights)}"))
        return weights[-1].name

    def node(kind, *inputs, **attributes):
        nodes.append(helper.make_node(kind, list(inputs), [f"n{len(nodes)}"], **attributes))
        return nodes[-1].output[0]

    def convolution(c, h):
        h = node(
            "Conv", h, constant(c.kernel.transpose(3, 2, 0, 1)), strides=[c.stride] * 2, pads=[c.pad] * 4
        )
        return node("Add", node("Mul", h, constant(c.scale[:, None, None])), constant(c.shift[:, None, None]))

    h = node(
        "MaxPool",
        node("Relu", convolution(net.stem, "x")),
        kernel_shape=[3, 3],
        strides=[2, 2],
        pads=[1, 1, 1, 1],
    )
    for block in net.blocks:
        around = h if block.around is None else convolution(block.around, h)
        h = node(
            "Relu", node("Add", convolution(block.second, node("Relu", convolution(block.first, h))), around)
        )
    y = node("MatMul", node("Flatten", node("GlobalAveragePool", h)), constant(net.dense))
    ends = [
        helper.make_tensor_value_info(*end)
        for end in (("x", TensorProto.FLOAT, [batch, 3, 224, 224]), (y, TensorProto.FLOAT, [batch, 1000]))
    ]
    return helper.make_model(
        helper.make_graph(nodes, "resnet", ends[:1], ends[1:], weights),
        opset_imports=[helper.make_opsetid("", 17)],
        ir_version=8,
    )


def prepare(threads, batch):
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    session = onnxruntime.InferenceSession(
        model(network.build(), batch).SerializeToString(), options, providers=["CPUExecutionProvider"]
    )
    value = np.ascontiguousarray(network.images(batch).transpose(0, 3, 1, 2))

    def run(calls):
        for _ in range(calls):
            session.run(None, {"x": value})

    return run
