"""Calls every public function, class and method with arguments that fit and arguments that do not.

    python fuzz_api.py SEED CALLS [NAME ...]

Names are those that the program prints, such as nn.dropout or Variable.assign; all by default. What
a call builds is run, with a time limit and a bound on memory. Endings that are allowed: a result; a
TypeError, ValueError or NotImplementedError that flowcore raises itself (what NumPy or Python say by
themselves does not name the argument); an OpError other than InternalError; what DOCUMENTED adds.
Before each call the program prints what it is about to do, so that a crash or a hang names its cause.
At the end it prints what it has found, one example of each kind, and ends with status 1 if that is
anything.
"""

from __future__ import annotations

import collections
import contextlib
import faulthandler
import functools
import inspect
import io
import linecache
import pathlib
import re
import resource
import sys
import threading
import traceback
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

import flowcore as fc
from flowcore.runtime.session import BaseSession

PACKAGE = str(pathlib.Path(fc.__file__).parent)
MODULES = {
    "": fc,
    "nn": fc.nn,
    "train": fc.train,
    "image": fc.image,
    "errors": fc.errors,
    "dtypes": fc.dtypes,
}
MEMORY = 6 << 30
SECONDS = 60  # for one call and its run

#: Not called: they end or replace what the fuzzer stands on, print a page, or are not public by
#: themselves (types and nodes are given, not made).
SKIPPED = {
    "DType", "Graph.finalize", "InteractiveSession", "Operation", "Tensor", "UnconnectedGradients",
    "dtypes.DType", "dtypes.module_getattr", "errors.module_getattr", "list_devices", "main",
    "reset_default_graph", "show_config",
}  # fmt: skip
#: Endings that the documentation names, by what is called.
DOCUMENTED: dict[str, tuple[type[BaseException], ...]] = {
    **{f"Dimension.__{name}__": (ZeroDivisionError,) for name in ("floordiv", "rfloordiv", "mod", "rmod")},
    "Graph.as_graph_element": (KeyError,),
    "Graph.get_operation_by_name": (KeyError,),
    "Graph.get_tensor_by_name": (KeyError,),
    "errors.exception_type_from_error_code": (KeyError,),
    "TensorShape.__getitem__": (IndexError,),
    **{f"Session.{name}": (RuntimeError,) for name in ("make_callable", "run", "run_loop")},  # empty graph
    "train.Coordinator.join": (RuntimeError,),
    "train.Coordinator.request_stop": (BaseException,),  # raises what it is given
    "Graph.colocate_with": (KeyError,),
    "Graph.control_dependencies": (KeyError,),
    "NoGradient": (KeyError,),
    "NotDifferentiable": (KeyError,),
    "RegisterGradient": (KeyError,),
    "colocate_with": (KeyError,),
    "control_dependencies": (KeyError,),
    "gradients": (LookupError,),
    "group": (KeyError,),
}
#: Python's own words for arguments that do not fit a signature: they name what is missing or too much.
SIGNATURE = re.compile(r"\(\) (takes|got|missing) |positional argument")
EXPECTED = (TypeError, ValueError, NotImplementedError, fc.OpError)
WRONG = (UnicodeError, fc.errors.InternalError)


class Odd:
    """An object that is nothing flowcore knows."""


def bad(rng: np.random.Generator) -> Any:
    """A value that hardly any argument takes."""
    makers: list[Callable[[], Any]] = [
        lambda: None,
        lambda: int(rng.choice([-1, 0, 1, 7, 100])),
        lambda: [
            2**31,
            -(2**31),
            2**31 - 1,
            2**63 - 1,
            2**63,
            -(2**63),
            -(2**63) - 1,
            2**64,
            2**100,
            -(2**100),
        ][rng.integers(10)],
        lambda: [float("nan"), float("inf"), -float("inf"), -0.0, 1e300, 1.5, 10**400][rng.integers(7)],
        lambda: [b"\xff", b"", "a\0b", "\ud800", "", "x", "a b", "/", "a/", "_x", "x:0", "x\n", "0", "ü"][
            rng.integers(14)
        ],
        lambda: [True, False, 1j, np.bool_(True), np.float16(2), np.int8(-3), np.uint64(2**64 - 1)][
            rng.integers(7)
        ],
        lambda: [
            (),
            [],
            {},
            set(),
            [[]],
            [[[]]],
            [None],
            (None, None),
            [[1, 2], [3]],
            [1, [2]],
            {"a": 1},
            {1: {}},
        ][rng.integers(12)],
        lambda: [Odd(), Odd, object(), len, lambda: 1, lambda *a, **k: None, range(3), iter([1]), Ellipsis][
            rng.integers(9)
        ],
        lambda: [
            fc.float32,
            fc.string,
            fc.resource,
            np.float64,
            np.dtype("O"),
            "float31",
            "float32",
            "f4,i4",
        ][rng.integers(8)],
        lambda: np.array([None, 1, "x", Odd()], object),
        lambda: [
            np.zeros(0),
            np.zeros((2, 0, 3)),
            np.ones((1,) * 12),
            np.array("x"),
            np.array(["a\0"]),
            np.array([1j]),
        ][rng.integers(6)],
        lambda: np.array([(1, 2.0)], [("a", int), ("b", float)]),
        lambda: np.array(["2020-01-01"], "M8[D]"),
        lambda: slice(None, None, int(rng.choice([0, 1, -1]))),
        lambda: fc.TensorShape([[None, 3], None, [], [2**40], [2] * 9][rng.integers(5)]),
        lambda: fc.Dimension([None, 3, 2**62][rng.integers(3)]),
        lambda: ELSEWHERE[rng.integers(len(ELSEWHERE))],
        lambda: [good(rng), bad(rng)],
        lambda: {"x": good(rng), 3: bad(rng)},
    ]
    return makers[rng.integers(len(makers))]()


def shape(rng: np.random.Generator) -> list[int]:
    return [int(rng.choice([0, 1, 2, 3, 4])) for _ in range(rng.integers(0, 5))]


def array(rng: np.random.Generator) -> np.ndarray:
    kind = ["f4", "f4", "f4", "i4", "f8", "i8", "?", "f2", "u1", "c8", "O"][rng.integers(11)]
    values = rng.integers(-3, 5, shape(rng))
    return np.array(values).astype(str).astype(object) if kind == "O" else np.asarray(values).astype(kind)


def tensor(rng: np.random.Generator) -> Any:
    value = array(rng)
    which = rng.integers(6)
    if which == 0:
        return value
    if which == 1:
        return value.tolist()
    if which == 2:
        return fc.Variable(value)
    if which < 5:
        known = None if which == 3 else [None if rng.random() < 0.4 else n for n in value.shape]
        holder = fc.placeholder(value.dtype if value.dtype != object else fc.string, known)
        FEEDS[holder] = value
        return holder
    return fc.constant(value)


def good(rng: np.random.Generator) -> Any:
    """A value that many arguments take."""
    makers: list[Callable[[], Any]] = [
        lambda: tensor(rng),
        lambda: tensor(rng),
        lambda: [tensor(rng) for _ in range(rng.integers(1, 4))],
        lambda: int(rng.integers(-2, 5)),
        lambda: float(rng.normal()),
        lambda: shape(rng),
        lambda: "text",
        lambda: fc.IndexedSlices(
            fc.constant(np.ones((2, 3), np.float32)), fc.constant([0, 1]), fc.constant([4, 3])
        ),
    ]
    return makers[rng.integers(len(makers))]()


def fitting(rng: np.random.Generator, name: str) -> Any:
    """A value that an argument of this name usually takes."""
    if "dtype" in name or name in ("out_type", "Tout", "type_value", "output_type"):
        return [fc.float32, fc.int32, fc.int64, "float64", np.float32, fc.bool, fc.string][rng.integers(7)]
    if name in ("name", "scope", "default_name", "name_or_scope", "summary_name", "message"):
        return ["x", "a/b", None, "scope/"][rng.integers(4)]
    if "shape" in name or name in ("dims", "size", "begin", "multiples", "ksize", "strides"):
        return shape(rng)
    if name in ("axis", "axes", "dim", "dimension", "reduction_indices", "squeeze_dims"):
        return int(rng.integers(-3, 4))
    if name in (
        "seed",
        "num",
        "capacity",
        "batch_size",
        "num_threads",
        "n",
        "channels",
        "min_after_dequeue",
        "depth",
    ):
        return int(rng.integers(0, 5))
    if name in (
        "keepdims",
        "keep_dims",
        "validate_shape",
        "trainable",
        "use_locking",
        "exclusive",
        "reverse",
    ):
        return bool(rng.integers(2))
    if "queue" in name:
        return fc.FIFOQueue(3, [fc.float32], [[2]])
    if name in ("var", "variable", "var_list", "ref", "global_step"):
        var = fc.Variable(array(rng).astype(np.float32))
        return [var] if "list" in name else var
    if name in ("options", "config"):
        return fc.RunOptions() if name == "options" else fc.ConfigProto()
    if name == "feed_dict":
        holder = fc.placeholder(fc.float32, None if rng.random() < 0.5 else shape(rng))
        return {holder: good(rng) if rng.random() < 0.5 else bad(rng)}
    if name == "fetches":
        return [tensor(rng)]
    if name in ("sess", "session", "graph"):
        return fc.get_default_session() if name != "graph" else fc.get_default_graph()
    return good(rng)


def arguments(rng: np.random.Generator, function: Any) -> tuple[list[Any], dict[str, Any]]:
    """Positional and keyword arguments for a callable: mostly one or two that do not fit."""
    try:
        parameters = list(inspect.signature(function).parameters.values())
    except (TypeError, ValueError):
        parameters = []
    share = rng.choice([0.0, 0.15, 0.3, 0.6])
    positional: list[Any] = []
    named: dict[str, Any] = {}
    skipped = False
    for p in parameters:
        if p.kind is p.VAR_POSITIONAL:
            if not skipped:
                positional += [
                    good(rng) if rng.random() > share else bad(rng) for _ in range(rng.integers(0, 3))
                ]
            continue
        if p.kind is p.VAR_KEYWORD:
            continue
        if p.default is not p.empty and rng.random() < 0.6:
            skipped = True
            continue
        value = bad(rng) if rng.random() < share else fitting(rng, p.name)
        if p.kind is p.KEYWORD_ONLY or skipped or rng.random() < 0.3:
            named[p.name] = value
            skipped = True
        else:
            positional.append(value)
    return positional, named


# ---- what is called ----------------------------------------


def instances() -> dict[str, Callable[[], Any]]:
    """How to make an object of each public class whose methods are called."""

    def runner() -> fc.train.QueueRunner:
        queue = fc.FIFOQueue(3, [fc.float32], [[]])
        return fc.train.QueueRunner(queue, [queue.enqueue(1.0)])

    def stopped() -> fc.train.Coordinator:
        coordinator = fc.train.Coordinator()
        coordinator.request_stop()
        return coordinator

    made: dict[str, Callable[[], Any]] = {
        "Graph": fc.Graph,
        "Session": fc.Session,
        "Variable": lambda: fc.Variable([[1.0, 2.0], [3.0, 4.0]]),
        "Tensor": lambda: fc.constant([[1.0, 2.0], [3.0, 4.0]]),
        "Operation": lambda: fc.constant([1]).op,
        "IndexedSlices": lambda: fc.IndexedSlices(
            fc.constant([[1.0]]), fc.constant([0]), fc.constant([3, 1])
        ),
        "TensorShape": lambda: fc.TensorShape([2, None, 3]),
        "Dimension": lambda: fc.Dimension(3),
        "DType": lambda: fc.float32,
        "DeviceSpec": fc.DeviceSpec,
        "FIFOQueue": lambda: fc.FIFOQueue(3, [fc.float32], [[2]]),
        "RandomShuffleQueue": lambda: fc.RandomShuffleQueue(3, 1, [fc.float32, fc.string], [[2], []]),
        "WholeFileReader": fc.WholeFileReader,
        "IdentityReader": fc.IdentityReader,
        "VariableScope": lambda: fc.VariableScope(None),
        "train.Coordinator": stopped,
        "train.QueueRunner": runner,
    }
    for name in dir(fc.train):
        if name.endswith("Optimizer") and name != "Optimizer":
            made[f"train.{name}"] = functools.partial(_optimizer, getattr(fc.train, name))
    for name in dir(fc):
        if name.endswith("_initializer"):
            made[name] = functools.partial(_optimizer, getattr(fc, name))
    return {
        name: make
        for name, make in made.items()
        if inspect.isclass(_find(name)) or name in ("train.Coordinator",)
    }


def _optimizer(kind: Any) -> Any:
    needed = [p for p in inspect.signature(kind).parameters.values() if p.default is p.empty]
    return kind(*[0.1 for _ in needed])


def _find(path: str) -> Any:
    found: Any = fc
    for part in path.split("."):
        found = getattr(found, part)
    return found


#: Operators that are methods too; others (hash, repr, pickling) take nothing that could be wrong.
OPERATORS = [
    f"__{side}{name}__"
    for name in ("add", "sub", "mul", "truediv", "floordiv", "mod", "pow", "matmul", "and", "or", "xor")
    for side in ("", "r")
] + ["__lt__", "__le__", "__gt__", "__ge__", "__eq__", "__ne__", "__getitem__", "__call__", "__contains__"]


def targets() -> dict[str, Callable[[], Any]]:
    """By name: a function that gives what is to be called, made anew for each call."""
    found: dict[str, Callable[[], Any]] = {}
    for prefix, module in MODULES.items():
        for name in dir(module):
            path = f"{prefix}.{name}" if prefix else name
            value = getattr(module, name)
            if (
                not name.startswith("_")
                and callable(value)
                and path not in SKIPPED
                and _is_public(module, name)
            ):
                found[path] = functools.partial(getattr, module, name)
    for path, make in instances().items():
        for name in dir(_find(path)):
            if (not name.startswith("_") or name in OPERATORS) and f"{path}.{name}" not in SKIPPED:
                static = inspect.getattr_static(_find(path), name)
                if callable(static) or isinstance(static, (staticmethod, classmethod)):
                    found[f"{path}.{name}"] = functools.partial(_bound, make, name)
    return found


def _is_public(module: Any, name: str) -> bool:
    value = getattr(module, name)
    return getattr(value, "__module__", "").split(".")[0] == "flowcore" and not inspect.ismodule(value)


def _bound(make: Callable[[], Any], name: str) -> Any:
    return getattr(make(), name)


# ---- one call ----------------------------------------

FEEDS: dict[Any, Any] = {}
with fc.Graph().as_default() as _other:
    ELSEWHERE = [fc.constant(1.0), fc.Variable(1.0), fc.constant(2).op, _other, fc.FIFOQueue(3, fc.float32)]


def flat(value: Any) -> Iterator[Any]:
    """The tensors and operations in what a call gave."""
    if isinstance(value, (list, tuple)):
        for part in value:
            yield from flat(part)
    elif isinstance(value, dict):
        yield from flat(list(value.values()))
    elif isinstance(value, fc.Operation) or (isinstance(value, fc.Tensor) and value.dtype is not fc.resource):
        yield value
    elif isinstance(value, (fc.Variable, fc.IndexedSlices)):
        yield value


def attempt(rng: np.random.Generator, name: str, get: Callable[[], Any]) -> BaseException | None:
    """One call, and a run of what it built. Returns what it raised."""
    FEEDS.clear()
    graph = fc.Graph()
    with graph.as_default(), fc.Session(config=CONFIG) as sess, contextlib.redirect_stderr(io.StringIO()):
        target = get()
        positional, named = arguments(rng, target)
        print(name, shown(positional), shown(named), flush=True)
        try:
            result = target(*positional, **named)
            if hasattr(result, "__enter__") and not isinstance(result, (BaseSession, np.ndarray)):
                with result:
                    pass
            elif isinstance(result, BaseSession):
                result.close()
                return None
            elif isinstance(result, fc.ConfigProto):
                fc.Session(config=result).close()
            threads = [t for t in flat_threads(result) if t.is_alive()]
            if threads:
                sess.close()
                for thread in threads:
                    thread.join(5)
                return None
            if result is sess:
                return None
            run(sess, graph, [v for v in flat(result) if v.graph is graph])
        except BaseException as error:
            return error
    return None


CONFIG = fc.ConfigProto(inter_op_parallelism_threads=2)


def run(sess: fc.Session, graph: fc.Graph, wanted: list[Any]) -> None:
    options = fc.RunOptions(timeout_in_ms=500)
    sess.run(
        [fc.global_variables_initializer(), fc.local_variables_initializer()], dict(FEEDS), options=options
    )
    # As many as nodes of a large unstack: a hundred show what there is to see.
    sess.run(wanted[:100], dict(FEEDS), options=options)


def flat_threads(value: Any) -> list[threading.Thread]:
    return [t for t in value if isinstance(t, threading.Thread)] if isinstance(value, list) else []


def shown(value: Any) -> str:
    try:
        text = repr(value)
    except Exception as error:
        text = f"<{type(error).__name__} in repr>"
    return text.encode("ascii", "backslashreplace").decode()[:600]


def verdict(name: str, error: BaseException) -> str | None:
    """What is wrong with this ending, or None."""
    documented = DOCUMENTED.get(name, ())
    if isinstance(error, documented) and str(error):
        return None
    if not isinstance(error, EXPECTED) or isinstance(error, WRONG):
        return "wrong type"
    if not str(error).strip():
        return "no message"
    if isinstance(error, fc.OpError) or speaks_for_itself(error):
        return None
    return "unnamed"


def speaks_for_itself(error: BaseException) -> bool:
    """Whether flowcore raised it on purpose, or Python because the arguments do not fit the signature."""
    last = traceback.extract_tb(error.__traceback__)[-1]
    if last.filename == __file__:
        return True
    if not last.filename.startswith(PACKAGE):
        return False
    if not last.filename.endswith(".py"):
        return True  # compiled code: its message names the node
    line = linecache.getline(last.filename, last.lineno or 0).strip()
    return line.startswith("raise") or bool(SIGNATURE.search(str(error)))


def main() -> None:
    seed, calls, *wanted = sys.argv[1:]
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    found: dict[tuple[str, ...], list[str]] = collections.defaultdict(list)
    count = 0
    every = targets()
    for name in wanted or sorted(every):
        rng = np.random.default_rng([int(seed), *name.encode()])
        for _ in range(int(calls)):
            faulthandler.dump_traceback_later(SECONDS, exit=True)
            error = attempt(rng, name, every[name])
            faulthandler.cancel_dump_traceback_later()
            count += 1
            if isinstance(error, KeyboardInterrupt):
                raise error
            problem = verdict(name, error) if error is not None else None
            if problem is not None and error is not None:
                trace = traceback.extract_tb(error.__traceback__)
                inside = [f for f in trace if f.filename.startswith(PACKAGE)] or trace[-1:]
                place = f"{inside[-1].filename.removeprefix(PACKAGE)}:{inside[-1].lineno}"
                key = (problem, type(error).__name__, place)
                found[key].append(f"{name}: {shown(str(error))[:200]}")
    print(f"\n{count} calls of {len(wanted or every)} names; {sum(map(len, found.values()))} findings")
    for key, examples in sorted(found.items()):
        print(f"{len(examples):4} {' '.join(key)}  {examples[0]}")
    print("finished", flush=True)
    sys.exit(1 if found else 0)


if __name__ == "__main__":
    main()
