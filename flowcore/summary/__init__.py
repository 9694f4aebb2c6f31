"""flowcore.summary: the messages of event files, which TensorBoard shows."""

import typing as _typing

from flowcore._missing_names import module_dir as _module_dir
from flowcore._missing_names import module_getattr as _module_getattr

if _typing.TYPE_CHECKING:  # type checkers flag a name that is not there without it
    from flowcore.protos import Event as Event
    from flowcore.protos import SessionLog as SessionLog
    from flowcore.protos import Summary as Summary
    from flowcore.protos import SummaryDescription as SummaryDescription
    from flowcore.protos import TaggedRunMetadata as TaggedRunMetadata
else:
    __getattr__ = _module_getattr(__name__)
    __dir__ = _module_dir(__name__)
