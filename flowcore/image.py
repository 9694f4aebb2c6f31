"""flowcore.image: the public names of image ops."""

from flowcore.ops.image_ops import *  # noqa: F403
