"""The state that outlives a step: variables, queues, random counters. One owner, the session."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from flowcore import _engine, errors, kernels, locks
from flowcore.graph.operation import Operation
from flowcore.runtime.handles import ResourceKey, key_of, printable

#: Attributes that say how a resource is found, not what it is.
_NAMING = frozenset({"container", "shared_name"})
#: Attributes in which 0 asks for nothing: who shares a queue need not repeat its seed.
_SEEDS = frozenset({"seed", "seed2"})


def _make(op: Operation, name: str, attrs: Mapping[str, Any]) -> _engine.Resource:
    try:
        return _engine.Resource(kernels.RESOURCE_FACTORIES[op.type](name, dict(attrs)))
    except (ValueError, OverflowError) as error:
        where = f"; created at {op.created_at}" if op.created_at else ""
        raise errors.InvalidArgumentError(
            op.node_def, op, f"node '{op.name}' ({op.type}) cannot be made: {error}{where}"
        ) from None


def _expect_same(
    op: Operation, attrs: Mapping[str, Any], name: str, first: Operation, meant: Mapping[str, Any]
) -> None:
    """Raises InvalidArgumentError unless `op` asks for what `first` made under this name."""
    differ = (
        [f"{first.type} and {op.type}"]
        if op.type != first.type
        else [
            f"{key}: {_shown(first, key)} and {_shown(op, key)}"
            for key, value in attrs.items()
            if key not in _NAMING and value != meant.get(key) and not (key in _SEEDS and value == 0)
        ]
    )
    if differ:
        where = f" (created at {op.created_at})" if op.created_at else ""
        raise errors.InvalidArgumentError(
            op.node_def,
            op,
            f"node '{op.name}' ({op.type}){where} shares the name '{name}' with the resource that node"
            f" '{first.name}' ({first.type}) made, but is not the same: {'; '.join(differ)}. Give one of them"
            " another shared_name",
        )


def _shown(op: Operation, attr: str) -> str:
    value = op.get_attr(attr)
    values = value if isinstance(value, list) else [value]
    names = [getattr(v, "name", None) or str(v) for v in values]
    return f"[{', '.join(names)}]" if isinstance(value, list) else names[0]


class RunnerFailure(NamedTuple):
    """Why a queue gets no more elements: what first failed, in the runner of which queue."""

    queue: str
    error: BaseException


class ResourceManager:
    """Makes each resource at its first use and keeps it until the session goes."""

    def __init__(self) -> None:
        #: By name: queues that no runner fills any more because one failed. Whoever meets one is told.
        self.failures: dict[ResourceKey, RunnerFailure] = {}
        self._lock = locks.lock()
        self._resources: dict[ResourceKey, tuple[Operation, dict[str, Any], _engine.Resource]] = {}
        self._python_kernels: dict[str, Callable[..., Any]] = {}

    def get(self, op: Operation, attrs: Mapping[str, Any]) -> _engine.Resource:
        """The resource of `op`, shared by name: `shared_name` where the op has one, else the node's name.

        Raises InvalidArgumentError when a resource of another kind, dtype, shape or capacity holds that
        name, or when an attribute cannot be.
        """
        key = key_of(op, attrs)
        with self._lock:
            found = self._resources.get(key)
            if found is None:
                made = _make(op, printable(key[1]), attrs)
                self._resources[key] = op, dict(attrs), made
                return made
        first, meant, resource = found
        if first is not op:
            _expect_same(op, attrs, printable(key[1]), first, meant)
        return resource

    def blame(self, op: Operation, failure: RunnerFailure) -> None:
        """Remembers why the queue of a handle op is about to be closed; the first failure counts."""
        self.failures.setdefault(key_of(op, op.attrs), failure)

    def python_kernel(self, op: Operation, attrs: Mapping[str, Any]) -> Callable[..., Any] | None:
        """The Python kernel of `op`, made once per session, so that one that counts (Print) counts
        over all plans. None when there is none.
        """
        factory = kernels.PYTHON_KERNELS.get(op.type)
        if factory is None:
            return None
        with self._lock:
            if op.name not in self._python_kernels:
                self._python_kernels[op.name] = factory(op.name, attrs)
            return self._python_kernels[op.name]

    def clear(self) -> None:
        """Lets all go; plans that still run keep what they use."""
        with self._lock:
            self._resources.clear()
            self.failures.clear()
            self._python_kernels.clear()
