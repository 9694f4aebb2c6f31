"""The types of what `__init__.py` makes of `descriptors.bin`. Made by `compile.py`."""

from collections.abc import Iterable as _Iterable
from collections.abc import Mapping as _Mapping
from typing import Any as _Any
from typing import ClassVar as _ClassVar
from typing import Optional as _Optional
from typing import Union as _Union

from google.protobuf import any_pb2 as _any_pb2
from google.protobuf import message as _message
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper

def own(message: object, kind: str) -> _Any: ...

class BundleHeaderProto(_message.Message):
    __slots__ = ("num_shards", "endianness", "version")
    class Endianness(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
        __slots__ = ()
        LITTLE: _ClassVar[BundleHeaderProto.Endianness]
        BIG: _ClassVar[BundleHeaderProto.Endianness]

    LITTLE: BundleHeaderProto.Endianness
    BIG: BundleHeaderProto.Endianness
    NUM_SHARDS_FIELD_NUMBER: _ClassVar[int]
    ENDIANNESS_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    num_shards: int
    endianness: BundleHeaderProto.Endianness
    version: VersionDef
    def __init__(
        self,
        num_shards: _Optional[int] = ...,
        endianness: _Optional[_Union[BundleHeaderProto.Endianness, int, str]] = ...,
        version: _Optional[_Union[VersionDef, _Mapping[str, _Any]]] = ...,
    ) -> None: ...

class BundleEntryProto(_message.Message):
    __slots__ = ("dtype", "shape", "shard_id", "offset", "size", "crc32c", "slices")
    DTYPE_FIELD_NUMBER: _ClassVar[int]
    SHAPE_FIELD_NUMBER: _ClassVar[int]
    SHARD_ID_FIELD_NUMBER: _ClassVar[int]
    OFFSET_FIELD_NUMBER: _ClassVar[int]
    SIZE_FIELD_NUMBER: _ClassVar[int]
    CRC32C_FIELD_NUMBER: _ClassVar[int]
    SLICES_FIELD_NUMBER: _ClassVar[int]
    dtype: DataType
    shape: TensorShapeProto
    shard_id: int
    offset: int
    size: int
    crc32c: int
    slices: _containers.RepeatedCompositeFieldContainer[TensorSliceProto]
    def __init__(
        self,
        dtype: _Optional[_Union[DataType, int, str]] = ...,
        shape: _Optional[_Union[TensorShapeProto, _Mapping[str, _Any]]] = ...,
        shard_id: _Optional[int] = ...,
        offset: _Optional[int] = ...,
        size: _Optional[int] = ...,
        crc32c: _Optional[int] = ...,
        slices: _Optional[_Iterable[_Union[TensorSliceProto, _Mapping[str, _Any]]]] = ...,
    ) -> None: ...

class SavedSliceMeta(_message.Message):
    __slots__ = ("name", "shape", "type", "slice")
    NAME_FIELD_NUMBER: _ClassVar[int]
    SHAPE_FIELD_NUMBER: _ClassVar[int]
    TYPE_FIELD_NUMBER: _ClassVar[int]
    SLICE_FIELD_NUMBER: _ClassVar[int]
    name: str
    shape: TensorShapeProto
    type: DataType
    slice: _containers.RepeatedCompositeFieldContainer[TensorSliceProto]
    def __init__(
        self,
        name: _Optional[str] = ...,
        shape: _Optional[_Union[TensorShapeProto, _Mapping[str, _Any]]] = ...,
        type: _Optional[_Union[DataType, int, str]] = ...,
        slice: _Optional[_Iterable[_Union[TensorSliceProto, _Mapping[str, _Any]]]] = ...,
    ) -> None: ...

class SavedTensorSliceMeta(_message.Message):
    __slots__ = ("tensor", "versions")
    TENSOR_FIELD_NUMBER: _ClassVar[int]
    VERSIONS_FIELD_NUMBER: _ClassVar[int]
    tensor: _containers.RepeatedCompositeFieldContainer[SavedSliceMeta]
    versions: VersionDef
    def __init__(
        self,
        tensor: _Optional[_Iterable[_Union[SavedSliceMeta, _Mapping[str, _Any]]]] = ...,
        versions: _Optional[_Union[VersionDef, _Mapping[str, _Any]]] = ...,
    ) -> None: ...

class SavedSlice(_message.Message):
    __slots__ = ("name", "slice", "data")
    NAME_FIELD_NUMBER: _ClassVar[int]
    SLICE_FIELD_NUMBER: _ClassVar[int]
    DATA_FIELD_NUMBER: _ClassVar[int]
    name: str
    slice: TensorSliceProto
    data: TensorProto
    def __init__(
        self,
        name: _Optional[str] = ...,
        slice: _Optional[_Union[TensorSliceProto, _Mapping[str, _Any]]] = ...,
        data: _Optional[_Union[TensorProto, _Mapping[str, _Any]]] = ...,
    ) -> None: ...

class SavedTensorSlices(_message.Message):
    __slots__ = ("meta", "data")
    META_FIELD_NUMBER: _ClassVar[int]
    DATA_FIELD_NUMBER: _ClassVar[int]
    meta: SavedTensorSliceMeta
    data: SavedSlice
    def __init__(
        self,
        meta: _Optional[_Union[SavedTensorSliceMeta, _Mapping[str, _Any]]] = ...,
        data: _Optional[_Union[SavedSlice, _Mapping[str, _Any]]] = ...,
    ) -> None: ...

class CheckpointState(_message.Message):
    __slots__ = (
        "model_checkpoint_path",
        "all_model_checkpoint_paths",
        "all_model_checkpoint_timestamps",
        "last_preserved_timestamp",
    )
    MODEL_CHECKPOINT_PATH_FIELD_NUMBER: _ClassVar[int]
    ALL_MODEL_CHECKPOINT_PATHS_FIELD_NUMBER: _ClassVar[int]
    ALL_MODEL_CHECKPOINT_TIMESTAMPS_FIELD_NUMBER: _ClassVar[int]
    LAST_PRESERVED_TIMESTAMP_FIELD_NUMBER: _ClassVar[int]
    model_checkpoint_path: str
    all_model_checkpoint_paths: _containers.RepeatedScalarFieldContainer[str]
    all_model_checkpoint_timestamps: _containers.RepeatedScalarFieldContainer[float]
    last_preserved_timestamp: float
    def __init__(
        self,
        model_checkpoint_path: _Optional[str] = ...,
        all_model_checkpoint_paths: _Optional[_Iterable[str]] = ...,
        all_model_checkpoint_timestamps: _Optional[_Iterable[float]] = ...,
        last_preserved_timestamp: _Optional[float] = ...,
    ) -> None: ...

class Code(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    OK: _ClassVar[Code]
    CANCELLED: _ClassVar[Code]
    UNKNOWN: _ClassVar[Code]
    INVALID_ARGUMENT: _ClassVar[Code]
    DEADLINE_EXCEEDED: _ClassVar[Code]
    NOT_FOUND: _ClassVar[Code]
    ALREADY_EXISTS: _ClassVar[Code]
    PERMISSION_DENIED: _ClassVar[Code]
    UNAUTHENTICATED: _ClassVar[Code]
    RESOURCE_EXHAUSTED: _ClassVar[Code]
    FAILED_PRECONDITION: _ClassVar[Code]
    ABORTED: _ClassVar[Code]
    OUT_OF_RANGE: _ClassVar[Code]
    UNIMPLEMENTED: _ClassVar[Code]
    INTERNAL: _ClassVar[Code]
    UNAVAILABLE: _ClassVar[Code]
    DATA_LOSS: _ClassVar[Code]
    DO_NOT_USE_RESERVED_FOR_FUTURE_EXPANSION_USE_DEFAULT_IN_SWITCH_INSTEAD_: _ClassVar[Code]

OK: Code
CANCELLED: Code
UNKNOWN: Code
INVALID_ARGUMENT: Code
DEADLINE_EXCEEDED: Code
NOT_FOUND: Code
ALREADY_EXISTS: Code
PERMISSION_DENIED: Code
UNAUTHENTICATED: Code
RESOURCE_EXHAUSTED: Code
FAILED_PRECONDITION: Code
ABORTED: Code
OUT_OF_RANGE: Code
UNIMPLEMENTED: Code
INTERNAL: Code
UNAVAILABLE: Code
DATA_LOSS: Code
DO_NOT_USE_RESERVED_FOR_FUTURE_EXPANSION_USE_DEFAULT_IN_SWITCH_INSTEAD_: Code

class SummaryDescription(_message.Message):
    __slots__ = ("type_hint",)
    TYPE_HINT_FIELD_NUMBER: _ClassVar[int]
    type_hint: str
    def __init__(self, type_hint: _Optional[str] = ...) -> None: ...

class HistogramProto(_message.Message):
    __slots__ = ("min", "max", "num", "sum", "sum_squares", "bucket_limit", "bucket")
    MIN_FIELD_NUMBER: _ClassVar[int]
    MAX_FIELD_NUMBER: _ClassVar[int]
    NUM_FIELD_NUMBER: _ClassVar[int]
    SUM_FIELD_NUMBER: _ClassVar[int]
    SUM_SQUARES_FIELD_NUMBER: _ClassVar[int]
    BUCKET_LIMIT_FIELD_NUMBER: _ClassVar[int]
    BUCKET_FIELD_NUMBER: _ClassVar[int]
    min: float
    max: float
    num: float
    sum: float
    sum_squares: float
    bucket_limit: _containers.RepeatedScalarFieldContainer[float]
    bucket: _containers.RepeatedScalarFieldContainer[float]
    def __init__(
        self,
        min: _Optional[float] = ...,
        max: _Optional[float] = ...,
        num: _Optional[float] = ...,
        sum: _Optional[float] = ...,
        sum_squares: _Optional[float] = ...,
        bucket_limit: _Optional[_Iterable[float]] = ...,
        bucket: _Optional[_Iterable[float]] = ...,
    ) -> None: ...

class SummaryMetadata(_message.Message):
    __slots__ = ("plugin_data", "display_name", "summary_description")
    class PluginData(_message.Message):
        __slots__ = ("plugin_name", "content")
        PLUGIN_NAME_FIELD_NUMBER: _ClassVar[int]
        CONTENT_FIELD_NUMBER: _ClassVar[int]
        plugin_name: str
        content: bytes
        def __init__(self, plugin_name: _Optional[str] = ..., content: _Optional[bytes] = ...) -> None: ...

    PLUGIN_DATA_FIELD_NUMBER: _ClassVar[int]
    DISPLAY_NAME_FIELD_NUMBER: _ClassVar[int]
    SUMMARY_DESCRIPTION_FIELD_NUMBER: _ClassVar[int]
    plugin_data: SummaryMetadata.PluginData
    display_name: str
    summary_description: str
    def __init__(
        self,
        plugin_data: _Optional[_Union[SummaryMetadata.PluginData, _Mapping[str, _Any]]] = ...,
        display_name: _Optional[str] = ...,
        summary_description: _Optional[str] = ...,
    ) -> None: ...

class Summary(_message.Message):
    __slots__ = ("value",)
    class Image(_message.Message):
        __slots__ = ("height", "width", "colorspace", "encoded_image_string")
        HEIGHT_FIELD_NUMBER: _ClassVar[int]
        WIDTH_FIELD_NUMBER: _ClassVar[int]
        COLORSPACE_FIELD_NUMBER: _ClassVar[int]
        ENCODED_IMAGE_STRING_FIELD_NUMBER: _ClassVar[int]
        height: int
        width: int
        colorspace: int
        encoded_image_string: bytes
        def __init__(
            self,
            height: _Optional[int] = ...,
            width: _Optional[int] = ...,
            colorspace: _Optional[int] = ...,
            encoded_image_string: _Optional[bytes] = ...,
        ) -> None: ...

    class Audio(_message.Message):
        __slots__ = ("sample_rate", "num_channels", "length_frames", "encoded_audio_string", "content_type")
        SAMPLE_RATE_FIELD_NUMBER: _ClassVar[int]
        NUM_CHANNELS_FIELD_NUMBER: _ClassVar[int]
        LENGTH_FRAMES_FIELD_NUMBER: _ClassVar[int]
        ENCODED_AUDIO_STRING_FIELD_NUMBER: _ClassVar[int]
        CONTENT_TYPE_FIELD_NUMBER: _ClassVar[int]
        sample_rate: float
        num_channels: int
        length_frames: int
        encoded_audio_string: bytes
        content_type: str
        def __init__(
            self,
            sample_rate: _Optional[float] = ...,
            num_channels: _Optional[int] = ...,
            length_frames: _Optional[int] = ...,
            encoded_audio_string: _Optional[bytes] = ...,
            content_type: _Optional[str] = ...,
        ) -> None: ...

    class Value(_message.Message):
        __slots__ = (
            "node_name",
            "tag",
            "metadata",
            "simple_value",
            "obsolete_old_style_histogram",
            "image",
            "histo",
            "audio",
            "tensor",
        )
        NODE_NAME_FIELD_NUMBER: _ClassVar[int]
        TAG_FIELD_NUMBER: _ClassVar[int]
        METADATA_FIELD_NUMBER: _ClassVar[int]
        SIMPLE_VALUE_FIELD_NUMBER: _ClassVar[int]
        OBSOLETE_OLD_STYLE_HISTOGRAM_FIELD_NUMBER: _ClassVar[int]
        IMAGE_FIELD_NUMBER: _ClassVar[int]
        HISTO_FIELD_NUMBER: _ClassVar[int]
        AUDIO_FIELD_NUMBER: _ClassVar[int]
        TENSOR_FIELD_NUMBER: _ClassVar[int]
        node_name: str
        tag: str
        metadata: SummaryMetadata
        simple_value: float
        obsolete_old_style_histogram: bytes
        image: Summary.Image
        histo: HistogramProto
        audio: Summary.Audio
        tensor: TensorProto
        def __init__(
            self,
            node_name: _Optional[str] = ...,
            tag: _Optional[str] = ...,
            metadata: _Optional[_Union[SummaryMetadata, _Mapping[str, _Any]]] = ...,
            simple_value: _Optional[float] = ...,
            obsolete_old_style_histogram: _Optional[bytes] = ...,
            image: _Optional[_Union[Summary.Image, _Mapping[str, _Any]]] = ...,
            histo: _Optional[_Union[HistogramProto, _Mapping[str, _Any]]] = ...,
            audio: _Optional[_Union[Summary.Audio, _Mapping[str, _Any]]] = ...,
            tensor: _Optional[_Union[TensorProto, _Mapping[str, _Any]]] = ...,
        ) -> None: ...

    VALUE_FIELD_NUMBER: _ClassVar[int]
    value: _containers.RepeatedCompositeFieldContainer[Summary.Value]
    def __init__(
        self, value: _Optional[_Iterable[_Union[Summary.Value, _Mapping[str, _Any]]]] = ...
    ) -> None: ...

class Event(_message.Message):
    __slots__ = (
        "wall_time",
        "step",
        "file_version",
        "graph_def",
        "summary",
        "log_message",
        "session_log",
        "tagged_run_metadata",
        "meta_graph_def",
    )
    WALL_TIME_FIELD_NUMBER: _ClassVar[int]
    STEP_FIELD_NUMBER: _ClassVar[int]
    FILE_VERSION_FIELD_NUMBER: _ClassVar[int]
    GRAPH_DEF_FIELD_NUMBER: _ClassVar[int]
    SUMMARY_FIELD_NUMBER: _ClassVar[int]
    LOG_MESSAGE_FIELD_NUMBER: _ClassVar[int]
    SESSION_LOG_FIELD_NUMBER: _ClassVar[int]
    TAGGED_RUN_METADATA_FIELD_NUMBER: _ClassVar[int]
    META_GRAPH_DEF_FIELD_NUMBER: _ClassVar[int]
    wall_time: float
    step: int
    file_version: str
    graph_def: bytes
    summary: Summary
    log_message: LogMessage
    session_log: SessionLog
    tagged_run_metadata: TaggedRunMetadata
    meta_graph_def: bytes
    def __init__(
        self,
        wall_time: _Optional[float] = ...,
        step: _Optional[int] = ...,
        file_version: _Optional[str] = ...,
        graph_def: _Optional[bytes] = ...,
        summary: _Optional[_Union[Summary, _Mapping[str, _Any]]] = ...,
        log_message: _Optional[_Union[LogMessage, _Mapping[str, _Any]]] = ...,
        session_log: _Optional[_Union[SessionLog, _Mapping[str, _Any]]] = ...,
        tagged_run_metadata: _Optional[_Union[TaggedRunMetadata, _Mapping[str, _Any]]] = ...,
        meta_graph_def: _Optional[bytes] = ...,
    ) -> None: ...

class LogMessage(_message.Message):
    __slots__ = ("level", "message")
    class Level(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
        __slots__ = ()
        UNKNOWN: _ClassVar[LogMessage.Level]
        DEBUGGING: _ClassVar[LogMessage.Level]
        INFO: _ClassVar[LogMessage.Level]
        WARN: _ClassVar[LogMessage.Level]
        ERROR: _ClassVar[LogMessage.Level]
        FATAL: _ClassVar[LogMessage.Level]

    UNKNOWN: LogMessage.Level
    DEBUGGING: LogMessage.Level
    INFO: LogMessage.Level
    WARN: LogMessage.Level
    ERROR: LogMessage.Level
    FATAL: LogMessage.Level
    LEVEL_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    level: LogMessage.Level
    message: str
    def __init__(
        self, level: _Optional[_Union[LogMessage.Level, int, str]] = ..., message: _Optional[str] = ...
    ) -> None: ...

class SessionLog(_message.Message):
    __slots__ = ("status", "checkpoint_path", "msg")
    class SessionStatus(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
        __slots__ = ()
        STATUS_UNSPECIFIED: _ClassVar[SessionLog.SessionStatus]
        START: _ClassVar[SessionLog.SessionStatus]
        STOP: _ClassVar[SessionLog.SessionStatus]
        CHECKPOINT: _ClassVar[SessionLog.SessionStatus]

    STATUS_UNSPECIFIED: SessionLog.SessionStatus
    START: SessionLog.SessionStatus
    STOP: SessionLog.SessionStatus
    CHECKPOINT: SessionLog.SessionStatus
    STATUS_FIELD_NUMBER: _ClassVar[int]
    CHECKPOINT_PATH_FIELD_NUMBER: _ClassVar[int]
    MSG_FIELD_NUMBER: _ClassVar[int]
    status: SessionLog.SessionStatus
    checkpoint_path: str
    msg: str
    def __init__(
        self,
        status: _Optional[_Union[SessionLog.SessionStatus, int, str]] = ...,
        checkpoint_path: _Optional[str] = ...,
        msg: _Optional[str] = ...,
    ) -> None: ...

class TaggedRunMetadata(_message.Message):
    __slots__ = ("tag", "run_metadata")
    TAG_FIELD_NUMBER: _ClassVar[int]
    RUN_METADATA_FIELD_NUMBER: _ClassVar[int]
    tag: str
    run_metadata: bytes
    def __init__(self, tag: _Optional[str] = ..., run_metadata: _Optional[bytes] = ...) -> None: ...

class BytesList(_message.Message):
    __slots__ = ("value",)
    VALUE_FIELD_NUMBER: _ClassVar[int]
    value: _containers.RepeatedScalarFieldContainer[bytes]
    def __init__(self, value: _Optional[_Iterable[bytes]] = ...) -> None: ...

class FloatList(_message.Message):
    __slots__ = ("value",)
    VALUE_FIELD_NUMBER: _ClassVar[int]
    value: _containers.RepeatedScalarFieldContainer[float]
    def __init__(self, value: _Optional[_Iterable[float]] = ...) -> None: ...

class Int64List(_message.Message):
    __slots__ = ("value",)
    VALUE_FIELD_NUMBER: _ClassVar[int]
    value: _containers.RepeatedScalarFieldContainer[int]
    def __init__(self, value: _Optional[_Iterable[int]] = ...) -> None: ...

class Feature(_message.Message):
    __slots__ = ("bytes_list", "float_list", "int64_list")
    BYTES_LIST_FIELD_NUMBER: _ClassVar[int]
    FLOAT_LIST_FIELD_NUMBER: _ClassVar[int]
    INT64_LIST_FIELD_NUMBER: _ClassVar[int]
    bytes_list: BytesList
    float_list: FloatList
    int64_list: Int64List
    def __init__(
        self,
        bytes_list: _Optional[_Union[BytesList, _Mapping[str, _Any]]] = ...,
        float_list: _Optional[_Union[FloatList, _Mapping[str, _Any]]] = ...,
        int64_list: _Optional[_Union[Int64List, _Mapping[str, _Any]]] = ...,
    ) -> None: ...

class Features(_message.Message):
    __slots__ = ("feature",)
    class FeatureEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: Feature
        def __init__(
            self, key: _Optional[str] = ..., value: _Optional[_Union[Feature, _Mapping[str, _Any]]] = ...
        ) -> None: ...

    FEATURE_FIELD_NUMBER: _ClassVar[int]
    feature: _containers.MessageMap[str, Feature]
    def __init__(self, feature: _Optional[_Mapping[str, Feature]] = ...) -> None: ...

class FeatureList(_message.Message):
    __slots__ = ("feature",)
    FEATURE_FIELD_NUMBER: _ClassVar[int]
    feature: _containers.RepeatedCompositeFieldContainer[Feature]
    def __init__(self, feature: _Optional[_Iterable[_Union[Feature, _Mapping[str, _Any]]]] = ...) -> None: ...

class FeatureLists(_message.Message):
    __slots__ = ("feature_list",)
    class FeatureListEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: FeatureList
        def __init__(
            self, key: _Optional[str] = ..., value: _Optional[_Union[FeatureList, _Mapping[str, _Any]]] = ...
        ) -> None: ...

    FEATURE_LIST_FIELD_NUMBER: _ClassVar[int]
    feature_list: _containers.MessageMap[str, FeatureList]
    def __init__(self, feature_list: _Optional[_Mapping[str, FeatureList]] = ...) -> None: ...

class Example(_message.Message):
    __slots__ = ("features",)
    FEATURES_FIELD_NUMBER: _ClassVar[int]
    features: Features
    def __init__(self, features: _Optional[_Union[Features, _Mapping[str, _Any]]] = ...) -> None: ...

class SequenceExample(_message.Message):
    __slots__ = ("context", "feature_lists")
    CONTEXT_FIELD_NUMBER: _ClassVar[int]
    FEATURE_LISTS_FIELD_NUMBER: _ClassVar[int]
    context: Features
    feature_lists: FeatureLists
    def __init__(
        self,
        context: _Optional[_Union[Features, _Mapping[str, _Any]]] = ...,
        feature_lists: _Optional[_Union[FeatureLists, _Mapping[str, _Any]]] = ...,
    ) -> None: ...

class AttrValue(_message.Message):
    __slots__ = ("s", "i", "f", "b", "type", "shape", "tensor", "list", "func", "placeholder")
    class ListValue(_message.Message):
        __slots__ = ("s", "i", "f", "b", "type", "shape", "tensor", "func")
        S_FIELD_NUMBER: _ClassVar[int]
        I_FIELD_NUMBER: _ClassVar[int]
        F_FIELD_NUMBER: _ClassVar[int]
        B_FIELD_NUMBER: _ClassVar[int]
        TYPE_FIELD_NUMBER: _ClassVar[int]
        SHAPE_FIELD_NUMBER: _ClassVar[int]
        TENSOR_FIELD_NUMBER: _ClassVar[int]
        FUNC_FIELD_NUMBER: _ClassVar[int]
        s: _containers.RepeatedScalarFieldContainer[bytes]
        i: _containers.RepeatedScalarFieldContainer[int]
        f: _containers.RepeatedScalarFieldContainer[float]
        b: _containers.RepeatedScalarFieldContainer[bool]
        type: _containers.RepeatedScalarFieldContainer[DataType]
        shape: _containers.RepeatedCompositeFieldContainer[TensorShapeProto]
        tensor: _containers.RepeatedCompositeFieldContainer[TensorProto]
        func: _containers.RepeatedCompositeFieldContainer[NameAttrList]
        def __init__(
            self,
            s: _Optional[_Iterable[bytes]] = ...,
            i: _Optional[_Iterable[int]] = ...,
            f: _Optional[_Iterable[float]] = ...,
            b: _Optional[_Iterable[bool]] = ...,
            type: _Optional[_Iterable[_Union[DataType, int, str]]] = ...,
            shape: _Optional[_Iterable[_Union[TensorShapeProto, _Mapping[str, _Any]]]] = ...,
            tensor: _Optional[_Iterable[_Union[TensorProto, _Mapping[str, _Any]]]] = ...,
            func: _Optional[_Iterable[_Union[NameAttrList, _Mapping[str, _Any]]]] = ...,
        ) -> None: ...

    S_FIELD_NUMBER: _ClassVar[int]
    I_FIELD_NUMBER: _ClassVar[int]
    F_FIELD_NUMBER: _ClassVar[int]
    B_FIELD_NUMBER: _ClassVar[int]
    TYPE_FIELD_NUMBER: _ClassVar[int]
    SHAPE_FIELD_NUMBER: _ClassVar[int]
    TENSOR_FIELD_NUMBER: _ClassVar[int]
    LIST_FIELD_NUMBER: _ClassVar[int]
    FUNC_FIELD_NUMBER: _ClassVar[int]
    PLACEHOLDER_FIELD_NUMBER: _ClassVar[int]
    s: bytes
    i: int
    f: float
    b: bool
    type: DataType
    shape: TensorShapeProto
    tensor: TensorProto
    list: AttrValue.ListValue
    func: NameAttrList
    placeholder: str
    def __init__(
        self,
        s: _Optional[bytes] = ...,
        i: _Optional[int] = ...,
        f: _Optional[float] = ...,
        b: _Optional[bool] = ...,
        type: _Optional[_Union[DataType, int, str]] = ...,
        shape: _Optional[_Union[TensorShapeProto, _Mapping[str, _Any]]] = ...,
        tensor: _Optional[_Union[TensorProto, _Mapping[str, _Any]]] = ...,
        list: _Optional[_Union[AttrValue.ListValue, _Mapping[str, _Any]]] = ...,
        func: _Optional[_Union[NameAttrList, _Mapping[str, _Any]]] = ...,
        placeholder: _Optional[str] = ...,
    ) -> None: ...

class NameAttrList(_message.Message):
    __slots__ = ("name", "attr")
    class AttrEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: AttrValue
        def __init__(
            self, key: _Optional[str] = ..., value: _Optional[_Union[AttrValue, _Mapping[str, _Any]]] = ...
        ) -> None: ...

    NAME_FIELD_NUMBER: _ClassVar[int]
    ATTR_FIELD_NUMBER: _ClassVar[int]
    name: str
    attr: _containers.MessageMap[str, AttrValue]
    def __init__(
        self, name: _Optional[str] = ..., attr: _Optional[_Mapping[str, AttrValue]] = ...
    ) -> None: ...

class NodeDef(_message.Message):
    __slots__ = ("name", "op", "input", "device", "attr", "experimental_debug_info")
    class ExperimentalDebugInfo(_message.Message):
        __slots__ = ("original_node_names", "original_func_names")
        ORIGINAL_NODE_NAMES_FIELD_NUMBER: _ClassVar[int]
        ORIGINAL_FUNC_NAMES_FIELD_NUMBER: _ClassVar[int]
        original_node_names: _containers.RepeatedScalarFieldContainer[str]
        original_func_names: _containers.RepeatedScalarFieldContainer[str]
        def __init__(
            self,
            original_node_names: _Optional[_Iterable[str]] = ...,
            original_func_names: _Optional[_Iterable[str]] = ...,
        ) -> None: ...

    class AttrEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: AttrValue
        def __init__(
            self, key: _Optional[str] = ..., value: _Optional[_Union[AttrValue, _Mapping[str, _Any]]] = ...
        ) -> None: ...

    NAME_FIELD_NUMBER: _ClassVar[int]
    OP_FIELD_NUMBER: _ClassVar[int]
    INPUT_FIELD_NUMBER: _ClassVar[int]
    DEVICE_FIELD_NUMBER: _ClassVar[int]
    ATTR_FIELD_NUMBER: _ClassVar[int]
    EXPERIMENTAL_DEBUG_INFO_FIELD_NUMBER: _ClassVar[int]
    name: str
    op: str
    input: _containers.RepeatedScalarFieldContainer[str]
    device: str
    attr: _containers.MessageMap[str, AttrValue]
    experimental_debug_info: NodeDef.ExperimentalDebugInfo
    def __init__(
        self,
        name: _Optional[str] = ...,
        op: _Optional[str] = ...,
        input: _Optional[_Iterable[str]] = ...,
        device: _Optional[str] = ...,
        attr: _Optional[_Mapping[str, AttrValue]] = ...,
        experimental_debug_info: _Optional[_Union[NodeDef.ExperimentalDebugInfo, _Mapping[str, _Any]]] = ...,
    ) -> None: ...

class OpDef(_message.Message):
    __slots__ = (
        "name",
        "input_arg",
        "output_arg",
        "control_output",
        "attr",
        "deprecation",
        "summary",
        "description",
        "is_commutative",
        "is_aggregate",
        "is_stateful",
        "allows_uninitialized_input",
    )
    class ArgDef(_message.Message):
        __slots__ = ("name", "description", "type", "type_attr", "number_attr", "type_list_attr", "is_ref")
        NAME_FIELD_NUMBER: _ClassVar[int]
        DESCRIPTION_FIELD_NUMBER: _ClassVar[int]
        TYPE_FIELD_NUMBER: _ClassVar[int]
        TYPE_ATTR_FIELD_NUMBER: _ClassVar[int]
        NUMBER_ATTR_FIELD_NUMBER: _ClassVar[int]
        TYPE_LIST_ATTR_FIELD_NUMBER: _ClassVar[int]
        IS_REF_FIELD_NUMBER: _ClassVar[int]
        name: str
        description: str
        type: DataType
        type_attr: str
        number_attr: str
        type_list_attr: str
        is_ref: bool
        def __init__(
            self,
            name: _Optional[str] = ...,
            description: _Optional[str] = ...,
            type: _Optional[_Union[DataType, int, str]] = ...,
            type_attr: _Optional[str] = ...,
            number_attr: _Optional[str] = ...,
            type_list_attr: _Optional[str] = ...,
            is_ref: _Optional[bool] = ...,
        ) -> None: ...

    class AttrDef(_message.Message):
        __slots__ = (
            "name",
            "type",
            "default_value",
            "description",
            "has_minimum",
            "minimum",
            "allowed_values",
        )
        NAME_FIELD_NUMBER: _ClassVar[int]
        TYPE_FIELD_NUMBER: _ClassVar[int]
        DEFAULT_VALUE_FIELD_NUMBER: _ClassVar[int]
        DESCRIPTION_FIELD_NUMBER: _ClassVar[int]
        HAS_MINIMUM_FIELD_NUMBER: _ClassVar[int]
        MINIMUM_FIELD_NUMBER: _ClassVar[int]
        ALLOWED_VALUES_FIELD_NUMBER: _ClassVar[int]
        name: str
        type: str
        default_value: AttrValue
        description: str
        has_minimum: bool
        minimum: int
        allowed_values: AttrValue
        def __init__(
            self,
            name: _Optional[str] = ...,
            type: _Optional[str] = ...,
            default_value: _Optional[_Union[AttrValue, _Mapping[str, _Any]]] = ...,
            description: _Optional[str] = ...,
            has_minimum: _Optional[bool] = ...,
            minimum: _Optional[int] = ...,
            allowed_values: _Optional[_Union[AttrValue, _Mapping[str, _Any]]] = ...,
        ) -> None: ...

    NAME_FIELD_NUMBER: _ClassVar[int]
    INPUT_ARG_FIELD_NUMBER: _ClassVar[int]
    OUTPUT_ARG_FIELD_NUMBER: _ClassVar[int]
    CONTROL_OUTPUT_FIELD_NUMBER: _ClassVar[int]
    ATTR_FIELD_NUMBER: _ClassVar[int]
    DEPRECATION_FIELD_NUMBER: _ClassVar[int]
    SUMMARY_FIELD_NUMBER: _ClassVar[int]
    DESCRIPTION_FIELD_NUMBER: _ClassVar[int]
    IS_COMMUTATIVE_FIELD_NUMBER: _ClassVar[int]
    IS_AGGREGATE_FIELD_NUMBER: _ClassVar[int]
    IS_STATEFUL_FIELD_NUMBER: _ClassVar[int]
    ALLOWS_UNINITIALIZED_INPUT_FIELD_NUMBER: _ClassVar[int]
    name: str
    input_arg: _containers.RepeatedCompositeFieldContainer[OpDef.ArgDef]
    output_arg: _containers.RepeatedCompositeFieldContainer[OpDef.ArgDef]
    control_output: _containers.RepeatedScalarFieldContainer[str]
    attr: _containers.RepeatedCompositeFieldContainer[OpDef.AttrDef]
    deprecation: OpDeprecation
    summary: str
    description: str
    is_commutative: bool
    is_aggregate: bool
    is_stateful: bool
    allows_uninitialized_input: bool
    def __init__(
        self,
        name: _Optional[str] = ...,
        input_arg: _Optional[_Iterable[_Union[OpDef.ArgDef, _Mapping[str, _Any]]]] = ...,
        output_arg: _Optional[_Iterable[_Union[OpDef.ArgDef, _Mapping[str, _Any]]]] = ...,
        control_output: _Optional[_Iterable[str]] = ...,
        attr: _Optional[_Iterable[_Union[OpDef.AttrDef, _Mapping[str, _Any]]]] = ...,
        deprecation: _Optional[_Union[OpDeprecation, _Mapping[str, _Any]]] = ...,
        summary: _Optional[str] = ...,
        description: _Optional[str] = ...,
        is_commutative: _Optional[bool] = ...,
        is_aggregate: _Optional[bool] = ...,
        is_stateful: _Optional[bool] = ...,
        allows_uninitialized_input: _Optional[bool] = ...,
    ) -> None: ...

class OpDeprecation(_message.Message):
    __slots__ = ("version", "explanation")
    VERSION_FIELD_NUMBER: _ClassVar[int]
    EXPLANATION_FIELD_NUMBER: _ClassVar[int]
    version: int
    explanation: str
    def __init__(self, version: _Optional[int] = ..., explanation: _Optional[str] = ...) -> None: ...

class OpList(_message.Message):
    __slots__ = ("op",)
    OP_FIELD_NUMBER: _ClassVar[int]
    op: _containers.RepeatedCompositeFieldContainer[OpDef]
    def __init__(self, op: _Optional[_Iterable[_Union[OpDef, _Mapping[str, _Any]]]] = ...) -> None: ...

class FunctionDefLibrary(_message.Message):
    __slots__ = ("function", "gradient")
    FUNCTION_FIELD_NUMBER: _ClassVar[int]
    GRADIENT_FIELD_NUMBER: _ClassVar[int]
    function: _containers.RepeatedCompositeFieldContainer[FunctionDef]
    gradient: _containers.RepeatedCompositeFieldContainer[GradientDef]
    def __init__(
        self,
        function: _Optional[_Iterable[_Union[FunctionDef, _Mapping[str, _Any]]]] = ...,
        gradient: _Optional[_Iterable[_Union[GradientDef, _Mapping[str, _Any]]]] = ...,
    ) -> None: ...

class FunctionDef(_message.Message):
    __slots__ = ("signature", "attr", "arg_attr", "node_def", "ret", "control_ret")
    class ArgAttrs(_message.Message):
        __slots__ = ("attr",)
        class AttrEntry(_message.Message):
            __slots__ = ("key", "value")
            KEY_FIELD_NUMBER: _ClassVar[int]
            VALUE_FIELD_NUMBER: _ClassVar[int]
            key: str
            value: AttrValue
            def __init__(
                self,
                key: _Optional[str] = ...,
                value: _Optional[_Union[AttrValue, _Mapping[str, _Any]]] = ...,
            ) -> None: ...

        ATTR_FIELD_NUMBER: _ClassVar[int]
        attr: _containers.MessageMap[str, AttrValue]
        def __init__(self, attr: _Optional[_Mapping[str, AttrValue]] = ...) -> None: ...

    class AttrEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: AttrValue
        def __init__(
            self, key: _Optional[str] = ..., value: _Optional[_Union[AttrValue, _Mapping[str, _Any]]] = ...
        ) -> None: ...

    class ArgAttrEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: int
        value: FunctionDef.ArgAttrs
        def __init__(
            self,
            key: _Optional[int] = ...,
            value: _Optional[_Union[FunctionDef.ArgAttrs, _Mapping[str, _Any]]] = ...,
        ) -> None: ...

    class RetEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...

    class ControlRetEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...

    SIGNATURE_FIELD_NUMBER: _ClassVar[int]
    ATTR_FIELD_NUMBER: _ClassVar[int]
    ARG_ATTR_FIELD_NUMBER: _ClassVar[int]
    NODE_DEF_FIELD_NUMBER: _ClassVar[int]
    RET_FIELD_NUMBER: _ClassVar[int]
    CONTROL_RET_FIELD_NUMBER: _ClassVar[int]
    signature: OpDef
    attr: _containers.MessageMap[str, AttrValue]
    arg_attr: _containers.MessageMap[int, FunctionDef.ArgAttrs]
    node_def: _containers.RepeatedCompositeFieldContainer[NodeDef]
    ret: _containers.ScalarMap[str, str]
    control_ret: _containers.ScalarMap[str, str]
    def __init__(
        self,
        signature: _Optional[_Union[OpDef, _Mapping[str, _Any]]] = ...,
        attr: _Optional[_Mapping[str, AttrValue]] = ...,
        arg_attr: _Optional[_Mapping[int, FunctionDef.ArgAttrs]] = ...,
        node_def: _Optional[_Iterable[_Union[NodeDef, _Mapping[str, _Any]]]] = ...,
        ret: _Optional[_Mapping[str, str]] = ...,
        control_ret: _Optional[_Mapping[str, str]] = ...,
    ) -> None: ...

class GradientDef(_message.Message):
    __slots__ = ("function_name", "gradient_func")
    FUNCTION_NAME_FIELD_NUMBER: _ClassVar[int]
    GRADIENT_FUNC_FIELD_NUMBER: _ClassVar[int]
    function_name: str
    gradient_func: str
    def __init__(self, function_name: _Optional[str] = ..., gradient_func: _Optional[str] = ...) -> None: ...

class GraphDef(_message.Message):
    __slots__ = ("node", "versions", "version", "library")
    NODE_FIELD_NUMBER: _ClassVar[int]
    VERSIONS_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    LIBRARY_FIELD_NUMBER: _ClassVar[int]
    node: _containers.RepeatedCompositeFieldContainer[NodeDef]
    versions: VersionDef
    version: int
    library: FunctionDefLibrary
    def __init__(
        self,
        node: _Optional[_Iterable[_Union[NodeDef, _Mapping[str, _Any]]]] = ...,
        versions: _Optional[_Union[VersionDef, _Mapping[str, _Any]]] = ...,
        version: _Optional[int] = ...,
        library: _Optional[_Union[FunctionDefLibrary, _Mapping[str, _Any]]] = ...,
    ) -> None: ...

class VariableSynchronization(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    VARIABLE_SYNCHRONIZATION_AUTO: _ClassVar[VariableSynchronization]
    VARIABLE_SYNCHRONIZATION_NONE: _ClassVar[VariableSynchronization]
    VARIABLE_SYNCHRONIZATION_ON_WRITE: _ClassVar[VariableSynchronization]
    VARIABLE_SYNCHRONIZATION_ON_READ: _ClassVar[VariableSynchronization]

class VariableAggregation(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    VARIABLE_AGGREGATION_NONE: _ClassVar[VariableAggregation]
    VARIABLE_AGGREGATION_SUM: _ClassVar[VariableAggregation]
    VARIABLE_AGGREGATION_MEAN: _ClassVar[VariableAggregation]
    VARIABLE_AGGREGATION_ONLY_FIRST_REPLICA: _ClassVar[VariableAggregation]

VARIABLE_SYNCHRONIZATION_AUTO: VariableSynchronization
VARIABLE_SYNCHRONIZATION_NONE: VariableSynchronization
VARIABLE_SYNCHRONIZATION_ON_WRITE: VariableSynchronization
VARIABLE_SYNCHRONIZATION_ON_READ: VariableSynchronization
VARIABLE_AGGREGATION_NONE: VariableAggregation
VARIABLE_AGGREGATION_SUM: VariableAggregation
VARIABLE_AGGREGATION_MEAN: VariableAggregation
VARIABLE_AGGREGATION_ONLY_FIRST_REPLICA: VariableAggregation

class SaverDef(_message.Message):
    __slots__ = (
        "filename_tensor_name",
        "save_tensor_name",
        "restore_op_name",
        "max_to_keep",
        "sharded",
        "keep_checkpoint_every_n_hours",
        "version",
    )
    class CheckpointFormatVersion(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
        __slots__ = ()
        LEGACY: _ClassVar[SaverDef.CheckpointFormatVersion]
        V1: _ClassVar[SaverDef.CheckpointFormatVersion]
        V2: _ClassVar[SaverDef.CheckpointFormatVersion]

    LEGACY: SaverDef.CheckpointFormatVersion
    V1: SaverDef.CheckpointFormatVersion
    V2: SaverDef.CheckpointFormatVersion
    FILENAME_TENSOR_NAME_FIELD_NUMBER: _ClassVar[int]
    SAVE_TENSOR_NAME_FIELD_NUMBER: _ClassVar[int]
    RESTORE_OP_NAME_FIELD_NUMBER: _ClassVar[int]
    MAX_TO_KEEP_FIELD_NUMBER: _ClassVar[int]
    SHARDED_FIELD_NUMBER: _ClassVar[int]
    KEEP_CHECKPOINT_EVERY_N_HOURS_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    filename_tensor_name: str
    save_tensor_name: str
    restore_op_name: str
    max_to_keep: int
    sharded: bool
    keep_checkpoint_every_n_hours: float
    version: SaverDef.CheckpointFormatVersion
    def __init__(
        self,
        filename_tensor_name: _Optional[str] = ...,
        save_tensor_name: _Optional[str] = ...,
        restore_op_name: _Optional[str] = ...,
        max_to_keep: _Optional[int] = ...,
        sharded: _Optional[bool] = ...,
        keep_checkpoint_every_n_hours: _Optional[float] = ...,
        version: _Optional[_Union[SaverDef.CheckpointFormatVersion, int, str]] = ...,
    ) -> None: ...

class VariableDef(_message.Message):
    __slots__ = (
        "variable_name",
        "initial_value_name",
        "initializer_name",
        "snapshot_name",
        "save_slice_info_def",
        "is_resource",
        "trainable",
        "synchronization",
        "aggregation",
    )
    VARIABLE_NAME_FIELD_NUMBER: _ClassVar[int]
    INITIAL_VALUE_NAME_FIELD_NUMBER: _ClassVar[int]
    INITIALIZER_NAME_FIELD_NUMBER: _ClassVar[int]
    SNAPSHOT_NAME_FIELD_NUMBER: _ClassVar[int]
    SAVE_SLICE_INFO_DEF_FIELD_NUMBER: _ClassVar[int]
    IS_RESOURCE_FIELD_NUMBER: _ClassVar[int]
    TRAINABLE_FIELD_NUMBER: _ClassVar[int]
    SYNCHRONIZATION_FIELD_NUMBER: _ClassVar[int]
    AGGREGATION_FIELD_NUMBER: _ClassVar[int]
    variable_name: str
    initial_value_name: str
    initializer_name: str
    snapshot_name: str
    save_slice_info_def: SaveSliceInfoDef
    is_resource: bool
    trainable: bool
    synchronization: VariableSynchronization
    aggregation: VariableAggregation
    def __init__(
        self,
        variable_name: _Optional[str] = ...,
        initial_value_name: _Optional[str] = ...,
        initializer_name: _Optional[str] = ...,
        snapshot_name: _Optional[str] = ...,
        save_slice_info_def: _Optional[_Union[SaveSliceInfoDef, _Mapping[str, _Any]]] = ...,
        is_resource: _Optional[bool] = ...,
        trainable: _Optional[bool] = ...,
        synchronization: _Optional[_Union[VariableSynchronization, int, str]] = ...,
        aggregation: _Optional[_Union[VariableAggregation, int, str]] = ...,
    ) -> None: ...

class SaveSliceInfoDef(_message.Message):
    __slots__ = ("full_name", "full_shape", "var_offset", "var_shape")
    FULL_NAME_FIELD_NUMBER: _ClassVar[int]
    FULL_SHAPE_FIELD_NUMBER: _ClassVar[int]
    VAR_OFFSET_FIELD_NUMBER: _ClassVar[int]
    VAR_SHAPE_FIELD_NUMBER: _ClassVar[int]
    full_name: str
    full_shape: _containers.RepeatedScalarFieldContainer[int]
    var_offset: _containers.RepeatedScalarFieldContainer[int]
    var_shape: _containers.RepeatedScalarFieldContainer[int]
    def __init__(
        self,
        full_name: _Optional[str] = ...,
        full_shape: _Optional[_Iterable[int]] = ...,
        var_offset: _Optional[_Iterable[int]] = ...,
        var_shape: _Optional[_Iterable[int]] = ...,
    ) -> None: ...

class QueueRunnerDef(_message.Message):
    __slots__ = (
        "queue_name",
        "enqueue_op_name",
        "close_op_name",
        "cancel_op_name",
        "queue_closed_exception_types",
    )
    QUEUE_NAME_FIELD_NUMBER: _ClassVar[int]
    ENQUEUE_OP_NAME_FIELD_NUMBER: _ClassVar[int]
    CLOSE_OP_NAME_FIELD_NUMBER: _ClassVar[int]
    CANCEL_OP_NAME_FIELD_NUMBER: _ClassVar[int]
    QUEUE_CLOSED_EXCEPTION_TYPES_FIELD_NUMBER: _ClassVar[int]
    queue_name: str
    enqueue_op_name: _containers.RepeatedScalarFieldContainer[str]
    close_op_name: str
    cancel_op_name: str
    queue_closed_exception_types: _containers.RepeatedScalarFieldContainer[Code]
    def __init__(
        self,
        queue_name: _Optional[str] = ...,
        enqueue_op_name: _Optional[_Iterable[str]] = ...,
        close_op_name: _Optional[str] = ...,
        cancel_op_name: _Optional[str] = ...,
        queue_closed_exception_types: _Optional[_Iterable[_Union[Code, int, str]]] = ...,
    ) -> None: ...

class ValuesDef(_message.Message):
    __slots__ = ("values", "external_values")
    class ExternalValuesEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...

    VALUES_FIELD_NUMBER: _ClassVar[int]
    EXTERNAL_VALUES_FIELD_NUMBER: _ClassVar[int]
    values: _containers.RepeatedScalarFieldContainer[str]
    external_values: _containers.ScalarMap[str, str]
    def __init__(
        self, values: _Optional[_Iterable[str]] = ..., external_values: _Optional[_Mapping[str, str]] = ...
    ) -> None: ...

class ControlFlowContextDef(_message.Message):
    __slots__ = ("cond_ctxt", "while_ctxt")
    COND_CTXT_FIELD_NUMBER: _ClassVar[int]
    WHILE_CTXT_FIELD_NUMBER: _ClassVar[int]
    cond_ctxt: CondContextDef
    while_ctxt: WhileContextDef
    def __init__(
        self,
        cond_ctxt: _Optional[_Union[CondContextDef, _Mapping[str, _Any]]] = ...,
        while_ctxt: _Optional[_Union[WhileContextDef, _Mapping[str, _Any]]] = ...,
    ) -> None: ...

class CondContextDef(_message.Message):
    __slots__ = ("context_name", "pred_name", "pivot_name", "branch", "values_def", "nested_contexts")
    CONTEXT_NAME_FIELD_NUMBER: _ClassVar[int]
    PRED_NAME_FIELD_NUMBER: _ClassVar[int]
    PIVOT_NAME_FIELD_NUMBER: _ClassVar[int]
    BRANCH_FIELD_NUMBER: _ClassVar[int]
    VALUES_DEF_FIELD_NUMBER: _ClassVar[int]
    NESTED_CONTEXTS_FIELD_NUMBER: _ClassVar[int]
    context_name: str
    pred_name: str
    pivot_name: str
    branch: int
    values_def: ValuesDef
    nested_contexts: _containers.RepeatedCompositeFieldContainer[ControlFlowContextDef]
    def __init__(
        self,
        context_name: _Optional[str] = ...,
        pred_name: _Optional[str] = ...,
        pivot_name: _Optional[str] = ...,
        branch: _Optional[int] = ...,
        values_def: _Optional[_Union[ValuesDef, _Mapping[str, _Any]]] = ...,
        nested_contexts: _Optional[_Iterable[_Union[ControlFlowContextDef, _Mapping[str, _Any]]]] = ...,
    ) -> None: ...

class WhileContextDef(_message.Message):
    __slots__ = (
        "context_name",
        "parallel_iterations",
        "back_prop",
        "swap_memory",
        "pivot_name",
        "pivot_for_pred_name",
        "pivot_for_body_name",
        "loop_exit_names",
        "loop_enter_names",
        "values_def",
        "maximum_iterations_name",
        "nested_contexts",
    )
    CONTEXT_NAME_FIELD_NUMBER: _ClassVar[int]
    PARALLEL_ITERATIONS_FIELD_NUMBER: _ClassVar[int]
    BACK_PROP_FIELD_NUMBER: _ClassVar[int]
    SWAP_MEMORY_FIELD_NUMBER: _ClassVar[int]
    PIVOT_NAME_FIELD_NUMBER: _ClassVar[int]
    PIVOT_FOR_PRED_NAME_FIELD_NUMBER: _ClassVar[int]
    PIVOT_FOR_BODY_NAME_FIELD_NUMBER: _ClassVar[int]
    LOOP_EXIT_NAMES_FIELD_NUMBER: _ClassVar[int]
    LOOP_ENTER_NAMES_FIELD_NUMBER: _ClassVar[int]
    VALUES_DEF_FIELD_NUMBER: _ClassVar[int]
    MAXIMUM_ITERATIONS_NAME_FIELD_NUMBER: _ClassVar[int]
    NESTED_CONTEXTS_FIELD_NUMBER: _ClassVar[int]
    context_name: str
    parallel_iterations: int
    back_prop: bool
    swap_memory: bool
    pivot_name: str
    pivot_for_pred_name: str
    pivot_for_body_name: str
    loop_exit_names: _containers.RepeatedScalarFieldContainer[str]
    loop_enter_names: _containers.RepeatedScalarFieldContainer[str]
    values_def: ValuesDef
    maximum_iterations_name: str
    nested_contexts: _containers.RepeatedCompositeFieldContainer[ControlFlowContextDef]
    def __init__(
        self,
        context_name: _Optional[str] = ...,
        parallel_iterations: _Optional[int] = ...,
        back_prop: _Optional[bool] = ...,
        swap_memory: _Optional[bool] = ...,
        pivot_name: _Optional[str] = ...,
        pivot_for_pred_name: _Optional[str] = ...,
        pivot_for_body_name: _Optional[str] = ...,
        loop_exit_names: _Optional[_Iterable[str]] = ...,
        loop_enter_names: _Optional[_Iterable[str]] = ...,
        values_def: _Optional[_Union[ValuesDef, _Mapping[str, _Any]]] = ...,
        maximum_iterations_name: _Optional[str] = ...,
        nested_contexts: _Optional[_Iterable[_Union[ControlFlowContextDef, _Mapping[str, _Any]]]] = ...,
    ) -> None: ...

class MetaGraphDef(_message.Message):
    __slots__ = (
        "meta_info_def",
        "graph_def",
        "saver_def",
        "collection_def",
        "signature_def",
        "asset_file_def",
        "object_graph_def",
    )
    class MetaInfoDef(_message.Message):
        __slots__ = (
            "meta_graph_version",
            "stripped_op_list",
            "any_info",
            "tags",
            "tensorflow_version",
            "tensorflow_git_version",
            "stripped_default_attrs",
        )
        META_GRAPH_VERSION_FIELD_NUMBER: _ClassVar[int]
        STRIPPED_OP_LIST_FIELD_NUMBER: _ClassVar[int]
        ANY_INFO_FIELD_NUMBER: _ClassVar[int]
        TAGS_FIELD_NUMBER: _ClassVar[int]
        TENSORFLOW_VERSION_FIELD_NUMBER: _ClassVar[int]
        TENSORFLOW_GIT_VERSION_FIELD_NUMBER: _ClassVar[int]
        STRIPPED_DEFAULT_ATTRS_FIELD_NUMBER: _ClassVar[int]
        meta_graph_version: str
        stripped_op_list: OpList
        any_info: _any_pb2.Any
        tags: _containers.RepeatedScalarFieldContainer[str]
        tensorflow_version: str
        tensorflow_git_version: str
        stripped_default_attrs: bool
        def __init__(
            self,
            meta_graph_version: _Optional[str] = ...,
            stripped_op_list: _Optional[_Union[OpList, _Mapping[str, _Any]]] = ...,
            any_info: _Optional[_Union[_any_pb2.Any, _Mapping[str, _Any]]] = ...,
            tags: _Optional[_Iterable[str]] = ...,
            tensorflow_version: _Optional[str] = ...,
            tensorflow_git_version: _Optional[str] = ...,
            stripped_default_attrs: _Optional[bool] = ...,
        ) -> None: ...

    class CollectionDefEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: CollectionDef
        def __init__(
            self,
            key: _Optional[str] = ...,
            value: _Optional[_Union[CollectionDef, _Mapping[str, _Any]]] = ...,
        ) -> None: ...

    class SignatureDefEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: SignatureDef
        def __init__(
            self, key: _Optional[str] = ..., value: _Optional[_Union[SignatureDef, _Mapping[str, _Any]]] = ...
        ) -> None: ...

    META_INFO_DEF_FIELD_NUMBER: _ClassVar[int]
    GRAPH_DEF_FIELD_NUMBER: _ClassVar[int]
    SAVER_DEF_FIELD_NUMBER: _ClassVar[int]
    COLLECTION_DEF_FIELD_NUMBER: _ClassVar[int]
    SIGNATURE_DEF_FIELD_NUMBER: _ClassVar[int]
    ASSET_FILE_DEF_FIELD_NUMBER: _ClassVar[int]
    OBJECT_GRAPH_DEF_FIELD_NUMBER: _ClassVar[int]
    meta_info_def: MetaGraphDef.MetaInfoDef
    graph_def: GraphDef
    saver_def: SaverDef
    collection_def: _containers.MessageMap[str, CollectionDef]
    signature_def: _containers.MessageMap[str, SignatureDef]
    asset_file_def: _containers.RepeatedCompositeFieldContainer[AssetFileDef]
    object_graph_def: SavedObjectGraph
    def __init__(
        self,
        meta_info_def: _Optional[_Union[MetaGraphDef.MetaInfoDef, _Mapping[str, _Any]]] = ...,
        graph_def: _Optional[_Union[GraphDef, _Mapping[str, _Any]]] = ...,
        saver_def: _Optional[_Union[SaverDef, _Mapping[str, _Any]]] = ...,
        collection_def: _Optional[_Mapping[str, CollectionDef]] = ...,
        signature_def: _Optional[_Mapping[str, SignatureDef]] = ...,
        asset_file_def: _Optional[_Iterable[_Union[AssetFileDef, _Mapping[str, _Any]]]] = ...,
        object_graph_def: _Optional[_Union[SavedObjectGraph, _Mapping[str, _Any]]] = ...,
    ) -> None: ...

class CollectionDef(_message.Message):
    __slots__ = ("node_list", "bytes_list", "int64_list", "float_list", "any_list")
    class NodeList(_message.Message):
        __slots__ = ("value",)
        VALUE_FIELD_NUMBER: _ClassVar[int]
        value: _containers.RepeatedScalarFieldContainer[str]
        def __init__(self, value: _Optional[_Iterable[str]] = ...) -> None: ...

    class BytesList(_message.Message):
        __slots__ = ("value",)
        VALUE_FIELD_NUMBER: _ClassVar[int]
        value: _containers.RepeatedScalarFieldContainer[bytes]
        def __init__(self, value: _Optional[_Iterable[bytes]] = ...) -> None: ...

    class Int64List(_message.Message):
        __slots__ = ("value",)
        VALUE_FIELD_NUMBER: _ClassVar[int]
        value: _containers.RepeatedScalarFieldContainer[int]
        def __init__(self, value: _Optional[_Iterable[int]] = ...) -> None: ...

    class FloatList(_message.Message):
        __slots__ = ("value",)
        VALUE_FIELD_NUMBER: _ClassVar[int]
        value: _containers.RepeatedScalarFieldContainer[float]
        def __init__(self, value: _Optional[_Iterable[float]] = ...) -> None: ...

    class AnyList(_message.Message):
        __slots__ = ("value",)
        VALUE_FIELD_NUMBER: _ClassVar[int]
        value: _containers.RepeatedCompositeFieldContainer[_any_pb2.Any]
        def __init__(
            self, value: _Optional[_Iterable[_Union[_any_pb2.Any, _Mapping[str, _Any]]]] = ...
        ) -> None: ...

    NODE_LIST_FIELD_NUMBER: _ClassVar[int]
    BYTES_LIST_FIELD_NUMBER: _ClassVar[int]
    INT64_LIST_FIELD_NUMBER: _ClassVar[int]
    FLOAT_LIST_FIELD_NUMBER: _ClassVar[int]
    ANY_LIST_FIELD_NUMBER: _ClassVar[int]
    node_list: CollectionDef.NodeList
    bytes_list: CollectionDef.BytesList
    int64_list: CollectionDef.Int64List
    float_list: CollectionDef.FloatList
    any_list: CollectionDef.AnyList
    def __init__(
        self,
        node_list: _Optional[_Union[CollectionDef.NodeList, _Mapping[str, _Any]]] = ...,
        bytes_list: _Optional[_Union[CollectionDef.BytesList, _Mapping[str, _Any]]] = ...,
        int64_list: _Optional[_Union[CollectionDef.Int64List, _Mapping[str, _Any]]] = ...,
        float_list: _Optional[_Union[CollectionDef.FloatList, _Mapping[str, _Any]]] = ...,
        any_list: _Optional[_Union[CollectionDef.AnyList, _Mapping[str, _Any]]] = ...,
    ) -> None: ...

class TensorInfo(_message.Message):
    __slots__ = ("name", "coo_sparse", "composite_tensor", "dtype", "tensor_shape")
    class CooSparse(_message.Message):
        __slots__ = ("values_tensor_name", "indices_tensor_name", "dense_shape_tensor_name")
        VALUES_TENSOR_NAME_FIELD_NUMBER: _ClassVar[int]
        INDICES_TENSOR_NAME_FIELD_NUMBER: _ClassVar[int]
        DENSE_SHAPE_TENSOR_NAME_FIELD_NUMBER: _ClassVar[int]
        values_tensor_name: str
        indices_tensor_name: str
        dense_shape_tensor_name: str
        def __init__(
            self,
            values_tensor_name: _Optional[str] = ...,
            indices_tensor_name: _Optional[str] = ...,
            dense_shape_tensor_name: _Optional[str] = ...,
        ) -> None: ...

    class CompositeTensor(_message.Message):
        __slots__ = ("type_spec", "components")
        TYPE_SPEC_FIELD_NUMBER: _ClassVar[int]
        COMPONENTS_FIELD_NUMBER: _ClassVar[int]
        type_spec: TypeSpecProto
        components: _containers.RepeatedCompositeFieldContainer[TensorInfo]
        def __init__(
            self,
            type_spec: _Optional[_Union[TypeSpecProto, _Mapping[str, _Any]]] = ...,
            components: _Optional[_Iterable[_Union[TensorInfo, _Mapping[str, _Any]]]] = ...,
        ) -> None: ...

    NAME_FIELD_NUMBER: _ClassVar[int]
    COO_SPARSE_FIELD_NUMBER: _ClassVar[int]
    COMPOSITE_TENSOR_FIELD_NUMBER: _ClassVar[int]
    DTYPE_FIELD_NUMBER: _ClassVar[int]
    TENSOR_SHAPE_FIELD_NUMBER: _ClassVar[int]
    name: str
    coo_sparse: TensorInfo.CooSparse
    composite_tensor: TensorInfo.CompositeTensor
    dtype: DataType
    tensor_shape: TensorShapeProto
    def __init__(
        self,
        name: _Optional[str] = ...,
        coo_sparse: _Optional[_Union[TensorInfo.CooSparse, _Mapping[str, _Any]]] = ...,
        composite_tensor: _Optional[_Union[TensorInfo.CompositeTensor, _Mapping[str, _Any]]] = ...,
        dtype: _Optional[_Union[DataType, int, str]] = ...,
        tensor_shape: _Optional[_Union[TensorShapeProto, _Mapping[str, _Any]]] = ...,
    ) -> None: ...

class SignatureDef(_message.Message):
    __slots__ = ("inputs", "outputs", "method_name")
    class InputsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: TensorInfo
        def __init__(
            self, key: _Optional[str] = ..., value: _Optional[_Union[TensorInfo, _Mapping[str, _Any]]] = ...
        ) -> None: ...

    class OutputsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: TensorInfo
        def __init__(
            self, key: _Optional[str] = ..., value: _Optional[_Union[TensorInfo, _Mapping[str, _Any]]] = ...
        ) -> None: ...

    INPUTS_FIELD_NUMBER: _ClassVar[int]
    OUTPUTS_FIELD_NUMBER: _ClassVar[int]
    METHOD_NAME_FIELD_NUMBER: _ClassVar[int]
    inputs: _containers.MessageMap[str, TensorInfo]
    outputs: _containers.MessageMap[str, TensorInfo]
    method_name: str
    def __init__(
        self,
        inputs: _Optional[_Mapping[str, TensorInfo]] = ...,
        outputs: _Optional[_Mapping[str, TensorInfo]] = ...,
        method_name: _Optional[str] = ...,
    ) -> None: ...

class AssetFileDef(_message.Message):
    __slots__ = ("tensor_info", "filename")
    TENSOR_INFO_FIELD_NUMBER: _ClassVar[int]
    FILENAME_FIELD_NUMBER: _ClassVar[int]
    tensor_info: TensorInfo
    filename: str
    def __init__(
        self,
        tensor_info: _Optional[_Union[TensorInfo, _Mapping[str, _Any]]] = ...,
        filename: _Optional[str] = ...,
    ) -> None: ...

class SavedModel(_message.Message):
    __slots__ = ("saved_model_schema_version", "meta_graphs")
    SAVED_MODEL_SCHEMA_VERSION_FIELD_NUMBER: _ClassVar[int]
    META_GRAPHS_FIELD_NUMBER: _ClassVar[int]
    saved_model_schema_version: int
    meta_graphs: _containers.RepeatedCompositeFieldContainer[MetaGraphDef]
    def __init__(
        self,
        saved_model_schema_version: _Optional[int] = ...,
        meta_graphs: _Optional[_Iterable[_Union[MetaGraphDef, _Mapping[str, _Any]]]] = ...,
    ) -> None: ...

class StructuredValue(_message.Message):
    __slots__ = (
        "none_value",
        "float64_value",
        "int64_value",
        "string_value",
        "bool_value",
        "tensor_shape_value",
        "tensor_dtype_value",
        "tensor_spec_value",
        "type_spec_value",
        "list_value",
        "tuple_value",
        "dict_value",
        "named_tuple_value",
    )
    NONE_VALUE_FIELD_NUMBER: _ClassVar[int]
    FLOAT64_VALUE_FIELD_NUMBER: _ClassVar[int]
    INT64_VALUE_FIELD_NUMBER: _ClassVar[int]
    STRING_VALUE_FIELD_NUMBER: _ClassVar[int]
    BOOL_VALUE_FIELD_NUMBER: _ClassVar[int]
    TENSOR_SHAPE_VALUE_FIELD_NUMBER: _ClassVar[int]
    TENSOR_DTYPE_VALUE_FIELD_NUMBER: _ClassVar[int]
    TENSOR_SPEC_VALUE_FIELD_NUMBER: _ClassVar[int]
    TYPE_SPEC_VALUE_FIELD_NUMBER: _ClassVar[int]
    LIST_VALUE_FIELD_NUMBER: _ClassVar[int]
    TUPLE_VALUE_FIELD_NUMBER: _ClassVar[int]
    DICT_VALUE_FIELD_NUMBER: _ClassVar[int]
    NAMED_TUPLE_VALUE_FIELD_NUMBER: _ClassVar[int]
    none_value: NoneValue
    float64_value: float
    int64_value: int
    string_value: str
    bool_value: bool
    tensor_shape_value: TensorShapeProto
    tensor_dtype_value: DataType
    tensor_spec_value: TensorSpecProto
    type_spec_value: TypeSpecProto
    list_value: ListValue
    tuple_value: TupleValue
    dict_value: DictValue
    named_tuple_value: NamedTupleValue
    def __init__(
        self,
        none_value: _Optional[_Union[NoneValue, _Mapping[str, _Any]]] = ...,
        float64_value: _Optional[float] = ...,
        int64_value: _Optional[int] = ...,
        string_value: _Optional[str] = ...,
        bool_value: _Optional[bool] = ...,
        tensor_shape_value: _Optional[_Union[TensorShapeProto, _Mapping[str, _Any]]] = ...,
        tensor_dtype_value: _Optional[_Union[DataType, int, str]] = ...,
        tensor_spec_value: _Optional[_Union[TensorSpecProto, _Mapping[str, _Any]]] = ...,
        type_spec_value: _Optional[_Union[TypeSpecProto, _Mapping[str, _Any]]] = ...,
        list_value: _Optional[_Union[ListValue, _Mapping[str, _Any]]] = ...,
        tuple_value: _Optional[_Union[TupleValue, _Mapping[str, _Any]]] = ...,
        dict_value: _Optional[_Union[DictValue, _Mapping[str, _Any]]] = ...,
        named_tuple_value: _Optional[_Union[NamedTupleValue, _Mapping[str, _Any]]] = ...,
    ) -> None: ...

class NoneValue(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class ListValue(_message.Message):
    __slots__ = ("values",)
    VALUES_FIELD_NUMBER: _ClassVar[int]
    values: _containers.RepeatedCompositeFieldContainer[StructuredValue]
    def __init__(
        self, values: _Optional[_Iterable[_Union[StructuredValue, _Mapping[str, _Any]]]] = ...
    ) -> None: ...

class TupleValue(_message.Message):
    __slots__ = ("values",)
    VALUES_FIELD_NUMBER: _ClassVar[int]
    values: _containers.RepeatedCompositeFieldContainer[StructuredValue]
    def __init__(
        self, values: _Optional[_Iterable[_Union[StructuredValue, _Mapping[str, _Any]]]] = ...
    ) -> None: ...

class DictValue(_message.Message):
    __slots__ = ("fields",)
    class FieldsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: StructuredValue
        def __init__(
            self,
            key: _Optional[str] = ...,
            value: _Optional[_Union[StructuredValue, _Mapping[str, _Any]]] = ...,
        ) -> None: ...

    FIELDS_FIELD_NUMBER: _ClassVar[int]
    fields: _containers.MessageMap[str, StructuredValue]
    def __init__(self, fields: _Optional[_Mapping[str, StructuredValue]] = ...) -> None: ...

class PairValue(_message.Message):
    __slots__ = ("key", "value")
    KEY_FIELD_NUMBER: _ClassVar[int]
    VALUE_FIELD_NUMBER: _ClassVar[int]
    key: str
    value: StructuredValue
    def __init__(
        self, key: _Optional[str] = ..., value: _Optional[_Union[StructuredValue, _Mapping[str, _Any]]] = ...
    ) -> None: ...

class NamedTupleValue(_message.Message):
    __slots__ = ("name", "values")
    NAME_FIELD_NUMBER: _ClassVar[int]
    VALUES_FIELD_NUMBER: _ClassVar[int]
    name: str
    values: _containers.RepeatedCompositeFieldContainer[PairValue]
    def __init__(
        self,
        name: _Optional[str] = ...,
        values: _Optional[_Iterable[_Union[PairValue, _Mapping[str, _Any]]]] = ...,
    ) -> None: ...

class TensorSpecProto(_message.Message):
    __slots__ = ("name", "shape", "dtype")
    NAME_FIELD_NUMBER: _ClassVar[int]
    SHAPE_FIELD_NUMBER: _ClassVar[int]
    DTYPE_FIELD_NUMBER: _ClassVar[int]
    name: str
    shape: TensorShapeProto
    dtype: DataType
    def __init__(
        self,
        name: _Optional[str] = ...,
        shape: _Optional[_Union[TensorShapeProto, _Mapping[str, _Any]]] = ...,
        dtype: _Optional[_Union[DataType, int, str]] = ...,
    ) -> None: ...

class TypeSpecProto(_message.Message):
    __slots__ = ("type_spec_class", "type_state", "type_spec_class_name")
    class TypeSpecClass(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
        __slots__ = ()
        UNKNOWN: _ClassVar[TypeSpecProto.TypeSpecClass]
        SPARSE_TENSOR_SPEC: _ClassVar[TypeSpecProto.TypeSpecClass]
        INDEXED_SLICES_SPEC: _ClassVar[TypeSpecProto.TypeSpecClass]
        RAGGED_TENSOR_SPEC: _ClassVar[TypeSpecProto.TypeSpecClass]
        TENSOR_ARRAY_SPEC: _ClassVar[TypeSpecProto.TypeSpecClass]
        DATA_DATASET_SPEC: _ClassVar[TypeSpecProto.TypeSpecClass]
        DATA_ITERATOR_SPEC: _ClassVar[TypeSpecProto.TypeSpecClass]
        OPTIONAL_SPEC: _ClassVar[TypeSpecProto.TypeSpecClass]
        PER_REPLICA_SPEC: _ClassVar[TypeSpecProto.TypeSpecClass]

    UNKNOWN: TypeSpecProto.TypeSpecClass
    SPARSE_TENSOR_SPEC: TypeSpecProto.TypeSpecClass
    INDEXED_SLICES_SPEC: TypeSpecProto.TypeSpecClass
    RAGGED_TENSOR_SPEC: TypeSpecProto.TypeSpecClass
    TENSOR_ARRAY_SPEC: TypeSpecProto.TypeSpecClass
    DATA_DATASET_SPEC: TypeSpecProto.TypeSpecClass
    DATA_ITERATOR_SPEC: TypeSpecProto.TypeSpecClass
    OPTIONAL_SPEC: TypeSpecProto.TypeSpecClass
    PER_REPLICA_SPEC: TypeSpecProto.TypeSpecClass
    TYPE_SPEC_CLASS_FIELD_NUMBER: _ClassVar[int]
    TYPE_STATE_FIELD_NUMBER: _ClassVar[int]
    TYPE_SPEC_CLASS_NAME_FIELD_NUMBER: _ClassVar[int]
    type_spec_class: TypeSpecProto.TypeSpecClass
    type_state: StructuredValue
    type_spec_class_name: str
    def __init__(
        self,
        type_spec_class: _Optional[_Union[TypeSpecProto.TypeSpecClass, int, str]] = ...,
        type_state: _Optional[_Union[StructuredValue, _Mapping[str, _Any]]] = ...,
        type_spec_class_name: _Optional[str] = ...,
    ) -> None: ...

class SavedObjectGraph(_message.Message):
    __slots__ = ("nodes", "concrete_functions")
    class ConcreteFunctionsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: SavedConcreteFunction
        def __init__(
            self,
            key: _Optional[str] = ...,
            value: _Optional[_Union[SavedConcreteFunction, _Mapping[str, _Any]]] = ...,
        ) -> None: ...

    NODES_FIELD_NUMBER: _ClassVar[int]
    CONCRETE_FUNCTIONS_FIELD_NUMBER: _ClassVar[int]
    nodes: _containers.RepeatedCompositeFieldContainer[SavedObject]
    concrete_functions: _containers.MessageMap[str, SavedConcreteFunction]
    def __init__(
        self,
        nodes: _Optional[_Iterable[_Union[SavedObject, _Mapping[str, _Any]]]] = ...,
        concrete_functions: _Optional[_Mapping[str, SavedConcreteFunction]] = ...,
    ) -> None: ...

class SavedObject(_message.Message):
    __slots__ = (
        "children",
        "slot_variables",
        "user_object",
        "asset",
        "function",
        "variable",
        "bare_concrete_function",
        "constant",
        "resource",
    )
    CHILDREN_FIELD_NUMBER: _ClassVar[int]
    SLOT_VARIABLES_FIELD_NUMBER: _ClassVar[int]
    USER_OBJECT_FIELD_NUMBER: _ClassVar[int]
    ASSET_FIELD_NUMBER: _ClassVar[int]
    FUNCTION_FIELD_NUMBER: _ClassVar[int]
    VARIABLE_FIELD_NUMBER: _ClassVar[int]
    BARE_CONCRETE_FUNCTION_FIELD_NUMBER: _ClassVar[int]
    CONSTANT_FIELD_NUMBER: _ClassVar[int]
    RESOURCE_FIELD_NUMBER: _ClassVar[int]
    children: _containers.RepeatedCompositeFieldContainer[
        TrackableObjectGraph.TrackableObject.ObjectReference
    ]
    slot_variables: _containers.RepeatedCompositeFieldContainer[
        TrackableObjectGraph.TrackableObject.SlotVariableReference
    ]
    user_object: SavedUserObject
    asset: SavedAsset
    function: SavedFunction
    variable: SavedVariable
    bare_concrete_function: SavedBareConcreteFunction
    constant: SavedConstant
    resource: SavedResource
    def __init__(
        self,
        children: _Optional[
            _Iterable[_Union[TrackableObjectGraph.TrackableObject.ObjectReference, _Mapping[str, _Any]]]
        ] = ...,
        slot_variables: _Optional[
            _Iterable[_Union[TrackableObjectGraph.TrackableObject.SlotVariableReference, _Mapping[str, _Any]]]
        ] = ...,
        user_object: _Optional[_Union[SavedUserObject, _Mapping[str, _Any]]] = ...,
        asset: _Optional[_Union[SavedAsset, _Mapping[str, _Any]]] = ...,
        function: _Optional[_Union[SavedFunction, _Mapping[str, _Any]]] = ...,
        variable: _Optional[_Union[SavedVariable, _Mapping[str, _Any]]] = ...,
        bare_concrete_function: _Optional[_Union[SavedBareConcreteFunction, _Mapping[str, _Any]]] = ...,
        constant: _Optional[_Union[SavedConstant, _Mapping[str, _Any]]] = ...,
        resource: _Optional[_Union[SavedResource, _Mapping[str, _Any]]] = ...,
    ) -> None: ...

class SavedUserObject(_message.Message):
    __slots__ = ("identifier", "version", "metadata")
    IDENTIFIER_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    METADATA_FIELD_NUMBER: _ClassVar[int]
    identifier: str
    version: VersionDef
    metadata: str
    def __init__(
        self,
        identifier: _Optional[str] = ...,
        version: _Optional[_Union[VersionDef, _Mapping[str, _Any]]] = ...,
        metadata: _Optional[str] = ...,
    ) -> None: ...

class SavedAsset(_message.Message):
    __slots__ = ("asset_file_def_index",)
    ASSET_FILE_DEF_INDEX_FIELD_NUMBER: _ClassVar[int]
    asset_file_def_index: int
    def __init__(self, asset_file_def_index: _Optional[int] = ...) -> None: ...

class SavedFunction(_message.Message):
    __slots__ = ("concrete_functions", "function_spec")
    CONCRETE_FUNCTIONS_FIELD_NUMBER: _ClassVar[int]
    FUNCTION_SPEC_FIELD_NUMBER: _ClassVar[int]
    concrete_functions: _containers.RepeatedScalarFieldContainer[str]
    function_spec: FunctionSpec
    def __init__(
        self,
        concrete_functions: _Optional[_Iterable[str]] = ...,
        function_spec: _Optional[_Union[FunctionSpec, _Mapping[str, _Any]]] = ...,
    ) -> None: ...

class SavedConcreteFunction(_message.Message):
    __slots__ = ("bound_inputs", "canonicalized_input_signature", "output_signature")
    BOUND_INPUTS_FIELD_NUMBER: _ClassVar[int]
    CANONICALIZED_INPUT_SIGNATURE_FIELD_NUMBER: _ClassVar[int]
    OUTPUT_SIGNATURE_FIELD_NUMBER: _ClassVar[int]
    bound_inputs: _containers.RepeatedScalarFieldContainer[int]
    canonicalized_input_signature: StructuredValue
    output_signature: StructuredValue
    def __init__(
        self,
        bound_inputs: _Optional[_Iterable[int]] = ...,
        canonicalized_input_signature: _Optional[_Union[StructuredValue, _Mapping[str, _Any]]] = ...,
        output_signature: _Optional[_Union[StructuredValue, _Mapping[str, _Any]]] = ...,
    ) -> None: ...

class SavedBareConcreteFunction(_message.Message):
    __slots__ = ("concrete_function_name", "argument_keywords", "allowed_positional_arguments")
    CONCRETE_FUNCTION_NAME_FIELD_NUMBER: _ClassVar[int]
    ARGUMENT_KEYWORDS_FIELD_NUMBER: _ClassVar[int]
    ALLOWED_POSITIONAL_ARGUMENTS_FIELD_NUMBER: _ClassVar[int]
    concrete_function_name: str
    argument_keywords: _containers.RepeatedScalarFieldContainer[str]
    allowed_positional_arguments: int
    def __init__(
        self,
        concrete_function_name: _Optional[str] = ...,
        argument_keywords: _Optional[_Iterable[str]] = ...,
        allowed_positional_arguments: _Optional[int] = ...,
    ) -> None: ...

class SavedConstant(_message.Message):
    __slots__ = ("operation",)
    OPERATION_FIELD_NUMBER: _ClassVar[int]
    operation: str
    def __init__(self, operation: _Optional[str] = ...) -> None: ...

class SavedVariable(_message.Message):
    __slots__ = ("dtype", "shape", "trainable", "synchronization", "aggregation", "name")
    DTYPE_FIELD_NUMBER: _ClassVar[int]
    SHAPE_FIELD_NUMBER: _ClassVar[int]
    TRAINABLE_FIELD_NUMBER: _ClassVar[int]
    SYNCHRONIZATION_FIELD_NUMBER: _ClassVar[int]
    AGGREGATION_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    dtype: DataType
    shape: TensorShapeProto
    trainable: bool
    synchronization: VariableSynchronization
    aggregation: VariableAggregation
    name: str
    def __init__(
        self,
        dtype: _Optional[_Union[DataType, int, str]] = ...,
        shape: _Optional[_Union[TensorShapeProto, _Mapping[str, _Any]]] = ...,
        trainable: _Optional[bool] = ...,
        synchronization: _Optional[_Union[VariableSynchronization, int, str]] = ...,
        aggregation: _Optional[_Union[VariableAggregation, int, str]] = ...,
        name: _Optional[str] = ...,
    ) -> None: ...

class FunctionSpec(_message.Message):
    __slots__ = ("fullargspec", "is_method", "input_signature")
    FULLARGSPEC_FIELD_NUMBER: _ClassVar[int]
    IS_METHOD_FIELD_NUMBER: _ClassVar[int]
    INPUT_SIGNATURE_FIELD_NUMBER: _ClassVar[int]
    fullargspec: StructuredValue
    is_method: bool
    input_signature: StructuredValue
    def __init__(
        self,
        fullargspec: _Optional[_Union[StructuredValue, _Mapping[str, _Any]]] = ...,
        is_method: _Optional[bool] = ...,
        input_signature: _Optional[_Union[StructuredValue, _Mapping[str, _Any]]] = ...,
    ) -> None: ...

class SavedResource(_message.Message):
    __slots__ = ("device",)
    DEVICE_FIELD_NUMBER: _ClassVar[int]
    device: str
    def __init__(self, device: _Optional[str] = ...) -> None: ...

class TrackableObjectGraph(_message.Message):
    __slots__ = ("nodes",)
    class TrackableObject(_message.Message):
        __slots__ = ("children", "attributes", "slot_variables")
        class ObjectReference(_message.Message):
            __slots__ = ("node_id", "local_name")
            NODE_ID_FIELD_NUMBER: _ClassVar[int]
            LOCAL_NAME_FIELD_NUMBER: _ClassVar[int]
            node_id: int
            local_name: str
            def __init__(self, node_id: _Optional[int] = ..., local_name: _Optional[str] = ...) -> None: ...

        class SerializedTensor(_message.Message):
            __slots__ = ("name", "full_name", "checkpoint_key", "optional_restore")
            NAME_FIELD_NUMBER: _ClassVar[int]
            FULL_NAME_FIELD_NUMBER: _ClassVar[int]
            CHECKPOINT_KEY_FIELD_NUMBER: _ClassVar[int]
            OPTIONAL_RESTORE_FIELD_NUMBER: _ClassVar[int]
            name: str
            full_name: str
            checkpoint_key: str
            optional_restore: bool
            def __init__(
                self,
                name: _Optional[str] = ...,
                full_name: _Optional[str] = ...,
                checkpoint_key: _Optional[str] = ...,
                optional_restore: _Optional[bool] = ...,
            ) -> None: ...

        class SlotVariableReference(_message.Message):
            __slots__ = ("original_variable_node_id", "slot_name", "slot_variable_node_id")
            ORIGINAL_VARIABLE_NODE_ID_FIELD_NUMBER: _ClassVar[int]
            SLOT_NAME_FIELD_NUMBER: _ClassVar[int]
            SLOT_VARIABLE_NODE_ID_FIELD_NUMBER: _ClassVar[int]
            original_variable_node_id: int
            slot_name: str
            slot_variable_node_id: int
            def __init__(
                self,
                original_variable_node_id: _Optional[int] = ...,
                slot_name: _Optional[str] = ...,
                slot_variable_node_id: _Optional[int] = ...,
            ) -> None: ...

        CHILDREN_FIELD_NUMBER: _ClassVar[int]
        ATTRIBUTES_FIELD_NUMBER: _ClassVar[int]
        SLOT_VARIABLES_FIELD_NUMBER: _ClassVar[int]
        children: _containers.RepeatedCompositeFieldContainer[
            TrackableObjectGraph.TrackableObject.ObjectReference
        ]
        attributes: _containers.RepeatedCompositeFieldContainer[
            TrackableObjectGraph.TrackableObject.SerializedTensor
        ]
        slot_variables: _containers.RepeatedCompositeFieldContainer[
            TrackableObjectGraph.TrackableObject.SlotVariableReference
        ]
        def __init__(
            self,
            children: _Optional[
                _Iterable[_Union[TrackableObjectGraph.TrackableObject.ObjectReference, _Mapping[str, _Any]]]
            ] = ...,
            attributes: _Optional[
                _Iterable[_Union[TrackableObjectGraph.TrackableObject.SerializedTensor, _Mapping[str, _Any]]]
            ] = ...,
            slot_variables: _Optional[
                _Iterable[
                    _Union[TrackableObjectGraph.TrackableObject.SlotVariableReference, _Mapping[str, _Any]]
                ]
            ] = ...,
        ) -> None: ...

    NODES_FIELD_NUMBER: _ClassVar[int]
    nodes: _containers.RepeatedCompositeFieldContainer[TrackableObjectGraph.TrackableObject]
    def __init__(
        self,
        nodes: _Optional[_Iterable[_Union[TrackableObjectGraph.TrackableObject, _Mapping[str, _Any]]]] = ...,
    ) -> None: ...

class AllocationDescription(_message.Message):
    __slots__ = (
        "requested_bytes",
        "allocated_bytes",
        "allocator_name",
        "allocation_id",
        "has_single_reference",
        "ptr",
    )
    REQUESTED_BYTES_FIELD_NUMBER: _ClassVar[int]
    ALLOCATED_BYTES_FIELD_NUMBER: _ClassVar[int]
    ALLOCATOR_NAME_FIELD_NUMBER: _ClassVar[int]
    ALLOCATION_ID_FIELD_NUMBER: _ClassVar[int]
    HAS_SINGLE_REFERENCE_FIELD_NUMBER: _ClassVar[int]
    PTR_FIELD_NUMBER: _ClassVar[int]
    requested_bytes: int
    allocated_bytes: int
    allocator_name: str
    allocation_id: int
    has_single_reference: bool
    ptr: int
    def __init__(
        self,
        requested_bytes: _Optional[int] = ...,
        allocated_bytes: _Optional[int] = ...,
        allocator_name: _Optional[str] = ...,
        allocation_id: _Optional[int] = ...,
        has_single_reference: _Optional[bool] = ...,
        ptr: _Optional[int] = ...,
    ) -> None: ...

class TensorDescription(_message.Message):
    __slots__ = ("dtype", "shape", "allocation_description")
    DTYPE_FIELD_NUMBER: _ClassVar[int]
    SHAPE_FIELD_NUMBER: _ClassVar[int]
    ALLOCATION_DESCRIPTION_FIELD_NUMBER: _ClassVar[int]
    dtype: DataType
    shape: TensorShapeProto
    allocation_description: AllocationDescription
    def __init__(
        self,
        dtype: _Optional[_Union[DataType, int, str]] = ...,
        shape: _Optional[_Union[TensorShapeProto, _Mapping[str, _Any]]] = ...,
        allocation_description: _Optional[_Union[AllocationDescription, _Mapping[str, _Any]]] = ...,
    ) -> None: ...

class InterconnectLink(_message.Message):
    __slots__ = ("device_id", "type", "strength")
    DEVICE_ID_FIELD_NUMBER: _ClassVar[int]
    TYPE_FIELD_NUMBER: _ClassVar[int]
    STRENGTH_FIELD_NUMBER: _ClassVar[int]
    device_id: int
    type: str
    strength: int
    def __init__(
        self, device_id: _Optional[int] = ..., type: _Optional[str] = ..., strength: _Optional[int] = ...
    ) -> None: ...

class LocalLinks(_message.Message):
    __slots__ = ("link",)
    LINK_FIELD_NUMBER: _ClassVar[int]
    link: _containers.RepeatedCompositeFieldContainer[InterconnectLink]
    def __init__(
        self, link: _Optional[_Iterable[_Union[InterconnectLink, _Mapping[str, _Any]]]] = ...
    ) -> None: ...

class DeviceLocality(_message.Message):
    __slots__ = ("bus_id", "numa_node", "links")
    BUS_ID_FIELD_NUMBER: _ClassVar[int]
    NUMA_NODE_FIELD_NUMBER: _ClassVar[int]
    LINKS_FIELD_NUMBER: _ClassVar[int]
    bus_id: int
    numa_node: int
    links: LocalLinks
    def __init__(
        self,
        bus_id: _Optional[int] = ...,
        numa_node: _Optional[int] = ...,
        links: _Optional[_Union[LocalLinks, _Mapping[str, _Any]]] = ...,
    ) -> None: ...

class DeviceAttributes(_message.Message):
    __slots__ = ("name", "device_type", "memory_limit", "locality", "incarnation", "physical_device_desc")
    NAME_FIELD_NUMBER: _ClassVar[int]
    DEVICE_TYPE_FIELD_NUMBER: _ClassVar[int]
    MEMORY_LIMIT_FIELD_NUMBER: _ClassVar[int]
    LOCALITY_FIELD_NUMBER: _ClassVar[int]
    INCARNATION_FIELD_NUMBER: _ClassVar[int]
    PHYSICAL_DEVICE_DESC_FIELD_NUMBER: _ClassVar[int]
    name: str
    device_type: str
    memory_limit: int
    locality: DeviceLocality
    incarnation: int
    physical_device_desc: str
    def __init__(
        self,
        name: _Optional[str] = ...,
        device_type: _Optional[str] = ...,
        memory_limit: _Optional[int] = ...,
        locality: _Optional[_Union[DeviceLocality, _Mapping[str, _Any]]] = ...,
        incarnation: _Optional[int] = ...,
        physical_device_desc: _Optional[str] = ...,
    ) -> None: ...

class CostGraphDef(_message.Message):
    __slots__ = ("node",)
    class Node(_message.Message):
        __slots__ = (
            "name",
            "device",
            "id",
            "input_info",
            "output_info",
            "temporary_memory_size",
            "persistent_memory_size",
            "host_temp_memory_size",
            "device_temp_memory_size",
            "device_persistent_memory_size",
            "compute_cost",
            "compute_time",
            "memory_time",
            "is_final",
            "control_input",
            "inaccurate",
        )
        class InputInfo(_message.Message):
            __slots__ = ("preceding_node", "preceding_port")
            PRECEDING_NODE_FIELD_NUMBER: _ClassVar[int]
            PRECEDING_PORT_FIELD_NUMBER: _ClassVar[int]
            preceding_node: int
            preceding_port: int
            def __init__(
                self, preceding_node: _Optional[int] = ..., preceding_port: _Optional[int] = ...
            ) -> None: ...

        class OutputInfo(_message.Message):
            __slots__ = ("size", "alias_input_port", "shape", "dtype")
            SIZE_FIELD_NUMBER: _ClassVar[int]
            ALIAS_INPUT_PORT_FIELD_NUMBER: _ClassVar[int]
            SHAPE_FIELD_NUMBER: _ClassVar[int]
            DTYPE_FIELD_NUMBER: _ClassVar[int]
            size: int
            alias_input_port: int
            shape: TensorShapeProto
            dtype: DataType
            def __init__(
                self,
                size: _Optional[int] = ...,
                alias_input_port: _Optional[int] = ...,
                shape: _Optional[_Union[TensorShapeProto, _Mapping[str, _Any]]] = ...,
                dtype: _Optional[_Union[DataType, int, str]] = ...,
            ) -> None: ...

        NAME_FIELD_NUMBER: _ClassVar[int]
        DEVICE_FIELD_NUMBER: _ClassVar[int]
        ID_FIELD_NUMBER: _ClassVar[int]
        INPUT_INFO_FIELD_NUMBER: _ClassVar[int]
        OUTPUT_INFO_FIELD_NUMBER: _ClassVar[int]
        TEMPORARY_MEMORY_SIZE_FIELD_NUMBER: _ClassVar[int]
        PERSISTENT_MEMORY_SIZE_FIELD_NUMBER: _ClassVar[int]
        HOST_TEMP_MEMORY_SIZE_FIELD_NUMBER: _ClassVar[int]
        DEVICE_TEMP_MEMORY_SIZE_FIELD_NUMBER: _ClassVar[int]
        DEVICE_PERSISTENT_MEMORY_SIZE_FIELD_NUMBER: _ClassVar[int]
        COMPUTE_COST_FIELD_NUMBER: _ClassVar[int]
        COMPUTE_TIME_FIELD_NUMBER: _ClassVar[int]
        MEMORY_TIME_FIELD_NUMBER: _ClassVar[int]
        IS_FINAL_FIELD_NUMBER: _ClassVar[int]
        CONTROL_INPUT_FIELD_NUMBER: _ClassVar[int]
        INACCURATE_FIELD_NUMBER: _ClassVar[int]
        name: str
        device: str
        id: int
        input_info: _containers.RepeatedCompositeFieldContainer[CostGraphDef.Node.InputInfo]
        output_info: _containers.RepeatedCompositeFieldContainer[CostGraphDef.Node.OutputInfo]
        temporary_memory_size: int
        persistent_memory_size: int
        host_temp_memory_size: int
        device_temp_memory_size: int
        device_persistent_memory_size: int
        compute_cost: int
        compute_time: int
        memory_time: int
        is_final: bool
        control_input: _containers.RepeatedScalarFieldContainer[int]
        inaccurate: bool
        def __init__(
            self,
            name: _Optional[str] = ...,
            device: _Optional[str] = ...,
            id: _Optional[int] = ...,
            input_info: _Optional[_Iterable[_Union[CostGraphDef.Node.InputInfo, _Mapping[str, _Any]]]] = ...,
            output_info: _Optional[
                _Iterable[_Union[CostGraphDef.Node.OutputInfo, _Mapping[str, _Any]]]
            ] = ...,
            temporary_memory_size: _Optional[int] = ...,
            persistent_memory_size: _Optional[int] = ...,
            host_temp_memory_size: _Optional[int] = ...,
            device_temp_memory_size: _Optional[int] = ...,
            device_persistent_memory_size: _Optional[int] = ...,
            compute_cost: _Optional[int] = ...,
            compute_time: _Optional[int] = ...,
            memory_time: _Optional[int] = ...,
            is_final: _Optional[bool] = ...,
            control_input: _Optional[_Iterable[int]] = ...,
            inaccurate: _Optional[bool] = ...,
        ) -> None: ...

    NODE_FIELD_NUMBER: _ClassVar[int]
    node: _containers.RepeatedCompositeFieldContainer[CostGraphDef.Node]
    def __init__(
        self, node: _Optional[_Iterable[_Union[CostGraphDef.Node, _Mapping[str, _Any]]]] = ...
    ) -> None: ...

class AllocationRecord(_message.Message):
    __slots__ = ("alloc_micros", "alloc_bytes")
    ALLOC_MICROS_FIELD_NUMBER: _ClassVar[int]
    ALLOC_BYTES_FIELD_NUMBER: _ClassVar[int]
    alloc_micros: int
    alloc_bytes: int
    def __init__(self, alloc_micros: _Optional[int] = ..., alloc_bytes: _Optional[int] = ...) -> None: ...

class AllocatorMemoryUsed(_message.Message):
    __slots__ = (
        "allocator_name",
        "total_bytes",
        "peak_bytes",
        "live_bytes",
        "allocation_records",
        "allocator_bytes_in_use",
    )
    ALLOCATOR_NAME_FIELD_NUMBER: _ClassVar[int]
    TOTAL_BYTES_FIELD_NUMBER: _ClassVar[int]
    PEAK_BYTES_FIELD_NUMBER: _ClassVar[int]
    LIVE_BYTES_FIELD_NUMBER: _ClassVar[int]
    ALLOCATION_RECORDS_FIELD_NUMBER: _ClassVar[int]
    ALLOCATOR_BYTES_IN_USE_FIELD_NUMBER: _ClassVar[int]
    allocator_name: str
    total_bytes: int
    peak_bytes: int
    live_bytes: int
    allocation_records: _containers.RepeatedCompositeFieldContainer[AllocationRecord]
    allocator_bytes_in_use: int
    def __init__(
        self,
        allocator_name: _Optional[str] = ...,
        total_bytes: _Optional[int] = ...,
        peak_bytes: _Optional[int] = ...,
        live_bytes: _Optional[int] = ...,
        allocation_records: _Optional[_Iterable[_Union[AllocationRecord, _Mapping[str, _Any]]]] = ...,
        allocator_bytes_in_use: _Optional[int] = ...,
    ) -> None: ...

class NodeOutput(_message.Message):
    __slots__ = ("slot", "tensor_description")
    SLOT_FIELD_NUMBER: _ClassVar[int]
    TENSOR_DESCRIPTION_FIELD_NUMBER: _ClassVar[int]
    slot: int
    tensor_description: TensorDescription
    def __init__(
        self,
        slot: _Optional[int] = ...,
        tensor_description: _Optional[_Union[TensorDescription, _Mapping[str, _Any]]] = ...,
    ) -> None: ...

class MemoryStats(_message.Message):
    __slots__ = (
        "temp_memory_size",
        "persistent_memory_size",
        "persistent_tensor_alloc_ids",
        "device_temp_memory_size",
        "device_persistent_memory_size",
        "device_persistent_tensor_alloc_ids",
    )
    TEMP_MEMORY_SIZE_FIELD_NUMBER: _ClassVar[int]
    PERSISTENT_MEMORY_SIZE_FIELD_NUMBER: _ClassVar[int]
    PERSISTENT_TENSOR_ALLOC_IDS_FIELD_NUMBER: _ClassVar[int]
    DEVICE_TEMP_MEMORY_SIZE_FIELD_NUMBER: _ClassVar[int]
    DEVICE_PERSISTENT_MEMORY_SIZE_FIELD_NUMBER: _ClassVar[int]
    DEVICE_PERSISTENT_TENSOR_ALLOC_IDS_FIELD_NUMBER: _ClassVar[int]
    temp_memory_size: int
    persistent_memory_size: int
    persistent_tensor_alloc_ids: _containers.RepeatedScalarFieldContainer[int]
    device_temp_memory_size: int
    device_persistent_memory_size: int
    device_persistent_tensor_alloc_ids: _containers.RepeatedScalarFieldContainer[int]
    def __init__(
        self,
        temp_memory_size: _Optional[int] = ...,
        persistent_memory_size: _Optional[int] = ...,
        persistent_tensor_alloc_ids: _Optional[_Iterable[int]] = ...,
        device_temp_memory_size: _Optional[int] = ...,
        device_persistent_memory_size: _Optional[int] = ...,
        device_persistent_tensor_alloc_ids: _Optional[_Iterable[int]] = ...,
    ) -> None: ...

class NodeExecStats(_message.Message):
    __slots__ = (
        "node_name",
        "all_start_micros",
        "op_start_rel_micros",
        "op_end_rel_micros",
        "all_end_rel_micros",
        "memory",
        "output",
        "timeline_label",
        "scheduled_micros",
        "thread_id",
        "referenced_tensor",
        "memory_stats",
        "all_start_nanos",
        "op_start_rel_nanos",
        "op_end_rel_nanos",
        "all_end_rel_nanos",
        "scheduled_nanos",
        "fused",
    )
    NODE_NAME_FIELD_NUMBER: _ClassVar[int]
    ALL_START_MICROS_FIELD_NUMBER: _ClassVar[int]
    OP_START_REL_MICROS_FIELD_NUMBER: _ClassVar[int]
    OP_END_REL_MICROS_FIELD_NUMBER: _ClassVar[int]
    ALL_END_REL_MICROS_FIELD_NUMBER: _ClassVar[int]
    MEMORY_FIELD_NUMBER: _ClassVar[int]
    OUTPUT_FIELD_NUMBER: _ClassVar[int]
    TIMELINE_LABEL_FIELD_NUMBER: _ClassVar[int]
    SCHEDULED_MICROS_FIELD_NUMBER: _ClassVar[int]
    THREAD_ID_FIELD_NUMBER: _ClassVar[int]
    REFERENCED_TENSOR_FIELD_NUMBER: _ClassVar[int]
    MEMORY_STATS_FIELD_NUMBER: _ClassVar[int]
    ALL_START_NANOS_FIELD_NUMBER: _ClassVar[int]
    OP_START_REL_NANOS_FIELD_NUMBER: _ClassVar[int]
    OP_END_REL_NANOS_FIELD_NUMBER: _ClassVar[int]
    ALL_END_REL_NANOS_FIELD_NUMBER: _ClassVar[int]
    SCHEDULED_NANOS_FIELD_NUMBER: _ClassVar[int]
    FUSED_FIELD_NUMBER: _ClassVar[int]
    node_name: str
    all_start_micros: int
    op_start_rel_micros: int
    op_end_rel_micros: int
    all_end_rel_micros: int
    memory: _containers.RepeatedCompositeFieldContainer[AllocatorMemoryUsed]
    output: _containers.RepeatedCompositeFieldContainer[NodeOutput]
    timeline_label: str
    scheduled_micros: int
    thread_id: int
    referenced_tensor: _containers.RepeatedCompositeFieldContainer[AllocationDescription]
    memory_stats: MemoryStats
    all_start_nanos: int
    op_start_rel_nanos: int
    op_end_rel_nanos: int
    all_end_rel_nanos: int
    scheduled_nanos: int
    fused: _containers.RepeatedScalarFieldContainer[str]
    def __init__(
        self,
        node_name: _Optional[str] = ...,
        all_start_micros: _Optional[int] = ...,
        op_start_rel_micros: _Optional[int] = ...,
        op_end_rel_micros: _Optional[int] = ...,
        all_end_rel_micros: _Optional[int] = ...,
        memory: _Optional[_Iterable[_Union[AllocatorMemoryUsed, _Mapping[str, _Any]]]] = ...,
        output: _Optional[_Iterable[_Union[NodeOutput, _Mapping[str, _Any]]]] = ...,
        timeline_label: _Optional[str] = ...,
        scheduled_micros: _Optional[int] = ...,
        thread_id: _Optional[int] = ...,
        referenced_tensor: _Optional[_Iterable[_Union[AllocationDescription, _Mapping[str, _Any]]]] = ...,
        memory_stats: _Optional[_Union[MemoryStats, _Mapping[str, _Any]]] = ...,
        all_start_nanos: _Optional[int] = ...,
        op_start_rel_nanos: _Optional[int] = ...,
        op_end_rel_nanos: _Optional[int] = ...,
        all_end_rel_nanos: _Optional[int] = ...,
        scheduled_nanos: _Optional[int] = ...,
        fused: _Optional[_Iterable[str]] = ...,
    ) -> None: ...

class DeviceStepStats(_message.Message):
    __slots__ = ("device", "node_stats", "thread_names")
    class ThreadNamesEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: int
        value: str
        def __init__(self, key: _Optional[int] = ..., value: _Optional[str] = ...) -> None: ...

    DEVICE_FIELD_NUMBER: _ClassVar[int]
    NODE_STATS_FIELD_NUMBER: _ClassVar[int]
    THREAD_NAMES_FIELD_NUMBER: _ClassVar[int]
    device: str
    node_stats: _containers.RepeatedCompositeFieldContainer[NodeExecStats]
    thread_names: _containers.ScalarMap[int, str]
    def __init__(
        self,
        device: _Optional[str] = ...,
        node_stats: _Optional[_Iterable[_Union[NodeExecStats, _Mapping[str, _Any]]]] = ...,
        thread_names: _Optional[_Mapping[int, str]] = ...,
    ) -> None: ...

class StepStats(_message.Message):
    __slots__ = ("dev_stats",)
    DEV_STATS_FIELD_NUMBER: _ClassVar[int]
    dev_stats: _containers.RepeatedCompositeFieldContainer[DeviceStepStats]
    def __init__(
        self, dev_stats: _Optional[_Iterable[_Union[DeviceStepStats, _Mapping[str, _Any]]]] = ...
    ) -> None: ...

class JobDef(_message.Message):
    __slots__ = ("name", "tasks")
    class TasksEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: int
        value: str
        def __init__(self, key: _Optional[int] = ..., value: _Optional[str] = ...) -> None: ...

    NAME_FIELD_NUMBER: _ClassVar[int]
    TASKS_FIELD_NUMBER: _ClassVar[int]
    name: str
    tasks: _containers.ScalarMap[int, str]
    def __init__(self, name: _Optional[str] = ..., tasks: _Optional[_Mapping[int, str]] = ...) -> None: ...

class ClusterDef(_message.Message):
    __slots__ = ("job",)
    JOB_FIELD_NUMBER: _ClassVar[int]
    job: _containers.RepeatedCompositeFieldContainer[JobDef]
    def __init__(self, job: _Optional[_Iterable[_Union[JobDef, _Mapping[str, _Any]]]] = ...) -> None: ...

class DebugTensorWatch(_message.Message):
    __slots__ = ("node_name", "output_slot", "debug_ops", "debug_urls", "tolerate_debug_op_creation_failures")
    NODE_NAME_FIELD_NUMBER: _ClassVar[int]
    OUTPUT_SLOT_FIELD_NUMBER: _ClassVar[int]
    DEBUG_OPS_FIELD_NUMBER: _ClassVar[int]
    DEBUG_URLS_FIELD_NUMBER: _ClassVar[int]
    TOLERATE_DEBUG_OP_CREATION_FAILURES_FIELD_NUMBER: _ClassVar[int]
    node_name: str
    output_slot: int
    debug_ops: _containers.RepeatedScalarFieldContainer[str]
    debug_urls: _containers.RepeatedScalarFieldContainer[str]
    tolerate_debug_op_creation_failures: bool
    def __init__(
        self,
        node_name: _Optional[str] = ...,
        output_slot: _Optional[int] = ...,
        debug_ops: _Optional[_Iterable[str]] = ...,
        debug_urls: _Optional[_Iterable[str]] = ...,
        tolerate_debug_op_creation_failures: _Optional[bool] = ...,
    ) -> None: ...

class DebugOptions(_message.Message):
    __slots__ = ("debug_tensor_watch_opts", "global_step", "reset_disk_byte_usage")
    DEBUG_TENSOR_WATCH_OPTS_FIELD_NUMBER: _ClassVar[int]
    GLOBAL_STEP_FIELD_NUMBER: _ClassVar[int]
    RESET_DISK_BYTE_USAGE_FIELD_NUMBER: _ClassVar[int]
    debug_tensor_watch_opts: _containers.RepeatedCompositeFieldContainer[DebugTensorWatch]
    global_step: int
    reset_disk_byte_usage: bool
    def __init__(
        self,
        debug_tensor_watch_opts: _Optional[_Iterable[_Union[DebugTensorWatch, _Mapping[str, _Any]]]] = ...,
        global_step: _Optional[int] = ...,
        reset_disk_byte_usage: _Optional[bool] = ...,
    ) -> None: ...

class DebuggedSourceFile(_message.Message):
    __slots__ = ("host", "file_path", "last_modified", "bytes", "lines")
    HOST_FIELD_NUMBER: _ClassVar[int]
    FILE_PATH_FIELD_NUMBER: _ClassVar[int]
    LAST_MODIFIED_FIELD_NUMBER: _ClassVar[int]
    BYTES_FIELD_NUMBER: _ClassVar[int]
    LINES_FIELD_NUMBER: _ClassVar[int]
    host: str
    file_path: str
    last_modified: int
    bytes: int
    lines: _containers.RepeatedScalarFieldContainer[str]
    def __init__(
        self,
        host: _Optional[str] = ...,
        file_path: _Optional[str] = ...,
        last_modified: _Optional[int] = ...,
        bytes: _Optional[int] = ...,
        lines: _Optional[_Iterable[str]] = ...,
    ) -> None: ...

class DebuggedSourceFiles(_message.Message):
    __slots__ = ("source_files",)
    SOURCE_FILES_FIELD_NUMBER: _ClassVar[int]
    source_files: _containers.RepeatedCompositeFieldContainer[DebuggedSourceFile]
    def __init__(
        self, source_files: _Optional[_Iterable[_Union[DebuggedSourceFile, _Mapping[str, _Any]]]] = ...
    ) -> None: ...

class AutoParallelOptions(_message.Message):
    __slots__ = ("enable", "num_replicas")
    ENABLE_FIELD_NUMBER: _ClassVar[int]
    NUM_REPLICAS_FIELD_NUMBER: _ClassVar[int]
    enable: bool
    num_replicas: int
    def __init__(self, enable: _Optional[bool] = ..., num_replicas: _Optional[int] = ...) -> None: ...

class ScopedAllocatorOptions(_message.Message):
    __slots__ = ("enable_op",)
    ENABLE_OP_FIELD_NUMBER: _ClassVar[int]
    enable_op: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, enable_op: _Optional[_Iterable[str]] = ...) -> None: ...

class RewriterConfig(_message.Message):
    __slots__ = (
        "layout_optimizer",
        "constant_folding",
        "shape_optimization",
        "remapping",
        "arithmetic_optimization",
        "dependency_optimization",
        "loop_optimization",
        "function_optimization",
        "debug_stripper",
        "disable_model_pruning",
        "scoped_allocator_optimization",
        "pin_to_host_optimization",
        "implementation_selector",
        "auto_mixed_precision",
        "disable_meta_optimizer",
        "meta_optimizer_iterations",
        "min_graph_nodes",
        "memory_optimization",
        "memory_optimizer_target_node_name_scope",
        "meta_optimizer_timeout_ms",
        "auto_parallel",
        "fail_on_optimizer_errors",
        "scoped_allocator_opts",
        "optimizers",
        "custom_optimizers",
        "inter_optimizer_verifier_config",
        "post_optimization_verifier_config",
    )
    class Toggle(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
        __slots__ = ()
        DEFAULT: _ClassVar[RewriterConfig.Toggle]
        ON: _ClassVar[RewriterConfig.Toggle]
        OFF: _ClassVar[RewriterConfig.Toggle]
        AGGRESSIVE: _ClassVar[RewriterConfig.Toggle]

    DEFAULT: RewriterConfig.Toggle
    ON: RewriterConfig.Toggle
    OFF: RewriterConfig.Toggle
    AGGRESSIVE: RewriterConfig.Toggle
    class NumIterationsType(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
        __slots__ = ()
        DEFAULT_NUM_ITERS: _ClassVar[RewriterConfig.NumIterationsType]
        ONE: _ClassVar[RewriterConfig.NumIterationsType]
        TWO: _ClassVar[RewriterConfig.NumIterationsType]

    DEFAULT_NUM_ITERS: RewriterConfig.NumIterationsType
    ONE: RewriterConfig.NumIterationsType
    TWO: RewriterConfig.NumIterationsType
    class MemOptType(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
        __slots__ = ()
        DEFAULT_MEM_OPT: _ClassVar[RewriterConfig.MemOptType]
        NO_MEM_OPT: _ClassVar[RewriterConfig.MemOptType]
        MANUAL: _ClassVar[RewriterConfig.MemOptType]
        SWAPPING_HEURISTICS: _ClassVar[RewriterConfig.MemOptType]
        RECOMPUTATION_HEURISTICS: _ClassVar[RewriterConfig.MemOptType]
        SCHEDULING_HEURISTICS: _ClassVar[RewriterConfig.MemOptType]
        HEURISTICS: _ClassVar[RewriterConfig.MemOptType]

    DEFAULT_MEM_OPT: RewriterConfig.MemOptType
    NO_MEM_OPT: RewriterConfig.MemOptType
    MANUAL: RewriterConfig.MemOptType
    SWAPPING_HEURISTICS: RewriterConfig.MemOptType
    RECOMPUTATION_HEURISTICS: RewriterConfig.MemOptType
    SCHEDULING_HEURISTICS: RewriterConfig.MemOptType
    HEURISTICS: RewriterConfig.MemOptType
    class CustomGraphOptimizer(_message.Message):
        __slots__ = ("name", "parameter_map")
        class ParameterMapEntry(_message.Message):
            __slots__ = ("key", "value")
            KEY_FIELD_NUMBER: _ClassVar[int]
            VALUE_FIELD_NUMBER: _ClassVar[int]
            key: str
            value: AttrValue
            def __init__(
                self,
                key: _Optional[str] = ...,
                value: _Optional[_Union[AttrValue, _Mapping[str, _Any]]] = ...,
            ) -> None: ...

        NAME_FIELD_NUMBER: _ClassVar[int]
        PARAMETER_MAP_FIELD_NUMBER: _ClassVar[int]
        name: str
        parameter_map: _containers.MessageMap[str, AttrValue]
        def __init__(
            self, name: _Optional[str] = ..., parameter_map: _Optional[_Mapping[str, AttrValue]] = ...
        ) -> None: ...

    LAYOUT_OPTIMIZER_FIELD_NUMBER: _ClassVar[int]
    CONSTANT_FOLDING_FIELD_NUMBER: _ClassVar[int]
    SHAPE_OPTIMIZATION_FIELD_NUMBER: _ClassVar[int]
    REMAPPING_FIELD_NUMBER: _ClassVar[int]
    ARITHMETIC_OPTIMIZATION_FIELD_NUMBER: _ClassVar[int]
    DEPENDENCY_OPTIMIZATION_FIELD_NUMBER: _ClassVar[int]
    LOOP_OPTIMIZATION_FIELD_NUMBER: _ClassVar[int]
    FUNCTION_OPTIMIZATION_FIELD_NUMBER: _ClassVar[int]
    DEBUG_STRIPPER_FIELD_NUMBER: _ClassVar[int]
    DISABLE_MODEL_PRUNING_FIELD_NUMBER: _ClassVar[int]
    SCOPED_ALLOCATOR_OPTIMIZATION_FIELD_NUMBER: _ClassVar[int]
    PIN_TO_HOST_OPTIMIZATION_FIELD_NUMBER: _ClassVar[int]
    IMPLEMENTATION_SELECTOR_FIELD_NUMBER: _ClassVar[int]
    AUTO_MIXED_PRECISION_FIELD_NUMBER: _ClassVar[int]
    DISABLE_META_OPTIMIZER_FIELD_NUMBER: _ClassVar[int]
    META_OPTIMIZER_ITERATIONS_FIELD_NUMBER: _ClassVar[int]
    MIN_GRAPH_NODES_FIELD_NUMBER: _ClassVar[int]
    MEMORY_OPTIMIZATION_FIELD_NUMBER: _ClassVar[int]
    MEMORY_OPTIMIZER_TARGET_NODE_NAME_SCOPE_FIELD_NUMBER: _ClassVar[int]
    META_OPTIMIZER_TIMEOUT_MS_FIELD_NUMBER: _ClassVar[int]
    AUTO_PARALLEL_FIELD_NUMBER: _ClassVar[int]
    FAIL_ON_OPTIMIZER_ERRORS_FIELD_NUMBER: _ClassVar[int]
    SCOPED_ALLOCATOR_OPTS_FIELD_NUMBER: _ClassVar[int]
    OPTIMIZERS_FIELD_NUMBER: _ClassVar[int]
    CUSTOM_OPTIMIZERS_FIELD_NUMBER: _ClassVar[int]
    INTER_OPTIMIZER_VERIFIER_CONFIG_FIELD_NUMBER: _ClassVar[int]
    POST_OPTIMIZATION_VERIFIER_CONFIG_FIELD_NUMBER: _ClassVar[int]
    layout_optimizer: RewriterConfig.Toggle
    constant_folding: RewriterConfig.Toggle
    shape_optimization: RewriterConfig.Toggle
    remapping: RewriterConfig.Toggle
    arithmetic_optimization: RewriterConfig.Toggle
    dependency_optimization: RewriterConfig.Toggle
    loop_optimization: RewriterConfig.Toggle
    function_optimization: RewriterConfig.Toggle
    debug_stripper: RewriterConfig.Toggle
    disable_model_pruning: bool
    scoped_allocator_optimization: RewriterConfig.Toggle
    pin_to_host_optimization: RewriterConfig.Toggle
    implementation_selector: RewriterConfig.Toggle
    auto_mixed_precision: RewriterConfig.Toggle
    disable_meta_optimizer: bool
    meta_optimizer_iterations: RewriterConfig.NumIterationsType
    min_graph_nodes: int
    memory_optimization: RewriterConfig.MemOptType
    memory_optimizer_target_node_name_scope: str
    meta_optimizer_timeout_ms: int
    auto_parallel: AutoParallelOptions
    fail_on_optimizer_errors: bool
    scoped_allocator_opts: ScopedAllocatorOptions
    optimizers: _containers.RepeatedScalarFieldContainer[str]
    custom_optimizers: _containers.RepeatedCompositeFieldContainer[RewriterConfig.CustomGraphOptimizer]
    inter_optimizer_verifier_config: VerifierConfig
    post_optimization_verifier_config: VerifierConfig
    def __init__(
        self,
        layout_optimizer: _Optional[_Union[RewriterConfig.Toggle, int, str]] = ...,
        constant_folding: _Optional[_Union[RewriterConfig.Toggle, int, str]] = ...,
        shape_optimization: _Optional[_Union[RewriterConfig.Toggle, int, str]] = ...,
        remapping: _Optional[_Union[RewriterConfig.Toggle, int, str]] = ...,
        arithmetic_optimization: _Optional[_Union[RewriterConfig.Toggle, int, str]] = ...,
        dependency_optimization: _Optional[_Union[RewriterConfig.Toggle, int, str]] = ...,
        loop_optimization: _Optional[_Union[RewriterConfig.Toggle, int, str]] = ...,
        function_optimization: _Optional[_Union[RewriterConfig.Toggle, int, str]] = ...,
        debug_stripper: _Optional[_Union[RewriterConfig.Toggle, int, str]] = ...,
        disable_model_pruning: _Optional[bool] = ...,
        scoped_allocator_optimization: _Optional[_Union[RewriterConfig.Toggle, int, str]] = ...,
        pin_to_host_optimization: _Optional[_Union[RewriterConfig.Toggle, int, str]] = ...,
        implementation_selector: _Optional[_Union[RewriterConfig.Toggle, int, str]] = ...,
        auto_mixed_precision: _Optional[_Union[RewriterConfig.Toggle, int, str]] = ...,
        disable_meta_optimizer: _Optional[bool] = ...,
        meta_optimizer_iterations: _Optional[_Union[RewriterConfig.NumIterationsType, int, str]] = ...,
        min_graph_nodes: _Optional[int] = ...,
        memory_optimization: _Optional[_Union[RewriterConfig.MemOptType, int, str]] = ...,
        memory_optimizer_target_node_name_scope: _Optional[str] = ...,
        meta_optimizer_timeout_ms: _Optional[int] = ...,
        auto_parallel: _Optional[_Union[AutoParallelOptions, _Mapping[str, _Any]]] = ...,
        fail_on_optimizer_errors: _Optional[bool] = ...,
        scoped_allocator_opts: _Optional[_Union[ScopedAllocatorOptions, _Mapping[str, _Any]]] = ...,
        optimizers: _Optional[_Iterable[str]] = ...,
        custom_optimizers: _Optional[
            _Iterable[_Union[RewriterConfig.CustomGraphOptimizer, _Mapping[str, _Any]]]
        ] = ...,
        inter_optimizer_verifier_config: _Optional[_Union[VerifierConfig, _Mapping[str, _Any]]] = ...,
        post_optimization_verifier_config: _Optional[_Union[VerifierConfig, _Mapping[str, _Any]]] = ...,
    ) -> None: ...

class VerifierConfig(_message.Message):
    __slots__ = ("verification_timeout_in_ms", "structure_verifier")
    class Toggle(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
        __slots__ = ()
        DEFAULT: _ClassVar[VerifierConfig.Toggle]
        ON: _ClassVar[VerifierConfig.Toggle]
        OFF: _ClassVar[VerifierConfig.Toggle]

    DEFAULT: VerifierConfig.Toggle
    ON: VerifierConfig.Toggle
    OFF: VerifierConfig.Toggle
    VERIFICATION_TIMEOUT_IN_MS_FIELD_NUMBER: _ClassVar[int]
    STRUCTURE_VERIFIER_FIELD_NUMBER: _ClassVar[int]
    verification_timeout_in_ms: int
    structure_verifier: VerifierConfig.Toggle
    def __init__(
        self,
        verification_timeout_in_ms: _Optional[int] = ...,
        structure_verifier: _Optional[_Union[VerifierConfig.Toggle, int, str]] = ...,
    ) -> None: ...

class GPUOptions(_message.Message):
    __slots__ = (
        "per_process_gpu_memory_fraction",
        "allow_growth",
        "allocator_type",
        "deferred_deletion_bytes",
        "visible_device_list",
        "polling_active_delay_usecs",
        "polling_inactive_delay_msecs",
        "force_gpu_compatible",
        "experimental",
    )
    class Experimental(_message.Message):
        __slots__ = (
            "virtual_devices",
            "use_unified_memory",
            "num_dev_to_dev_copy_streams",
            "collective_ring_order",
            "timestamped_allocator",
            "kernel_tracker_max_interval",
            "kernel_tracker_max_bytes",
            "kernel_tracker_max_pending",
        )
        class VirtualDevices(_message.Message):
            __slots__ = ("memory_limit_mb",)
            MEMORY_LIMIT_MB_FIELD_NUMBER: _ClassVar[int]
            memory_limit_mb: _containers.RepeatedScalarFieldContainer[float]
            def __init__(self, memory_limit_mb: _Optional[_Iterable[float]] = ...) -> None: ...

        VIRTUAL_DEVICES_FIELD_NUMBER: _ClassVar[int]
        USE_UNIFIED_MEMORY_FIELD_NUMBER: _ClassVar[int]
        NUM_DEV_TO_DEV_COPY_STREAMS_FIELD_NUMBER: _ClassVar[int]
        COLLECTIVE_RING_ORDER_FIELD_NUMBER: _ClassVar[int]
        TIMESTAMPED_ALLOCATOR_FIELD_NUMBER: _ClassVar[int]
        KERNEL_TRACKER_MAX_INTERVAL_FIELD_NUMBER: _ClassVar[int]
        KERNEL_TRACKER_MAX_BYTES_FIELD_NUMBER: _ClassVar[int]
        KERNEL_TRACKER_MAX_PENDING_FIELD_NUMBER: _ClassVar[int]
        virtual_devices: _containers.RepeatedCompositeFieldContainer[GPUOptions.Experimental.VirtualDevices]
        use_unified_memory: bool
        num_dev_to_dev_copy_streams: int
        collective_ring_order: str
        timestamped_allocator: bool
        kernel_tracker_max_interval: int
        kernel_tracker_max_bytes: int
        kernel_tracker_max_pending: int
        def __init__(
            self,
            virtual_devices: _Optional[
                _Iterable[_Union[GPUOptions.Experimental.VirtualDevices, _Mapping[str, _Any]]]
            ] = ...,
            use_unified_memory: _Optional[bool] = ...,
            num_dev_to_dev_copy_streams: _Optional[int] = ...,
            collective_ring_order: _Optional[str] = ...,
            timestamped_allocator: _Optional[bool] = ...,
            kernel_tracker_max_interval: _Optional[int] = ...,
            kernel_tracker_max_bytes: _Optional[int] = ...,
            kernel_tracker_max_pending: _Optional[int] = ...,
        ) -> None: ...

    PER_PROCESS_GPU_MEMORY_FRACTION_FIELD_NUMBER: _ClassVar[int]
    ALLOW_GROWTH_FIELD_NUMBER: _ClassVar[int]
    ALLOCATOR_TYPE_FIELD_NUMBER: _ClassVar[int]
    DEFERRED_DELETION_BYTES_FIELD_NUMBER: _ClassVar[int]
    VISIBLE_DEVICE_LIST_FIELD_NUMBER: _ClassVar[int]
    POLLING_ACTIVE_DELAY_USECS_FIELD_NUMBER: _ClassVar[int]
    POLLING_INACTIVE_DELAY_MSECS_FIELD_NUMBER: _ClassVar[int]
    FORCE_GPU_COMPATIBLE_FIELD_NUMBER: _ClassVar[int]
    EXPERIMENTAL_FIELD_NUMBER: _ClassVar[int]
    per_process_gpu_memory_fraction: float
    allow_growth: bool
    allocator_type: str
    deferred_deletion_bytes: int
    visible_device_list: str
    polling_active_delay_usecs: int
    polling_inactive_delay_msecs: int
    force_gpu_compatible: bool
    experimental: GPUOptions.Experimental
    def __init__(
        self,
        per_process_gpu_memory_fraction: _Optional[float] = ...,
        allow_growth: _Optional[bool] = ...,
        allocator_type: _Optional[str] = ...,
        deferred_deletion_bytes: _Optional[int] = ...,
        visible_device_list: _Optional[str] = ...,
        polling_active_delay_usecs: _Optional[int] = ...,
        polling_inactive_delay_msecs: _Optional[int] = ...,
        force_gpu_compatible: _Optional[bool] = ...,
        experimental: _Optional[_Union[GPUOptions.Experimental, _Mapping[str, _Any]]] = ...,
    ) -> None: ...

class OptimizerOptions(_message.Message):
    __slots__ = (
        "do_common_subexpression_elimination",
        "do_constant_folding",
        "max_folded_constant_in_bytes",
        "do_function_inlining",
        "opt_level",
        "global_jit_level",
        "skip_passes",
    )
    class Level(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
        __slots__ = ()
        L1: _ClassVar[OptimizerOptions.Level]
        L0: _ClassVar[OptimizerOptions.Level]

    L1: OptimizerOptions.Level
    L0: OptimizerOptions.Level
    class GlobalJitLevel(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
        __slots__ = ()
        DEFAULT: _ClassVar[OptimizerOptions.GlobalJitLevel]
        OFF: _ClassVar[OptimizerOptions.GlobalJitLevel]
        ON_1: _ClassVar[OptimizerOptions.GlobalJitLevel]
        ON_2: _ClassVar[OptimizerOptions.GlobalJitLevel]

    DEFAULT: OptimizerOptions.GlobalJitLevel
    OFF: OptimizerOptions.GlobalJitLevel
    ON_1: OptimizerOptions.GlobalJitLevel
    ON_2: OptimizerOptions.GlobalJitLevel
    DO_COMMON_SUBEXPRESSION_ELIMINATION_FIELD_NUMBER: _ClassVar[int]
    DO_CONSTANT_FOLDING_FIELD_NUMBER: _ClassVar[int]
    MAX_FOLDED_CONSTANT_IN_BYTES_FIELD_NUMBER: _ClassVar[int]
    DO_FUNCTION_INLINING_FIELD_NUMBER: _ClassVar[int]
    OPT_LEVEL_FIELD_NUMBER: _ClassVar[int]
    GLOBAL_JIT_LEVEL_FIELD_NUMBER: _ClassVar[int]
    SKIP_PASSES_FIELD_NUMBER: _ClassVar[int]
    do_common_subexpression_elimination: bool
    do_constant_folding: bool
    max_folded_constant_in_bytes: int
    do_function_inlining: bool
    opt_level: OptimizerOptions.Level
    global_jit_level: OptimizerOptions.GlobalJitLevel
    skip_passes: _containers.RepeatedScalarFieldContainer[str]
    def __init__(
        self,
        do_common_subexpression_elimination: _Optional[bool] = ...,
        do_constant_folding: _Optional[bool] = ...,
        max_folded_constant_in_bytes: _Optional[int] = ...,
        do_function_inlining: _Optional[bool] = ...,
        opt_level: _Optional[_Union[OptimizerOptions.Level, int, str]] = ...,
        global_jit_level: _Optional[_Union[OptimizerOptions.GlobalJitLevel, int, str]] = ...,
        skip_passes: _Optional[_Iterable[str]] = ...,
    ) -> None: ...

class GraphOptions(_message.Message):
    __slots__ = (
        "enable_recv_scheduling",
        "optimizer_options",
        "build_cost_model",
        "build_cost_model_after",
        "infer_shapes",
        "place_pruned_graph",
        "enable_bfloat16_sendrecv",
        "timeline_step",
        "rewrite_options",
    )
    ENABLE_RECV_SCHEDULING_FIELD_NUMBER: _ClassVar[int]
    OPTIMIZER_OPTIONS_FIELD_NUMBER: _ClassVar[int]
    BUILD_COST_MODEL_FIELD_NUMBER: _ClassVar[int]
    BUILD_COST_MODEL_AFTER_FIELD_NUMBER: _ClassVar[int]
    INFER_SHAPES_FIELD_NUMBER: _ClassVar[int]
    PLACE_PRUNED_GRAPH_FIELD_NUMBER: _ClassVar[int]
    ENABLE_BFLOAT16_SENDRECV_FIELD_NUMBER: _ClassVar[int]
    TIMELINE_STEP_FIELD_NUMBER: _ClassVar[int]
    REWRITE_OPTIONS_FIELD_NUMBER: _ClassVar[int]
    enable_recv_scheduling: bool
    optimizer_options: OptimizerOptions
    build_cost_model: int
    build_cost_model_after: int
    infer_shapes: bool
    place_pruned_graph: bool
    enable_bfloat16_sendrecv: bool
    timeline_step: int
    rewrite_options: RewriterConfig
    def __init__(
        self,
        enable_recv_scheduling: _Optional[bool] = ...,
        optimizer_options: _Optional[_Union[OptimizerOptions, _Mapping[str, _Any]]] = ...,
        build_cost_model: _Optional[int] = ...,
        build_cost_model_after: _Optional[int] = ...,
        infer_shapes: _Optional[bool] = ...,
        place_pruned_graph: _Optional[bool] = ...,
        enable_bfloat16_sendrecv: _Optional[bool] = ...,
        timeline_step: _Optional[int] = ...,
        rewrite_options: _Optional[_Union[RewriterConfig, _Mapping[str, _Any]]] = ...,
    ) -> None: ...

class ThreadPoolOptionProto(_message.Message):
    __slots__ = ("num_threads", "global_name")
    NUM_THREADS_FIELD_NUMBER: _ClassVar[int]
    GLOBAL_NAME_FIELD_NUMBER: _ClassVar[int]
    num_threads: int
    global_name: str
    def __init__(self, num_threads: _Optional[int] = ..., global_name: _Optional[str] = ...) -> None: ...

class RPCOptions(_message.Message):
    __slots__ = (
        "use_rpc_for_inprocess_master",
        "compression_algorithm",
        "compression_level",
        "cache_rpc_response",
        "disable_session_connection_sharing",
    )
    USE_RPC_FOR_INPROCESS_MASTER_FIELD_NUMBER: _ClassVar[int]
    COMPRESSION_ALGORITHM_FIELD_NUMBER: _ClassVar[int]
    COMPRESSION_LEVEL_FIELD_NUMBER: _ClassVar[int]
    CACHE_RPC_RESPONSE_FIELD_NUMBER: _ClassVar[int]
    DISABLE_SESSION_CONNECTION_SHARING_FIELD_NUMBER: _ClassVar[int]
    use_rpc_for_inprocess_master: bool
    compression_algorithm: str
    compression_level: int
    cache_rpc_response: bool
    disable_session_connection_sharing: bool
    def __init__(
        self,
        use_rpc_for_inprocess_master: _Optional[bool] = ...,
        compression_algorithm: _Optional[str] = ...,
        compression_level: _Optional[int] = ...,
        cache_rpc_response: _Optional[bool] = ...,
        disable_session_connection_sharing: _Optional[bool] = ...,
    ) -> None: ...

class SessionMetadata(_message.Message):
    __slots__ = ("name", "version")
    NAME_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    name: str
    version: int
    def __init__(self, name: _Optional[str] = ..., version: _Optional[int] = ...) -> None: ...

class ConfigProto(_message.Message):
    __slots__ = (
        "device_count",
        "intra_op_parallelism_threads",
        "inter_op_parallelism_threads",
        "use_per_session_threads",
        "session_inter_op_thread_pool",
        "placement_period",
        "device_filters",
        "gpu_options",
        "allow_soft_placement",
        "log_device_placement",
        "graph_options",
        "operation_timeout_in_ms",
        "rpc_options",
        "cluster_def",
        "isolate_session_state",
        "experimental",
        "deterministic",
    )
    class Experimental(_message.Message):
        __slots__ = (
            "collective_group_leader",
            "executor_type",
            "recv_buf_max_chunk",
            "use_numa_affinity",
            "collective_deterministic_sequential_execution",
            "collective_nccl",
            "share_session_state_in_clusterspec_propagation",
            "disable_thread_spinning",
            "share_cluster_devices_in_session",
            "session_metadata",
            "optimize_for_static_graph",
        )
        COLLECTIVE_GROUP_LEADER_FIELD_NUMBER: _ClassVar[int]
        EXECUTOR_TYPE_FIELD_NUMBER: _ClassVar[int]
        RECV_BUF_MAX_CHUNK_FIELD_NUMBER: _ClassVar[int]
        USE_NUMA_AFFINITY_FIELD_NUMBER: _ClassVar[int]
        COLLECTIVE_DETERMINISTIC_SEQUENTIAL_EXECUTION_FIELD_NUMBER: _ClassVar[int]
        COLLECTIVE_NCCL_FIELD_NUMBER: _ClassVar[int]
        SHARE_SESSION_STATE_IN_CLUSTERSPEC_PROPAGATION_FIELD_NUMBER: _ClassVar[int]
        DISABLE_THREAD_SPINNING_FIELD_NUMBER: _ClassVar[int]
        SHARE_CLUSTER_DEVICES_IN_SESSION_FIELD_NUMBER: _ClassVar[int]
        SESSION_METADATA_FIELD_NUMBER: _ClassVar[int]
        OPTIMIZE_FOR_STATIC_GRAPH_FIELD_NUMBER: _ClassVar[int]
        collective_group_leader: str
        executor_type: str
        recv_buf_max_chunk: int
        use_numa_affinity: bool
        collective_deterministic_sequential_execution: bool
        collective_nccl: bool
        share_session_state_in_clusterspec_propagation: bool
        disable_thread_spinning: bool
        share_cluster_devices_in_session: bool
        session_metadata: SessionMetadata
        optimize_for_static_graph: bool
        def __init__(
            self,
            collective_group_leader: _Optional[str] = ...,
            executor_type: _Optional[str] = ...,
            recv_buf_max_chunk: _Optional[int] = ...,
            use_numa_affinity: _Optional[bool] = ...,
            collective_deterministic_sequential_execution: _Optional[bool] = ...,
            collective_nccl: _Optional[bool] = ...,
            share_session_state_in_clusterspec_propagation: _Optional[bool] = ...,
            disable_thread_spinning: _Optional[bool] = ...,
            share_cluster_devices_in_session: _Optional[bool] = ...,
            session_metadata: _Optional[_Union[SessionMetadata, _Mapping[str, _Any]]] = ...,
            optimize_for_static_graph: _Optional[bool] = ...,
        ) -> None: ...

    class DeviceCountEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: int
        def __init__(self, key: _Optional[str] = ..., value: _Optional[int] = ...) -> None: ...

    DEVICE_COUNT_FIELD_NUMBER: _ClassVar[int]
    INTRA_OP_PARALLELISM_THREADS_FIELD_NUMBER: _ClassVar[int]
    INTER_OP_PARALLELISM_THREADS_FIELD_NUMBER: _ClassVar[int]
    USE_PER_SESSION_THREADS_FIELD_NUMBER: _ClassVar[int]
    SESSION_INTER_OP_THREAD_POOL_FIELD_NUMBER: _ClassVar[int]
    PLACEMENT_PERIOD_FIELD_NUMBER: _ClassVar[int]
    DEVICE_FILTERS_FIELD_NUMBER: _ClassVar[int]
    GPU_OPTIONS_FIELD_NUMBER: _ClassVar[int]
    ALLOW_SOFT_PLACEMENT_FIELD_NUMBER: _ClassVar[int]
    LOG_DEVICE_PLACEMENT_FIELD_NUMBER: _ClassVar[int]
    GRAPH_OPTIONS_FIELD_NUMBER: _ClassVar[int]
    OPERATION_TIMEOUT_IN_MS_FIELD_NUMBER: _ClassVar[int]
    RPC_OPTIONS_FIELD_NUMBER: _ClassVar[int]
    CLUSTER_DEF_FIELD_NUMBER: _ClassVar[int]
    ISOLATE_SESSION_STATE_FIELD_NUMBER: _ClassVar[int]
    EXPERIMENTAL_FIELD_NUMBER: _ClassVar[int]
    DETERMINISTIC_FIELD_NUMBER: _ClassVar[int]
    device_count: _containers.ScalarMap[str, int]
    intra_op_parallelism_threads: int
    inter_op_parallelism_threads: int
    use_per_session_threads: bool
    session_inter_op_thread_pool: _containers.RepeatedCompositeFieldContainer[ThreadPoolOptionProto]
    placement_period: int
    device_filters: _containers.RepeatedScalarFieldContainer[str]
    gpu_options: GPUOptions
    allow_soft_placement: bool
    log_device_placement: bool
    graph_options: GraphOptions
    operation_timeout_in_ms: int
    rpc_options: RPCOptions
    cluster_def: ClusterDef
    isolate_session_state: bool
    experimental: ConfigProto.Experimental
    deterministic: bool
    def __init__(
        self,
        device_count: _Optional[_Mapping[str, int]] = ...,
        intra_op_parallelism_threads: _Optional[int] = ...,
        inter_op_parallelism_threads: _Optional[int] = ...,
        use_per_session_threads: _Optional[bool] = ...,
        session_inter_op_thread_pool: _Optional[
            _Iterable[_Union[ThreadPoolOptionProto, _Mapping[str, _Any]]]
        ] = ...,
        placement_period: _Optional[int] = ...,
        device_filters: _Optional[_Iterable[str]] = ...,
        gpu_options: _Optional[_Union[GPUOptions, _Mapping[str, _Any]]] = ...,
        allow_soft_placement: _Optional[bool] = ...,
        log_device_placement: _Optional[bool] = ...,
        graph_options: _Optional[_Union[GraphOptions, _Mapping[str, _Any]]] = ...,
        operation_timeout_in_ms: _Optional[int] = ...,
        rpc_options: _Optional[_Union[RPCOptions, _Mapping[str, _Any]]] = ...,
        cluster_def: _Optional[_Union[ClusterDef, _Mapping[str, _Any]]] = ...,
        isolate_session_state: _Optional[bool] = ...,
        experimental: _Optional[_Union[ConfigProto.Experimental, _Mapping[str, _Any]]] = ...,
        deterministic: _Optional[bool] = ...,
    ) -> None: ...

class RunOptions(_message.Message):
    __slots__ = (
        "trace_level",
        "timeout_in_ms",
        "inter_op_thread_pool",
        "output_partition_graphs",
        "debug_options",
        "report_tensor_allocations_upon_oom",
        "experimental",
    )
    class TraceLevel(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
        __slots__ = ()
        NO_TRACE: _ClassVar[RunOptions.TraceLevel]
        SOFTWARE_TRACE: _ClassVar[RunOptions.TraceLevel]
        HARDWARE_TRACE: _ClassVar[RunOptions.TraceLevel]
        FULL_TRACE: _ClassVar[RunOptions.TraceLevel]

    NO_TRACE: RunOptions.TraceLevel
    SOFTWARE_TRACE: RunOptions.TraceLevel
    HARDWARE_TRACE: RunOptions.TraceLevel
    FULL_TRACE: RunOptions.TraceLevel
    class Experimental(_message.Message):
        __slots__ = ("collective_graph_key", "use_run_handler_pool")
        COLLECTIVE_GRAPH_KEY_FIELD_NUMBER: _ClassVar[int]
        USE_RUN_HANDLER_POOL_FIELD_NUMBER: _ClassVar[int]
        collective_graph_key: int
        use_run_handler_pool: bool
        def __init__(
            self, collective_graph_key: _Optional[int] = ..., use_run_handler_pool: _Optional[bool] = ...
        ) -> None: ...

    TRACE_LEVEL_FIELD_NUMBER: _ClassVar[int]
    TIMEOUT_IN_MS_FIELD_NUMBER: _ClassVar[int]
    INTER_OP_THREAD_POOL_FIELD_NUMBER: _ClassVar[int]
    OUTPUT_PARTITION_GRAPHS_FIELD_NUMBER: _ClassVar[int]
    DEBUG_OPTIONS_FIELD_NUMBER: _ClassVar[int]
    REPORT_TENSOR_ALLOCATIONS_UPON_OOM_FIELD_NUMBER: _ClassVar[int]
    EXPERIMENTAL_FIELD_NUMBER: _ClassVar[int]
    trace_level: RunOptions.TraceLevel
    timeout_in_ms: int
    inter_op_thread_pool: int
    output_partition_graphs: bool
    debug_options: DebugOptions
    report_tensor_allocations_upon_oom: bool
    experimental: RunOptions.Experimental
    def __init__(
        self,
        trace_level: _Optional[_Union[RunOptions.TraceLevel, int, str]] = ...,
        timeout_in_ms: _Optional[int] = ...,
        inter_op_thread_pool: _Optional[int] = ...,
        output_partition_graphs: _Optional[bool] = ...,
        debug_options: _Optional[_Union[DebugOptions, _Mapping[str, _Any]]] = ...,
        report_tensor_allocations_upon_oom: _Optional[bool] = ...,
        experimental: _Optional[_Union[RunOptions.Experimental, _Mapping[str, _Any]]] = ...,
    ) -> None: ...

class RunMetadata(_message.Message):
    __slots__ = ("step_stats", "cost_graph", "partition_graphs", "function_graphs")
    class FunctionGraphs(_message.Message):
        __slots__ = ("partition_graphs", "pre_optimization_graph", "post_optimization_graph")
        PARTITION_GRAPHS_FIELD_NUMBER: _ClassVar[int]
        PRE_OPTIMIZATION_GRAPH_FIELD_NUMBER: _ClassVar[int]
        POST_OPTIMIZATION_GRAPH_FIELD_NUMBER: _ClassVar[int]
        partition_graphs: _containers.RepeatedCompositeFieldContainer[GraphDef]
        pre_optimization_graph: GraphDef
        post_optimization_graph: GraphDef
        def __init__(
            self,
            partition_graphs: _Optional[_Iterable[_Union[GraphDef, _Mapping[str, _Any]]]] = ...,
            pre_optimization_graph: _Optional[_Union[GraphDef, _Mapping[str, _Any]]] = ...,
            post_optimization_graph: _Optional[_Union[GraphDef, _Mapping[str, _Any]]] = ...,
        ) -> None: ...

    STEP_STATS_FIELD_NUMBER: _ClassVar[int]
    COST_GRAPH_FIELD_NUMBER: _ClassVar[int]
    PARTITION_GRAPHS_FIELD_NUMBER: _ClassVar[int]
    FUNCTION_GRAPHS_FIELD_NUMBER: _ClassVar[int]
    step_stats: StepStats
    cost_graph: CostGraphDef
    partition_graphs: _containers.RepeatedCompositeFieldContainer[GraphDef]
    function_graphs: _containers.RepeatedCompositeFieldContainer[RunMetadata.FunctionGraphs]
    def __init__(
        self,
        step_stats: _Optional[_Union[StepStats, _Mapping[str, _Any]]] = ...,
        cost_graph: _Optional[_Union[CostGraphDef, _Mapping[str, _Any]]] = ...,
        partition_graphs: _Optional[_Iterable[_Union[GraphDef, _Mapping[str, _Any]]]] = ...,
        function_graphs: _Optional[_Iterable[_Union[RunMetadata.FunctionGraphs, _Mapping[str, _Any]]]] = ...,
    ) -> None: ...

class TensorConnection(_message.Message):
    __slots__ = ("from_tensor", "to_tensor")
    FROM_TENSOR_FIELD_NUMBER: _ClassVar[int]
    TO_TENSOR_FIELD_NUMBER: _ClassVar[int]
    from_tensor: str
    to_tensor: str
    def __init__(self, from_tensor: _Optional[str] = ..., to_tensor: _Optional[str] = ...) -> None: ...

class CallableOptions(_message.Message):
    __slots__ = (
        "feed",
        "fetch",
        "target",
        "run_options",
        "tensor_connection",
        "feed_devices",
        "fetch_devices",
        "fetch_skip_sync",
    )
    class FeedDevicesEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...

    class FetchDevicesEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...

    FEED_FIELD_NUMBER: _ClassVar[int]
    FETCH_FIELD_NUMBER: _ClassVar[int]
    TARGET_FIELD_NUMBER: _ClassVar[int]
    RUN_OPTIONS_FIELD_NUMBER: _ClassVar[int]
    TENSOR_CONNECTION_FIELD_NUMBER: _ClassVar[int]
    FEED_DEVICES_FIELD_NUMBER: _ClassVar[int]
    FETCH_DEVICES_FIELD_NUMBER: _ClassVar[int]
    FETCH_SKIP_SYNC_FIELD_NUMBER: _ClassVar[int]
    feed: _containers.RepeatedScalarFieldContainer[str]
    fetch: _containers.RepeatedScalarFieldContainer[str]
    target: _containers.RepeatedScalarFieldContainer[str]
    run_options: RunOptions
    tensor_connection: _containers.RepeatedCompositeFieldContainer[TensorConnection]
    feed_devices: _containers.ScalarMap[str, str]
    fetch_devices: _containers.ScalarMap[str, str]
    fetch_skip_sync: bool
    def __init__(
        self,
        feed: _Optional[_Iterable[str]] = ...,
        fetch: _Optional[_Iterable[str]] = ...,
        target: _Optional[_Iterable[str]] = ...,
        run_options: _Optional[_Union[RunOptions, _Mapping[str, _Any]]] = ...,
        tensor_connection: _Optional[_Iterable[_Union[TensorConnection, _Mapping[str, _Any]]]] = ...,
        feed_devices: _Optional[_Mapping[str, str]] = ...,
        fetch_devices: _Optional[_Mapping[str, str]] = ...,
        fetch_skip_sync: _Optional[bool] = ...,
    ) -> None: ...

class ServerDef(_message.Message):
    __slots__ = ("cluster", "job_name", "task_index", "default_session_config", "protocol")
    CLUSTER_FIELD_NUMBER: _ClassVar[int]
    JOB_NAME_FIELD_NUMBER: _ClassVar[int]
    TASK_INDEX_FIELD_NUMBER: _ClassVar[int]
    DEFAULT_SESSION_CONFIG_FIELD_NUMBER: _ClassVar[int]
    PROTOCOL_FIELD_NUMBER: _ClassVar[int]
    cluster: ClusterDef
    job_name: str
    task_index: int
    default_session_config: ConfigProto
    protocol: str
    def __init__(
        self,
        cluster: _Optional[_Union[ClusterDef, _Mapping[str, _Any]]] = ...,
        job_name: _Optional[str] = ...,
        task_index: _Optional[int] = ...,
        default_session_config: _Optional[_Union[ConfigProto, _Mapping[str, _Any]]] = ...,
        protocol: _Optional[str] = ...,
    ) -> None: ...

class DataType(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    DT_INVALID: _ClassVar[DataType]
    DT_FLOAT: _ClassVar[DataType]
    DT_DOUBLE: _ClassVar[DataType]
    DT_INT32: _ClassVar[DataType]
    DT_UINT8: _ClassVar[DataType]
    DT_INT16: _ClassVar[DataType]
    DT_INT8: _ClassVar[DataType]
    DT_STRING: _ClassVar[DataType]
    DT_COMPLEX64: _ClassVar[DataType]
    DT_INT64: _ClassVar[DataType]
    DT_BOOL: _ClassVar[DataType]
    DT_QINT8: _ClassVar[DataType]
    DT_QUINT8: _ClassVar[DataType]
    DT_QINT32: _ClassVar[DataType]
    DT_BFLOAT16: _ClassVar[DataType]
    DT_QINT16: _ClassVar[DataType]
    DT_QUINT16: _ClassVar[DataType]
    DT_UINT16: _ClassVar[DataType]
    DT_COMPLEX128: _ClassVar[DataType]
    DT_HALF: _ClassVar[DataType]
    DT_RESOURCE: _ClassVar[DataType]
    DT_VARIANT: _ClassVar[DataType]
    DT_UINT32: _ClassVar[DataType]
    DT_UINT64: _ClassVar[DataType]
    DT_FLOAT_REF: _ClassVar[DataType]
    DT_DOUBLE_REF: _ClassVar[DataType]
    DT_INT32_REF: _ClassVar[DataType]
    DT_UINT8_REF: _ClassVar[DataType]
    DT_INT16_REF: _ClassVar[DataType]
    DT_INT8_REF: _ClassVar[DataType]
    DT_STRING_REF: _ClassVar[DataType]
    DT_COMPLEX64_REF: _ClassVar[DataType]
    DT_INT64_REF: _ClassVar[DataType]
    DT_BOOL_REF: _ClassVar[DataType]
    DT_QINT8_REF: _ClassVar[DataType]
    DT_QUINT8_REF: _ClassVar[DataType]
    DT_QINT32_REF: _ClassVar[DataType]
    DT_BFLOAT16_REF: _ClassVar[DataType]
    DT_QINT16_REF: _ClassVar[DataType]
    DT_QUINT16_REF: _ClassVar[DataType]
    DT_UINT16_REF: _ClassVar[DataType]
    DT_COMPLEX128_REF: _ClassVar[DataType]
    DT_HALF_REF: _ClassVar[DataType]
    DT_RESOURCE_REF: _ClassVar[DataType]
    DT_VARIANT_REF: _ClassVar[DataType]
    DT_UINT32_REF: _ClassVar[DataType]
    DT_UINT64_REF: _ClassVar[DataType]

DT_INVALID: DataType
DT_FLOAT: DataType
DT_DOUBLE: DataType
DT_INT32: DataType
DT_UINT8: DataType
DT_INT16: DataType
DT_INT8: DataType
DT_STRING: DataType
DT_COMPLEX64: DataType
DT_INT64: DataType
DT_BOOL: DataType
DT_QINT8: DataType
DT_QUINT8: DataType
DT_QINT32: DataType
DT_BFLOAT16: DataType
DT_QINT16: DataType
DT_QUINT16: DataType
DT_UINT16: DataType
DT_COMPLEX128: DataType
DT_HALF: DataType
DT_RESOURCE: DataType
DT_VARIANT: DataType
DT_UINT32: DataType
DT_UINT64: DataType
DT_FLOAT_REF: DataType
DT_DOUBLE_REF: DataType
DT_INT32_REF: DataType
DT_UINT8_REF: DataType
DT_INT16_REF: DataType
DT_INT8_REF: DataType
DT_STRING_REF: DataType
DT_COMPLEX64_REF: DataType
DT_INT64_REF: DataType
DT_BOOL_REF: DataType
DT_QINT8_REF: DataType
DT_QUINT8_REF: DataType
DT_QINT32_REF: DataType
DT_BFLOAT16_REF: DataType
DT_QINT16_REF: DataType
DT_QUINT16_REF: DataType
DT_UINT16_REF: DataType
DT_COMPLEX128_REF: DataType
DT_HALF_REF: DataType
DT_RESOURCE_REF: DataType
DT_VARIANT_REF: DataType
DT_UINT32_REF: DataType
DT_UINT64_REF: DataType

class TensorShapeProto(_message.Message):
    __slots__ = ("dim", "unknown_rank")
    class Dim(_message.Message):
        __slots__ = ("size", "name")
        SIZE_FIELD_NUMBER: _ClassVar[int]
        NAME_FIELD_NUMBER: _ClassVar[int]
        size: int
        name: str
        def __init__(self, size: _Optional[int] = ..., name: _Optional[str] = ...) -> None: ...

    DIM_FIELD_NUMBER: _ClassVar[int]
    UNKNOWN_RANK_FIELD_NUMBER: _ClassVar[int]
    dim: _containers.RepeatedCompositeFieldContainer[TensorShapeProto.Dim]
    unknown_rank: bool
    def __init__(
        self,
        dim: _Optional[_Iterable[_Union[TensorShapeProto.Dim, _Mapping[str, _Any]]]] = ...,
        unknown_rank: _Optional[bool] = ...,
    ) -> None: ...

class ResourceHandleProto(_message.Message):
    __slots__ = ("device", "container", "name", "hash_code", "maybe_type_name", "dtypes_and_shapes")
    class DtypeAndShape(_message.Message):
        __slots__ = ("dtype", "shape")
        DTYPE_FIELD_NUMBER: _ClassVar[int]
        SHAPE_FIELD_NUMBER: _ClassVar[int]
        dtype: DataType
        shape: TensorShapeProto
        def __init__(
            self,
            dtype: _Optional[_Union[DataType, int, str]] = ...,
            shape: _Optional[_Union[TensorShapeProto, _Mapping[str, _Any]]] = ...,
        ) -> None: ...

    DEVICE_FIELD_NUMBER: _ClassVar[int]
    CONTAINER_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    HASH_CODE_FIELD_NUMBER: _ClassVar[int]
    MAYBE_TYPE_NAME_FIELD_NUMBER: _ClassVar[int]
    DTYPES_AND_SHAPES_FIELD_NUMBER: _ClassVar[int]
    device: str
    container: str
    name: str
    hash_code: int
    maybe_type_name: str
    dtypes_and_shapes: _containers.RepeatedCompositeFieldContainer[ResourceHandleProto.DtypeAndShape]
    def __init__(
        self,
        device: _Optional[str] = ...,
        container: _Optional[str] = ...,
        name: _Optional[str] = ...,
        hash_code: _Optional[int] = ...,
        maybe_type_name: _Optional[str] = ...,
        dtypes_and_shapes: _Optional[
            _Iterable[_Union[ResourceHandleProto.DtypeAndShape, _Mapping[str, _Any]]]
        ] = ...,
    ) -> None: ...

class TensorProto(_message.Message):
    __slots__ = (
        "dtype",
        "tensor_shape",
        "version_number",
        "tensor_content",
        "half_val",
        "float_val",
        "double_val",
        "int_val",
        "string_val",
        "scomplex_val",
        "int64_val",
        "bool_val",
        "dcomplex_val",
        "resource_handle_val",
        "variant_val",
        "uint32_val",
        "uint64_val",
    )
    DTYPE_FIELD_NUMBER: _ClassVar[int]
    TENSOR_SHAPE_FIELD_NUMBER: _ClassVar[int]
    VERSION_NUMBER_FIELD_NUMBER: _ClassVar[int]
    TENSOR_CONTENT_FIELD_NUMBER: _ClassVar[int]
    HALF_VAL_FIELD_NUMBER: _ClassVar[int]
    FLOAT_VAL_FIELD_NUMBER: _ClassVar[int]
    DOUBLE_VAL_FIELD_NUMBER: _ClassVar[int]
    INT_VAL_FIELD_NUMBER: _ClassVar[int]
    STRING_VAL_FIELD_NUMBER: _ClassVar[int]
    SCOMPLEX_VAL_FIELD_NUMBER: _ClassVar[int]
    INT64_VAL_FIELD_NUMBER: _ClassVar[int]
    BOOL_VAL_FIELD_NUMBER: _ClassVar[int]
    DCOMPLEX_VAL_FIELD_NUMBER: _ClassVar[int]
    RESOURCE_HANDLE_VAL_FIELD_NUMBER: _ClassVar[int]
    VARIANT_VAL_FIELD_NUMBER: _ClassVar[int]
    UINT32_VAL_FIELD_NUMBER: _ClassVar[int]
    UINT64_VAL_FIELD_NUMBER: _ClassVar[int]
    dtype: DataType
    tensor_shape: TensorShapeProto
    version_number: int
    tensor_content: bytes
    half_val: _containers.RepeatedScalarFieldContainer[int]
    float_val: _containers.RepeatedScalarFieldContainer[float]
    double_val: _containers.RepeatedScalarFieldContainer[float]
    int_val: _containers.RepeatedScalarFieldContainer[int]
    string_val: _containers.RepeatedScalarFieldContainer[bytes]
    scomplex_val: _containers.RepeatedScalarFieldContainer[float]
    int64_val: _containers.RepeatedScalarFieldContainer[int]
    bool_val: _containers.RepeatedScalarFieldContainer[bool]
    dcomplex_val: _containers.RepeatedScalarFieldContainer[float]
    resource_handle_val: _containers.RepeatedCompositeFieldContainer[ResourceHandleProto]
    variant_val: _containers.RepeatedCompositeFieldContainer[VariantTensorDataProto]
    uint32_val: _containers.RepeatedScalarFieldContainer[int]
    uint64_val: _containers.RepeatedScalarFieldContainer[int]
    def __init__(
        self,
        dtype: _Optional[_Union[DataType, int, str]] = ...,
        tensor_shape: _Optional[_Union[TensorShapeProto, _Mapping[str, _Any]]] = ...,
        version_number: _Optional[int] = ...,
        tensor_content: _Optional[bytes] = ...,
        half_val: _Optional[_Iterable[int]] = ...,
        float_val: _Optional[_Iterable[float]] = ...,
        double_val: _Optional[_Iterable[float]] = ...,
        int_val: _Optional[_Iterable[int]] = ...,
        string_val: _Optional[_Iterable[bytes]] = ...,
        scomplex_val: _Optional[_Iterable[float]] = ...,
        int64_val: _Optional[_Iterable[int]] = ...,
        bool_val: _Optional[_Iterable[bool]] = ...,
        dcomplex_val: _Optional[_Iterable[float]] = ...,
        resource_handle_val: _Optional[_Iterable[_Union[ResourceHandleProto, _Mapping[str, _Any]]]] = ...,
        variant_val: _Optional[_Iterable[_Union[VariantTensorDataProto, _Mapping[str, _Any]]]] = ...,
        uint32_val: _Optional[_Iterable[int]] = ...,
        uint64_val: _Optional[_Iterable[int]] = ...,
    ) -> None: ...

class VariantTensorDataProto(_message.Message):
    __slots__ = ("type_name", "metadata", "tensors")
    TYPE_NAME_FIELD_NUMBER: _ClassVar[int]
    METADATA_FIELD_NUMBER: _ClassVar[int]
    TENSORS_FIELD_NUMBER: _ClassVar[int]
    type_name: str
    metadata: bytes
    tensors: _containers.RepeatedCompositeFieldContainer[TensorProto]
    def __init__(
        self,
        type_name: _Optional[str] = ...,
        metadata: _Optional[bytes] = ...,
        tensors: _Optional[_Iterable[_Union[TensorProto, _Mapping[str, _Any]]]] = ...,
    ) -> None: ...

class TensorSliceProto(_message.Message):
    __slots__ = ("extent",)
    class Extent(_message.Message):
        __slots__ = ("start", "length")
        START_FIELD_NUMBER: _ClassVar[int]
        LENGTH_FIELD_NUMBER: _ClassVar[int]
        start: int
        length: int
        def __init__(self, start: _Optional[int] = ..., length: _Optional[int] = ...) -> None: ...

    EXTENT_FIELD_NUMBER: _ClassVar[int]
    extent: _containers.RepeatedCompositeFieldContainer[TensorSliceProto.Extent]
    def __init__(
        self, extent: _Optional[_Iterable[_Union[TensorSliceProto.Extent, _Mapping[str, _Any]]]] = ...
    ) -> None: ...

class VersionDef(_message.Message):
    __slots__ = ("producer", "min_consumer", "bad_consumers")
    PRODUCER_FIELD_NUMBER: _ClassVar[int]
    MIN_CONSUMER_FIELD_NUMBER: _ClassVar[int]
    BAD_CONSUMERS_FIELD_NUMBER: _ClassVar[int]
    producer: int
    min_consumer: int
    bad_consumers: _containers.RepeatedScalarFieldContainer[int]
    def __init__(
        self,
        producer: _Optional[int] = ...,
        min_consumer: _Optional[int] = ...,
        bad_consumers: _Optional[_Iterable[int]] = ...,
    ) -> None: ...
