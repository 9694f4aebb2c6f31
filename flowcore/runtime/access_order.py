"""One order for the accesses to a variable that a step leaves open: ConfigProto(deterministic=True).

Kernels give the same bits for any number of threads. What may differ from run to run is which comes
first where several nodes of a step write one variable, or one reads and another writes it, and no
edge orders them. With this they run in the order of the plan, which depends on the graph and on the
signature alone. The edges follow the plan's order, so no cycle can arise. Queues are left alone:
which request waits for which is their meaning, and an edge more could make a dequeue wait for the
enqueue behind it.
"""

from __future__ import annotations

from collections.abc import Iterable

#: Stands for a variable behind a handle that cannot be traced: it may be any.
ANY_VARIABLE: object = object()


class AccessOrder:
    """Which node used which variable last, while a plan is made."""

    def __init__(self) -> None:
        self._writer: dict[object, int] = {}
        self._readers: dict[object, list[int]] = {}

    def before(self, variables: Iterable[object], writes: bool) -> set[int]:
        """The nodes that a node has to wait for which uses these variables. Between two writes all that
        leave a variable as it is may run at once.
        """
        found: set[int] = set()
        for variable in variables:
            if variable is ANY_VARIABLE:
                same: Iterable[object] = {*self._writer, *self._readers}
            else:
                same = (variable, ANY_VARIABLE)
            for key in same:
                readers = self._readers.get(key, ())
                if writes:
                    found.update(readers)
                if key in self._writer and (not writes or not readers):
                    found.add(self._writer[key])
        return found

    def add(self, node: int, variables: Iterable[object], writes: bool) -> None:
        """A node that uses these variables has its place now."""
        for variable in variables:
            if not writes:
                self._readers.setdefault(variable, []).append(node)
                continue
            if variable is ANY_VARIABLE:  # it waits for all before it, and all after it for it
                self._readers.clear()
                self._writer.clear()
            self._writer[variable] = node
            self._readers[variable] = []
