"""What the machine can do at best, measured before and after the workloads: memory, waking a
thread. The best round counts, not the median: a floor is what nothing gets below. The
matrix-product peak is the best round of the best side of the row `matmul`.
"""

from __future__ import annotations

import os
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from workload import Row

CACHED = 16 << 20  # what moves so many bytes or fewer is measured, and counted, within the caches


@dataclass
class Floors:
    """Bytes a second (read and written), in memory and within caches; seconds to wake a thread;
    floating-point operations a second.
    """

    memory: float
    cache: float
    wake: float
    flops: float | None = None

    def seconds(self, row: Row) -> float | None:
        """The least time of a call, or None where no floor is defined."""
        parts = [row.wakes * self.wake, row.bytes / (self.cache if row.bytes <= CACHED else self.memory)]
        if row.flops and self.flops:
            parts.append(row.flops / self.flops)
        return max(parts) or None

    def better(self, other: Floors) -> Floors:
        """The best of two measurements."""
        return Floors(
            max(self.memory, other.memory),
            max(self.cache, other.cache),
            min(self.wake, other.wake),
            self.flops,
        )

    def __str__(self) -> str:
        product = f"matrix products {self.flops / 1e9:.0f} GFLOP/s, " if self.flops else ""
        return (
            f"{product}memory {self.memory / 1e9:.1f} GB/s (within caches {self.cache / 1e9:.0f}), waking a"
            f" thread {self.wake * 1e6:.1f} µs"
        )


def memory_rate(count: int, rounds: int) -> float:
    """Bytes read and written a second, one thread per processor, `count` bytes in all: the best of
    copying and of negating in place.

    A copy also fetches what it is about to overwrite, where the processor cannot avoid it; an
    update in place does not, and so may be faster.
    """
    threads = len(os.sched_getaffinity(0))
    source, target = np.ones(count // 8, np.float32), np.zeros(count // 8, np.float32)
    pieces = list(zip(np.array_split(target, threads), np.array_split(source, threads)))
    repeats = max(1, (256 << 20) // count)

    def copy(piece: tuple[np.ndarray, np.ndarray]) -> None:
        for _ in range(repeats):
            np.copyto(*piece)

    def update(piece: tuple[np.ndarray, np.ndarray]) -> None:
        for _ in range(repeats):
            for array in piece:
                np.negative(array, out=array)

    rates = []
    with ThreadPoolExecutor(threads) as pool:
        for work, moved in ((copy, count), (update, 2 * count)):
            for _ in range(rounds + 1):
                begin = time.perf_counter()
                list(pool.map(work, pieces))
                rates.append(moved * repeats / (time.perf_counter() - begin))
    return max(rates)


def wake_time(rounds: int, repeats: int = 2000) -> float:
    """Seconds from a write by one process until the reader that sleeps on it runs: half of a round
    trip. Processes, so that no interpreter lock takes part.
    """
    there, back = os.eventfd(0), os.eventfd(0)
    child = os.fork()
    if child == 0:
        for _ in range(rounds * repeats):
            os.eventfd_read(there)
            os.eventfd_write(back, 1)
        os._exit(0)
    times = []
    for _ in range(rounds):
        begin = time.perf_counter()
        for _ in range(repeats):
            os.eventfd_write(there, 1)
            os.eventfd_read(back)
        times.append((time.perf_counter() - begin) / repeats / 2)
    os.waitpid(child, 0)
    os.close(there)
    os.close(back)
    return min(times)


def measure(rounds: int) -> Floors:
    return Floors(
        memory=memory_rate(512 << 20, rounds), cache=memory_rate(8 << 20, rounds), wake=wake_time(rounds)
    )
