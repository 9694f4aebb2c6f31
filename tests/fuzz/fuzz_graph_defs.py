"""Graphs with changed bytes: imported and run, each ends in a result or in an error that says what is wrong.

python tests/fuzz/fuzz_graph_defs.py SEED [COUNT]
"""

from __future__ import annotations

import random
import resource
import sys
import traceback
from collections.abc import Iterator
from typing import Any

import numpy as np
from google.protobuf.message import DecodeError

import flowcore as fc

#: Bytes of memory that the process may take: a size in a file must not decide it.
MEMORY = 6 * 2**30
#: Values that are often wrong in a message: field numbers, lengths, counts.
TELLING = [0, 1, 0x7F, 0x80, 0xFF]
#: How many mutated graphs are run, of those that could be imported, and for how long.
FETCHES, MILLISECONDS = 3, 300


@fc.Defun(fc.float32)
def squared(a: fc.Tensor) -> fc.Tensor:
    return fc.cond(fc.reduce_sum(a) > 0.0, lambda: a * a, lambda: -a)


def graphs() -> Iterator[fc.GraphDef]:
    """Graphs of each kind: plain ones, branches, loops, functions, variables, queues, strings."""
    with fc.Graph().as_default() as graph:
        x = fc.constant(np.arange(6, dtype=np.float32).reshape(3, 2))
        fc.concat([fc.matmul(x, x, transpose_b=True), fc.zeros([3, 1])], 1)
        fc.constant(["a", "longer than what lies inline"])
    yield graph.as_graph_def(add_shapes=True)
    with fc.Graph().as_default() as graph:
        x = fc.constant([1.0, 2.0])
        y = fc.cond(fc.reduce_sum(x) > 0.0, lambda: squared(x), lambda: x - 1.0)
        z = fc.while_loop(lambda i, a: i < 3, lambda i, a: (i + 1, a + y), [0, x])[1]
        fc.gradients(z, x)
        fc.map_fn(lambda row: row * 2.0, x)
    yield graph.as_graph_def()
    with fc.Graph().as_default() as graph:
        v = fc.Variable(fc.ones([2, 1]), name="v")
        loss = fc.reduce_mean(fc.square(fc.matmul([[1.0, 2.0]], v)))
        fc.train.MomentumOptimizer(0.1, 0.9).minimize(loss)
        queue = fc.FIFOQueue(4, [fc.float32, fc.string], shapes=[[2], []])
        queue.enqueue([[1.0, 2.0], "a"])
        queue.dequeue()
    yield graph.as_graph_def()


def mutated(rng: random.Random, data: bytes) -> bytes:
    """A few bytes changed, left out, put in, or taken from elsewhere."""
    made = bytearray(data)
    for _ in range(rng.choice([1, 1, 2, 4, 16])):
        at = rng.randrange(len(made))
        kind = rng.randrange(5)
        if kind == 0:
            made[at] = rng.choice(TELLING)
        elif kind == 1:
            made[at] ^= 1 << rng.randrange(8)
        elif kind == 2:
            del made[at : at + rng.choice([1, 2, 8])]
        elif kind == 3:
            made[at:at] = bytes(rng.choice(TELLING) for _ in range(rng.choice([1, 4, 10])))
        else:
            source = rng.randrange(len(data))
            made[at : at + 8] = data[source : source + 8]
    return bytes(made)


def edited(rng: random.Random, message: fc.GraphDef) -> fc.GraphDef:
    """A graph with a few fields changed: it can be read, and says other things."""
    made = fc.GraphDef()
    made.CopyFrom(message)
    for _ in range(rng.choice([1, 1, 2, 4])):
        parts = list(_parts(made))
        part = rng.choice(parts)
        fields = part.ListFields()
        if not fields:
            continue
        field, value = rng.choice(fields)
        if rng.randrange(6) == 0:
            part.ClearField(field.name)
        elif isinstance(value, (int, float, str, bytes)):
            setattr(part, field.name, _other(rng, value, parts))
        elif hasattr(value, "extend") and len(value):
            at = rng.randrange(len(value))
            if rng.randrange(2):
                value.extend([value[at]])
            elif isinstance(value[at], (int, float, str, bytes)) and rng.randrange(2):
                value[at] = _other(rng, value[at], parts)
            else:
                del value[at]
    return made


def _parts(message: Any) -> Iterator[Any]:
    """A message and all inside it."""
    yield message
    for field, value in message.ListFields():
        if field.message_type is None:
            continue
        if field.message_type.GetOptions().map_entry:
            parts = [v for v in value.values() if hasattr(v, "ListFields")]
        else:
            parts = [value] if hasattr(value, "ListFields") else list(value)
        for part in parts:
            yield from _parts(part)


def _other(rng: random.Random, value: Any, parts: list[Any]) -> Any:
    """Another value of the same type; a text from elsewhere in the graph."""
    if isinstance(value, bool):
        return not value
    if isinstance(value, int):
        return rng.choice([0, 1, -1, 2, 7, 100, value + 1, 2**31 - 1, -(2**31)])
    if isinstance(value, float):
        return rng.choice([0.0, -1.0, float("nan"), float("inf"), 1e30])
    texts = [t for part in parts for _, t in part.ListFields() if type(t) is type(value)]
    return rng.choice([*texts, value[:0], value + value])


def outcome(rng: random.Random, data: bytes) -> str:
    """What becomes of one: "unread", "refused", "imported" or "ran". Other exceptions come through."""
    try:
        message = fc.GraphDef.FromString(data)
    except DecodeError:
        return "unread"
    with fc.Graph().as_default() as graph:
        try:
            fc.import_graph_def(message, name="")
        except (TypeError, ValueError) as error:
            assert str(error), "an error must say what is wrong"
            assert not graph.get_operations(), "what was refused must leave nothing"
            return "refused"
        graph.as_graph_def()
        tensors = [t for op in graph.get_operations() for t in op.outputs if t.dtype.is_numpy_compatible]
        fetchable = [t for t in tensors if graph.is_fetchable(t)]
        options = fc.RunOptions(timeout_in_ms=MILLISECONDS)
        with fc.Session() as sess:
            for tensor in rng.sample(fetchable, min(FETCHES, len(fetchable))):
                try:
                    sess.run(tensor, options=options)
                except (fc.errors.OpError, TypeError, ValueError) as error:
                    assert str(error), "an error must say what is wrong"
    return "ran" if fetchable else "imported"


def main(seed: int, count: int) -> int:
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    rng = random.Random(seed)
    messages = list(graphs())
    sources = [message.SerializeToString(deterministic=True) for message in messages]
    outcomes: dict[str, int] = {}
    for i in range(count):
        if rng.randrange(2):
            data = mutated(rng, rng.choice(sources))
        else:
            data = edited(rng, rng.choice(messages)).SerializeToString()
        try:
            found = outcome(rng, data)
        except Exception:
            traceback.print_exc()
            print(f"graph {i} of seed {seed}: {data.hex()}")
            return 1
        outcomes[found] = outcomes.get(found, 0) + 1
    print(*(f"{name}: {number}" for name, number in sorted(outcomes.items())))
    print("finished")
    return 0


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 500))
