"""The exceptions of a run: one class per canonical status code.

Owns: the codes, the classes, and the table between them. Of flowcore it imports the missing names alone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from flowcore._missing_names import module_getattr

__all__ = [
    "AbortedError", "AlreadyExistsError", "CancelledError", "DataLossError", "DeadlineExceededError",
    "FailedPreconditionError", "InternalError", "InvalidArgumentError", "NotFoundError", "OpError",
    "OutOfRangeError", "PermissionDeniedError", "ResourceExhaustedError", "UnauthenticatedError",
    "UnavailableError", "UnimplementedError", "UnknownError", "exception_for",
]  # fmt: skip

OK = 0
CANCELLED = 1
UNKNOWN = 2
INVALID_ARGUMENT = 3
DEADLINE_EXCEEDED = 4
NOT_FOUND = 5
ALREADY_EXISTS = 6
PERMISSION_DENIED = 7
RESOURCE_EXHAUSTED = 8
FAILED_PRECONDITION = 9
ABORTED = 10
OUT_OF_RANGE = 11
UNIMPLEMENTED = 12
INTERNAL = 13
UNAVAILABLE = 14
DATA_LOSS = 15
UNAUTHENTICATED = 16


class OpError(Exception):
    """What went wrong in a run; its subclasses say of which kind.

    Args:
        node_def: The NodeDef of the operation that failed; None: that of op.
        op: The Operation that failed, or None.
        message: What was expected, what was found, and the way out.
        error_code: One of the codes of this module; None: the code of the class.

    Example:
        >>> x = fc.placeholder(fc.float32, name="x")
        >>> try:
        ...     fc.Session().run(x)
        ... except fc.errors.OpError as error:
        ...     print(type(error).__name__, error.error_code, error.op.name)
        InvalidArgumentError 3 x
    """

    code = UNKNOWN

    def __init__(self, node_def: Any, op: Any, message: str, error_code: int | None = None) -> None:
        super().__init__(message)
        self._node_def = node_def
        self._op = op
        self._message = message
        self._error_code = type(self).code if error_code is None else error_code
        self._failed_runner: Any = None  # set by the runtime: the queue runner whose failure closed a queue

    @property
    def message(self) -> str:
        """What was expected, what was found, and the way out."""
        return self._message

    @property
    def op(self) -> Any:
        """The Operation that failed, or None."""
        return self._op

    @property
    def node_def(self) -> Any:
        """The NodeDef of the operation that failed, or None. It is made when it is asked for."""
        if self._node_def is None and self._op is not None:
            self._node_def = self._op.node_def
        return self._node_def

    @property
    def error_code(self) -> int:
        """The canonical status code, one of the codes of this module."""
        return self._error_code

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (None, None, self._message)


class CancelledError(OpError):
    """The run was cancelled: its session or a queue was closed, or another node failed first."""

    code = CANCELLED


class UnknownError(OpError):
    """A Python function raised an exception that has no class of its own here."""

    code = UNKNOWN


class InvalidArgumentError(OpError):
    """A value, shape or dtype that the node cannot take."""

    code = INVALID_ARGUMENT


class DeadlineExceededError(OpError):
    """The time limit of the run passed."""

    code = DEADLINE_EXCEEDED


class NotFoundError(OpError):
    """A file or another named thing does not exist."""

    code = NOT_FOUND


class AlreadyExistsError(OpError):
    """What was to be made exists already."""

    code = ALREADY_EXISTS


class PermissionDeniedError(OpError):
    """The operating system refused access."""

    code = PERMISSION_DENIED


class ResourceExhaustedError(OpError):
    """Memory or another resource ran out."""

    code = RESOURCE_EXHAUSTED


class FailedPreconditionError(OpError):
    """The state does not allow it, for instance a variable that was not initialised."""

    code = FAILED_PRECONDITION


class AbortedError(OpError):
    """A concurrent action got in the way."""

    code = ABORTED


class OutOfRangeError(OpError):
    """The end was reached: a closed queue ran empty, a counter met its limit."""

    code = OUT_OF_RANGE


class UnimplementedError(OpError):
    """This version does not do that."""

    code = UNIMPLEMENTED


class InternalError(OpError):
    """A promise of flowcore's own was broken: a defect worth a report."""

    code = INTERNAL


class UnavailableError(OpError):
    """A service is not there for the moment."""

    code = UNAVAILABLE


class DataLossError(OpError):
    """Data are lost or corrupt beyond repair."""

    code = DATA_LOSS


class UnauthenticatedError(OpError):
    """The request carries no valid credentials."""

    code = UNAUTHENTICATED


_CLASSES: dict[int, type[OpError]] = {cls.code: cls for cls in OpError.__subclasses__()}


def exception_for(error_code: int) -> type[OpError]:
    """The class for a status code.

    Args:
        error_code: One of the codes of this module.

    Returns:
        A class derived from OpError; UnknownError for what is no code.

    Example:
        >>> fc.errors.exception_for(fc.errors.NOT_FOUND)
        <class 'flowcore.errors.NotFoundError'>
    """
    return _CLASSES.get(error_code, UnknownError) if isinstance(error_code, int) else UnknownError


def exception_type_from_error_code(error_code: int) -> type[OpError]:
    """The class for a status code; what is none is refused.

    Args:
        error_code: One of the codes of this module but OK.

    Returns:
        A class derived from OpError.

    Raises:
        TypeError: error_code is no whole number.
        KeyError: No class has this code.

    Example:
        >>> fc.errors.exception_type_from_error_code(5)
        <class 'flowcore.errors.NotFoundError'>
    """
    if not isinstance(error_code, int):
        raise TypeError(f"error_code must be a whole number, found {error_code!r}")
    return _CLASSES[error_code]


def error_code_from_exception_type(cls: type[OpError]) -> int:
    """The status code of a class.

    Args:
        cls: OpError, or a class derived from it.

    Returns:
        One of the codes of this module, an int.

    Raises:
        TypeError: cls is no such class.

    Example:
        >>> fc.errors.error_code_from_exception_type(fc.errors.NotFoundError)
        5
    """
    if not isinstance(cls, type) or not issubclass(cls, OpError):
        raise TypeError(f"cls must be a class of flowcore.errors, found {cls!r}")
    return cls.code


if not TYPE_CHECKING:  # type checkers flag a name that is not there without it
    __getattr__ = module_getattr(__name__)
