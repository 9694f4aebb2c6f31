"""Training: optimisers, the coordinator of threads, queue runners, input pipelines.

Stands above the runtime.
"""

import typing as _typing

from flowcore._missing_names import module_dir as _module_dir
from flowcore._missing_names import module_getattr as _module_getattr
from flowcore.train.basic_session_run_hooks import *  # noqa: F403
from flowcore.train.checkpoint_init import *  # noqa: F403
from flowcore.train.checkpoint_reader import *  # noqa: F403
from flowcore.train.checkpoint_state import *  # noqa: F403
from flowcore.train.coordinator import *  # noqa: F403
from flowcore.train.graph_files import *  # noqa: F403
from flowcore.train.input import *  # noqa: F403
from flowcore.train.learning_rate import *  # noqa: F403
from flowcore.train.monitored_session import *  # noqa: F403
from flowcore.train.moving_averages import *  # noqa: F403
from flowcore.train.optimizer import *  # noqa: F403
from flowcore.train.optimizers import *  # noqa: F403
from flowcore.train.queue_runner import *  # noqa: F403
from flowcore.train.saver import *  # noqa: F403
from flowcore.train.saving_hooks import *  # noqa: F403
from flowcore.train.scaffold import *  # noqa: F403
from flowcore.train.session_manager import *  # noqa: F403
from flowcore.train.session_run_hook import *  # noqa: F403
from flowcore.train.training_util import *  # noqa: F403

if _typing.TYPE_CHECKING:  # type checkers flag a name that is not there without it
    from flowcore.protos import BytesList as BytesList
    from flowcore.protos import ClusterDef as ClusterDef
    from flowcore.protos import Example as Example
    from flowcore.protos import Feature as Feature
    from flowcore.protos import FeatureList as FeatureList
    from flowcore.protos import FeatureLists as FeatureLists
    from flowcore.protos import Features as Features
    from flowcore.protos import FloatList as FloatList
    from flowcore.protos import Int64List as Int64List
    from flowcore.protos import JobDef as JobDef
    from flowcore.protos import SaverDef as SaverDef
    from flowcore.protos import SequenceExample as SequenceExample
    from flowcore.protos import ServerDef as ServerDef
else:
    __getattr__ = _module_getattr(__name__)
    __dir__ = _module_dir(__name__)
