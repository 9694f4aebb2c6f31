"""Programs that hang in silence elsewhere: here each ends, or says within seconds what it waits for
and which call is missing.

The cases are users' reports to TensorFlow (issues 7945, 7034, 2130, 24717). Each runs in a process
of its own, with shorter delays.
"""

from __future__ import annotations

import subprocess
import sys

import pytest

SHORT = (
    "from flowcore.runtime import waiting\nwaiting.WARN_AFTER, waiting.RAISE_AFTER = 0.5, 1.5\nimport"
    " flowcore as tf\n"
)

# name: (program, exit code, words on stderr)
CASES: dict[str, tuple[str, int, list[str]]] = {
    "runners never started": (
        (
            "x = tf.train.batch(tf.train.range_input_producer(5).dequeue(), 2,"
            " name='pairs')\ntf.Session().run(x)"
        ),
        1,
        ["'pairs/fifo_queue'", "start_queue_runners(sess, coord)", "FailedPreconditionError"],
    ),
    "the runner of the queue behind the queue never started": (
        (
            "item = tf.train.range_input_producer(5).dequeue()\nq = tf.FIFOQueue(4, tf.int32, [[]],"
            " name='second')\nrunner = tf.train.QueueRunner(q, [q.enqueue(item)])\nsess, coord ="
            " tf.Session(), tf.train.Coordinator()\nrunner.create_threads(sess, coord,"
            " start=True)\nsess.run(q.dequeue())"
        ),
        1,
        [
            "waits for queue 'second'",
            "elements of queue 'input_producer'",
            "start_queue_runners(sess, coord)",
            "FailedPreconditionError",
        ],
    ),
    "the main thread only joins": (
        (
            "import threading\nitem = tf.train.range_input_producer(5).dequeue()\nq = tf.FIFOQueue(4,"
            " tf.int32, [[]])\nrunner = tf.train.QueueRunner(q, [q.enqueue(item)])\nsess, coord ="
            " tf.Session(), tf.train.Coordinator()\nthreads = runner.create_threads(sess, coord,"
            " start=True)\nthreading.Timer(4, coord.request_stop).start()\ncoord.join(threads)"
        ),
        0,
        ["warning", "elements of queue 'input_producer'", "start_queue_runners(sess, coord)"],
    ),
    "two queues wait for each other": (
        (
            "a, b = tf.FIFOQueue(4, tf.int32, [[]], name='a'), tf.RandomShuffleQueue(4, 1, tf.int32, [[]],"
            " name='b')\nfor q, other in ((a, b), (b, a)):\n   "
            " tf.train.add_queue_runner(tf.train.QueueRunner(q, [q.enqueue(other.dequeue())]))\nsess, coord ="
            " tf.Session(), tf.train.Coordinator()\ntf.train.start_queue_runners(sess,"
            " coord)\nsess.run(a.dequeue())"
        ),
        1,
        ["'a'", "'b'", "waits for this very wait", "FailedPreconditionError"],
    ),
    "the program ends and a runner still waits for room": (
        (
            "x = tf.train.batch(tf.train.range_input_producer(5).dequeue(), 2)\nsess ="
            " tf.Session()\ntf.train.start_queue_runners(sess, daemon=False)\nsess.run(x)"
        ),
        0,
        [],
    ),
    "a stop reaches a runner that waits for elements": (
        (
            "q = tf.FIFOQueue(9, tf.int32)\nsess, coord = tf.Session(), tf.train.Coordinator()\nfor i in"
            " range(5): sess.run(q.enqueue(i))\nx = tf.train.batch([tf.reshape(q.dequeue(), [1])],"
            " 1)\nthreads = tf.train.start_queue_runners(sess, coord)\nfor i in range(5):"
            " sess.run(x)\ncoord.request_stop()\ncoord.join(threads, stop_grace_period_secs=3)"
        ),
        0,
        [],
    ),
    "a runner that is slow is left alone": (
        (
            "import time\nslow = tf.py_func(lambda: (time.sleep(2.5), 1)[1], [],"
            " tf.int64)\nslow.set_shape([])\nx = tf.train.batch(slow, 1)\nwith tf.Session() as sess:\n   "
            " tf.train.start_queue_runners(sess)\n    sess.run(x)"
        ),
        0,
        [],
    ),
}


@pytest.mark.timeout(60)
def test_no_program_hangs_without_a_word() -> None:
    running = {
        name: subprocess.Popen(
            [sys.executable, "-c", SHORT + case[0]], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        for name, case in CASES.items()
    }
    try:
        for name, (_, code, words) in CASES.items():
            _, errors = running[name].communicate(timeout=30)
            assert running[name].returncode == code, f"{name}: {errors}"
            for word in words:
                assert word in errors, f"{name}: {word!r} is not in {errors}"
            assert words or not errors, f"{name}: {errors}"
    finally:
        for process in running.values():
            process.kill()
