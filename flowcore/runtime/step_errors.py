"""The one place where a failed step of the engine becomes one of our exceptions."""

from __future__ import annotations

import re

from flowcore import _engine, errors
from flowcore.graph.operation import Operation
from flowcore.runtime.plan import CompiledPlan

#: How an exception of a Python kernel is classed (the classes that TensorFlow's py_func uses).
_FROM_PYTHON: tuple[tuple[type[BaseException], int], ...] = (
    (StopIteration, errors.OUT_OF_RANGE),
    (MemoryError, errors.RESOURCE_EXHAUSTED),
    (NotImplementedError, errors.UNIMPLEMENTED),
    (FileNotFoundError, errors.NOT_FOUND),
    (PermissionError, errors.PERMISSION_DENIED),
    (TypeError, errors.INVALID_ARGUMENT),
    (ValueError, errors.INVALID_ARGUMENT),
)


def as_exception(error: _engine.StepError, plan: CompiledPlan) -> BaseException:
    """The exception for the user: class by status, message with the node, its type and the user's line.

    An OpError raised inside a Python kernel keeps its class; any other exception of one becomes the cause.
    """
    op = plan.ops[error.node] if 0 <= error.node < len(plan.ops) else None
    cause = error.cause
    code = error.code
    if isinstance(cause, errors.OpError):
        code = cause.error_code
    elif cause is not None:
        code = next((c for kind, c in _FROM_PYTHON if isinstance(cause, kind)), errors.UNKNOWN)
    message = str(error.message) if cause is None else f"{type(cause).__name__}: {cause}"
    if error.node in plan.fused:
        op, message = _member(plan.fused[error.node], message)
    if op is not None:
        message = f"node '{op.name}' ({op.type}): {message}"
        if op.created_at:
            message += f"\n  created at {op.created_at}"
        if error.node in plan.fused:
            others = ", ".join(
                f"'{other.name}' ({other.type})" for other in plan.fused[error.node] if other is not op
            )
            message += f"\n  computed together with {others}"
    elif 0 <= error.node < len(plan.names):
        message = f"node '{plan.names[error.node]}': {message}"
    result = errors.exception_for(code)(op.node_def if op is not None else None, op, message)
    result.__cause__ = cause
    return result


def _member(ops: tuple[Operation, ...], message: str) -> tuple[Operation, str]:
    """Which of the ops of a fused node failed, and why:

    its kernel's messages begin with a mark (kernels/_fused.h).
    """
    mark = re.match(r"#(\d+): ", message)
    return (ops[int(mark[1])], message[mark.end() :]) if mark else (ops[-1], message)
