"""Names of nodes are TensorFlow's, so that a script which looks nodes up by name finds them;
arguments do not leak names into the user's scope.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

import flowcore as fc


def holder(*shape: Any, dtype: Any = fc.float32) -> fc.Tensor:
    return fc.placeholder(dtype, shape, name="in")


CASES: dict[str, tuple[Callable[[], Any], str]] = {
    "operators": (lambda: -(holder(2) + 1.0) * 2.0 / 3.0, "in add/y add Neg mul/y mul truediv/y truediv"),
    "floor division": (
        lambda: [holder(2, dtype=fc.int32) // 2, fc.floordiv(7, 2)],
        "in floordiv/y floordiv floordiv_1/x floordiv_1/y floordiv_1",
    ),
    "integers divided": (
        lambda: holder(2, dtype=fc.int32) / 2,
        "in truediv/y truediv/Cast truediv/Cast_1 truediv",
    ),
    "comparison": (
        lambda: [holder(2) < 1.0, fc.greater_equal(1.0, 2.0)],
        "in Less/y Less GreaterEqual/x GreaterEqual/y GreaterEqual",
    ),
    "matmul": (
        lambda: [fc.matmul(holder(2, 2), [[1.0], [2.0]]), fc.ones([2, 2]) @ [[1.0], [2.0]]],
        "in MatMul/b MatMul ones matmul_1/y matmul_1",
    ),
    "reduce": (
        lambda: [
            fc.reduce_sum(holder(2, 3)),
            fc.reduce_mean([1.0], 0),
            fc.reduce_max(holder(2, 3), [1], name="top"),
        ],
        "in Const Sum Mean/input Mean/reduction_indices Mean in_1 top/reduction_indices top",
    ),
    "logsumexp": (
        lambda: fc.reduce_logsumexp(holder(2, 3), 1),
        (
            "in ReduceLogSumExp/Max/reduction_indices ReduceLogSumExp/Max ReduceLogSumExp/IsFinite"
            " ReduceLogSumExp/ZerosLike ReduceLogSumExp/Select ReduceLogSumExp/StopGradient"
            " ReduceLogSumExp/sub ReduceLogSumExp/Exp ReduceLogSumExp/Sum/reduction_indices"
            " ReduceLogSumExp/Sum ReduceLogSumExp/Log ReduceLogSumExp/Shape ReduceLogSumExp/Reshape"
            " ReduceLogSumExp"
        ),
    ),
    "cast": (
        lambda: [fc.cast(holder(2), fc.int32), fc.cast([1], fc.float32), fc.to_float([1])],
        "in Cast Cast_1/x Cast_1 ToFloat/x ToFloat",
    ),
    "reshape": (
        lambda: [fc.reshape(holder(2, 3), [3, -1]), fc.reshape(holder(6), (2, 3), name="r")],
        "in Reshape/shape Reshape in_1 r/shape r",
    ),
    "transpose": (
        lambda: [fc.transpose(holder(2, 3)), fc.transpose(holder(2, 3), [1, 0])],
        "in transpose/perm transpose in_1 transpose_1/perm transpose_1",
    ),
    "shape": (
        lambda: [fc.shape(holder(2)), fc.shape(holder(None)), fc.rank(holder(2)), fc.size(holder(None))],
        "in Shape in_1 Shape_1 in_2 Rank in_3 Size",
    ),
    "expand": (
        lambda: [fc.expand_dims(holder(2), 0), fc.squeeze(holder(1, 2))],
        "in ExpandDims/dim ExpandDims in_1 Squeeze",
    ),
    "tile": (lambda: fc.tile(holder(2), [2]), "in Tile/multiples Tile"),
    "pad": (lambda: fc.pad(holder(2), [[1, 1]]), "in Pad/paddings Pad"),
    "slice": (lambda: fc.slice(holder(4), [1], [2]), "in Slice/begin Slice/size Slice"),
    "indexing": (
        lambda: holder(4)[1:],
        "in strided_slice/stack strided_slice/stack_1 strided_slice/stack_2 strided_slice",
    ),
    "concat": (lambda: fc.concat([holder(2), [1.0]], 0), "in concat/values_1 concat/axis concat"),
    "split": (
        lambda: [fc.split(holder(4), 2), fc.split(holder(4), [1, 3])],
        "in split/split_dim split in_1 Const split_1/split_dim split_1",
    ),
    "stack": (
        lambda: [fc.stack([holder(2), [1.0, 2.0]]), fc.unstack(holder(2))],
        "in stack/1 stack in_1 unstack",
    ),
    "packed": (lambda: fc.convert_to_tensor([holder(), 1.0]), "in packed/1 packed"),
    "gather": (lambda: fc.gather(holder(4), [1]), "in GatherV2/indices GatherV2/axis GatherV2"),
    "one hot": (
        lambda: fc.one_hot(holder(2, dtype=fc.int32), 3),
        "in one_hot/on_value one_hot/off_value one_hot/depth one_hot",
    ),
    "range": (lambda: fc.range(5), "range/start range/limit range/delta range"),
    "fill": (
        lambda: [fc.fill([2], 1.0), fc.zeros([2]), fc.ones([2000])],
        "Fill/dims Fill/value Fill zeros ones/shape_as_tensor ones/Const ones",
    ),
    "where": (
        lambda: fc.where(holder(2) > 0, [1.0, 2.0], [3.0, 4.0]),
        "in Greater/y Greater Select/t Select/e Select",
    ),
    "clip": (
        lambda: fc.clip_by_value(holder(2), 0.0, 1.0),
        "in clip_by_value/Minimum/y clip_by_value/Minimum clip_by_value/y clip_by_value",
    ),
    "bias": (lambda: fc.nn.bias_add(holder(2, 2), [1.0, 2.0]), "in BiasAdd/bias BiasAdd"),
    "activations": (
        lambda: [fc.nn.relu(holder(2)), fc.nn.softmax([1.0]), fc.sigmoid([1.0])],
        "in Relu Softmax/logits Softmax Sigmoid/x Sigmoid",
    ),
    "conv": (lambda: fc.nn.conv2d(holder(1, 3, 3, 1), fc.ones([1, 1, 1, 1]), 1, "SAME"), "in ones Conv2D"),
    "pool": (lambda: fc.nn.max_pool(holder(1, 3, 3, 1), 2, 2, "SAME", name="pool"), "in pool"),
    "global norm": (
        lambda: fc.global_norm([holder(2), holder(3)]),
        (
            "in in_1 global_norm/L2Loss global_norm/L2Loss_1 global_norm/stack global_norm/Const"
            " global_norm/Sum global_norm/Const_1 global_norm/mul global_norm/global_norm"
        ),
    ),
    "random": (
        lambda: fc.random_normal([2]),
        (
            "random_normal/shape random_normal/mean random_normal/stddev random_normal/RandomStandardNormal"
            " random_normal/mul random_normal"
        ),
    ),
    "dropout": (
        lambda: fc.nn.dropout(holder(2), rate=0.5),
        (
            "in dropout/rate dropout/Shape dropout/random_uniform/min dropout/random_uniform/max"
            " dropout/random_uniform/RandomUniform dropout/random_uniform/sub dropout/random_uniform/mul"
            " dropout/random_uniform dropout/sub/x dropout/sub dropout/truediv/x dropout/truediv"
            " dropout/GreaterEqual dropout/mul dropout/Cast dropout/mul_1"
        ),
    ),
    "embedding": (
        lambda: fc.nn.embedding_lookup(holder(4, 2), [0]),
        "in embedding_lookup/ids embedding_lookup/axis embedding_lookup embedding_lookup/Identity",
    ),
    "moments": (
        lambda: fc.nn.moments(holder(2, 3), [0]),
        (
            "in moments/mean/reduction_indices moments/mean moments/StopGradient moments/SquaredDifference"
            " moments/variance/reduction_indices moments/variance moments/Squeeze moments/Squeeze_1"
        ),
    ),
    "gradient of a matrix product": (
        lambda: fc.gradients(
            fc.matmul(holder(2, 2), holder(2, 2)), fc.get_default_graph().get_tensor_by_name("in:0")
        ),
        "in in_1 MatMul gradients/grad_ys_0 gradients/MatMul_grad/MatMul gradients/MatMul_grad/MatMul_1",
    ),
    "gradient of a broadcast product": (
        lambda: fc.gradients(holder(2, 2) * fc.ones([2]), fc.get_default_graph().get_tensor_by_name("in:0")),
        (
            "in ones mul gradients/grad_ys_0 gradients/mul_grad/Mul gradients/mul_grad/Mul_1"
            " gradients/mul_grad/Sum/reduction_indices gradients/mul_grad/Sum"
            " gradients/mul_grad/Reshape/shape gradients/mul_grad/Reshape"
        ),
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_names_of_nodes(case: str) -> None:
    build, expected = CASES[case]
    build()
    assert " ".join(op.name for op in fc.get_default_graph().get_operations()) == expected
