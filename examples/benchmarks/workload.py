"""What a workload's folder says about its rows (its `rows.py` has `ROWS: dict[str, Row]`). Imports
nothing that is measured.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import Any

SCALE = {"ns": 1e9, "µs": 1e6, "ms": 1e3}


@dataclass(frozen=True)
class Row:
    """One line of the table.

    unit: "ns", "µs" or "ms", and what of: "µs a call".
    per_call: how many of these one call does.
    target: the ratio to the best other side that is wanted, at most; None where nothing is promised.
    flops, bytes, wakes: what a call must do at least; its time at the speeds measured in the same
    run is the floor.
    prefetched: calls at the start of a round that are not counted: what queues held ready.
    threads: of every side; None: one per processor.
    optimise: False: a plan or graph runs node by node, as it was built (optimiser level L0).
    sides: the sides that take part; None: all that have a program in the folder.
    beside_one_thread: flowcore with one thread takes part as one more side.
    large: only with --large.
    short: part of the short table too.
    busy: how many other processes compute for nothing meanwhile.
    arguments: what `prepare` gets.
    """

    title: str
    unit: str
    per_call: int = 1
    target: float | None = 1.0
    flops: float = 0.0
    bytes: float = 0.0
    wakes: float = 0.0
    prefetched: int = 0
    threads: int | None = None
    optimise: bool = True
    sides: tuple[str, ...] | None = None
    beside_one_thread: bool = False
    large: bool = False
    short: bool = False
    busy: int = 0
    arguments: dict[str, Any] = field(default_factory=dict)

    @property
    def thread_count(self) -> int:
        return self.threads or len(os.sched_getaffinity(0))

    def in_units(self, seconds_a_call: float) -> float:
        return seconds_a_call / self.per_call * SCALE[self.unit.split()[0]]
