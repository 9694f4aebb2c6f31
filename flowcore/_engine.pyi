from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Any, Protocol

import numpy as np

ABI: int

#: A node of a plan.
Place = tuple[Plan, int]
#: Plan, node, start, end, thread, path.
Event = tuple[Plan, int, int, int, int, tuple[tuple[Plan, int, int], ...]]

class StepError(Exception):
    code: int
    node: int
    message: str
    cause: BaseException | None
    plan: Plan | None
    path: tuple[tuple[Plan, int, int], ...]
    depth: int
    def __init__(
        self,
        code: int,
        node: int,
        message: str,
        cause: BaseException | None = None,
        plan: Plan | None = None,
        path: tuple[tuple[Plan, int, int], ...] = (),
        depth: int = 0,
    ) -> None: ...

class AnyNode(Protocol):
    """What a plan reads of a node."""

    @property
    def name(self) -> str: ...
    @property
    def kernel(self) -> object: ...
    @property
    def inputs(self) -> tuple[int, ...]: ...
    @property
    def outputs(self) -> tuple[int, ...]: ...
    @property
    def after(self) -> tuple[int, ...]: ...
    @property
    def attrs(self) -> tuple[object, ...]: ...
    @property
    def state(self) -> Resource | None: ...
    @property
    def output_dtypes(self) -> tuple[int, ...]: ...
    @property
    def memory(self) -> object: ...

class Node:
    name: str
    kernel: object
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    after: tuple[int, ...]
    attrs: tuple[object, ...]
    state: Resource | None
    output_dtypes: tuple[int, ...]
    memory: object
    def __init__(
        self,
        name: str,
        kernel: object,
        inputs: tuple[int, ...] = (),
        outputs: tuple[int, ...] = (),
        after: tuple[int, ...] = (),
        attrs: tuple[object, ...] = (),
        state: Resource | None = None,
        output_dtypes: tuple[int, ...] = (),
        memory: object = None,
    ) -> None: ...

class Call:
    kind: str
    bodies: Sequence[Plan]
    carried: Sequence[int]
    ahead: Ahead | None
    def __init__(
        self, kind: str, bodies: Sequence[Plan], carried: Sequence[int] = (), ahead: Ahead | None = None
    ) -> None: ...

class Ahead:
    window: int
    reads: Sequence[int]
    counter: int
    counter_type: int
    limit: int
    limit_known: bool
    def __init__(
        self,
        window: int,
        reads: Sequence[int],
        counter: int,
        counter_type: int,
        limit: int,
        limit_known: bool,
    ) -> None: ...

class Kernel:
    op: str
    types: str
    attrs: tuple[str, ...]
    device: str
    flags: int
    host_in: int
    host_out: int

def load_kernels(capsules: Iterable[object]) -> list[Kernel]: ...

class Resource:
    def __init__(self, capsule: object) -> None: ...
    @property
    def name(self) -> str: ...
    @property
    def kind(self) -> int: ...
    @property
    def address(self) -> int: ...

class Device:
    def __init__(self, capsule: object) -> None: ...
    @property
    def name(self) -> str: ...
    @property
    def moves(self) -> bool: ...
    @property
    def keeps_lists(self) -> bool: ...

def processors() -> int: ...

class Pool:
    threads: int
    def __init__(self, threads: int) -> None: ...

class StopFlag:
    def set(self) -> None: ...
    def clear(self) -> None: ...
    def is_set(self) -> bool: ...

class Plan:
    pool: Pool
    about: Any
    def __init__(
        self,
        pool: Pool,
        nodes: Sequence[AnyNode],
        num_slots: int,
        feeds: Sequence[int],
        fetches: Sequence[int],
        constants: Mapping[int, object],
        body: bool = False,
        held: Collection[int] = (),
    ) -> None: ...
    def run(
        self,
        values: Sequence[np.ndarray],
        timeout_ms: int = 0,
        trace: list[Event] | None = None,
        on_wait: Callable[[float, Sequence[Place], int], None] | None = None,
    ) -> list[np.ndarray]: ...
    def run_until(
        self, stop: StopFlag, on_wait: Callable[[float, Sequence[Place], int], None] | None = None
    ) -> int: ...
    def cancel(self, message: str = "cancelled") -> None: ...
    def waiting(self) -> list[Place]: ...
    @property
    def costs(self) -> list[float]: ...

def live_counts() -> dict[str, int]: ...
