"""Calls registered ops with random dtypes, ranks, sizes, attributes and values. Run as a script it
fuzzes ops in its own process.

    python fuzz_ops.py SEED CALLS [OP ...]

The only outcomes allowed are a result or one of our errors; anything else (another exception, a
signal, a hang) is a defect. Before each call the script prints what it is about to do, so that a
crash names its cause.
"""

from __future__ import annotations

import sys
from typing import Any

import numpy as np

import flowcore as fc
from flowcore.graph.apply import apply
from flowcore.graph.op_def import AttrDef, OpDef, registered_ops
from flowcore.graph.verifier import GraphError
from flowcore.ops import list_ops

# Ops that reach outside of the process, or wait for others, by design.
SKIPPED = {"ReadFile", "MatchingFiles", "PyFunc", "Print", "Placeholder", "Const"}
EXPECTED = (fc.OpError, ValueError, TypeError, GraphError, NotImplementedError)
SIZES = [0, 0, 1, 1, 2, 3, 4, 5, 7, 17]
NUMBERS = [0, 1, -1, 2, 3, -2, 5, 100, 2**31 - 1, -(2**31), 2**40, -(2**63), 2**63 - 1]


def random_array(rng: np.random.Generator, dtype: fc.DType) -> np.ndarray:
    shape = tuple(int(rng.choice(SIZES)) for _ in range(rng.integers(0, 6)))
    if rng.random() < 0.1:  # more dimensions than have room in a tensor
        shape += (1,) * int(rng.integers(0, 57)) + (2, 1)
    if int(np.prod(shape, dtype=np.int64)) > 20000:
        shape = shape[:2]
    count = int(np.prod(shape, dtype=np.int64))
    return random_vector(rng, dtype, count).reshape(shape)  # NumPy's where takes 32 dimensions


def random_vector(rng: np.random.Generator, dtype: fc.DType, count: int) -> np.ndarray:
    if dtype == fc.string:
        return np.array([rng.bytes(int(rng.integers(0, 9))) for _ in range(count)] + [None], object)[:-1]
    if dtype == fc.bool:
        return rng.random(count) < 0.5
    kind = np.dtype(dtype.as_numpy_dtype)
    if dtype.is_integer:
        values = (
            rng.choice([*range(-3, 6), *NUMBERS], count) if rng.random() < 0.7 else rng.integers(-4, 5, count)
        )
        return (
            np.asarray(values, object)
            .astype(np.float64)
            .clip(-(2.0**62), 2.0**62)
            .astype(np.int64)
            .astype(kind)
        )
    values = rng.normal(size=count) * rng.choice([0.1, 1, 1e4, 1e30])
    special = rng.choice([np.nan, np.inf, -np.inf, 0.0, -0.0], count)
    with np.errstate(all="ignore"):
        return np.where(rng.random(count) < 0.1, special, values).astype(kind)


def random_attr(rng: np.random.Generator, attr: AttrDef) -> Any:
    if attr.kind.startswith("list("):
        inner = AttrDef(attr.name, attr.kind[5:-1], allowed=attr.allowed)
        return [random_attr(rng, inner) for _ in range(int(rng.choice([0, 1, 2, 4, 4, 4, 8])))]
    if attr.kind == "type":
        allowed = sorted(
            attr.allowed or [t for t in fc.dtypes.ALL if t not in (fc.resource, fc.bfloat16)], key=int
        )
        return allowed[rng.integers(len(allowed))]
    if attr.kind == "int":
        return int(rng.choice(NUMBERS if rng.random() < 0.5 else [0, 1, 2, 3]))
    if attr.kind == "bool":
        return bool(rng.random() < 0.5)
    if attr.kind == "float":
        return float(rng.choice([0.0, 1.0, -1.0, 1e30, np.nan]))
    if attr.kind == "shape":
        return (
            None if rng.random() < 0.2 else [int(rng.choice([0, 1, 2, 3])) for _ in range(rng.integers(0, 4))]
        )
    if attr.kind == "tensor":
        return random_array(rng, fc.float32)
    if attr.kind == "string":
        return sorted(attr.allowed)[rng.integers(len(attr.allowed))] if attr.allowed else "text"
    raise ValueError(attr.kind)


def call(rng: np.random.Generator, op_def: OpDef, sess_config: fc.ConfigProto) -> str:
    """One random call. Returns what came out."""
    attrs = {
        a.name: random_attr(rng, a)
        for a in op_def.attr.values()
        if a.name not in ("container", "shared_name") and (not a.has_default or rng.random() < 0.5)
    }
    feeds: dict[Any, np.ndarray] = {}
    with fc.Graph().as_default(), fc.Session(config=sess_config) as sess:

        def tensor(dtype: fc.DType) -> Any:
            if dtype == fc.resource:
                return resource(rng)
            if dtype == fc.variant:
                return random_list(rng)
            value = random_array(rng, dtype)
            if rng.random() < 0.3:
                return fc.constant(value, dtype)
            holder = fc.placeholder(dtype, value.shape if rng.random() < 0.5 else None)
            feeds[holder] = value
            return holder

        inputs: list[Any] = []
        for arg in op_def.input_arg:
            if arg.type_list_attr:
                inputs.append([tensor(t) for t in attrs.setdefault(arg.type_list_attr, [fc.float32])])
                continue
            dtype = arg.dtype or attrs.setdefault(arg.type_attr, random_attr(rng, op_def.attr[arg.type_attr]))
            if arg.is_ref:
                inputs.append(reference(rng, dtype))
            elif arg.number_attr:
                count = attrs.setdefault(arg.number_attr, 2)
                count = attrs[arg.number_attr] = count if 0 <= count < 5 else 2
                inputs.append([tensor(dtype) for _ in range(count)])
            else:
                inputs.append(tensor(dtype))
        for name in ("num_split", "num"):
            if name in attrs and not 0 <= attrs[name] < 50:
                attrs[name] = 3
        print(
            op_def.name,
            {k: str(v) for k, v in attrs.items()},
            [(v.dtype.name, v.shape) for v in feeds.values()],
            flush=True,
        )
        try:
            result = apply(op_def.name, *inputs, **attrs)
            sess.run(fc.global_variables_initializer())
            flat = [
                r
                for r in (result if isinstance(result, (list, tuple)) else [result])
                if getattr(r, "dtype", None) != fc.resource
            ]
            flat = [t for r in flat for t in (r if isinstance(r, list) else [r])]
            sess.run(flat, feeds, options=fc.RunOptions(timeout_in_ms=2000))
            return "result"
        except EXPECTED as error:
            assert (
                not isinstance(error, (fc.errors.InternalError, fc.errors.DeadlineExceededError))
                or "Queue" in op_def.name
                or "Reader" in op_def.name
            ), error
            return type(error).__name__


def random_list(rng: np.random.Generator) -> Any:
    """A list of tensors: empty, reserved, or the rows of an array."""
    kind = rng.integers(3)
    dtype = [fc.float32, fc.int32, fc.string][rng.integers(3)]
    if kind == 0:
        return list_ops.empty_tensor_list(None, dtype)
    if kind == 1:
        return list_ops.tensor_list_reserve([2], int(rng.integers(0, 5)), dtype)
    value = random_array(rng, dtype)
    return list_ops.tensor_list_from_tensor(value if value.ndim else value[None], None)


def reference(rng: np.random.Generator, dtype: fc.DType) -> Any:
    """A reference to a variable, one of lists or handles without a value."""
    if dtype in (fc.variant, fc.resource):
        return apply("VariableV2", shape=[], dtype=dtype)
    return fc.Variable(random_array(rng, dtype))._ref()


def resource(rng: np.random.Generator) -> Any:
    kind = rng.integers(4)
    if kind == 0:
        queue = (
            fc.FIFOQueue(2, [fc.float32], [[]])
            if rng.random() < 0.5
            else fc.RandomShuffleQueue(9, 2, [fc.int32, fc.string])
        )
        return queue.queue_ref
    if kind == 1:
        return fc.WholeFileReader().reader_ref
    value = random_array(rng, [fc.float32, fc.int32, fc.float64, fc.int64][rng.integers(4)])
    return fc.Variable(value, use_resource=True).handle


def main() -> None:
    seed, calls, *names = sys.argv[1:]
    ops = registered_ops()
    for name in names or sorted(ops):
        if name in SKIPPED or ops[name].calls:
            continue
        rng = np.random.default_rng([int(seed), *name.encode()])
        outcomes: dict[str, int] = {}
        config = fc.ConfigProto(inter_op_parallelism_threads=2)
        waits = ("Queue" in name and "Size" not in name and "Close" not in name) or name == "ReaderReadV2"
        for _ in range(min(int(calls), 2) if waits else int(calls)):
            with np.errstate(all="ignore"):
                outcome = call(rng, ops[name], config)
            outcomes[outcome] = outcomes.get(outcome, 0) + 1
        print("#", name, outcomes, flush=True)
    print("finished")


if __name__ == "__main__":
    main()
