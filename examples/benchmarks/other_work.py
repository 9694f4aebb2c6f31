"""How busy other processes keep the processors while something is measured: a table from a busy
machine says so.
"""

from __future__ import annotations

import os
import pathlib
import resource
import time

STAT = pathlib.Path("/proc/stat")


def _machine_seconds() -> float:
    """Seconds of all processors since the start of the machine, idle ones left out."""
    if not STAT.exists():
        return 0.0
    user, nice, system, _, _, interrupts, soft, steal, *_ = map(
        int, STAT.read_text().splitlines()[0].split()[1:]
    )
    return (user + nice + system + interrupts + soft + steal) / os.sysconf("SC_CLK_TCK")


def _own_seconds() -> float:
    used = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(u.ru_utime + u.ru_stime for u in used)


class OtherWork:
    """Counts from its making on.

    Processes that were started since then count as ours once they have ended.
    """

    def __init__(self) -> None:
        self._begin = time.perf_counter()
        self._others = _machine_seconds() - _own_seconds()

    def processors(self) -> float:
        """How many processors other work took on average."""
        return max(
            0.0, (_machine_seconds() - _own_seconds() - self._others) / (time.perf_counter() - self._begin)
        )
