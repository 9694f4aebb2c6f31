"""Programs that hang in silence elsewhere: here each ends, or says within seconds what it waits for
and which call is missing.

The cases are users' reports to TensorFlow (issues 7945, 7034, 2130, 24717). Each runs in a process
of its own, with shorter delays, and looks for no GPU: opening one takes longer than they wait.
"""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

SHORT = "from flowcore.runtime import waiting\nwaiting.WARN_AFTER = 0.5\nimport flowcore as tf\n"

#: Exit code of a program that waits until it is killed, and says so more than once.
WAITS_ON = -9

# name: (program, exit code, words on stderr)
CASES: dict[str, tuple[str, int, list[str]]] = {
    "runners never started": (
        (
            "x = tf.train.batch(tf.train.range_input_producer(5).dequeue(), 2,"
            " name='pairs')\ntf.Session().run(x)"
        ),
        WAITS_ON,
        ["'pairs/fifo_queue'", "start_queue_runners(sess, coord)"],
    ),
    "the runner of the queue behind the queue never started": (
        (
            "item = tf.train.range_input_producer(5).dequeue()\nq = tf.FIFOQueue(4, tf.int32, [[]],"
            " name='second')\nrunner = tf.train.QueueRunner(q, [q.enqueue(item)])\nsess, coord ="
            " tf.Session(), tf.train.Coordinator()\nrunner.create_threads(sess, coord,"
            " start=True)\nsess.run(q.dequeue())"
        ),
        WAITS_ON,
        [
            "waits for queue 'second'",
            "elements of queue 'input_producer'",
            "start_queue_runners(sess, coord)",
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
    "a run that puts into a queue what it takes out of it": (
        "q = tf.FIFOQueue(4, tf.int32, [[]], name='q')\ntf.Session().run(q.enqueue(q.dequeue()))",
        1,
        ["FailedPreconditionError", "elements of queue 'q'", "waits for this very wait to end"],
    ),
    "two queues wait for each other in one run": (
        (
            "a, b = (tf.FIFOQueue(4, tf.int32, [[]], name=n) for n in 'ab')\n"
            "tf.Session().run([a.enqueue(b.dequeue()), b.enqueue(a.dequeue())])"
        ),
        1,
        ["FailedPreconditionError", "waits for this very wait to end"],
    ),
    "room for what the same run would take out later": (
        (
            "q = tf.FIFOQueue(1, tf.int32, [[]], name='q')\nsess = tf.Session()\nsess.run(q.enqueue(1))\n"
            "with tf.control_dependencies([q.enqueue(2)]):\n    item = q.dequeue()\nsess.run(item)"
        ),
        1,
        ["FailedPreconditionError", "room of queue 'q'", "waits for this very wait to end"],
    ),
    "fewer elements than the same run has put in": (
        "q = tf.FIFOQueue(4, tf.int32, [[]], name='q')\ntf.Session().run([q.enqueue(1), q.dequeue_many(2)])",
        WAITS_ON,
        ["warning", "elements of queue 'q'"],
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
    "nothing in the graph could end the wait": (
        ("tf.Session().run(tf.FIFOQueue(4, tf.int32, name='lonely').dequeue())"),
        1,
        ["'lonely'", "The graph has no op that enqueues into it", "FailedPreconditionError"],
    ),
    "nothing in the graph could make room": (
        (
            "q = tf.FIFOQueue(1, tf.int32, name='full')\nput, sess = q.enqueue(1),"
            " tf.Session()\nsess.run(put)\nsess.run(put)"
        ),
        1,
        ["'full'", "no op that takes elements out of it", "FailedPreconditionError"],
    ),
    "a thread that threading does not know serves it late": (
        (
            "import _thread, time\nq = tf.FIFOQueue(4, tf.int32, name='late')\nput, sess = q.enqueue(7),"
            " tf.Session()\n_thread.start_new_thread(lambda: (time.sleep(3.5),"
            " sess.run(put)), ())\nassert sess.run(q.dequeue()) == 7"
        ),
        0,
        ["warning", "'late'"],
    ),
    "it adds the op that serves only then": (
        (
            "import _thread, time\nq = tf.FIFOQueue(4, tf.int32, name='late')\nsess ="
            " tf.Session()\n_thread.start_new_thread(lambda: (time.sleep(3.5),"
            " sess.run(q.enqueue(7))), ())\nassert sess.run(q.dequeue()) == 7"
        ),
        0,
        ["warning", "'late'"],
    ),
    "a thread of C serves it late": (
        (
            "import ctypes, time\nq = tf.FIFOQueue(4, tf.int32, name='late')\nput, sess = q.enqueue(7),"
            " tf.Session()\n@ctypes.CFUNCTYPE(ctypes.c_void_p, ctypes.c_void_p)\ndef serve(_):\n   "
            " time.sleep(3.5)\n    sess.run(put)\nthread = ctypes.c_ulong()\nlibc ="
            " ctypes.CDLL(None)\nassert not libc.pthread_create(ctypes.byref(thread), None, serve,"
            " None)\nassert sess.run(q.dequeue()) == 7\nlibc.pthread_join(thread, None)"
        ),
        0,
        ["warning", "'late'"],
    ),
    "two handles of one queue serve each other": (
        (
            "import threading\na, b = (tf.FIFOQueue(4, tf.int32, shared_name='one', name=n) for n in"
            " 'ab')\nsess, put = tf.Session(), a.enqueue(7)\nthreading.Timer(3.5, lambda:"
            " sess.run(put)).start()\nassert sess.run(b.dequeue()) == 7"
        ),
        0,
        ["warning", "'one'", "Run one of its enqueue ops"],
    ),
    "a pipe that nobody writes to is no queue": (
        (
            "import os, tempfile\npath = os.path.join(tempfile.mkdtemp(), 'pipe')\nos.mkfifo(path)\nq ="
            " tf.FIFOQueue(4, tf.string, [[]])\nsess = tf.Session()\nsess.run(q.enqueue(path))\nread ="
            " tf.WholeFileReader().read(q)\ntry: sess.run(read,"
            " options=tf.RunOptions(timeout_in_ms=3500))\nexcept tf.errors.DeadlineExceededError: pass"
        ),
        0,
        [],
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
    "a loop in another run serves it, slowly": (
        (
            "import threading, time\nq = tf.FIFOQueue(4, tf.int64, [[]])\nslow = lambda: (time.sleep(2.5),"
            " 1)[1]\ndef turn(i):\n    with tf.control_dependencies([q.enqueue(tf.py_func(slow, [],"
            " tf.int64))]):\n        return i + 1\nloop = tf.while_loop(lambda i: i < 2, turn,"
            " [0])\ntake, sess = q.dequeue_many(2), tf.Session()\nthreading.Thread(target=sess.run,"
            " args=(loop,)).start()\ntime.sleep(0.3)\nassert sess.run(take).tolist() == [1, 1]"
        ),
        0,
        [],
    ),
    "what could serve it stands in a branch": (
        (
            "q = tf.FIFOQueue(4, tf.int32, [[]], name='branched')\np = tf.placeholder(tf.bool, [])\ndef"
            " put():\n    with tf.control_dependencies([q.enqueue(1)]):\n        return"
            " tf.constant(1)\nput_or_not = tf.cond(p, put, lambda: 0)\ntf.Session().run(q.dequeue())"
        ),
        WAITS_ON,
        ["elements of queue 'branched'", "Run one of its enqueue ops"],
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
            [sys.executable, "-c", SHORT + case[0]],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=os.environ | {"FLOWCORE_OPENCL": "none"},
        )
        for name, case in CASES.items()
    }
    try:
        for name, (_, code, words) in CASES.items():
            if code == WAITS_ON:
                continue
            _, errors = running[name].communicate(timeout=30)
            assert running[name].returncode == code, f"{name}: {errors}"
            for word in words:
                assert word in errors, f"{name}: {word!r} is not in {errors}"
            assert words or not errors, f"{name}: {errors}"
        # those that wait on have had as long as the others
        for name, (_, code, words) in CASES.items():
            if code != WAITS_ON:
                continue
            assert running[name].poll() is None, f"{name}: it has ended"
            running[name].kill()
            _, errors = running[name].communicate()
            assert errors.count("flowcore: warning") >= 2, f"{name}: {errors}"
            for word in words:
                assert word in errors, f"{name}: {word!r} is not in {errors}"
    finally:
        for process in running.values():
            process.kill()
