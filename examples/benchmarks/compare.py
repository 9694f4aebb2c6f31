"""Runs every workload with flowcore and with whichever peers are installed, and prints a table of
medians and ratios.

    python examples/benchmarks/compare.py [WORKLOAD ...] [--rounds N] [--peer-python PYTHON]
    [--large] [--json FILE]

A workload is a folder: rows.py describes its rows, and each side has its program there
(graph_mode.py builds one graph through flowcore or TensorFlow, whose names are the same;
torch_mode.py, jax_mode.py, numpy_mode.py, onnx_mode.py, taskflow_mode.py, safetensors_mode.py).
Each side runs in a process of its own; rounds alternate between the sides, so that a machine whose
speed drifts treats all alike. A ratio is flowcore's time to the best other side's: the median of the
ratios round by round.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import pathlib
import statistics
import sys
from typing import Any

import floors
import growth
import installation
import processor
import sides
from other_work import OtherWork
from serve import load
from tqdm import tqdm
from workload import Row

HERE = pathlib.Path(__file__).resolve().parent
# the peak of `matmul` gives floors
WORKLOADS = sorted(
    (path.parent.name for path in HERE.glob("*/rows.py")), key=lambda name: (name != "matmul", name)
)
TABLES = ["installation", "growth"]  # measured otherwise, each a table of its own
COLUMNS = ["flowcore", "tensorflow", "torch", "jax", "numpy"]  # the other sides share a column


@dataclasses.dataclass
class Result:
    """A measured row: seconds a call of each side, round by round, and its memory in megabytes."""

    workload: str
    key: str
    row: Row
    times: dict[str, list[float]]
    memory: dict[str, float]

    def median(self, side: str) -> float:
        return self.row.in_units(statistics.median(self.times[side]))

    def best(self) -> str | None:
        peers = [side for side in self.times if side != "flowcore"]
        return min(peers, key=self.median, default=None)

    def ratio(self) -> float | None:
        best = self.best()
        if best is None or "flowcore" not in self.times:
            return None
        return statistics.median(
            ours / theirs for ours, theirs in zip(self.times["flowcore"], self.times[best])
        )

    def times_line(self) -> str:
        ratio = self.ratio()
        return _cells(
            self.row.title,
            self.row.unit,
            *(f"{self.median(side):.3g}" if side in self.times else "" for side in COLUMNS),
            "" if ratio is None else f"{ratio:.2f}",
        )

    def bounds_line(self, least: floors.Floors) -> str:
        floor = least.seconds(self.row)
        others = [f"{sides.LABELS[s]} {self.median(s):.3g}" for s in self.times if s not in COLUMNS]
        memory = [f"{sides.LABELS[s]} {grown:.0f}" for s, grown in self.memory.items() if s != "one thread"]
        return _cells(
            self.row.title,
            ", ".join(others),
            "" if self.row.target is None or self.ratio() is None else f"{self.row.target:.2f}",
            "" if floor is None else f"{self.row.in_units(floor):.3g}",
            ", ".join(memory),
        )

    def short_line(self) -> str:
        best, ratio = self.best(), self.ratio()
        return _cells(
            self.row.title,
            f"{self.median('flowcore'):.3g} {self.row.unit}" if "flowcore" in self.times else "",
            "" if best is None else f"{sides.LABELS[best]} {self.median(best):.3g}",
            "" if ratio is None else f"{ratio:.2f}",
        )

    def as_json(self, least: floors.Floors) -> dict[str, Any]:
        floor = least.seconds(self.row)
        return {
            "workload": self.workload,
            "row": self.key,
            "title": self.row.title,
            "unit": self.row.unit,
            "ratio": self.ratio(),
            "best": self.best(),
            "target": self.row.target,
            "floor": None if floor is None else self.row.in_units(floor),
            "memory_mb": self.memory,
            "median": {side: self.median(side) for side in self.times},
            "rounds": {side: [self.row.in_units(t) for t in times] for side, times in self.times.items()},
        }


def _cells(*cells: str) -> str:
    return "| " + " | ".join(cells) + " |"


def _header(*titles: str) -> str:
    return f"{_cells(*titles)}\n{_cells(*['--'] * len(titles))}"


TIMES_HEADER = _header("workload", "unit", *(sides.LABELS[side] for side in COLUMNS), "ratio")
BOUNDS_HEADER = _header("workload", "other side", "target", "floor", "peak memory grown by, MB")
SHORT_HEADER = _header("", "flowcore", "best other", "flowcore / best")


def measure(workload: str, key: str, row: Row, there: dict[str, str], rounds: int, seconds: float) -> Result:
    """Starts all sides at once, then lets them run in turns.

    A side that crashes is left out, and stderr says why.
    """
    folder = HERE / workload
    chosen = [
        side for side in there if sides.program(folder, side) and (row.sides is None or side in row.sides)
    ]
    running = [sides.Process(side, workload, key, there[side], row.thread_count) for side in chosen]
    if row.beside_one_thread:
        running.append(sides.Process("one thread", workload, key, there["flowcore"], 1))
    started = list(running)

    def each(step: str, *arguments: Any) -> None:
        for process in list(running):
            try:
                getattr(process, step)(*arguments)
            except sides.Crashed as error:
                running.remove(process)
                tqdm.write(f"{workload} {key}: {sides.LABELS[process.side]} failed: {error}", file=sys.stderr)

    try:
        each("wait")
        with processor.busy(row.busy):
            each("calibrate", seconds)
            for _ in range(rounds):
                each("round")
    finally:
        for process in started:
            process.close()
    return Result(workload, key, row, {p.side: p.times for p in running}, {p.side: p.grown for p in running})


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument(
        "workloads", nargs="*", metavar="WORKLOAD", help=f"of {', '.join(WORKLOADS + TABLES)} (default: all)"
    )
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=0.2, help="length of a round")
    parser.add_argument(
        "--peer-python",
        action="append",
        default=[],
        metavar="PYTHON",
        help="interpreter of an environment with peers; may be given again",
    )
    parser.add_argument("--sides", nargs="+", choices=list(sides.PROGRAMS), help="only these sides")
    parser.add_argument(
        "--busy",
        type=int,
        metavar="N",
        help="let every row run beside N processes that compute for nothing, whatever the row says",
    )
    parser.add_argument(
        "--large", action="store_true", help="graphs of a million nodes too (a few minutes and gigabytes)"
    )
    parser.add_argument(
        "--json", type=pathlib.Path, metavar="FILE", help="also write every round's figures there"
    )
    args = parser.parse_args()
    chosen = args.workloads or WORKLOADS + TABLES
    if unknown := set(chosen) - set(WORKLOADS + TABLES):
        parser.error(f"no workload {', '.join(sorted(unknown))}; there are {', '.join(WORKLOADS + TABLES)}")
    there = {
        side: python
        for side, python in sides.installed(args.peer_python).items()
        if args.sides is None or side in args.sides
    }
    print(f"sides: {', '.join(sides.LABELS[side] for side in there)}", file=sys.stderr)
    rows = [
        (w, key, row)
        for w in WORKLOADS
        if w in chosen
        for key, row in load(w, "rows").ROWS.items()
        if args.large or not row.large
    ]
    if args.busy is not None:
        rows = [(w, key, dataclasses.replace(row, busy=args.busy)) for w, key, row in rows]
    if any(row.flops for _, _, row in rows) and "matmul" not in chosen:
        rows = [("matmul", key, row) for key, row in load("matmul", "rows").ROWS.items()] + rows

    others = OtherWork()
    least = floors.measure(args.rounds)
    results = []
    try:
        with tqdm(rows, unit="row", disable=None) as bar:
            for workload, key, row in bar:
                bar.set_postfix_str(row.title, refresh=True)
                results.append(measure(workload, key, row, there, args.rounds, args.seconds))
    finally:  # what was measured before an interrupt, too
        least = least.better(floors.measure(args.rounds))
        best = [
            result.row.flops / min(times)
            for result in results
            if result.workload == "matmul"
            for times in result.times.values()
        ]
        least.flops = max(best, default=None)
        if results:
            print("\n".join([TIMES_HEADER, *(result.times_line() for result in results), ""]), flush=True)
            print("\n".join([BOUNDS_HEADER, *(result.bounds_line(least) for result in results)]), flush=True)
            print(
                f"\nProcessor: {processor.describe()}. Floors: {least}."
                f" Other work took {others.processors():.2f} processors.\n",
                flush=True,
            )
        if short := [result.short_line() for result in results if result.row.short]:
            print("\n".join([SHORT_HEADER, *short, ""]), flush=True)
    tables: dict[str, Any] = {}
    if "installation" in chosen:
        tables["installation"] = installation.table(there, args.rounds)
    if "growth" in chosen:
        tables["growth"] = growth.table(there, args.large)
    if args.json:
        args.json.write_text(
            json.dumps(
                {
                    "processor": processor.describe(),
                    "floors": dataclasses.asdict(least),
                    "rows": [r.as_json(least) for r in results],
                    **tables,
                },
                indent=1,
            )
        )
    missing = [r.row.title for r in results if "flowcore" in there and "flowcore" not in r.times]
    if missing:  # of a peer a row may do without, of flowcore not
        sys.exit(f"flowcore's own program failed: {'; '.join(missing)}")


if __name__ == "__main__":
    main()
