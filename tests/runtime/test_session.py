"""Sessions: fetches, feeds, plans, errors, concurrency, time limits."""

from __future__ import annotations

import collections
import gc
import json
import os
import signal
import subprocess
import sys
import threading
import time

import numpy as np
import pytest

import flowcore as fc
from flowcore import _engine


def test_fetches_keep_their_structure() -> None:
    a, b = fc.constant(1.0), fc.constant([2, 3])
    pair = collections.namedtuple("pair", "x y")
    with fc.Session() as sess:
        result = sess.run({"one": a, "rest": [b, (a, pair(b, a)), "Const:0"], "nothing": fc.no_op()})
    assert result["one"] == 1.0
    assert isinstance(result["one"], np.float32)
    assert result["nothing"] is None
    assert isinstance(result["rest"][1][1], pair)
    np.testing.assert_array_equal(result["rest"][1][1].x, [2, 3])
    assert result["rest"][2] == 1.0


def test_any_tensor_can_be_fed_and_what_lies_behind_it_is_not_run() -> None:
    x = fc.placeholder(fc.float32, [2])
    y = x * 2
    z = y + 1
    with fc.Session() as sess:
        np.testing.assert_array_equal(sess.run(z, {y: [5, 6]}), [6, 7])
        np.testing.assert_array_equal(sess.run([y, z], {"mul:0": [5, 6]})[0], [5, 6])


@pytest.mark.parametrize(
    ("feed", "error", "words"),
    [
        ([1, 2, 3], ValueError, [r"\(3,\)", "images:0", r"\(2,\)"]),
        ("text", TypeError, ["images:0", "float32"]),
        ({"a": 1}, TypeError, ["images:0"]),
        (None, TypeError, ["images:0"]),
        ([[1], [2, 3]], TypeError, ["images:0"]),
    ],
)
def test_a_feed_that_does_not_fit_names_the_placeholder(
    feed: object, error: type[Exception], words: list[str]
) -> None:
    x = fc.placeholder(fc.float32, [2], name="images")
    with fc.Session() as sess:
        with pytest.raises(error) as caught:
            sess.run(x + 1, {x: feed})
        for word in words:
            assert caught.match(word)


def test_numbers_that_the_dtype_cannot_hold_are_refused() -> None:
    x = fc.placeholder(fc.int32, [])
    with fc.Session() as sess:
        assert sess.run(x + 1, {x: 2.0}) == 3
        for bad in (1.5, 2**40, np.nan, 1j):
            with pytest.raises(TypeError, match="int32"):
                sess.run(x + 1, {x: bad})


def test_an_unfed_placeholder_is_named_with_dtype_shape_and_line() -> None:
    x = fc.placeholder(fc.float32, [None, 3], name="images")
    with (
        fc.Session() as sess,
        pytest.raises(fc.errors.InvalidArgumentError, match=r"'images'.*float32.*\(\?, 3\).*test_session"),
    ):
        sess.run(x + 1)


@pytest.mark.parametrize("fetch", [None, 3, object(), [None], "missing", "missing:0", "Const:7"])
def test_what_is_no_fetch_is_refused(fetch: object) -> None:
    fc.constant(1)
    with fc.Session() as sess, pytest.raises((TypeError, ValueError), match="Fetch argument"):
        sess.run(fetch)


def test_a_tensor_of_another_graph_is_refused() -> None:
    with fc.Graph().as_default():
        other = fc.constant(1)
    x = fc.placeholder(fc.int32)
    with fc.Session() as sess:
        with pytest.raises(ValueError, match="belongs to another graph"):
            sess.run(other)
        with pytest.raises(TypeError, match="belongs to another graph"):
            sess.run(x, {other: 1})
    with pytest.raises(ValueError, match="different graphs"):
        fc.add(x, other)


def test_the_graph_may_grow_between_runs_until_it_is_finalized() -> None:
    x = fc.constant(2)
    with fc.Session() as sess:
        assert sess.run(x) == 2
        y = x * 3
        assert sess.run(y) == 6
        sess.graph.finalize()
        with pytest.raises(RuntimeError, match="finalized"):
            _ = x + 1
        assert sess.run(y) == 6


def test_two_sessions_on_one_graph_have_their_own_variables() -> None:
    v = fc.Variable(1.0)
    add = v.assign_add(1.0)
    init = fc.global_variables_initializer()
    with fc.Session() as a, fc.Session() as b:
        a.run(init)
        b.run(init)
        a.run(add)
        assert (a.run(v), b.run(v)) == (2.0, 1.0)


def test_a_closed_session_refuses_work() -> None:
    x = fc.constant(1)
    sess = fc.Session()
    call = sess.make_callable(x)
    sess.close()
    sess.close()
    for use in (lambda: sess.run(x), call, lambda: sess.__enter__()):
        with pytest.raises(RuntimeError, match="closed"):
            use()


def test_closing_a_session_ends_the_runs_of_others() -> None:
    q = fc.FIFOQueue(3, fc.float32, [[]])
    taken = q.dequeue()
    sess = fc.Session()
    caught: list[BaseException] = []

    def wait() -> None:
        try:
            sess.run(taken)
        except BaseException as error:
            caught.append(error)

    thread = threading.Thread(target=wait)
    thread.start()
    while not any(s.plan.engine.waiting() for s in sess._signatures.values()):
        time.sleep(0.01)
    sess.close()
    thread.join(5)
    assert not thread.is_alive()
    assert isinstance(caught[0], (fc.errors.CancelledError, RuntimeError))


def test_the_fed_array_is_never_written_and_never_aliased() -> None:
    x = fc.placeholder(fc.float32, [1000])
    v = fc.Variable(fc.zeros([1000]))
    keep = v.assign(x)
    array = np.ones(1000, np.float32)
    with fc.Session() as sess:
        same, up = sess.run([fc.identity(x), -x], {x: array})
        same[0] = 7
        up[0] = 7
        assert array[0] == 1
        kept = sess.run(keep, {x: array})
        array[:] = 5
        kept[:] = 6
        np.testing.assert_array_equal(sess.run(v), 1)
        got = sess.run(v)
        got[:] = 9
        np.testing.assert_array_equal(sess.run(v), 1)


def test_a_fetched_constant_is_a_copy() -> None:
    c = fc.constant(np.arange(1000.0))
    with fc.Session() as sess:
        sess.run(c)[:] = 0
        np.testing.assert_array_equal(sess.run(c), np.arange(1000.0))


@pytest.mark.parametrize("threads", [1, 2, 8])
def test_control_dependencies_order_reads_and_writes(threads: int) -> None:
    v = fc.Variable(0.0)
    with fc.control_dependencies([v.assign(1.0, read_value=False)]):
        first = v.read_value()
        with fc.control_dependencies([first]):
            second = v.assign_add(5.0)
    init = fc.global_variables_initializer()
    with fc.Session(config=fc.ConfigProto(inter_op_parallelism_threads=threads)) as sess:
        for _ in range(50):
            sess.run(init)
            assert sess.run([first, second]) == [1.0, 6.0]


def test_dependencies_of_a_constant_hold_for_its_readers() -> None:
    v = fc.Variable(0.0)
    with fc.control_dependencies([v.assign(3.0, read_value=False)]):
        c = fc.constant(1.0)
    with fc.Session() as sess:
        sess.run(fc.global_variables_initializer())
        assert sess.run(c + 1) == 2
        assert sess.run(v) == 3


def test_a_failing_node_leaves_the_session_usable() -> None:
    x = fc.placeholder(fc.int32, [])
    y = fc.constant(10) // x
    with fc.Session() as sess:
        for _ in range(3):
            with pytest.raises(
                fc.errors.InvalidArgumentError,
                match=r"(?s)'floordiv' \(FloorDiv\).*division by zero.*created at .*test_session",
            ) as caught:
                sess.run(y, {x: 0})
            assert caught.value.op is y.op
            assert caught.value.node_def.name == "floordiv"
            assert sess.run(y, {x: 3}) == 3


def test_a_time_limit_ends_a_wait() -> None:
    q = fc.FIFOQueue(1, fc.int32, [[]])
    with fc.Session() as sess:
        begin = time.monotonic()
        with pytest.raises(fc.errors.DeadlineExceededError):
            sess.run(q.dequeue(), options=fc.RunOptions(timeout_in_ms=100))
        assert time.monotonic() - begin < 2
        sess.run(q.enqueue(7))
        assert sess.run(q.dequeue()) == 7  # the given-up dequeue took nothing


def test_run_metadata_holds_a_record_per_node_and_exports_a_trace(tmp_path: object) -> None:
    x = fc.random_normal([300, 300])
    y = fc.reduce_sum(fc.exp(x), 0)
    metadata = fc.RunMetadata()
    with fc.Session() as sess:
        sess.run(y, options=fc.RunOptions(trace_level=fc.RunOptions.FULL_TRACE), run_metadata=metadata)
    ops = [n.op for n in fc.timeline.node_stats(metadata)]
    assert {"Exp", "Sum", "RandomStandardNormal"} <= set(ops)
    nodes = fc.timeline.node_stats(metadata)
    assert all(n.end_ns >= n.start_ns > 0 and n.device.startswith("/device:") for n in nodes)
    path = f"{tmp_path}/trace.json"
    fc.timeline.save_chrome_trace(metadata, path)
    with open(path) as file:
        events = json.load(file)["traceEvents"]
    assert sum(e["ph"] == "X" for e in events) == len(ops)


def test_an_unknown_device_is_an_error_or_falls_back() -> None:
    with fc.device("/gpu:3"):
        x = fc.constant(1.0) + 1.0
    with (
        fc.Session() as sess,
        pytest.raises(
            fc.errors.InvalidArgumentError, match=r"/device:GPU:3.*/device:CPU:0.*allow_soft_placement"
        ),
    ):
        sess.run(x)
    with fc.Session(config=fc.ConfigProto(allow_soft_placement=True)) as sess:
        assert sess.run(x) == 2


def test_many_threads_run_one_session() -> None:
    x = fc.placeholder(fc.float32, [64])
    y = fc.reduce_sum(fc.exp(x) * x)
    failures: list[object] = []
    with fc.Session() as sess:

        def work(seed: int) -> None:
            array = np.random.default_rng(seed).normal(size=64).astype(np.float32)
            expected = sess.run(y, {x: array})
            failures.extend(seed for _ in range(200) if sess.run(y, {x: array}) != expected)

        threads = [threading.Thread(target=work, args=(i,)) for i in range(8)]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
    assert not failures


def test_make_callable_checks_its_arguments() -> None:
    x, y = fc.placeholder(fc.float32, []), fc.placeholder(fc.float32, [])
    with fc.Session() as sess:
        call = sess.make_callable([x - y], [x, y])
        assert call(3, 1) == [2]
        with pytest.raises(TypeError, match="takes 2 values"):
            call(3)
        with pytest.raises(TypeError, match="accept_options"):
            call(3, 1, options=fc.RunOptions())


def test_an_interactive_session_is_the_default() -> None:
    sess = fc.InteractiveSession()
    try:
        assert fc.constant(3).eval() == 3
        assert fc.get_default_session() is sess
    finally:
        sess.close()
    assert fc.get_default_session() is None
    with pytest.raises(ValueError, match="no default session"):
        fc.constant(3).eval()


def test_py_func_errors_carry_their_cause() -> None:
    def bad(x: np.ndarray) -> np.ndarray:
        raise ZeroDivisionError("inside")

    failing = fc.py_func(bad, [fc.constant(1.0)], fc.float32)
    wrong_type = fc.py_func(lambda x: x.astype(np.float64), [fc.constant(1.0)], fc.float32)
    wrong_count = fc.py_func(lambda x: (x, x), [fc.constant(1.0)], fc.float32)
    with fc.Session() as sess:
        with pytest.raises(fc.errors.UnknownError, match="ZeroDivisionError: inside") as caught:
            sess.run(failing)
        assert isinstance(caught.value.__cause__, ZeroDivisionError)
        with pytest.raises(fc.errors.InvalidArgumentError, match="float64 where float32"):
            sess.run(wrong_type)
        with pytest.raises(fc.errors.InvalidArgumentError, match="2 values where 1"):
            sess.run(wrong_count)


def test_sizes_beyond_memory_are_refused_not_tried() -> None:
    n = fc.placeholder(fc.int64, [2])
    with fc.Session() as sess:
        with pytest.raises(fc.errors.ResourceExhaustedError, match="memory"):
            sess.run(fc.fill(n, 1.0), {n: [2**22, 2**20]})
        with pytest.raises(fc.errors.InvalidArgumentError, match="overflow"):
            sess.run(fc.fill(n, 1.0), {n: [2**40, 2**40]})
        with pytest.raises(fc.errors.InvalidArgumentError, match="negative"):
            sess.run(fc.fill(n, 1.0), {n: [-1, 2]})
        assert sess.run(fc.fill(n, 1.0), {n: [1, 2]}).shape == (1, 2)


def run_python(source: str, timeout: float = 60, **options: object) -> subprocess.CompletedProcess[str]:
    # type: ignore[call-overload,no-any-return]
    return subprocess.run(
        [sys.executable, "-c", source], capture_output=True, text=True, timeout=timeout, **options
    )


def test_a_queue_without_any_enqueuer_raises_instead_of_hanging() -> None:
    result = run_python(
        "import flowcore as fc\nq = fc.FIFOQueue(3, fc.float32, [[]],"
        " name='empty')\nfc.Session().run(q.dequeue())"
    )
    assert result.returncode == 1
    assert "FailedPreconditionError" in result.stderr
    assert "'empty'" in result.stderr
    assert "no op that enqueues" in result.stderr


def test_forgotten_queue_runners_are_named_with_the_missing_call() -> None:
    source = (
        "import flowcore as fc\nx = fc.train.range_input_producer(5).dequeue()\nfc.Session().run(x,"
        " options=fc.RunOptions(timeout_in_ms=6000))"
    )
    result = run_python(source)
    assert result.returncode == 1
    assert "warning" in result.stderr
    assert "start_queue_runners" in result.stderr
    assert "DeadlineExceededError" in result.stderr  # a thread might still have come and filled it


def test_ctrl_c_ends_a_wait_and_a_long_step() -> None:
    waiting = (
        "import flowcore as fc, time\nq = fc.FIFOQueue(1, fc.int32, [[]])\nslow = fc.py_func(lambda:"
        " time.sleep(60), [], fc.int32)\nprint('go', flush=True)\nfc.Session().run([q.dequeue(),"
        " q.enqueue(slow)])"
    )
    busy = (
        "import flowcore as fc\nx = fc.zeros([1000, 1000])\nfor _ in range(3000): x = fc.exp(-x)\nprint('go',"
        " flush=True)\nwith fc.Session() as s:\n    while True: s.run(fc.reduce_sum(x))"
    )
    for source in (waiting, busy):
        process = subprocess.Popen(
            [sys.executable, "-c", source], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        assert process.stdout is not None
        assert process.stdout.readline() == "go\n"
        time.sleep(0.5)
        os.kill(process.pid, signal.SIGINT)
        if source is waiting:  # a Python function that sleeps hears of it itself
            time.sleep(0.2)
        _, errors = process.communicate(timeout=20)
        assert "KeyboardInterrupt" in errors
        assert process.returncode != 0


def test_ctrl_c_does_not_wait_for_a_python_function_on_another_thread() -> None:
    """Two functions that sleep: one of them runs on a worker, which no signal reaches. Its step
    ends when it does, and frees what it holds.
    """
    source = """
import sys, threading, time, flowcore as fc
from flowcore import _engine
def sleep():
    if threading.current_thread() is not threading.main_thread():
        print('go', flush=True)
        time.sleep(float(sys.argv[1]))
        return 1
    while True:  # the caller's own hears of the signal at once
        time.sleep(0.01)
config = fc.ConfigProto(inter_op_parallelism_threads=2)
a, b = (fc.py_func(sleep, [], fc.int32) + 1 for _ in range(2))
sess = fc.Session(config=config)
start = time.time()
try:
    sess.run([a, b])
except KeyboardInterrupt:
    running = _engine.live_counts()['running_steps']
    print('interrupted', time.time() - start < 10, running, sess.run(fc.constant(2) * 3), flush=True)
else:
    print('not interrupted')
if sys.argv[1] == '2':
    if sys.argv[2] == 'drop':
        fc.reset_default_graph()
        del a, b
        sess.close()
        del sess
    while _engine.live_counts()['running_steps']:
        time.sleep(0.01)
    print('ended')
"""
    for seconds, then in (("60", ""), ("2", "keep"), ("2", "drop")):
        process = subprocess.Popen(
            [sys.executable, "-c", source, seconds, then],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert process.stdout is not None
        assert process.stdout.readline() == "go\n"
        time.sleep(0.2)
        os.kill(process.pid, signal.SIGINT)
        output, errors = process.communicate(timeout=20)
        assert output == "interrupted True 1 6\n" + ("ended\n" if then else ""), errors
        assert process.returncode == 0, errors


@pytest.mark.parametrize("threads", [2, 8])
def test_a_time_limit_does_not_wait_for_a_python_function_on_another_thread(threads: int) -> None:
    """The step ends when the function does, without its caller, and the session stays usable meanwhile."""
    started, done = threading.Event(), threading.Event()

    def wait_elsewhere() -> int:
        if threading.current_thread() is threading.main_thread():
            started.wait(60)  # the caller runs one of the two, and a worker takes the other
        else:
            started.set()
            done.wait(60)
        return 1

    with fc.Graph().as_default():
        both = [fc.py_func(wait_elsewhere, [], fc.int32) + 1 for _ in range(2)]
        with fc.Session(
            config=fc.ConfigProto(inter_op_parallelism_threads=threads, use_per_session_threads=True)
        ) as sess:
            begin = time.perf_counter()
            with pytest.raises(fc.errors.DeadlineExceededError):
                sess.run(both, options=fc.RunOptions(timeout_in_ms=100))
            assert time.perf_counter() - begin < 30
            assert _engine.live_counts()["running_steps"] == 1
            assert sess.run(fc.constant(2) * 3) == 6
            done.set()
            assert sess.run(both) == [2, 2]
    while _engine.live_counts()["running_steps"]:
        time.sleep(0.01)


def test_a_forked_child_is_told_instead_of_hanging() -> None:
    source = """
import os, flowcore as fc
x = fc.constant(1) + 1
sess = fc.Session()
sess.run(x)
if os.fork() == 0:
    try:
        sess.run(x)
    except RuntimeError as error:
        os._exit(0 if "forked" in str(error) else 2)
    os._exit(3)
assert os.wait()[1] == 0
"""
    result = run_python(source)
    assert result.returncode == 0, result.stderr


def test_sessions_in_reference_cycles_are_collected_whole_while_others_run() -> None:
    """The collector may empty what a plan refers to before the plan itself goes."""
    thresholds = gc.get_threshold()
    gc.set_threshold(50, 5, 5)

    def work() -> None:
        for _ in range(40):
            with fc.Graph().as_default() as graph:
                queue = fc.FIFOQueue(3, fc.float32, [[]])
                v = fc.Variable(np.zeros(100))
                x = fc.placeholder(fc.float32, [])
                y = fc.tanh(x) + fc.py_func(lambda a: a, [fc.constant(1.0)], fc.float32)
                sess = fc.Session()
                sess.run(v.initializer)
                sess.run([y, queue.enqueue(y)], {x: 1.0})
                graph.add_to_collection("cycle", sess)

    threads = [threading.Thread(target=work) for _ in range(4)]
    try:
        for t in threads:
            t.start()
        for t in threads:
            t.join()
    finally:
        gc.set_threshold(*thresholds)
    gc.collect()


@pytest.mark.parametrize("dims", [[], [2], [None, 2], None])
def test_what_is_fed_as_it_is_and_what_is_converted_give_the_same(dims: list[int | None] | None) -> None:
    x = fc.placeholder(fc.float32, dims)
    shape = [2 if d is None else d for d in dims or []]
    value = np.full(shape, 1.5, np.float32)
    foreign = value.astype(value.dtype.newbyteorder())
    with fc.Session() as sess:
        call = sess.make_callable(x + 1, [x])
        for fed in (
            value,
            value.astype(np.float64),
            value.tolist(),
            value[()],
            foreign,
            np.array(value, order="F"),
        ):
            for result in (call(fed), sess.run(x + 1, {x: fed})):
                np.testing.assert_array_equal(result, value + 1)
                assert result.dtype == np.float32
        for wrong in (
            (np.zeros((3, 3, 3), np.float32), np.zeros([*shape, 1], np.float32)) if dims is not None else ()
        ):
            with pytest.raises(ValueError, match="does not fit"):
                call(wrong)


def test_a_callable_ends_with_its_session_and_keeps_its_time_limit() -> None:
    q = fc.FIFOQueue(1, fc.int32, [[]])
    x = fc.placeholder(fc.float32, [])
    sess = fc.Session(config=fc.ConfigProto(operation_timeout_in_ms=100))
    call, waits = sess.make_callable(x * 2, [x]), sess.make_callable(q.dequeue())
    assert call(2) == 4
    with pytest.raises(fc.errors.DeadlineExceededError):
        waits()
    sess.close()
    with pytest.raises(RuntimeError, match="closed Session"):
        call(2)
