"""Names of TensorFlow 1.x that flowcore does not have yet, with what to use instead.

One table for all modules.

A name that becomes real leaves the table (a test sees to it). Imports nothing of flowcore but the other
table.
"""

from __future__ import annotations

import importlib
import opcode
import sys
from collections.abc import Callable
from typing import Any

from flowcore._message_names import MESSAGES

#: Without a substitute worth naming.
_BARE = {
    "flowcore": """
        Barrier ConditionalAccumulator ConditionalAccumulatorBase CriticalSection
        FixedLenFeature FixedLenSequenceFeature FixedLengthRecordReader
        LMDBReader Module PriorityQueue QUANTIZED_DTYPES
        RaggedTensor SparseConditionalAccumulator SparseFeature
        TFRecordReader TensorSpec TextLineReader TypeSpec
        VarLenFeature VariableAggregation VariableSynchronization as_string assert_near
        assert_proper_iterable assert_rank_in assert_same_float_dtype assert_scalar assert_type
        audio autograph batch_gather batch_scatter_update batch_to_space batch_to_space_nd
        betainc bincount bitwise broadcast_dynamic_shape broadcast_static_shape cholesky_solve
        confusion_matrix contrib conv2d_backprop_filter_v2 conv2d_backprop_input_v2
        convert_to_tensor_or_sparse_tensor create_partitioned_variables data debugging
        decode_compressed decode_json_example delete_session_tensor depth_to_space dequantize
        deserialize_many_sparse digamma distribute distributions dynamic_partition
        dynamic_stitch edit_distance ensure_shape estimator experimental extract_image_patches
        extract_volume_patches fake_quant_with_min_max_args
        fake_quant_with_min_max_args_gradient fake_quant_with_min_max_vars
        fake_quant_with_min_max_vars_gradient fake_quant_with_min_max_vars_per_channel
        fake_quant_with_min_max_vars_per_channel_gradient feature_column fingerprint
        fixed_size_partitioner function get_logger get_session_handle get_session_tensor
        get_static_value graph_util guarantee_const
        histogram_fixed_width histogram_fixed_width_bins histogram_summary igamma igammac
        image_summary initialize_all_tables keras lbeta lgamma lite
        load_file_system_library load_library load_op_library lookup make_template
        manip matrix_set_diag matrix_square_root merge_all_summaries
        merge_summary min_max_variable_partitioner multinomial nest parallel_stack parse_example
        parse_single_example parse_single_sequence_example parse_tensor polygamma profiler
        python_io qint16 qint32 qint8 qr quantization quantize quantize_v2 quantized_concat
        quint16 quint8 ragged random_gamma random_poisson regex_replace
        required_space_to_batch_paddings resource_loader reverse_sequence roll saved_model
        scalar_summary scatter_nd scatter_nd_add scatter_nd_sub scatter_nd_update searchsorted
        segment_max segment_mean segment_min segment_prod segment_sum self_adjoint_eigvals
        serialize_many_sparse serialize_sparse serialize_tensor sets signal space_to_batch
        space_to_batch_nd space_to_depth sparse sparse_add sparse_concat sparse_fill_empty_rows
        sparse_mask sparse_matmul sparse_maximum sparse_merge sparse_minimum sparse_placeholder
        sparse_reduce_max sparse_reduce_max_sparse sparse_reduce_sum sparse_reduce_sum_sparse
        sparse_reorder sparse_reset_shape sparse_reshape sparse_retain sparse_segment_mean
        sparse_segment_sqrt_n sparse_segment_sqrt_n_grad sparse_segment_sum sparse_slice
        sparse_softmax sparse_split sparse_tensor_dense_matmul sparse_tensor_to_dense
        sparse_to_dense sparse_to_indicator sparse_transpose spectral string_strip
        string_to_hash_bucket string_to_hash_bucket_fast string_to_hash_bucket_strong strings
        substr sysconfig tables_initializer tensor_scatter_add
        tensor_scatter_nd_add tensor_scatter_nd_sub tensor_scatter_nd_update tensor_scatter_sub
        tensor_scatter_update tpu types unique_with_counts unravel_index unsorted_segment_max
        unsorted_segment_mean unsorted_segment_min unsorted_segment_prod unsorted_segment_sqrt_n
        unsorted_segment_sum user_ops variable_axis_size_partitioner vectorized_map
        wrap_function xla zeta
    """,
    "flowcore.errors": "raise_exception_on_not_ok_status",
    "flowcore.image": """
        ResizeMethod adjust_contrast adjust_gamma adjust_hue adjust_jpeg_quality
        adjust_saturation combined_non_max_suppression crop_and_resize decode_and_crop_jpeg
        decode_gif draw_bounding_boxes extract_glimpse extract_image_patches extract_jpeg_shape
        hsv_to_rgb image_gradients is_jpeg non_max_suppression non_max_suppression_overlaps
        non_max_suppression_padded non_max_suppression_with_scores pad_to_bounding_box
        per_image_whitening psnr random_brightness random_contrast random_crop random_hue
        random_jpeg_quality random_saturation resize resize_area resize_bicubic resize_bilinear
        resize_image_with_crop_or_pad resize_image_with_pad resize_images
        resize_nearest_neighbor resize_with_crop_or_pad rgb_to_hsv rgb_to_yiq rgb_to_yuv
        sample_distorted_bounding_box sobel_edges ssim ssim_multiscale total_variation
        yiq_to_rgb yuv_to_rgb
    """,
    "flowcore.nn": """
        all_candidate_sampler atrous_conv2d atrous_conv2d_transpose avg_pool1d avg_pool3d
        collapse_repeated compute_accidental_hits conv1d conv1d_transpose conv2d_backprop_filter
        conv2d_backprop_input conv2d_transpose conv3d conv3d_backprop_filter
        conv3d_backprop_filter_v2 conv3d_transpose conv_transpose convolution
        ctc_beam_search_decoder ctc_beam_search_decoder_v2 ctc_greedy_decoder ctc_loss
        ctc_loss_v2 ctc_unique_labels deconv2d depth_to_space depthwise_conv2d
        depthwise_conv2d_backprop_filter depthwise_conv2d_backprop_input depthwise_conv2d_native
        depthwise_conv2d_native_backprop_filter depthwise_conv2d_native_backprop_input
        dilation2d embedding_lookup_sparse erosion2d fixed_unigram_candidate_sampler
        fractional_avg_pool fractional_max_pool learned_unigram_candidate_sampler
        local_response_normalization log_poisson_loss log_uniform_candidate_sampler lrn
        max_pool1d max_pool3d max_pool_with_argmax nce_loss normalize_moments pool
        quantized_avg_pool quantized_conv2d quantized_max_pool quantized_relu_x
        safe_embedding_lookup_sparse sampled_softmax_loss separable_conv2d seq2seq
        space_to_batch space_to_depth static_state_saving_rnn sufficient_statistics top_k
        uniform_candidate_sampler weighted_moments with_space_to_batch
    """,
    "flowcore.summary": """
        FileWriter FileWriterCache all_v2_summary_ops audio get_summary_description histogram
        image initialize merge merge_all scalar tensor_summary text
    """,
    "flowcore.test": """
        Benchmark StubOutForTesting assert_equal_graph_def benchmark_config create_local_cluster
        gpu_device_name mock test_src_dir_path
    """,
    "flowcore.train": """
        AdadeltaOptimizer AdagradDAOptimizer FtrlOptimizer LooperThread
        ProfilerHook ProximalAdagradOptimizer
        ProximalGradientDescentOptimizer SummarySaverHook SummaryWriter SyncReplicasOptimizer
        VocabInfo assert_global_step basic_train_loop cosine_decay
        cosine_decay_restarts do_quantize_training_on_graphdef experimental export_meta_graph
        import_meta_graph linear_cosine_decay maybe_batch maybe_batch_join maybe_shuffle_batch
        maybe_shuffle_batch_join natural_exp_decay noisy_linear_cosine_decay
        replica_device_setter sdca_fprint sdca_optimizer sdca_shrink_l1 summary_iterator
    """,
}

_SAVE = "flowcore.train.Saver"
_LOOP = "a Python loop that builds the steps, or one around Session.run"
_SESSION = "flowcore.train.MonitoredSession with hooks"
_CELL = "flowcore.matmul and flowcore.nn in a Python loop over the time steps"
_GRAPHS_ONLY = "no call at all: flowcore builds graphs and nothing else"
_AS_ALWAYS = "no call at all: it is so"
_FLAT = "; of this the graphs of TensorFlow 1.x are made, where branches and loops are written flat"
_FLAT_LOOP = "flowcore.while_loop" + _FLAT
_FLAT_BRANCH = "flowcore.cond" + _FLAT


def _numpy(function: str) -> str:
    return f"flowcore.py_func around {function}, which has no gradient"


#: module -> name -> what to use instead.
_INSTEAD = {
    "flowcore": {
        "GradientTape": "flowcore.gradients",
        "PaddingFIFOQueue": "flowcore.FIFOQueue, whose elements have one shape",
        "SparseTensor": "flowcore.IndexedSlices for rows, or a dense tensor",
        "SparseTensorValue": "dense arrays",
        "VERSION": "flowcore.__version__",
        "app": "a call of your own main()",
        "argsort": _numpy("numpy.argsort"),
        "batch_matmul": "flowcore.matmul",
        "batch_svd": _numpy("numpy.linalg.svd"),
        "boolean_mask": "flowcore.gather with the indices, or flowcore.where",
        "cholesky": _numpy("numpy.linalg.cholesky"),
        "compat": "str.encode and bytes.decode for texts",
        "concat_v2": "flowcore.concat",
        "count_nonzero": "flowcore.reduce_sum(flowcore.cast(flowcore.not_equal(x, 0), flowcore.int64))",
        "cross": _numpy("numpy.cross"),
        "decode_base64": _numpy("base64.urlsafe_b64decode"),
        "decode_csv": _numpy("the csv module"),
        "decode_raw": _numpy("numpy.frombuffer"),
        "diag": "flowcore.expand_dims(x, 1) * numpy.eye(n)",
        "diag_part": "flowcore.reduce_sum(x * numpy.eye(n), 1)",
        "dimension_value": "shape[i].value",
        "disable_control_flow_v2": _AS_ALWAYS,
        "disable_eager_execution": _GRAPHS_ONLY,
        "disable_v2_behavior": _GRAPHS_ONLY,
        "einsum": "flowcore.tensordot or flowcore.matmul",
        "enable_eager_execution": "flowcore.Session: there are graphs and nothing else",
        "enable_v2_behavior": "flowcore.Session: there are graphs and nothing else",
        "encode_base64": _numpy("base64.urlsafe_b64encode"),
        "enter": _FLAT_LOOP,
        "executing_eagerly": "False: there are graphs and nothing else",
        "executing_eagerly_outside_functions": "False: there are graphs and nothing else",
        "exit": _FLAT_LOOP,
        "eye": "flowcore.constant(numpy.eye(n), flowcore.float32)",
        "fft": _numpy("numpy.fft.fft"),
        "fft2d": _numpy("numpy.fft.fft2"),
        "fft3d": _numpy("numpy.fft.fftn"),
        "flags": "argparse",
        "floor_div": "flowcore.floordiv",
        "gather_nd": "flowcore.gather on a reshaped tensor",
        "gfile": "open, os and shutil",
        "identity_n": "flowcore.identity of each",
        "ifft": _numpy("numpy.fft.ifft"),
        "ifft2d": _numpy("numpy.fft.ifft2"),
        "ifft3d": _numpy("numpy.fft.ifftn"),
        "initialize_local_variables": "flowcore.local_variables_initializer",
        "initialize_variables": "flowcore.variables_initializer",
        "initializers": "the classes at the top, such as flowcore.glorot_uniform_initializer",
        "io": "the functions at the top, such as flowcore.read_file",
        "is_tensor": "isinstance(x, flowcore.Tensor)",
        "layers": "flowcore.get_variable with flowcore.matmul and flowcore.nn",
        "linalg": "flowcore.matmul, or flowcore.py_func around numpy.linalg",
        "log_sigmoid": "-flowcore.nn.softplus(-x)",
        "logging": "Python's logging",
        "loop_cond": _FLAT_LOOP,
        "losses": "flowcore.squared_difference, or the cross entropies of flowcore.nn",
        "math": "the functions at the top, such as flowcore.add",
        "matrix_band_part": "x * numpy.tri(rows, columns)",
        "matrix_determinant": _numpy("numpy.linalg.det"),
        "matrix_diag": "flowcore.expand_dims(x, -1) * numpy.eye(n)",
        "matrix_diag_part": "flowcore.reduce_sum(x * numpy.eye(n), -1)",
        "matrix_inverse": _numpy("numpy.linalg.inv"),
        "matrix_solve": _numpy("numpy.linalg.solve"),
        "matrix_solve_ls": _numpy("numpy.linalg.lstsq"),
        "matrix_transpose": "flowcore.transpose with perm",
        "matrix_triangular_solve": _numpy("numpy.linalg.solve"),
        "merge": _FLAT_BRANCH,
        "meshgrid": "flowcore.constant of what numpy.meshgrid gives",
        "metrics": "NumPy on fetched values",
        "mul": "flowcore.multiply",
        "neg": "flowcore.negative",
        "next_iteration": _FLAT_LOOP,
        "no_gradient": "flowcore.NotDifferentiable",
        "norm": "flowcore.sqrt(flowcore.reduce_sum(flowcore.square(x)))",
        "numpy_function": "flowcore.py_func",
        "orthogonal_initializer": "flowcore.constant_initializer of the Q of numpy.linalg.qr",
        "pack": "flowcore.stack",
        "print": "flowcore.Print",
        "py_function": "flowcore.py_func, which has no gradient",
        "queue": "the classes at the top, such as flowcore.FIFOQueue",
        "random": "the functions at the top, such as flowcore.random_normal",
        "random_crop": "flowcore.slice at flowcore.random_uniform positions",
        "raw_ops": "the function of the op, such as flowcore.add for raw_ops.Add",
        "reduce_join": _numpy("bytes.join"),
        "ref_merge": _FLAT_BRANCH,
        "ref_switch": _FLAT_BRANCH,
        "repeat": "flowcore.reshape and flowcore.tile",
        "reverse_v2": "flowcore.reverse",
        "self_adjoint_eig": _numpy("numpy.linalg.eigh"),
        "sequence_mask": "flowcore.range(longest) < flowcore.expand_dims(lengths, -1)",
        "setdiff1d": _numpy("numpy.setdiff1d"),
        "sort": _numpy("numpy.sort"),
        "string_split": _numpy("bytes.split"),
        "string_to_number": _numpy("numpy.asarray(texts, numpy.float32)"),
        "sub": "flowcore.subtract",
        "svd": _numpy("numpy.linalg.svd"),
        "switch": _FLAT_BRANCH,
        "to_complex128": "flowcore.cast",
        "to_complex64": "flowcore.cast",
        "trace": "flowcore.reduce_sum(x * numpy.eye(n))",
        "unpack": "flowcore.unstack",
        "variable_creator_scope": "flowcore.variable_scope with custom_getter",
        "version": "flowcore.__version__",
        "where_v2": "flowcore.where",
        "write_file": _numpy("open"),
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
        "rot90": "flowcore.transpose and flowcore.reverse",
        "transpose": "flowcore.transpose(image, [1, 0, 2])",
        "transpose_image": "flowcore.transpose(image, [1, 0, 2])",
    },
    "flowcore.nn": {
        "avg_pool2d": "flowcore.nn.avg_pool",
        "avg_pool_v2": "flowcore.nn.avg_pool",
        "batch_norm_with_global_normalization": "flowcore.rsqrt(variance + epsilon) and products",
        "batch_normalization": "(x - mean) * flowcore.rsqrt(variance + epsilon) * scale + offset",
        "bidirectional_dynamic_rnn": _CELL,
        "crelu": "flowcore.nn.relu(flowcore.concat([x, -x], -1))",
        "dynamic_rnn": _CELL,
        "fused_batch_norm": "flowcore.nn.moments and products",
        "leaky_relu": "flowcore.maximum(alpha * x, x)",
        "max_pool2d": "flowcore.nn.max_pool",
        "max_pool_v2": "flowcore.nn.max_pool",
        "raw_rnn": _CELL,
        "relu_layer": "flowcore.nn.relu(flowcore.matmul(x, w) + b)",
        "rnn_cell": _CELL,
        "silu": "flowcore.nn.swish",
        "static_bidirectional_rnn": _CELL,
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
        "ClusterSpec": "one process: flowcore runs in its own",
        "MonitoredTrainingSession": _SESSION,
        "Server": "one process: flowcore runs in its own",
        "Supervisor": _SESSION,
        "inverse_time_decay": "learning_rate / (1 + decay_rate * step / decay_steps)",
        "piecewise_constant_decay": "flowcore.train.piecewise_constant",
    },
}

#: module -> name -> what to use instead, or None.
MISSING: dict[str, dict[str, str | None]] = {
    module: {**dict.fromkeys(names.split()), **_INSTEAD.get(module, {})} for module, names in _BARE.items()
}


def _advice(module: str, name: str) -> str:
    remedy = MISSING[module][name]
    return f"{module}.{name} is not there yet; " + (
        f"use {remedy}" if remedy else "docs/compatibility.md says what comes later"
    )


class _Finder:
    """The last of Python's finders: `import flowcore.contrib.slim` is told what `flowcore.contrib` is."""

    def __init__(self, package: str) -> None:
        self._package = package

    def find_spec(self, name: str, path: object = None, target: object = None) -> None:
        parent, _, child = name.rpartition(".")
        if parent == self._package and child in MISSING[parent]:
            raise ModuleNotFoundError(_advice(parent, child), name=name)


def find_missing(package: str) -> None:
    """Lets the import of a module that `package` does not have yet say so."""
    sys.meta_path.append(_Finder(package))  # type: ignore[arg-type]


def module_getattr(module: str, lazy: tuple[str, ...] = ()) -> Callable[[str], Any]:
    """The `__getattr__` of a public module, called for names that it does not have.

    It raises AttributeError, or ImportError inside `from module import name`, whose own message
    would drop the text. `lazy`: submodules that are imported when they are first asked for, as the
    messages of the module are.
    """
    missing = MISSING[module]
    messages = MESSAGES.get(module, ())

    def __getattr__(name: str) -> Any:
        if name in lazy:
            return importlib.import_module(f"{module}.{name}")
        if name in messages:
            return getattr(importlib.import_module("flowcore.protos"), name)
        if name not in missing:
            raise AttributeError(
                f"module '{module}' has no attribute '{name}'", name=name, obj=sys.modules[module]
            )
        text = _advice(module, name)
        caller = sys._getframe(1)
        if caller.f_code.co_code[caller.f_lasti] == opcode.opmap["IMPORT_FROM"]:
            raise ImportError(text, name=name)
        raise AttributeError(text, name=name, obj=sys.modules[module])

    return __getattr__


def module_dir(module: str, lazy: tuple[str, ...] = ()) -> Callable[[], list[str]]:
    """The `__dir__` of such a module: what it has, and what `__getattr__` would load."""

    def __dir__() -> list[str]:
        return sorted({*vars(sys.modules[module]), *MESSAGES.get(module, ()), *lazy})

    return __dir__
