"""Run by test_crowded.py in a process of its own, whose pool has no spare helpers yet.

Prints how many of them a session brought when other processes became busy. Every result is compared, bit
by bit, with that of one thread.
"""

import os
import subprocess
import sys
import time

import numpy as np

import flowcore as fc


def threads() -> int:
    return len(os.listdir("/proc/self/task"))


def main() -> None:
    processors = len(os.sched_getaffinity(0))
    a = np.random.default_rng(0).standard_normal((768, 768)).astype(np.float32)
    x = fc.placeholder(fc.float32, [768, 768])
    product = fc.matmul(fc.matmul(x, x), x)
    alone = fc.Session(config=fc.ConfigProto(inter_op_parallelism_threads=1)).run(product, {x: a})
    before = threads()
    busy = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(3 * processors)]
    try:
        with fc.Session(config=fc.ConfigProto(inter_op_parallelism_threads=processors)) as sess:
            call = sess.make_callable(product, [x])
            end = time.monotonic() + 60
            while time.monotonic() < end and threads() < before + processors:
                np.testing.assert_array_equal(call(a), alone)
            for _ in range(20):
                np.testing.assert_array_equal(call(a), alone)
            print(threads() - before - (processors - 1))
    finally:
        for process in busy:
            process.kill()
            process.wait()


if __name__ == "__main__":
    main()
