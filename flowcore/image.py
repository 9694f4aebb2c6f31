"""flowcore.image: the public names of image ops."""

import typing as _typing

from flowcore._missing_names import module_getattr as _module_getattr
from flowcore.ops.image_ops import *  # noqa: F403

if not _typing.TYPE_CHECKING:  # type checkers flag a name that is not there without it
    __getattr__ = _module_getattr(__name__)
