"""The state that outlives a step: variables, queues, random counters. One owner, the session."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from typing import Any

from flowcore import _engine, errors, kernels
from flowcore.graph.operation import Operation


class ResourceManager:
    """Makes each resource at its first use and keeps it until the session goes."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._resources: dict[tuple[str, str], tuple[str, _engine.Resource]] = {}
        self._python_kernels: dict[str, Callable[..., Any]] = {}

    def get(self, op: Operation, attrs: Mapping[str, Any]) -> _engine.Resource:
        """The resource of `op`, shared by name: `shared_name` where the op has one, else the node's name.

        Raises InvalidArgumentError when another op type holds that name.
        """
        name = attrs.get("shared_name") or op.name
        name = name.decode() if isinstance(name, bytes) else name
        container = attrs.get("container") or ""
        key = (container if isinstance(container, str) else container.decode(), name)
        with self._lock:
            found = self._resources.get(key)
            if found is None:
                found = self._resources[key] = (
                    op.type,
                    _engine.Resource(kernels.RESOURCE_FACTORIES[op.type](name, dict(attrs))),
                )
        if found[0] != op.type:
            raise errors.InvalidArgumentError(
                op.node_def,
                op,
                f"node '{op.name}' ({op.type}) shares the name '{name}' with a resource made by a {found[0]};"
                " give one another shared_name",
            )
        return found[1]

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
            self._python_kernels.clear()
