"""Names of TensorFlow 1.x that flowcore does not have yet, with what to use instead.

One table for all modules.

A name that becomes real leaves the table (a test sees to it). Imports nothing of flowcore.
"""

from __future__ import annotations

import importlib
import opcode
import sys
from collections.abc import Callable
from types import ModuleType

#: Without a substitute worth naming.
_BARE = {
    "flowcore": """
        Barrier ConditionalAccumulator Event PriorityQueue Summary TextLineReader TFRecordReader
        TensorSpec FixedLengthRecordReader FixedLenFeature FixedLenSequenceFeature VarLenFeature
        VariableAggregation VariableSynchronization assert_type bitwise contrib data
        decode_json_example delete_session_tensor depth_to_space digamma distribute distributions
        dynamic_partition dynamic_stitch edit_distance estimator extract_image_patches
        feature_column fixed_size_partitioner get_session_handle get_session_tensor graph_util
        histogram_fixed_width igamma igammac import_graph_def keras lbeta lgamma
        load_file_system_library load_op_library make_template multinomial parse_example
        parse_single_example parse_single_sequence_example profiler python_io reverse_sequence
        saved_model scatter_nd segment_max segment_mean segment_min segment_prod segment_sum
        space_to_batch space_to_batch_nd space_to_depth sparse sparse_add sparse_concat
        sparse_fill_empty_rows sparse_mask sparse_merge sparse_placeholder sparse_reorder
        sparse_retain sparse_segment_mean sparse_segment_sqrt_n sparse_segment_sqrt_n_grad
        sparse_segment_sum sparse_split sparse_tensor_dense_matmul sparse_tensor_to_dense
        sparse_to_dense sparse_to_indicator string_to_hash_bucket summary switch_case
        tables_initializer unique_with_counts unsorted_segment_sum variable_axis_size_partitioner
        scalar_summary histogram_summary image_summary merge_summary merge_all_summaries
    """,
    "flowcore.errors": "raise_exception_on_not_ok_status",
    "flowcore.image": """
        ResizeMethod adjust_contrast adjust_hue adjust_saturation crop_and_resize
        draw_bounding_boxes extract_glimpse hsv_to_rgb non_max_suppression pad_to_bounding_box
        per_image_whitening random_brightness random_contrast random_hue random_saturation resize
        resize_area resize_bicubic resize_bilinear resize_image_with_crop_or_pad resize_images
        resize_nearest_neighbor rgb_to_hsv sample_distorted_bounding_box
    """,
    "flowcore.nn": """
        atrous_conv2d atrous_conv2d_transpose avg_pool3d compute_accidental_hits conv1d
        conv2d_transpose conv3d conv3d_transpose convolution ctc_beam_search_decoder
        ctc_greedy_decoder ctc_loss deconv2d depthwise_conv2d depthwise_conv2d_native
        embedding_lookup_sparse fixed_unigram_candidate_sampler learned_unigram_candidate_sampler
        local_response_normalization log_uniform_candidate_sampler lrn max_pool3d
        max_pool_with_argmax nce_loss normalize_moments pool sampled_softmax_loss separable_conv2d
        seq2seq sufficient_statistics top_k uniform_candidate_sampler
    """,
    "flowcore.test": "assert_equal_graph_def create_local_cluster",
    "flowcore.train": """
        AdadeltaOptimizer BytesList Example Feature FeatureList FeatureLists Features FloatList
        FtrlOptimizer GlobalStepWaiterHook Int64List Scaffold SequenceExample SessionRunArgs
        SessionRunHook SummaryWriter SyncReplicasOptimizer assert_global_step experimental
        export_meta_graph import_meta_graph replica_device_setter summary_iterator write_graph
    """,
}

_SAVE = "numpy.savez for the values of session.run(variables), and variable.load to bring them back"
_LOOP = "a Python loop that builds the steps, or one around Session.run"
_SESSION = "flowcore.Session with flowcore.train.Coordinator"
_CELL = "flowcore.matmul and flowcore.nn in a Python loop over the time steps"
_GRAPHS_ONLY = "flowcore builds graphs and nothing else, so leave the call out"


def _numpy(function: str) -> str:
    return f"flowcore.py_func around {function}, which has no gradient"


#: module -> name -> what to use instead.
_INSTEAD = {
    "flowcore": {
        "GradientTape": "flowcore.gradients",
        "GraphDef": "Graph.as_graph_def(), which gives the graph as plain data",
        "NodeDef": "Operation.node_def, which gives a node as plain data",
        "PaddingFIFOQueue": "flowcore.FIFOQueue, whose elements have one shape",
        "SparseTensor": "flowcore.IndexedSlices for rows, or a dense tensor",
        "SparseTensorValue": "dense arrays",
        "app": "a call of your own main()",
        "batch_svd": _numpy("numpy.linalg.svd"),
        "boolean_mask": "flowcore.gather with the indices, or flowcore.where",
        "case": "flowcore.where, which computes all branches",
        "cholesky": _numpy("numpy.linalg.cholesky"),
        "compat": "str.encode and bytes.decode for texts",
        "concat_v2": "flowcore.concat",
        "cond": "flowcore.where, which computes both branches",
        "count_nonzero": "flowcore.reduce_sum(flowcore.cast(flowcore.not_equal(x, 0), flowcore.int64))",
        "cross": _numpy("numpy.cross"),
        "decode_base64": _numpy("base64.urlsafe_b64decode"),
        "decode_csv": _numpy("the csv module"),
        "decode_raw": _numpy("numpy.frombuffer"),
        "diag": "flowcore.expand_dims(x, 1) * numpy.eye(n)",
        "diag_part": "flowcore.reduce_sum(x * numpy.eye(n), 1)",
        "dimension_value": "shape[i].value",
        "disable_eager_execution": _GRAPHS_ONLY,
        "disable_v2_behavior": _GRAPHS_ONLY,
        "einsum": "flowcore.tensordot or flowcore.matmul",
        "enable_eager_execution": "flowcore.Session: there are graphs and nothing else",
        "encode_base64": _numpy("base64.urlsafe_b64encode"),
        "executing_eagerly": "False: there are graphs and nothing else",
        "eye": "flowcore.constant(numpy.eye(n), flowcore.float32)",
        "fft": _numpy("numpy.fft.fft"),
        "fft2d": _numpy("numpy.fft.fft2"),
        "fft3d": _numpy("numpy.fft.fftn"),
        "flags": "argparse",
        "floor_div": "flowcore.floordiv",
        "foldl": _LOOP,
        "foldr": _LOOP,
        "gather_nd": "flowcore.gather on a reshaped tensor",
        "gfile": "open, os and shutil",
        "ifft": _numpy("numpy.fft.ifft"),
        "ifft2d": _numpy("numpy.fft.ifft2"),
        "ifft3d": _numpy("numpy.fft.ifftn"),
        "init_scope": "flowcore.control_dependencies(None)",
        "initializers": "the classes at the top, such as flowcore.glorot_uniform_initializer",
        "io": "the functions at the top, such as flowcore.read_file",
        "layers": "flowcore.get_variable with flowcore.matmul and flowcore.nn",
        "linalg": "flowcore.matmul, or flowcore.py_func around numpy.linalg",
        "logging": "Python's logging",
        "losses": "flowcore.squared_difference, or the cross entropies of flowcore.nn",
        "map_fn": "ops on the whole tensor, or flowcore.unstack, a Python loop and flowcore.stack",
        "math": "the functions at the top, such as flowcore.add",
        "matrix_band_part": "x * numpy.tri(rows, columns)",
        "matrix_determinant": _numpy("numpy.linalg.det"),
        "matrix_diag": "flowcore.expand_dims(x, -1) * numpy.eye(n)",
        "matrix_diag_part": "flowcore.reduce_sum(x * numpy.eye(n), -1)",
        "matrix_inverse": _numpy("numpy.linalg.inv"),
        "matrix_solve": _numpy("numpy.linalg.solve"),
        "matrix_solve_ls": _numpy("numpy.linalg.lstsq"),
        "matrix_triangular_solve": _numpy("numpy.linalg.solve"),
        "meshgrid": "flowcore.constant of what numpy.meshgrid gives",
        "metrics": "NumPy on fetched values",
        "mul": "flowcore.multiply",
        "norm": "flowcore.sqrt(flowcore.reduce_sum(flowcore.square(x)))",
        "orthogonal_initializer": "flowcore.constant_initializer of the Q of numpy.linalg.qr",
        "pack": "flowcore.stack",
        "queue": "the classes at the top, such as flowcore.FIFOQueue",
        "random": "the functions at the top, such as flowcore.random_normal",
        "random_crop": "flowcore.slice at flowcore.random_uniform positions",
        "reduce_join": _numpy("bytes.join"),
        "scan": _LOOP,
        "self_adjoint_eig": _numpy("numpy.linalg.eigh"),
        "sequence_mask": "flowcore.range(longest) < flowcore.expand_dims(lengths, -1)",
        "setdiff1d": _numpy("numpy.setdiff1d"),
        "sort": _numpy("numpy.sort"),
        "string_split": _numpy("bytes.split"),
        "string_to_number": _numpy("numpy.asarray(texts, numpy.float32)"),
        "sub": "flowcore.subtract",
        "svd": _numpy("numpy.linalg.svd"),
        "trace": "flowcore.reduce_sum(x * numpy.eye(n))",
        "variable_creator_scope": "flowcore.variable_scope with custom_getter",
        "while_loop": _LOOP,
    },
    "flowcore.image": {
        "adjust_brightness": "an addition and flowcore.clip_by_value",
        "central_crop": "flowcore.slice",
        "crop_to_bounding_box": "flowcore.slice",
        "flip_left_right": "flowcore.reverse(image, [1])",
        "flip_up_down": "flowcore.reverse(image, [0])",
        "grayscale_to_rgb": "flowcore.tile(image, [1, 1, 3])",
        "per_image_standardization": "flowcore.nn.moments and a division",
        "random_flip_left_right": "flowcore.where of the image and flowcore.reverse(image, [1])",
        "random_flip_up_down": "flowcore.where of the image and flowcore.reverse(image, [0])",
        "rgb_to_grayscale": "flowcore.reduce_sum(image * [0.2989, 0.587, 0.114], 2, keepdims=True)",
        "transpose_image": "flowcore.transpose(image, [1, 0, 2])",
    },
    "flowcore.nn": {
        "avg_pool2d": "flowcore.nn.avg_pool",
        "batch_norm_with_global_normalization": "flowcore.rsqrt(variance + epsilon) and products",
        "batch_normalization": "(x - mean) * flowcore.rsqrt(variance + epsilon) * scale + offset",
        "bidirectional_dynamic_rnn": _CELL,
        "crelu": "flowcore.nn.relu(flowcore.concat([x, -x], -1))",
        "dynamic_rnn": _CELL,
        "fused_batch_norm": "flowcore.nn.moments and products",
        "leaky_relu": "flowcore.maximum(alpha * x, x)",
        "max_pool2d": "flowcore.nn.max_pool",
        "relu_layer": "flowcore.nn.relu(flowcore.matmul(x, w) + b)",
        "rnn_cell": _CELL,
        "static_rnn": _CELL,
        "xw_plus_b": "flowcore.matmul(x, w) + b",
    },
    "flowcore.test": {
        "TestCase": "unittest.TestCase",
        "is_gpu_available": "flowcore.list_devices()",
    },
    "flowcore.train": {
        "Checkpoint": _SAVE,
        "CheckpointManager": _SAVE,
        "CheckpointSaverHook": _SAVE,
        "ChiefSessionCreator": _SESSION,
        "ClusterSpec": "one process: flowcore runs in its own",
        "ExponentialMovingAverage": "average.assign_sub((average - variable) * (1 - decay))",
        "MonitoredSession": _SESSION,
        "MonitoredTrainingSession": _SESSION,
        "NewCheckpointReader": _SAVE,
        "Saver": _SAVE,
        "Server": "one process: flowcore runs in its own",
        "SessionCreator": _SESSION,
        "SessionManager": _SESSION,
        "SingularMonitoredSession": _SESSION,
        "Supervisor": _SESSION,
        "generate_checkpoint_state_proto": _SAVE,
        "get_checkpoint_state": _SAVE,
        "init_from_checkpoint": _SAVE,
        "latest_checkpoint": _SAVE,
        "list_variables": _SAVE,
        "update_checkpoint_state": _SAVE,
    },
}

#: module -> name -> what to use instead, or None.
MISSING: dict[str, dict[str, str | None]] = {
    module: {**dict.fromkeys(names.split()), **_INSTEAD.get(module, {})} for module, names in _BARE.items()
}


def module_getattr(module: str, lazy: tuple[str, ...] = ()) -> Callable[[str], ModuleType]:
    """The `__getattr__` of a public module, called for names that it does not have.

    It raises AttributeError, or ImportError inside `from module import name`, whose own message
    would drop the text. `lazy`: submodules that are imported when they are first asked for.
    """
    missing = MISSING[module]

    def __getattr__(name: str) -> ModuleType:
        if name in lazy:
            return importlib.import_module(f"{module}.{name}")
        if name not in missing:
            raise AttributeError(
                f"module '{module}' has no attribute '{name}'", name=name, obj=sys.modules[module]
            )
        remedy = missing[name]
        text = f"{module}.{name} is not there yet; " + (
            f"use {remedy}" if remedy else "docs/compatibility.md says what comes later"
        )
        caller = sys._getframe(1)
        if caller.f_code.co_code[caller.f_lasti] == opcode.opmap["IMPORT_FROM"]:
            raise ImportError(text, name=name)
        raise AttributeError(text, name=name, obj=sys.modules[module])

    return __getattr__
