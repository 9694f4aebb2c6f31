"""flowcore.nn: the public names of neural-network ops."""

from flowcore.ops.activations import *  # noqa: F403
from flowcore.ops.bias import *  # noqa: F403
from flowcore.ops.convolution import *  # noqa: F403
from flowcore.ops.cross_entropy import *  # noqa: F403
from flowcore.ops.dropout import *  # noqa: F403
from flowcore.ops.embedding import *  # noqa: F403
from flowcore.ops.pooling import *  # noqa: F403
from flowcore.ops.statistics import *  # noqa: F403
