"""Forked children: sessions of their own, with pools of their own; the parent's are refused.

Each test is a process of its own, since this one has threads of other tests. It sees no OpenCL
device, which a child would have to refuse: tests/opencl/test_fork.py has those.
"""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap

import pytest

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork")

#: A fork whose child runs a function and leaves as programs do; one that hangs is an error.
FORK = """
    import faulthandler, os, signal, sys, threading, time
    import numpy as np
    import flowcore as fc

    faulthandler.register(signal.SIGALRM, chain=True)

    def child(work):
        pid = os.fork()
        if pid:
            return pid
        signal.alarm(40)
        work()
        sys.exit(7)

    def wait(pid):
        _, status = os.waitpid(pid, 0)
        assert os.WIFEXITED(status) and os.WEXITSTATUS(status) == 7, status
"""


def check(script: str) -> str:
    """Runs the script after `FORK`, and returns what it prints."""
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(FORK) + textwrap.dedent(script)],
        capture_output=True,
        text=True,
        env=os.environ | {"FLOWCORE_THREADS": "3", "FLOWCORE_OPENCL": "none"},
        timeout=100,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_child_runs_its_parents_graph_in_a_session_of_its_own() -> None:
    check("""
        v = fc.Variable(np.arange(4.0), use_resource=True)
        more, x = v.assign_add(np.ones(4)), fc.constant(np.ones((300, 300)))
        total = fc.reduce_sum(fc.matmul(x, x) + fc.tanh(x))
        sess = fc.Session()
        sess.run(v.initializer)
        sess.run(more)
        expected = sess.run(total)

        def work():
            with fc.Session() as own:
                own.run(v.initializer)
                assert own.run(more).tolist() == [1, 2, 3, 4]
                assert own.run(total) == expected
                with fc.Graph().as_default():
                    y = fc.random_uniform([1000]) + 1.0
                    assert fc.Session().run(y).min() >= 1.0
            with fc.Session(config=fc.ConfigProto(use_per_session_threads=True)) as own:
                assert own.run(total) == expected

        wait(child(work))
        assert sess.run(more).tolist() == [2, 3, 4, 5]
    """)


def test_the_parents_session_says_what_to_do_and_can_be_closed() -> None:
    check("""
        v = fc.Variable(1.0)
        queue = fc.FIFOQueue(1, fc.float32, [[]])
        take, put = queue.dequeue(), queue.enqueue(v)
        x = fc.placeholder(fc.float32, [])
        y = x + v
        coord = fc.train.Coordinator()
        runner = fc.train.QueueRunner(queue, [put])
        with fc.Session() as sess:
            sess.run(v.initializer)
            call = sess.make_callable(y, [x])
            fetched = sess.run(fc.ones([100000]))
            threads = runner.create_threads(sess, coord, start=True)
            parked = threading.Thread(target=lambda: [sess.run(take) for _ in range(3)])
            parked.start()
            parked.join()

            def refused(function, *args):
                try:
                    function(*args)
                except RuntimeError as error:
                    assert "made before the process was forked" in str(error), error
                    assert "new Session" in str(error) and "spawn" in str(error), error
                else:
                    raise AssertionError("not refused")

            def work():
                refused(sess.run, y, {x: 1.0})
                refused(sess.run, take)
                refused(sess.run, fc.constant(1.0) * 2.0)
                refused(call, 1.0)
                refused(v.eval)
                refused(sess.make_callable, y)
                assert fetched.sum() == 100000
                coord.request_stop()
                sess.close()
                refused(sess.run, y, {x: 1.0})
                with fc.Session() as own:
                    own.run(v.initializer)
                    assert own.run(y, {x: 1.0}) == 2.0

            wait(child(work))
            assert call(2.0) == 3.0
            coord.request_stop()
            sess.run(queue.close(cancel_pending_enqueues=True))
            coord.join(threads)
    """)


def test_the_collector_leaves_what_a_child_inherited_alone() -> None:
    check("""
        import gc
        queue = fc.FIFOQueue(1, fc.float32, [[]])
        take, put = queue.dequeue(), queue.enqueue(1.0)
        sess = fc.Session()
        thread = threading.Thread(target=lambda: sess.run(take))
        thread.start()
        time.sleep(0.2)

        def work():
            global sess, queue, take, thread
            sess.close()
            del sess, queue, take, thread
            fc.reset_default_graph()
            gc.collect()
            assert fc.Session().run(fc.constant(1.0) + 1.0) == 2.0

        wait(child(work))
        sess.run(put)
        thread.join()
    """)


@pytest.mark.parametrize("size", [1, 200_000])
def test_forks_while_threads_run_the_parents_session(size: int) -> None:
    """A thread may be anywhere at the fork: in a kernel, at a lock, among the free blocks."""
    check(f"""
        x = fc.placeholder(fc.float32, [None])
        y = fc.reduce_sum(fc.tanh(x) + fc.concat([x, x], 0)[:{size}])
        value, stop = np.ones({size}, np.float32), False
        sess = fc.Session()
        expected = sess.run(y, {{x: value}})

        def run():
            while not stop:
                assert sess.run(y, {{x: value}}) == expected

        def build():
            while not stop:
                with fc.Graph().as_default(), fc.Session() as own:
                    own.run(fc.constant(1.0) + 1.0)

        def work():
            with fc.Session() as own:
                for _ in range(3):
                    assert own.run(y, {{x: value}}) == expected
                assert own.run(fc.constant(2) * 3) == 6

        threads = [threading.Thread(target=t) for t in (run, run, build)]
        for t in threads:
            t.start()
        for _ in range(10):
            wait(child(work))
        stop = True
        for t in threads:
            t.join()
    """)


def test_locks_that_other_threads_hold_are_free_in_the_child() -> None:
    check("""
        from flowcore.runtime import devices, session
        graph = fc.get_default_graph()
        x = fc.constant(1.0) + 1.0
        sess = fc.Session()
        sess.run(x)
        held = [graph._lock, sess._lock, sess._resources._lock, session._pools_lock, devices._lock]
        ready, done = threading.Event(), threading.Event()

        def hold():
            for lock in held:
                lock.acquire()
            ready.set()
            done.wait()
            for lock in held:
                lock.release()

        thread = threading.Thread(target=hold)
        thread.start()
        ready.wait()

        def work():
            assert fc.Session().run(x + 1.0) == 3.0
            sess.close()

        pid = child(work)
        wait(pid)
        done.set()
        thread.join()
        assert sess.run(x + 1.0) == 3.0
    """)


def test_a_child_forks_in_turn() -> None:
    check("""
        x = fc.reduce_sum(fc.ones([500, 500]) * 2.0)
        assert fc.Session().run(x) == 500000

        def grandchild():
            assert fc.Session().run(x) == 500000

        def work():
            own = fc.Session()
            assert own.run(x) == 500000
            wait(child(grandchild))
            assert own.run(x) == 500000

        wait(child(work))
    """)


def test_a_pool_of_processes_maps_a_function_that_runs_sessions() -> None:
    script = """
        import multiprocessing

        def square(value):
            with fc.Graph().as_default(), fc.Session() as own:
                x = fc.placeholder(fc.float32, [])
                return float(own.run(fc.square(x), {x: value}))

        shared = fc.placeholder(fc.float32, [])
        double = shared * 2.0
        sess = fc.Session()
        assert sess.run(double, {shared: 1.0}) == 2.0

        def of_the_parent(value):
            return float(fc.Session().run(double, {shared: value}))

        with multiprocessing.get_context("fork").Pool(3) as pool:
            assert pool.map(square, range(20)) == [i * i for i in range(20)]
            assert pool.map(of_the_parent, range(20)) == [2 * i for i in range(20)]
        assert sess.run(double, {shared: 3.0}) == 6.0
        print("done")
    """
    assert check(script) == "done\n"


def test_loaders_in_children_feed_a_training_parent() -> None:
    script = """
        from multiprocessing import get_context

        context = get_context("fork")

        def load(number, results):
            with fc.Graph().as_default(), fc.Session() as own:
                raw = fc.placeholder(fc.float32, [8, 3])
                ready = (raw - fc.reduce_mean(raw)) * 2.0
                for i in range(10):
                    results.put(own.run(ready, {raw: np.random.default_rng(i).random((8, 3))}))

        x = fc.placeholder(fc.float32, [8, 3])
        w = fc.Variable(fc.ones([3, 1]))
        loss = fc.reduce_mean(fc.square(fc.matmul(x, w)))
        step = fc.train.GradientDescentOptimizer(0.1).minimize(loss)
        with fc.Session() as sess:
            sess.run(fc.global_variables_initializer())
            for epoch in range(2):
                results = context.Queue(4)
                loaders = [context.Process(target=load, args=(i, results)) for i in range(2)]
                for loader in loaders:
                    loader.start()
                losses = [sess.run([loss, step], {x: results.get(timeout=60)})[0] for _ in range(20)]
                for loader in loaders:
                    loader.join(60)
                    assert loader.exitcode == 0
            assert losses[-1] < losses[0]
            print("done")
    """
    assert check(script) == "done\n"
