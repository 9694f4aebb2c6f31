"""Strings: short ones in their elements, long ones in arenas that buffers share."""

from __future__ import annotations

import gc
from typing import Any

import numpy as np
import pytest

import flowcore as fc
from flowcore import _engine

#: Around the 15 bytes that an element holds itself, with zeros in every place.
TEXTS = [
    b"",
    b"\0",
    b"a",
    b"x" * 14,
    b"\0" * 15,
    b"y" * 15,
    b"z" * 16,
    b"\0" * 16,
    b"long " * 1000,
    b"\xff" * 16,
]


def array(texts: Any) -> np.ndarray:
    made = np.empty(len(texts), object)
    made[:] = texts
    return made


def arenas() -> int:
    gc.collect()
    return _engine.live_counts()["arenas"]


@pytest.mark.parametrize("turned", [False, True])
def test_texts_come_back_as_they_were(turned: bool) -> None:
    values = array(TEXTS[::-1] if turned else TEXTS)
    before = arenas()
    with fc.Graph().as_default():
        x = fc.placeholder(fc.string, [None])
        index = np.arange(len(TEXTS))[::-1].copy()
        moved = {
            "itself": (fc.identity(x), values),
            "twice": (fc.concat([x, x], 0), np.concatenate([values, values])),
            "gathered": (fc.gather(x, index), values[::-1]),
            "tiled": (fc.tile(fc.expand_dims(x, 1), [1, 3]), np.stack([values] * 3, 1)),
            "stacked": (fc.stack([x, fc.reverse(x, [0])]), np.stack([values, values[::-1]])),
            "every third": (x[::3], values[::3]),
            "padded": (fc.pad(x, [[2, 1]]), np.concatenate([[b""] * 2, values, [b""]])),
            "filled": (fc.fill([2], x[8]), array([values[8]] * 2)),
            "chosen": (fc.where(fc.equal(fc.range(len(TEXTS)) % 2, 0), x, fc.reverse(x, [0])),
                       np.where(np.arange(len(TEXTS)) % 2 == 0, values, values[::-1])),
            "marked": (fc.one_hot([1, 0], 2, on_value=x[8], off_value=x[6]),
                       np.array([[values[6], values[8]], [values[8], values[6]]], object)),
            "distinct": (fc.unique(fc.concat([x, x], 0))[0], values),
            "constant": (fc.constant(values), values),
            "shuffled": (fc.unique(fc.concat([x, fc.random_shuffle(x)], 0))[0], values),
        }  # fmt: skip
        with fc.Session() as session:
            for name, (tensor, expected) in moved.items():
                found = session.run(tensor, {x: values})
                assert found.tolist() == expected.tolist(), name
        del session, moved, tensor, x
    assert arenas() == before


def test_texts_of_python_and_numpy() -> None:
    texts = ["", "ascii", "é", "ascii that is longer than fifteen", "ünïcode that is longer than fifteen"]
    for value in (texts, np.array(texts), np.array([t.encode() for t in texts]), array(texts)[::-1][::-1]):
        found = fc.Session().run(fc.identity(fc.constant(value, fc.string)))
        assert [t.decode() for t in found] == texts
    echo = fc.py_func(lambda x: x, [fc.constant(texts)], fc.string)
    assert [t.decode() for t in fc.Session().run(echo)] == texts
    x = fc.placeholder(fc.string)
    for wrong in (array([b"a", 1]), array([None])):
        with pytest.raises(TypeError, match="dtype string: it holds a"):
            fc.Session().run(x, {x: wrong})


def test_variables_and_queues_keep_texts_beyond_the_step() -> None:
    before = arenas()
    with fc.Graph().as_default():
        x = fc.placeholder(fc.string, [len(TEXTS)])
        v = fc.Variable(array([b"old, and rather long"] * len(TEXTS)), use_resource=True)
        queue = fc.FIFOQueue(10, [fc.string], [[len(TEXTS)]])
        singles = fc.FIFOQueue(100, [fc.string], [[]])
        put = [queue.enqueue([x]), singles.enqueue_many([x]), v.assign(x)]
        taken = queue.dequeue_many(2), singles.dequeue_many(3), v.read_value()
        with fc.Session() as session:
            session.run(v.initializer)
            for values in (TEXTS, TEXTS[::-1]):
                session.run(put, {x: array(values)})
            batch, three, value = session.run(taken)
            assert batch.tolist() == [TEXTS, TEXTS[::-1]]
            assert three.tolist() == TEXTS[:3]
            assert value.tolist() == TEXTS[::-1]
            (rest,) = session.run([singles.dequeue_many(2 * len(TEXTS) - 3)])
            assert rest.tolist() == [*TEXTS[3:], *TEXTS[::-1]]
        del session, put, taken, queue, singles, v, x
    assert arenas() == before


def test_a_few_texts_do_not_keep_the_arenas_of_many() -> None:
    many = array([b"%040d" % k for k in range(100_000)])
    x = fc.placeholder(fc.string, [None])
    queue = fc.FIFOQueue(10, [fc.string], [[2]])
    put = queue.enqueue([fc.gather(x, [5, 99_999])])
    with fc.Session() as session:
        before = arenas()
        session.run(put, {x: many})
        assert arenas() == before + 1
        assert session.run(queue.dequeue()).tolist() == [many[5], many[99_999]]
        del many


def test_a_variable_whose_texts_are_overwritten_stays_as_large_as_they_are() -> None:
    v = fc.Variable(array([b"long text number %9d" % k for k in range(100)]), use_resource=True)
    row, text = fc.placeholder(fc.int32, [None]), fc.placeholder(fc.string)
    change = fc.scatter_update(v, row, text)
    with fc.Session() as session:
        session.run(v.initializer)
        expected = [b"long text number %9d" % k for k in range(100)]
        session.run(change.op, {row: [1], text: array([b"a text"])})
        before = arenas()
        for k in range(300):
            rows = [(7 * k + j) % 100 for j in range(20)]
            texts = [b"%d changed " % (k * 20 + j) * 20 for j in range(20)]
            session.run(change.op, {row: rows, text: array(texts)})
            for r, t in zip(rows, texts, strict=True):
                expected[r] = t
        assert session.run(v).tolist() == expected
        assert arenas() < before + 10  # 1.2 MB were written, 20 KB are left
        session.run(change.op, {row: list(range(100)), text: b"the same for all of them"})
        assert session.run(v).tolist() == [b"the same for all of them"] * 100


@pytest.mark.parametrize("threads", [2, 8])
def test_texts_are_shared_by_threads(threads: int) -> None:
    x = fc.placeholder(fc.string, [None])
    parts = [fc.gather(x, np.roll(np.arange(len(TEXTS)), k)) for k in range(16)]
    joined = fc.concat(parts, 0)
    expected = [TEXTS[(i - k) % len(TEXTS)] for k in range(16) for i in range(len(TEXTS))]
    config = fc.ConfigProto(intra_op_parallelism_threads=threads)
    with fc.Session(config=config) as session:
        for _ in range(50):
            assert session.run(joined, {x: array(TEXTS)}).tolist() == expected
