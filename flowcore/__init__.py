"""flowcore: a small, fast, vendor-neutral dataflow engine.

Build a graph of operations over tensors, then run it in a Session: nodes run in parallel, without
the GIL, as soon as their inputs are there.
The public names are those of TensorFlow 1.15's graph mode: `import flowcore as tf` runs a script
written for it.
"""

import sys as _sys
import typing as _typing

from flowcore import _build as _build  # first: says what to run where nothing is built
from flowcore import _missing_members
from flowcore import dtypes as dtypes
from flowcore import errors as errors
from flowcore import image as image
from flowcore import nn as nn
from flowcore import summary as summary
from flowcore import timeline as timeline
from flowcore import train as train
from flowcore._missing_names import find_missing as _find_missing
from flowcore._missing_names import module_dir as _module_dir
from flowcore._missing_names import module_getattr as _module_getattr
from flowcore._version import __version__ as __version__
from flowcore.custom_gradients import *  # noqa: F403
from flowcore.dtypes import *  # noqa: F403
from flowcore.errors import OpError as OpError
from flowcore.gradients import *  # noqa: F403
from flowcore.graph.conversion import *  # noqa: F403
from flowcore.graph.graph import *  # noqa: F403
from flowcore.graph.make_proto import *  # noqa: F403
from flowcore.graph.operation import *  # noqa: F403
from flowcore.graph.scopes import *  # noqa: F403
from flowcore.graph_import import *  # noqa: F403
from flowcore.ops.arithmetic import *  # noqa: F403
from flowcore.ops.casts import *  # noqa: F403
from flowcore.ops.check_ops import *  # noqa: F403
from flowcore.ops.clip_ops import *  # noqa: F403
from flowcore.ops.comparison import *  # noqa: F403
from flowcore.ops.cond import *  # noqa: F403
from flowcore.ops.constant_ops import *  # noqa: F403
from flowcore.ops.control_flow_ops import *  # noqa: F403
from flowcore.ops.data_flow_ops import *  # noqa: F403
from flowcore.ops.defun import *  # noqa: F403
from flowcore.ops.filling import *  # noqa: F403
from flowcore.ops.functional_loops import *  # noqa: F403
from flowcore.ops.functions import *  # noqa: F403
from flowcore.ops.gathering import *  # noqa: F403
from flowcore.ops.identities import *  # noqa: F403
from flowcore.ops.initializers import *  # noqa: F403
from flowcore.ops.io_ops import *  # noqa: F403
from flowcore.ops.joining import *  # noqa: F403
from flowcore.ops.layout import *  # noqa: F403
from flowcore.ops.linalg_ops import *  # noqa: F403
from flowcore.ops.list_ops import *  # noqa: F403
from flowcore.ops.random_ops import *  # noqa: F403
from flowcore.ops.reductions import *  # noqa: F403
from flowcore.ops.saving import *  # noqa: F403
from flowcore.ops.shape_ops import *  # noqa: F403
from flowcore.ops.slicing import *  # noqa: F403
from flowcore.ops.state_ops import *  # noqa: F403
from flowcore.ops.string_ops import *  # noqa: F403
from flowcore.ops.tensor_array import *  # noqa: F403
from flowcore.ops.variable_scope import *  # noqa: F403
from flowcore.ops.variables import *  # noqa: F403
from flowcore.ops.while_loop import *  # noqa: F403
from flowcore.runtime.list_devices import DeviceDescription as DeviceDescription
from flowcore.runtime.list_devices import list_devices as list_devices
from flowcore.runtime.session import InteractiveSession as InteractiveSession
from flowcore.runtime.session import Session as Session
from flowcore.runtime.session import get_default_session as get_default_session
from flowcore.runtime.show_config import show_config as show_config
from flowcore.shape import Dimension as Dimension
from flowcore.shape import TensorShape as TensorShape

if _typing.TYPE_CHECKING:
    from flowcore import protos as protos
    from flowcore import test as test
    from flowcore.protos import AttrValue as AttrValue
    from flowcore.protos import ConfigProto as ConfigProto
    from flowcore.protos import Event as Event
    from flowcore.protos import GPUOptions as GPUOptions
    from flowcore.protos import GraphDef as GraphDef
    from flowcore.protos import GraphOptions as GraphOptions
    from flowcore.protos import HistogramProto as HistogramProto
    from flowcore.protos import LogMessage as LogMessage
    from flowcore.protos import MetaGraphDef as MetaGraphDef
    from flowcore.protos import NameAttrList as NameAttrList
    from flowcore.protos import NodeDef as NodeDef
    from flowcore.protos import OptimizerOptions as OptimizerOptions
    from flowcore.protos import RunMetadata as RunMetadata
    from flowcore.protos import RunOptions as RunOptions
    from flowcore.protos import SessionLog as SessionLog
    from flowcore.protos import Summary as Summary
    from flowcore.protos import SummaryMetadata as SummaryMetadata
    from flowcore.protos import TensorInfo as TensorInfo
else:  # type checkers flag a name that is not there without it
    # unittest, which flowcore.test needs, costs a tenth of what all of flowcore does
    # what messages are made of needs the protobuf runtime, another such part
    __getattr__ = _module_getattr(__name__, lazy=("test", "protos"))
    __dir__ = _module_dir(__name__, lazy=("test", "protos"))
    _missing_members.mark(_sys.modules[__name__])
    _find_missing(__name__)
