"""The one place where a failed step of the engine becomes one of our exceptions."""

from __future__ import annotations

import re

from flowcore import _engine, dtypes, errors
from flowcore.graph.graph import GraphKeys
from flowcore.graph.operation import Operation
from flowcore.runtime.handles import origins, resource_keys
from flowcore.runtime.plan import CompiledPlan
from flowcore.runtime.plan_nodes import PlanNodes
from flowcore.runtime.resources import RunnerFailure

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


def as_exception(error: _engine.StepError, root: CompiledPlan) -> BaseException:
    """The exception for the user: class by status, message with the node, its type, the turns of the loops
    that it stands in, and the user's line.

    An OpError raised inside a Python kernel keeps its class; any other exception of one becomes the cause.
    Who meets a queue that was closed because a queue runner failed gets an exception of that failure's
    class, so that `except OutOfRangeError` means an end of the input and nothing else.
    """
    plan: PlanNodes = root if error.plan is None else root.at((error.plan, error.node))[0]
    op = plan.ops[error.node] if 0 <= error.node < len(plan.ops) else None
    cause = error.cause
    code = error.code
    if isinstance(cause, errors.OpError):
        code = cause.error_code
    elif cause is not None:
        code = next((c for kind, c in _FROM_PYTHON if isinstance(cause, kind)), errors.UNKNOWN)
    message = str(error.message) if cause is None else _text_of(cause)
    if error.node in plan.fused:
        op, message = _member(plan.fused[error.node], message)
    failure = None
    if op is not None:
        failure = _failed_runner(op, root) if cause is None and code in _CLOSED else None
        if failure is not None:
            cause, code = failure.error, _code_of(failure.error)
            message = _because(failure, message)
        elif code == errors.FAILED_PRECONDITION and cause is None:
            message = _with_initializer(op, message)
        message = f"node '{op.name}' ({op.type}){_turns(error, root)}: {message}"
        if op.created_at:
            message += f"\n  created at {op.created_at}"
        if error.node in plan.fused:
            others = ", ".join(
                f"'{other.name}' ({other.type})" for other in plan.fused[error.node] if other is not op
            )
            message += f"\n  computed together with {others}"
    elif 0 <= error.node < len(plan.ops):
        message = f"node '{plan.name(error.node)}'{_turns(error, root)}: {message}"
    result = errors.exception_for(code)(None, op, message)
    result.__cause__ = cause
    result._failed_runner = failure
    return result


def _text_of(cause: BaseException) -> str:
    """What an exception of a Python kernel says. The class of an OpError is that of the new exception."""
    return cause.message if isinstance(cause, errors.OpError) else f"{type(cause).__name__}: {cause}"


def _turns(error: _engine.StepError, root: CompiledPlan) -> str:
    """Where in loops and calls a failed node stood: ", in turn 4 of 'while'", the innermost first."""
    found: list[str] = []
    for plan, node, turn in error.path:
        op = root.op_at((plan, node))
        if op is not None and op._op_def.calls[0] == "while":
            found.append(f"in turn {turn} of '{op.name}'")
    if error.depth > len(error.path):
        found.append(f"{error.depth} calls deep")
    return "".join(f", {part}" for part in reversed(found))


#: What queue ops fail with when their queue is closed.
_CLOSED = (errors.OUT_OF_RANGE, errors.CANCELLED)


def _failed_runner(op: Operation, plan: CompiledPlan) -> RunnerFailure | None:
    """The failure of a queue runner that closed a queue which `op` works on, or None."""
    if not plan.failures:
        return None
    return next((plan.failures[key] for key in resource_keys(op) or () if key in plan.failures), None)


def _code_of(error: BaseException) -> int:
    """The code that a failed runner's error gives to those who wait for its elements: never the one
    that means the end of the input.
    """
    code = error.error_code if isinstance(error, errors.OpError) else errors.UNKNOWN
    return errors.ABORTED if code == errors.OUT_OF_RANGE else code


def _because(failure: RunnerFailure, message: str) -> str:
    return f"{message}, because the queue runner of '{failure.queue}' failed: {failure.error}"


def _with_initializer(op: Operation, message: str) -> str:
    """Names the initialiser of local variables where a message about one names that of the others."""
    local = op.graph.get_collection(GraphKeys.LOCAL_VARIABLES)
    made = {v._variable for v in local if hasattr(v, "_variable")}
    used = [origins(t) for t in op.inputs if t.dtype is dtypes.resource]
    used.append(frozenset([t for t in (*op.inputs, *op.outputs) if t.dtype._is_ref_dtype]))
    return (
        message.replace("global_variables_initializer", "local_variables_initializer")
        if any(made & variables for variables in used if variables is not None)
        else message
    )


def _member(ops: tuple[Operation, ...], message: str) -> tuple[Operation, str]:
    """Which of the ops of a fused node failed, and why: its kernel's messages begin with a mark
    (kernels/_fused.h).
    """
    mark = re.match(r"#(\d+): ", message)
    return (ops[int(mark[1])], message[mark.end() :]) if mark else (ops[-1], message)
