"""flowcore.nn: the public names of neural-network ops."""

from flowcore.ops.nn_ops import *  # noqa: F403
