"""The sides of a comparison: their names, which file of a workload's folder is their program, which
interpreter has them, and their processes.
"""

from __future__ import annotations

import os
import pathlib
import signal
import subprocess
import sys
import tempfile
from dataclasses import dataclass, field

HERE = pathlib.Path(__file__).resolve().parent
LABELS = {
    "flowcore": "flowcore",
    "tensorflow": "TensorFlow",
    "torch": "PyTorch",
    "jax": "JAX",
    "numpy": "NumPy",
    "onnxruntime": "onnxruntime",
    "taskflow": "Taskflow",
    "safetensors": "safetensors",
    "one thread": "one thread",
}
PROGRAMS = {
    "flowcore": ["graph_mode"],
    "tensorflow": ["tensorflow_mode", "graph_mode"],
    "torch": ["torch_mode"],
    "jax": ["jax_mode"],
    "numpy": ["numpy_mode"],
    "onnxruntime": ["onnx_mode"],
    "taskflow": ["taskflow_mode"],
    "safetensors": ["safetensors_mode"],
}
# beyond flowcore's own needs
MODULES = {
    "tensorflow": ["tensorflow"],
    "torch": ["torch"],
    "jax": ["jax"],
    "onnxruntime": ["onnxruntime", "onnx"],
    "safetensors": ["safetensors"],
}
PROBE = "import importlib.util as u, sys; print(*[m for m in sys.argv[1:] if u.find_spec(m)])"
TASKFLOW_PROBE = [
    "g++",
    "-std=c++20",
    "-E",
    "-x",
    "c++",
    "-include",
    "taskflow/taskflow.hpp",
    "/dev/null",
    "-o",
    "/dev/null",
]


def program(folder: pathlib.Path, side: str) -> str | None:
    """The file of the folder that is this side's program, without its suffix."""
    return next((name for name in PROGRAMS[side] if (folder / f"{name}.py").exists()), None)


def installed(peer_pythons: list[str]) -> dict[str, str]:
    """Every side that is there, and its interpreter: this one, or the first of the others that has it."""
    found = {"flowcore": sys.executable, "numpy": sys.executable}
    wanted = sorted({m for modules in MODULES.values() for m in modules})
    for python in [sys.executable, *peer_pythons]:
        there = set(
            subprocess.run(
                [python, "-c", PROBE, *wanted], capture_output=True, text=True, check=True
            ).stdout.split()
        )
        for side, modules in MODULES.items():
            if there.issuperset(modules):
                found.setdefault(side, python)
    try:
        if subprocess.run(TASKFLOW_PROBE, capture_output=True).returncode == 0:
            found["taskflow"] = sys.executable
    except FileNotFoundError:
        pass
    return found


class Crashed(Exception):
    """A side ended before its time; the message is the last line of its error."""


@dataclass
class Process:
    """A side of a row at work. `times` are seconds a call, `grown` megabytes.

    Between its rounds the side is stopped, with all its processes: threads of some libraries spin
    for a while when there is nothing to do, and queues would fill. It is a process group of its own
    for that; the system ends a stopped group whose driver is gone.
    """

    side: str
    folder: str
    key: str
    python: str
    threads: int
    calls: int = 1
    times: list[float] = field(default_factory=list)
    grown: float = 0.0

    def __post_init__(self) -> None:
        self._errors = tempfile.TemporaryFile("w+")  # noqa: SIM115 (closed by close)
        served = "flowcore" if self.side == "one thread" else self.side
        self._process = subprocess.Popen(
            [self.python, str(HERE / "serve.py"), served, self.folder, self.key, str(self.threads)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            text=True,
            process_group=0,
        )

    def _answer(self) -> str:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if line:
            return line
        code = self._process.wait()
        self._errors.seek(0)
        lines = [text.strip() for text in self._errors if text.strip()]
        raise Crashed(lines[-1] if lines else f"ended with status {code}")

    def _signal(self, number: int) -> None:
        if self._process.poll() is None:
            os.killpg(self._process.pid, number)

    def _run(self, calls: int) -> float:
        assert self._process.stdin is not None
        self._signal(signal.SIGCONT)
        try:
            self._process.stdin.write(f"{calls}\n")
            self._process.stdin.flush()
        except BrokenPipeError:
            pass  # the reason comes with the answer that is missing
        seconds, self.grown = map(float, self._answer().split())
        self._signal(signal.SIGSTOP)
        return seconds

    def wait(self) -> None:
        """Returns once the side is ready."""
        while self._answer() != "ready\n":
            pass  # what a library prints while it starts
        self._signal(signal.SIGSTOP)

    def calibrate(self, seconds: float) -> None:
        """Finds how many calls take about so long."""
        while (took := self._run(self.calls)) < seconds / 3 and self.calls < 10**7:
            self.calls = max(self.calls + 1, int(self.calls * min(20.0, seconds / max(took, 1e-7))))
        self.calls = max(1, round(self.calls * seconds / took))

    def round(self) -> None:
        self.times.append(self._run(self.calls) / self.calls)

    def close(self) -> None:
        """Ends the process; one with threads that still wait is killed after a moment."""
        assert self._process.stdin is not None
        self._signal(signal.SIGCONT)
        try:
            self._process.stdin.close()
        except BrokenPipeError:
            pass
        try:
            self._process.wait(5)
        except subprocess.TimeoutExpired:
            self._signal(signal.SIGKILL)
            self._process.wait()
        self._errors.close()
