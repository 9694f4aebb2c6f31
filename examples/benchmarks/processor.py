"""The processor that a table was measured on, in words, and how to keep it busy with other work."""

from __future__ import annotations

import contextlib
import os
import pathlib
import platform
import subprocess
import sys
from collections.abc import Iterator

CPUINFO = pathlib.Path("/proc/cpuinfo")
CACHES = pathlib.Path("/sys/devices/system/cpu/cpu0/cache")
VECTORS = {"avx512f": "AVX-512", "avx2": "AVX2", "asimd": "NEON"}  # the widest first
SPIN = "while True:\n    pass"


def describe() -> str:
    """Model, vendor, cores that this process may use, the widest vectors and the caches of a core."""
    facts: dict[str, str] = {}
    if CPUINFO.exists():
        for line in CPUINFO.read_text().splitlines():
            key, _, value = line.partition(":")
            facts.setdefault(key.strip(), value.strip())
    model = facts.get("model name") or platform.processor() or platform.machine()
    kind = (
        f"{facts['vendor_id']} family {facts['cpu family']} model {facts['model']}"
        if "vendor_id" in facts
        else ""
    )
    flags = (facts.get("flags") or facts.get("Features") or "").split()
    parts = [
        f"{model} ({kind})" if kind else model,
        f"{len(os.sched_getaffinity(0))} cores",
        next((name for flag, name in VECTORS.items() if flag in flags), ""),
        _caches(),
    ]
    return ", ".join(part for part in parts if part)


def _caches() -> str:
    sizes = []
    for cache in sorted(CACHES.glob("index*")) if CACHES.exists() else []:
        level, kind, size = ((cache / name).read_text().strip() for name in ("level", "type", "size"))
        if kind != "Instruction":
            sizes.append(f"L{level} {size}")
    return f"caches {' '.join(sizes)}" if sizes else ""


@contextlib.contextmanager
def busy(processes: int) -> Iterator[None]:
    """So many processes compute for nothing meanwhile, as those of other users do."""
    spinning = [subprocess.Popen([sys.executable, "-c", SPIN]) for _ in range(processes)]
    try:
        yield
    finally:
        for process in spinning:
            process.kill()
            process.wait()
