"""Random nested plans under fire: branches in loops in calls, with failures, cancels, time limits and
Ctrl-C injected, against an interpreter that recurses. Run as a script it is what the sanitizers look at.

python nested.py THREADS ROUNDS
"""

from __future__ import annotations

import dataclasses
import pathlib
import signal
import sys
import threading
import time
from collections.abc import Sequence
from typing import Any

import numpy as np

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import reference_interpreter as reference

from flowcore import _engine, _fifo
from flowcore.kernels import _array, _elementwise, _nn

WIDTH = 4
DEPTH = 4  # of calls in calls
KERNELS = {
    (k.op, k.types): k
    for k in _engine.load_kernels([*_array.KERNELS, *_nn.KERNELS, *_fifo.KERNELS, *_elementwise.KERNELS])
    if k.device == "CPU"
}
#: What a body may use beside its arguments: constants, by name.
CONSTANTS = {
    "width": np.array([WIDTH], np.int32),
    "axis": np.array(0, np.int32),
    "row": np.array([1, WIDTH], np.int32),
    "first": np.array(0, np.int64),
    "one": np.array(1, np.int64),
}
ATTRS = {"BiasAdd": ("NHWC",)}


def kernel(op: str) -> _engine.Kernel:
    """The first kernel of an op that takes int64."""
    return next(k for (name, types), k in KERNELS.items() if name == op and (not types or "int64" in types))


@dataclasses.dataclass
class Node:
    """An op with slots, or a call of bodies."""

    op: str
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    bodies: tuple[Body, ...] = ()
    carried: tuple[int, ...] = ()
    ahead: _engine.Ahead | None = None


@dataclasses.dataclass
class Body:
    """Arguments are the first slots."""

    arguments: int
    nodes: list[Node] = dataclasses.field(default_factory=list)
    constants: dict[int, np.ndarray] = dataclasses.field(default_factory=dict)
    results: tuple[int, ...] = ()
    slots: int = 0
    held: tuple[int, ...] = ()
    #: The plans of bodies that may run ahead, of the plan made last.
    ahead: list[_engine.Plan] = dataclasses.field(default_factory=list)

    def add(
        self,
        op: str,
        *inputs: int,
        count: int = 1,
        bodies: Sequence[Body] = (),
        carried: Sequence[int] = (),
        ahead: _engine.Ahead | None = None,
    ) -> int:
        """The first output slot."""
        first = self.slots
        self.slots += count
        outputs = tuple(range(first, self.slots))
        self.nodes.append(Node(op, inputs, outputs, tuple(bodies), tuple(carried), ahead))
        return first

    def constant(self, value: Any) -> int:
        self.constants[self.slots] = np.asarray(value)
        self.slots += 1
        return self.slots - 1

    def engine_plan(self, pool: _engine.Pool, top: bool = False) -> _engine.Plan:
        nodes = []
        self.ahead = []
        for i, node in enumerate(self.nodes):
            what: object = None
            if node.bodies:
                bodies = [b.engine_plan(pool) for b in node.bodies]
                self.ahead += [plan for b in node.bodies for plan in b.ahead]
                if node.ahead is not None:
                    self.ahead.append(bodies[3])
                what = _engine.Call(node.op, bodies, node.carried, node.ahead)
            elif node.op == "Python":
                what = _python
            else:
                what = kernel(node.op)
            nodes.append(
                _engine.Node(
                    f"n{i}", what, node.inputs, node.outputs, attrs=ATTRS.get(node.op, ()), output_dtypes=(9,)
                )
            )
        arguments = range(self.arguments)
        if top:
            return _engine.Plan(pool, nodes, self.slots, arguments, self.results, self.constants)
        return _engine.Plan(
            pool, nodes, self.slots, arguments, self.results, self.constants, body=True, held=self.held
        )

    def interpret(self, arguments: Sequence[np.ndarray]) -> list[np.ndarray]:
        slots: dict[int, Any] = {**dict(enumerate(arguments)), **self.constants}
        for node in self.nodes:
            values = [slots[i] for i in node.inputs]
            if node.op == "call":
                results = node.bodies[0].interpret(values)
            elif node.op == "if":
                results = node.bodies[bool(values[0])].interpret(values[1:])
            elif node.op == "case":
                number, last = int(values[0]), len(node.bodies) - 1
                results = node.bodies[number if 0 <= number <= last else last].interpret(values[1:])
            elif node.op == "while":
                results = values
                go_on = node.bodies[0].interpret(results)[0]
                while go_on:
                    go_on, *new = node.bodies[1].interpret(results)
                    results = list(results)
                    for place, value in zip(node.carried, new, strict=True):
                        results[place] = value
            else:
                try:
                    results = [FUNCTIONS[node.op](*values)]
                except (IndexError, ValueError) as error:
                    raise reference.Failed(str(error)) from None
            slots.update(zip(node.outputs, results, strict=True))
        return [slots[i] for i in self.results]


def _python(x: np.ndarray) -> np.ndarray:
    return x + 1


FUNCTIONS = {
    **reference.FUNCTIONS,
    "Python": _python,
    "Less": np.less,
    "Add": np.add,
    "Sub": np.subtract,
}


def random_body(rng: np.random.Generator, depth: int, size: int) -> Body:
    """A body of a row x, a counter and an index: it yields a new row. An index of 9 makes it fail."""
    body = Body(3, slots=3)
    named = {name: body.constant(value) for name, value in CONSTANTS.items()}
    rows = [0]

    def row() -> int:
        return rows[rng.integers(max(0, len(rows) - 4), len(rows))]

    def scalar() -> int:
        return body.add("GatherV2", body.add("Reshape", row(), named["width"]), named["first"], named["axis"])

    for _ in range(size):
        kind = rng.random()
        nested = depth > 0 and kind < 0.35
        if nested and kind < 0.12:
            chosen = body.add("Less", scalar(), body.constant(np.int64(rng.integers(-50, 200))))
            branches = [random_body(rng, depth - 1, size) for _ in range(2)]
            rows.append(body.add("if", chosen, row(), 1, 2, bodies=branches))
        elif nested and kind < 0.17:
            number = body.constant(np.int32(rng.integers(-1, 4)))
            branches = [random_body(rng, depth - 1, size) for _ in range(3)]
            rows.append(body.add("case", number, row(), 1, 2, bodies=branches))
        elif nested and kind < 0.23:
            rows.append(body.add("call", row(), 1, 2, bodies=[random_body(rng, depth - 1, size)]))
        elif nested and kind < 0.29:
            limit = body.constant(np.int64(rng.integers(0, 12)))
            bodies, ahead = random_loop_ahead(rng, depth - 1, size)
            start = body.constant(np.int64(rng.integers(0, 2)))
            rows.append(
                body.add(
                    "while",
                    row(),
                    start,
                    2,
                    limit,
                    row(),
                    count=5,
                    bodies=bodies,
                    carried=(0, 1),
                    ahead=ahead,
                )
            )
        elif nested:
            turns = body.constant(np.int64(rng.integers(0, 4)))
            loop = random_loop(rng, depth - 1, size)
            rows.append(body.add("while", row(), turns, 2, count=3, bodies=loop, carried=(0, 1)))
        elif kind < 0.8:
            rows.append(body.add("BiasAdd", row(), body.add("Reshape", row(), named["width"])))
        elif kind < 0.9:
            rows.append(body.add("Identity", row()))
        elif kind < 0.93:
            rows.append(body.add("Python", row()))
        else:
            rows.append(body.add("Reshape", body.add("GatherV2", row(), 2, named["axis"]), named["row"]))
    body.results = (rows[-1],)
    return body


def random_loop(rng: np.random.Generator, depth: int, size: int) -> list[Body]:
    """Condition and turn of a loop over a row and a counter that goes down; the index stays."""
    condition = Body(3, slots=3)
    condition.results = (condition.add("Less", condition.constant(np.int64(0)), 1),)
    turn = random_body(rng, depth, size)
    left = turn.add("Sub", 1, turn.constant(np.int64(1)))
    again = turn.add("Less", turn.constant(np.int64(0)), left)
    turn.results = (again, turn.results[0], left)
    turn.held = (2,)
    return [condition, turn]


def random_loop_ahead(rng: np.random.Generator, depth: int, size: int) -> tuple[list[Body], _engine.Ahead]:
    """A loop over a row, to which each turn adds what it computes of its number and of another row, so that
    turns may run at once: condition, a turn, what it does in order, and what may run ahead.
    """
    condition = Body(5, slots=5)
    condition.results = (condition.add("Less", 1, 3),)
    bodies = [Body(5, slots=5), Body(6, slots=6), Body(3, slots=3)]
    part = random_body(rng, depth, size)
    turn, rest, ahead = bodies
    for body, counter, index, row in ((turn, 1, 2, 4), (ahead, 0, 1, 2)):
        number = body.add("Add", counter, row)
        computed = body.add("call", number, counter, index, bodies=[part])
        body.results = (computed,)
    turn_result, rest_result = turn.results[0], 5
    for body, computed in ((turn, turn_result), (rest, rest_result)):
        width, one = body.constant(CONSTANTS["width"]), body.constant(np.int64(1))
        total = body.add("BiasAdd", 0, body.add("Reshape", computed, width))
        following = body.add("Add", 1, one)
        body.results = (body.add("Less", following, 3), total, following)
        body.held = (2, 3, 4)
    ahead.held = (1, 2)
    return [condition, *bodies], _engine.Ahead(int(rng.integers(1, 6)), [1, 2, 4], 1, 9, 3, False)


class Interrupted(KeyboardInterrupt):
    """What the signal handler raises."""


def run_nested(threads: int, rounds: int, first: int = 0, interrupts: bool = False) -> tuple[int, int]:
    """Many steps of random nested plans at once: each equals the interpreter's result, or ends as injected.

    Returns how many ended as the interpreter says, and how many bodies have run ahead in a measured step.
    """
    pool = _engine.Pool(threads)
    good = ahead = 0
    for seed in range(first, first + rounds):
        rng = np.random.default_rng(seed)
        body = random_body(rng, DEPTH, 6)
        plan = body.engine_plan(pool, top=True)
        row = np.arange(WIDTH, dtype=np.int64).reshape(1, WIDTH) + seed
        counter = np.array(2, np.int64)
        fine = [row, counter, np.array([0], np.int32)]
        bad = [row, counter, np.array([9], np.int32)]
        expected = body.interpret(fine)[0]
        try:
            body.interpret(bad)
            fails = False
        except reference.Failed:
            fails = True
        wrong: list[str] = []
        done: list[int] = []

        def work(
            worker: int, plan=plan, fine=fine, bad=bad, fails=fails, expected=expected, wrong=wrong, done=done
        ) -> None:
            for i in range(4):
                fed = bad if (worker + i) % 3 == 1 else fine
                limit = 1 if (worker + i) % 5 == 4 else 0
                try:
                    (value,) = plan.run(fed, limit)
                except _engine.StepError as error:
                    if error.code == 1 or (limit and error.code == 4):
                        continue  # cancelled from outside, or the time was over
                    if fed is not bad or not fails or "9 is not in [0, 1)" not in error.message:
                        wrong.append(f"unexpected failure: {error.code} {error}")
                    elif error.depth != len(error.path) or error.depth > 2 * DEPTH:
                        wrong.append(f"path {error.path} of depth {error.depth}")
                    continue
                if fed is bad and fails:
                    wrong.append("a step that must fail did not")
                elif fed is fine and not np.array_equal(value, expected):
                    wrong.append("wrong value")
                else:
                    done.append(1)

        workers = [threading.Thread(target=work, args=(w,)) for w in range(3)]
        for w in workers:
            w.start()
        for _ in range(3):
            time.sleep(0.0005)
            plan.cancel("injected")
        if interrupts:
            run_interrupted(plan, fine, expected, wrong)
        for w in workers:
            w.join()
        assert not wrong, (seed, wrong[:3])
        good += len(done)
        ahead += sum(any(part.costs) for part in body.ahead)
    return good, ahead


def run_interrupted(
    plan: _engine.Plan, fed: list[np.ndarray], expected: np.ndarray, wrong: list[str]
) -> None:
    """Runs on the main thread with signals that come at any time."""

    raising = False

    def handler(number: int, frame: object) -> None:
        nonlocal raising
        if raising:
            raising = False
            raise Interrupted

    old = signal.signal(signal.SIGALRM, handler)
    signal.setitimer(signal.ITIMER_REAL, 0.002, 0.003)
    for _ in range(3):
        try:
            raising = True
            (value,) = plan.run(fed)
            raising = False
            if not np.array_equal(value, expected):
                wrong.append("wrong value on the main thread")
        except Interrupted:
            pass
    signal.setitimer(signal.ITIMER_REAL, 0)
    signal.signal(signal.SIGALRM, old)


def run_waiting_loops(threads: int, rounds: int) -> None:
    """Loops whose turns wait for a queue, some of them cancelled while they do: no element is lost or comes
    twice but those that a cancelled loop had taken, and nothing is left of its frames.
    """
    pool = _engine.Pool(threads)
    for _ in range(rounds):
        queue = _engine.Resource(
            _fifo.create_FIFOQueueV2("q", {"component_types": [9], "shapes": [[]], "capacity": -1})
        )
        put = _engine.Plan(
            pool, [_engine.Node("put", kernel("QueueEnqueueV2"), (1, 0))], 2, [0], [], {1: queue}
        )
        condition = Body(2, slots=2)
        condition.results = (condition.add("Less", condition.constant(np.int64(0)), 1),)
        zero, one = np.array(0, np.int64), np.array(1, np.int64)
        nodes = [
            _engine.Node("take", kernel("QueueDequeueV2"), (2,), (5,), attrs=([9],), output_dtypes=(9,)),
            _engine.Node("sum", kernel("Add"), (0, 5), (6,)),
            _engine.Node("left", kernel("Sub"), (1, 3), (7,)),
            _engine.Node("again", kernel("Less"), (4, 7), (8,)),
        ]
        constants = {2: queue, 3: one, 4: zero}
        turn = _engine.Plan(pool, nodes, 9, [0, 1], [8, 6, 7], constants, body=True)
        loop = _engine.Call("while", [condition.engine_plan(pool), turn], (0, 1))
        plan = _engine.Plan(pool, [_engine.Node("loop", loop, (0, 1), (2, 3))], 4, [0, 1], [2], {})
        sums: list[int] = []

        def consume(plan=plan, sums=sums) -> None:
            sums.append(int(plan.run([np.array(0, np.int64), np.array(10, np.int64)])[0]))

        def give_up(plan=plan) -> None:
            for _ in range(5):
                try:
                    plan.run([np.array(0, np.int64), np.array(10**9, np.int64)], 2)
                except _engine.StepError as error:
                    assert error.code == 4, error

        give_up()
        consumers = [threading.Thread(target=consume) for _ in range(4)]
        for t in consumers:
            t.start()
        for i in range(40):
            put.run([np.array(i, np.int64)])
        for t in consumers:
            t.join()
        assert sum(sums) == sum(range(40)), sums


if __name__ == "__main__":
    threads, rounds = (int(a) for a in sys.argv[1:3])
    good, ahead = run_nested(threads, rounds, interrupts=True)
    print(f"{good} steps ended by themselves, {ahead} parts of turns ran ahead")
    run_waiting_loops(threads, max(1, rounds // 5))
    print("done")
