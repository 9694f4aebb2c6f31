"""Training:

optimisers, the coordinator of threads, queue runners, input pipelines. Stands above the runtime.
"""

from flowcore.train.coordinator import *  # noqa: F403
from flowcore.train.input import *  # noqa: F403
from flowcore.train.learning_rate import *  # noqa: F403
from flowcore.train.optimizer import *  # noqa: F403
from flowcore.train.optimizers import *  # noqa: F403
from flowcore.train.queue_runner import *  # noqa: F403
from flowcore.train.training_util import *  # noqa: F403
