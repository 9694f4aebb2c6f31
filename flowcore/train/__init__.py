"""Training: optimisers, the coordinator of threads, queue runners, input pipelines.

Stands above the runtime.
"""

import typing as _typing

from flowcore._missing_names import module_getattr as _module_getattr
from flowcore.train.coordinator import *  # noqa: F403
from flowcore.train.input import *  # noqa: F403
from flowcore.train.learning_rate import *  # noqa: F403
from flowcore.train.moving_averages import *  # noqa: F403
from flowcore.train.optimizer import *  # noqa: F403
from flowcore.train.optimizers import *  # noqa: F403
from flowcore.train.queue_runner import *  # noqa: F403
from flowcore.train.training_util import *  # noqa: F403

if not _typing.TYPE_CHECKING:  # type checkers flag a name that is not there without it
    __getattr__ = _module_getattr(__name__)
