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
from flowcore import train as train
from flowcore._missing_names import find_missing as _find_missing
from flowcore._missing_names import module_getattr as _module_getattr
from flowcore._version import __version__ as __version__
from flowcore.config import ConfigProto as ConfigProto
from flowcore.config import GPUOptions as GPUOptions
from flowcore.config import GraphOptions as GraphOptions
from flowcore.config import OptimizerOptions as OptimizerOptions
from flowcore.config import RunOptions as RunOptions
from flowcore.custom_gradients import *  # noqa: F403
from flowcore.dtypes import *  # noqa: F403
from flowcore.errors import OpError as OpError
from flowcore.gradients import *  # noqa: F403
from flowcore.graph.conversion import *  # noqa: F403
from flowcore.graph.graph import *  # noqa: F403
from flowcore.graph.operation import *  # noqa: F403
from flowcore.graph.scopes import *  # noqa: F403
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
from flowcore.ops.shape_ops import *  # noqa: F403
from flowcore.ops.slicing import *  # noqa: F403
from flowcore.ops.state_ops import *  # noqa: F403
from flowcore.ops.tensor_array import *  # noqa: F403
from flowcore.ops.variable_scope import *  # noqa: F403
from flowcore.ops.variables import *  # noqa: F403
from flowcore.ops.while_loop import *  # noqa: F403
from flowcore.runtime.list_devices import DeviceDescription as DeviceDescription
from flowcore.runtime.list_devices import list_devices as list_devices
from flowcore.runtime.profile import RunMetadata as RunMetadata
from flowcore.runtime.session import InteractiveSession as InteractiveSession
from flowcore.runtime.session import Session as Session
from flowcore.runtime.session import get_default_session as get_default_session
from flowcore.runtime.show_config import show_config as show_config
from flowcore.shape import Dimension as Dimension
from flowcore.shape import TensorShape as TensorShape

if _typing.TYPE_CHECKING:
    from flowcore import test as test
else:  # type checkers flag a name that is not there without it
    # unittest, which flowcore.test needs, costs a tenth of what all of flowcore does
    __getattr__ = _module_getattr(__name__, lazy=("test",))
    _missing_members.mark(_sys.modules[__name__])
    _find_missing(__name__)
