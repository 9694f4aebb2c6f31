"""The state that outlives a step: variables, queues, random counters. One owner, the session."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from flowcore import _engine, errors, kernels, locks
from flowcore.graph.operation import Operation
from flowcore.runtime.handles import Path, ResourceKey, key_of

#: Attributes that say how a resource is found, not what it is.
_NAMING = frozenset({"container", "shared_name"})
#: Attributes in which 0 asks for nothing: who shares a queue need not repeat its seed.
_SEEDS = frozenset({"seed", "seed2"})


class _Made(NamedTuple):
    """A resource, with the op that it was made for, the path to its body, and the attributes."""

    op: Operation
    path: Path
    attrs: Mapping[str, Any]
    resource: _engine.Resource


def _named(op: Operation, path: Path) -> str:
    return f"node '{'/'.join([*path, op.name])}' ({op.type})"


def _make(op: Operation, name: str, attrs: Mapping[str, Any], path: Path) -> _engine.Resource:
    try:
        return _engine.Resource(kernels.RESOURCE_FACTORIES[op.type](name, dict(attrs)))
    except (ValueError, OverflowError) as error:
        where = f"; created at {op.created_at}" if op.created_at else ""
        raise errors.InvalidArgumentError(
            None, op, f"{_named(op, path)} cannot be made: {error}{where}"
        ) from None


def _expect_same(op: Operation, attrs: Mapping[str, Any], path: Path, key: ResourceKey, made: _Made) -> None:
    """Raises InvalidArgumentError unless `op` asks for what was made under this key."""
    first, meant = made.op, made.attrs
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
            None,
            op,
            f"{_named(op, path)}{where} shares the name '{key.shown}' with the resource that"
            f" {_named(first, made.path)} made, but is not the same: {'; '.join(differ)}. Give one of them"
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
        #: By name: queues that no runner fills any more because one failed. A step that meets one is told.
        self.failures: dict[ResourceKey, RunnerFailure] = {}
        self._lock = locks.lock()
        self._resources: dict[ResourceKey, _Made] = {}
        self._python_kernels: dict[tuple[Path, str], Callable[..., Any]] = {}

    def get(self, op: Operation, attrs: Mapping[str, Any], path: Path = ()) -> _engine.Resource:
        """The resource of `op`, shared by name: `shared_name` where the op has one, else the node's name
        and the path of calls that leads to its body, so that each call of a function has its own.

        Raises InvalidArgumentError when a resource of another kind, dtype, shape or capacity holds that
        name, or when an attribute cannot be.
        """
        key = key_of(op, attrs, path)
        with self._lock:
            found = self._resources.get(key)
            if found is None:
                made = _make(op, key.shown, attrs, path)
                self._resources[key] = _Made(op, path, dict(attrs), made)
                return made
        if found.op is not op:
            _expect_same(op, attrs, path, key, found)
        return found.resource

    def blame(self, op: Operation, failure: RunnerFailure) -> None:
        """Remembers why the queue of a handle op is about to be closed; the first failure counts."""
        self.failures.setdefault(key_of(op, op.attrs), failure)

    def python_kernel(
        self, op: Operation, attrs: Mapping[str, Any], path: Path = ()
    ) -> Callable[..., Any] | None:
        """The Python kernel of `op`, made once per session and path of calls, so that one that counts
        (Print) counts over all plans. None when there is none.
        """
        factory = kernels.PYTHON_KERNELS.get(op.type)
        if factory is None:
            return None
        with self._lock:
            key = path, op.name
            if key not in self._python_kernels:
                self._python_kernels[key] = factory("/".join([*path, op.name]), attrs)
            return self._python_kernels[key]

    def clear(self) -> None:
        """Lets all go; plans that still run keep what they use."""
        with self._lock:
            self._resources.clear()
            self.failures.clear()
            self._python_kernels.clear()
