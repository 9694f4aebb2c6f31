"""Kills processes that save, at any moment: the newest checkpoint stays whole.

    python tests/fuzz/kill_saver.py SEED KILLS

Each child saves again and again, by one of several ways, and tells when a save has returned. After the
kill the newest checkpoint must be readable, all of one moment, and no older than that save. Exits with 0,
or says what was found.
"""

from __future__ import annotations

import os
import pathlib
import random
import signal
import sys
import tempfile
import time
from typing import Any

import numpy as np

import flowcore as fc

MOST_ODD = 60
WAYS: dict[str, dict[str, Any]] = {
    "steps": {"max_to_keep": 2},
    "one name": {},
    "shards": {"sharded": True},
    "shards, one name": {"sharded": True},
    "background": {"background": True, "max_to_keep": 1},
}


def save_for_ever(folder: str, way: str, begin: int, told: int) -> None:
    with fc.Graph().as_default(), fc.Session() as sess:
        a = fc.get_variable("a", [5000])
        b = fc.get_variable("b", [], fc.int64)
        c = fc.get_variable("c", initializer=[b"text"])
        value = fc.placeholder(fc.int64, [])
        text = fc.placeholder(fc.string, [1])
        assign = fc.group(
            a.assign(fc.fill([5000], fc.cast(value, fc.float32))), b.assign(value), c.assign(text)
        )
        saver = fc.train.Saver(**WAYS[way])
        state = fc.train.get_checkpoint_state(folder)
        if state is not None:
            saver.recover_last_checkpoints(state.all_model_checkpoint_paths)
        for i in range(begin, begin + 1_000_000):
            sess.run(assign, {value: i, text: [b"x" * 40 + str(i).encode()]})
            step = None if "one name" in way else i
            saver.save(sess, f"{folder}/m", global_step=step)
            done = i - 1 if way == "background" else i  # a save waits for the one before
            if done >= begin:
                os.write(told, done.to_bytes(8, "little"))


def newest(folder: str) -> int:
    """The moment of the newest checkpoint; raises where it is not whole. -1: there is none."""
    path = fc.train.latest_checkpoint(folder)
    if path is None:
        return -1
    reader = fc.train.NewCheckpointReader(path)
    moment = int(reader.get_tensor("b"))
    np.testing.assert_array_equal(reader.get_tensor("a"), np.full(5000, moment, np.float32))
    assert reader.get_tensor("c")[0] == b"x" * 40 + str(moment).encode()
    return moment


def kill_once(folder: str, way: str, begin: int, delay: float, await_one: bool) -> int:
    """The moment of the newest checkpoint after a child was killed, some time after its first save."""
    told, telling = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.close(told)
            save_for_ever(folder, way, begin, telling)
        finally:
            os._exit(1)
    os.close(telling)
    first = b""
    if begin == 0 or await_one:
        first = os.read(told, 8)
    time.sleep(delay)
    os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    assert os.WIFSIGNALED(status), f"the child ended by itself: {status}"
    data = first
    while piece := os.read(told, 1 << 16):
        data += piece
    os.close(told)
    found = newest(folder)
    last = int.from_bytes(data[-8:], "little") if data else begin - 1
    assert found >= last, f"{way}: found {found} after {last} was saved"
    return found


def assert_clean(root: str) -> None:
    """A save some days later leaves nothing of the processes that were killed."""
    for folder in pathlib.Path(root).iterdir():
        for path in folder.rglob("*"):
            os.utime(path, (0, 0))
        with fc.Graph().as_default(), fc.Session() as sess:
            b = fc.get_variable("b", [], fc.int64, initializer=fc.zeros_initializer())
            sess.run(b.initializer)
            saver = fc.train.Saver()
            kept = fc.train.get_checkpoint_state(str(folder))
            paths = [] if kept is None else [pathlib.Path(p).name for p in kept.all_model_checkpoint_paths]
            saver.save(sess, str(folder / "m"), global_step=10**9)
        names = {p.name for p in folder.iterdir()}
        known = tuple(f"{n}." for n in [*paths, "m", "m-1000000000"])
        # a process that was killed after it named the newest had no time to remove the one before
        odd = {n.partition(".")[0] for n in names if not n.startswith(known) and n.endswith(".index")}
        strange = [
            n for n in names if n != "checkpoint" and not n.startswith((*known, *(f"{o}." for o in odd)))
        ]
        assert not strange, strange
        assert not [n for n in names if ".part-" in n], names
        assert len(odd) <= MOST_ODD, odd


def main(seed: int, kills: int) -> None:
    rng = random.Random(seed)
    with tempfile.TemporaryDirectory() as root:
        moments = dict.fromkeys(WAYS, -1)
        for i in range(kills):
            way = rng.choice(list(WAYS))
            folder = pathlib.Path(root, way.replace(" ", "_").replace(",", ""))
            folder.mkdir(exist_ok=True)
            before = moments[way]
            moments[way] = kill_once(str(folder), way, before + 1, rng.uniform(0, 0.08), rng.random() < 0.7)
            assert moments[way] >= before, f"kill {i}, {way}: {moments[way]} after {before}"
            if i % 100 == 99:
                print(i + 1, moments, flush=True)
        assert_clean(root)
    print(f"{kills} kills, seed {seed}: {moments}")


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
