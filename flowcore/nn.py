"""flowcore.nn: the public names of neural-network ops."""

import typing as _typing

from flowcore._missing_names import module_getattr as _module_getattr
from flowcore.ops.activations import *  # noqa: F403
from flowcore.ops.bias import *  # noqa: F403
from flowcore.ops.convolution import *  # noqa: F403
from flowcore.ops.cross_entropy import *  # noqa: F403
from flowcore.ops.dropout import *  # noqa: F403
from flowcore.ops.embedding import *  # noqa: F403
from flowcore.ops.pooling import *  # noqa: F403
from flowcore.ops.statistics import *  # noqa: F403

if not _typing.TYPE_CHECKING:  # type checkers flag a name that is not there without it
    __getattr__ = _module_getattr(__name__)
