"""Random graphs under fire: many steps at once, failures and cancels injected; run as a script it
is what the sanitizers look at.

python stress.py THREADS NODES ROUNDS
"""

from __future__ import annotations

import pathlib
import sys
import threading
import time

import numpy as np

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import reference_interpreter as reference

from flowcore import _engine, _fifo
from flowcore.kernels import _array, _nn

KERNELS = {k.op: k for k in reversed(_engine.load_kernels([*_array.KERNELS, *_nn.KERNELS, *_fifo.KERNELS]))}
WIDTH = 4


def random_plan(
    pool: _engine.Pool, size: int, seed: int
) -> tuple[_engine.Plan, list[tuple[str, tuple[int, ...], int]], dict[int, np.ndarray], list[int]]:
    """A plan of about `size` nodes over vectors of int64.

    Slot 0 is fed data, slot 1 a fed index: 0 is fine, others make nodes fail.
    """
    rng = np.random.default_rng(seed)
    constants = {2: np.array([WIDTH], np.int32), 3: np.array(0, np.int32), 4: np.array([1, WIDTH], np.int32)}
    nodes: list[tuple[str, tuple[int, ...], int]] = []
    slots, rows = 5, [0]

    def add(op: str, *inputs: int) -> int:
        nonlocal slots
        nodes.append((op, inputs, slots))
        slots += 1
        return slots - 1

    while len(nodes) < size:
        near = max(0, len(rows) - 50) if rng.random() < 0.8 else 0
        x, y = (rows[rng.integers(near, len(rows))] for _ in range(2))
        kind = rng.random()
        if kind < 0.7:
            rows.append(add("BiasAdd", x, add("Reshape", y, 2)))
        elif kind < 0.95:
            rows.append(add("Identity", x))
        else:
            rows.append(add("Reshape", add("GatherV2", x, 1, 3), 4))
    fetches = rows[-20:]
    made = [
        _engine.Node(f"n{i}", KERNELS[op], inputs, (out,), attrs=("NHWC",) if op == "BiasAdd" else ())
        for i, (op, inputs, out) in enumerate(nodes)
    ]
    return _engine.Plan(pool, made, slots, [0, 1], fetches, constants), nodes, constants, fetches


def run_dags(threads: int, size: int, rounds: int) -> None:
    """Many steps of one plan at once; each either equals the interpreter's result, or fails as injected."""
    pool = _engine.Pool(threads)
    for seed in range(rounds):
        plan, nodes, constants, fetches = random_plan(pool, size, seed)
        data = np.arange(WIDTH, dtype=np.int64).reshape(1, WIDTH) + seed
        good = reference.interpret(nodes, {0: data, 1: np.array([0], np.int32), **constants})
        wrong: list[str] = []

        def work(worker: int, plan=plan, data=data, good=good, fetches=fetches, wrong=wrong) -> None:
            for i in range(6):
                fail = (worker + i) % 3 == 1
                try:
                    values = plan.run([data, np.array([9 if fail else 0], np.int32)])
                except _engine.StepError as error:
                    if error.code == 1:
                        continue  # cancelled from outside
                    if not fail or error.code != 3 or "9 is not in [0, 1)" not in error.message:
                        wrong.append(f"unexpected failure: {error.code} {error}")
                    continue
                if fail:
                    wrong.append("a step that must fail did not")
                wrong.extend(
                    "wrong value"
                    for f, v in zip(fetches, values, strict=True)
                    if not np.array_equal(v, good[f])
                )

        workers = [threading.Thread(target=work, args=(w,)) for w in range(4)]
        for w in workers:
            w.start()
        for _ in range(5):
            time.sleep(0.001)
            plan.cancel("injected")
        for w in workers:
            w.join()
        assert not wrong, wrong[:3]


def run_queues(threads: int, items: int) -> None:
    """Producers and consumers of one queue, with steps that are cancelled in between: nothing is
    lost or repeated, each producer's order is kept.
    """
    pool = _engine.Pool(threads)
    queue = _engine.Resource(
        _fifo.create_FIFOQueueV2("q", {"component_types": [9], "shapes": [[]], "capacity": 7})
    )
    put = _engine.Plan(pool, [_engine.Node("put", KERNELS["QueueEnqueueV2"], (1, 0))], 2, [0], [], {1: queue})
    many = _engine.Plan(
        pool,
        [_engine.Node("many", KERNELS["QueueDequeueManyV2"], (0, 1), (2,), attrs=([9],))],
        3,
        [],
        [2],
        {0: queue, 1: np.array(5, np.int32)},
    )
    stop = threading.Event()
    got: list[int] = []
    lock = threading.Lock()

    def produce(worker: int) -> None:
        for i in range(items):
            put.run([np.array(worker * items + i, np.int64)])

    def consume() -> None:
        while not stop.is_set():
            try:
                (values,) = many.run([], timeout_ms=50)
            except _engine.StepError as error:
                if error.code not in (1, 4):  # cancelled, deadline exceeded
                    raise
                continue
            with lock:
                got.extend(values.tolist())

    producers = [threading.Thread(target=produce, args=(w,)) for w in range(4)]
    consumers = [threading.Thread(target=consume) for _ in range(3)]
    for t in producers + consumers:
        t.start()
    for _ in range(10):
        time.sleep(0.005)
        many.cancel("injected")
    for t in producers:
        t.join()
    deadline = time.monotonic() + 20
    while len(got) < 4 * items // 5 * 5 and time.monotonic() < deadline:
        time.sleep(0.01)
    stop.set()
    for t in consumers:
        t.join()
    assert sorted(got) == list(range(4 * items)), (len(got), 4 * items)


def loop_until(pool: _engine.Pool, stop: _engine.StopFlag, started: list[int], takes: int) -> None:
    """A loop of one enqueue and some dequeues of a queue of its own; with two it waits for ever."""
    queue = _engine.Resource(
        _fifo.create_FIFOQueueV2("q", {"component_types": [9], "shapes": [[]], "capacity": 4})
    )
    nodes = [_engine.Node("put", KERNELS["QueueEnqueueV2"], (0, 1))]
    for i in range(takes):
        nodes.append(_engine.Node(f"take{i}", KERNELS["QueueDequeueV2"], (0,), (2 + i,), attrs=([9],)))
    plan = _engine.Plan(pool, nodes, 2 + takes, [], [], {0: queue, 1: np.array(1, np.int64)})
    started.append(1)
    plan.run_until(stop)


def run_loops(threads: int, rounds: int) -> None:
    """Several loops that share one flag: it ends all of them, and each may take its plan with it, while the
    flag is still being set.
    """
    pool = _engine.Pool(threads)
    for _ in range(rounds):
        stop = _engine.StopFlag()
        started: list[int] = []
        loops = [threading.Thread(target=loop_until, args=(pool, stop, started, 1 + i % 2)) for i in range(6)]
        for t in loops:
            t.start()
        while len(started) < len(loops):
            time.sleep(0.0005)
        stop.set()
        for t in loops:
            t.join(20)
            assert not t.is_alive()


if __name__ == "__main__":
    n_threads, n_nodes, n_rounds = map(int, sys.argv[1:4])
    run_dags(n_threads, n_nodes, n_rounds)
    run_queues(n_threads, 100)
    run_loops(n_threads, 30)
    print("done", _engine.live_counts())
