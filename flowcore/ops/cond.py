"""cond, case and switch_case: one of several functions runs, chosen when the graph does."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal, overload

from flowcore import dtypes
from flowcore.arguments import described, flag, function
from flowcore.graph import structure
from flowcore.graph.apply import apply
from flowcore.graph.conversion import convert_to_tensor
from flowcore.graph.func_graph import FuncGraph, share_captures, waited_for
from flowcore.graph.graph import get_default_graph
from flowcore.graph.operation import Operation, Tensor
from flowcore.graph.scopes import control_dependencies, name_scope
from flowcore.ops.control_flow_ops import Assert, with_dependencies
from flowcore.ops.functional_ops import apply_call, as_leaf, as_scalar, types_of

__all__ = ["case", "cond", "switch_case"]


class Branch:
    """A body made of a function without arguments, and the structure of what it returned."""

    def __init__(self, path: str, what: str, fn: Callable[[], Any], done: bool, strict: bool) -> None:
        self.what = what
        self.body = FuncGraph(path, get_default_graph())
        with self.body.building():
            result = fn()
            if result is None:
                raise ValueError(f"{what} must have a return value.")
            self.result = result = result if strict else _single(result)
            self.leaves = [_as_leaf(leaf, done) for leaf in structure.flatten(result)]
            parts = [part for leaf in self.leaves for part in structure.components(leaf)]
            self.body.outputs = [self.body.own(part, "result") for part in parts]
        self.body.close()


def _single(result: Any) -> Any:
    """What a list or tuple of one entry has in it; anything else as it is."""
    return result[0] if isinstance(result, (list, tuple)) and len(result) == 1 else result


def _as_leaf(leaf: Any, done: bool) -> Any:
    """A returned value as tensors; an operation becomes a truth value that is there when it is done."""
    if isinstance(leaf, Operation):
        return with_dependencies([leaf], convert_to_tensor(done))
    return as_leaf(leaf)


def _assert_alike(branches: Sequence[Branch]) -> None:
    """Raises TypeError or ValueError unless the branches yield the same structure of the same dtypes."""
    first = branches[0]
    for other in branches[1:]:
        names = f"{first.what} and {other.what}"
        structure.assert_same(first.result, other.result, f"Incompatible return types of {names}")
        for i, (a, b) in enumerate(zip(first.leaves, other.leaves, strict=True)):
            if type(a) is not type(b):
                kinds = f"{type(a).__name__} and {type(b).__name__}"
                raise ValueError(f"Incompatible return types of {names}: value {i} is {kinds}")
        if len(first.body.outputs) != len(other.body.outputs):
            raise TypeError(f"{names} must return IndexedSlices that both have a dense shape, or have none")
        for i, (t, u) in enumerate(zip(first.body.outputs, other.body.outputs, strict=True)):
            if t._dtype is not u._dtype:
                raise ValueError(
                    f"Outputs of {names} must have the same type: value {i} is {t._dtype.name} and"
                    f" {u._dtype.name}"
                )


def _run_one(op_type: str, chosen: Tensor, made: Sequence[Branch], **attrs: Any) -> Any:
    """What a new op yields that runs one of the branches, in the structure that they returned."""
    _assert_alike(made)
    first = made[0]
    bodies = [branch.body for branch in made]
    captured = share_captures(bodies, 0)
    with control_dependencies(waited_for(bodies)):
        outputs = apply_call(
            op_type, chosen, captured, bodies=bodies, Tout=types_of(first.body.outputs), **attrs
        )
    return structure.pack(first.result, structure.rebuilt(first.leaves, outputs))


@overload
def cond(
    pred: Any,
    true_fn: Callable[[], Tensor],
    false_fn: Callable[[], Tensor],
    strict: Literal[False] = ...,
    name: str | None = ...,
) -> Tensor: ...
@overload
def cond(
    pred: Any,
    true_fn: Callable[[], Any] | None = ...,
    false_fn: Callable[[], Any] | None = ...,
    strict: bool = ...,
    name: str | None = ...,
    fn1: Callable[[], Any] | None = ...,
    fn2: Callable[[], Any] | None = ...,
) -> Any: ...
def cond(
    pred: Any,
    true_fn: Callable[[], Any] | None = None,
    false_fn: Callable[[], Any] | None = None,
    strict: bool = False,
    name: str | None = None,
    fn1: Callable[[], Any] | None = None,
    fn2: Callable[[], Any] | None = None,
) -> Any:
    """What one of two functions yields, chosen by `pred` when the graph runs.

    Both functions are called now, to make their bodies. An op made in a body runs if the body is
    chosen, and a value or an operation that the function returned needs it; an op made outside runs
    whichever is chosen.

    Args:
        pred: A scalar Tensor of dtype bool.
        true_fn: A function without arguments: returns Tensors, values that convert to them,
            IndexedSlices, TensorArrays or Operations, or nested lists, tuples and dicts of these.
        false_fn: One that returns the same structure, with the same dtypes.
        strict: Whether a list of one is kept as it is; else it counts as what is in it.
        name: A name for the operation; None: "cond".
        fn1: Another name for true_fn.
        fn2: Another name for false_fn.

    Returns:
        The structure that the functions return, of Tensors. A returned Operation becomes a Tensor
        of dtype bool.

    Raises:
        TypeError: pred is no Tensor of dtype bool, a function cannot be called, or the functions
            return structures of other types.
        ValueError: pred is no scalar, a function returns None, or the structures or dtypes differ.

    Example:
        >>> x = fc.placeholder(fc.float32, [])
        >>> y = fc.cond(x > 0.0, lambda: fc.sqrt(x), lambda: fc.zeros([]))
        >>> with fc.Session() as sess:
        ...     print(sess.run(y, {x: 9.0}), sess.run(y, {x: -9.0}))
        3.0 0.0
    """
    for new, old, names in ((true_fn, fn1, "true_fn and fn1"), (false_fn, fn2, "false_fn and fn2")):
        if new is not None and old is not None:
            raise TypeError(f"{names} are two names for one argument; give one of them")
    true_fn = function(fn1 if true_fn is None else true_fn, "true_fn")
    false_fn = function(fn2 if false_fn is None else false_fn, "false_fn")
    strict = flag(strict, "strict")
    if isinstance(pred, bool):
        raise TypeError("pred must not be a Python bool: use an if statement, or a Tensor")
    with name_scope(name, "cond", [pred]) as scope:
        chosen = _predicate(pred)
        branches = [
            Branch(scope + "true", "true_fn", true_fn, True, strict),
            Branch(scope + "false", "false_fn", false_fn, False, strict),
        ]
        then_body, else_body = (b.body for b in branches)
        result = _run_one("If", chosen, branches, then_branch=then_body, else_branch=else_body, name=scope)
        return result if strict else _single(result)


def _predicate(pred: Any) -> Tensor:
    chosen = convert_to_tensor(pred, name="pred")
    if chosen.dtype.base_dtype is not dtypes.bool:
        raise TypeError(f"pred must be a scalar of dtype bool, found {described(pred)}")
    return as_scalar(chosen, "pred")


def case(
    pred_fn_pairs: Any,
    default: Callable[[], Any] | None = None,
    exclusive: bool = False,
    strict: bool = False,
    name: str = "case",
) -> Any:
    """What the first function yields whose condition holds, found when the graph runs.

    Args:
        pred_fn_pairs: A list of pairs (a scalar Tensor of dtype bool, a function), or a dict from
            one to the other, which has no order unless it is an OrderedDict, and needs `exclusive`
            then.
        default: What is called where no condition holds; None: the run fails there.
        exclusive: Whether the run fails where more than one condition holds.
        strict: As for cond.
        name: A name for the scope.

    Returns:
        The structure that the functions return, of Tensors.

    Raises:
        TypeError: an argument is of another kind, or the functions return structures of other
            types.
        ValueError: there is no pair, or the structures or dtypes differ.
        InvalidArgumentError: no condition holds and there is no default, or, with exclusive, more
            than one does (when it runs).

    Example:
        >>> x = fc.placeholder(fc.int32, [])
        >>> small, large = (lambda: fc.constant("small")), (lambda: fc.constant("large"))
        >>> size = fc.case([(x < 10, small), (x > 100, large)], lambda: fc.constant("middling"))
        >>> with fc.Session() as sess:
        ...     print(sess.run(size, {x: 200}))
        b'large'
    """
    exclusive, strict = flag(exclusive, "exclusive"), flag(strict, "strict")
    if isinstance(pred_fn_pairs, Mapping):
        pred_fn_pairs = list(pred_fn_pairs.items())
    if not isinstance(pred_fn_pairs, (list, tuple)):
        raise TypeError(f"pred_fn_pairs must be a list, tuple, or dict, found {described(pred_fn_pairs)}")
    if not pred_fn_pairs:
        raise ValueError("pred_fn_pairs must have at least one pair of a condition and a function")
    for pair in pred_fn_pairs:
        if not isinstance(pair, tuple) or len(pair) != 2:
            raise TypeError("each entry in pred_fn_pairs must be a 2-tuple")
        if not isinstance(pair[0], Tensor) or pair[0].dtype.base_dtype is not dtypes.bool:
            raise TypeError(f"pred must be a Tensor of dtype bool: {pair[0]!r}")
        function(pair[1], "the function of a pair")
    if default is not None:
        function(default, "default")
    with name_scope(name, "case", [p for p, _ in pred_fn_pairs]):
        conditions = [_predicate(p) for p, _ in pred_fn_pairs]
        functions = [f for _, f in pred_fn_pairs]
        if default is None:
            default, functions = functions[-1], functions[:-1]
            least = "None of the conditions evaluated to True. Conditions: "
            checks = [_at_least_one(conditions, least + ", ".join(c.name for c in conditions))]
            conditions = conditions[:-1]
        else:
            checks = []
        if exclusive:
            checks.append(_at_most_one([_predicate(p) for p, _ in pred_fn_pairs]))
        with control_dependencies(checks):
            conditions = [apply("Identity", c) for c in conditions] if checks else conditions
            result = default
            for condition, chosen in reversed(list(zip(conditions, functions, strict=True))):
                result = _either(condition, chosen, result, strict)
            return result()


def switch_case(
    branch_index: Tensor,
    branch_fns: Any,
    default: Callable[[], Any] | None = None,
    name: str = "switch_case",
) -> Any:
    """What one of several functions yields, chosen by number when the graph runs.

    All functions are called now, to make their bodies, of which one node runs one: however many
    there are, choosing costs the same. What is made in them runs as in those of cond.

    Args:
        branch_index: A scalar Tensor of dtype int32.
        branch_fns: The functions, a list; or a list of pairs (number, function), or a dict, with
            the numbers from 0 on.
        default: What is called for other numbers; None: the last function.
        name: A name for the operation.

    Returns:
        The structure that the functions return, of Tensors.

    Raises:
        TypeError: branch_index is no Tensor of dtype int32, a function cannot be called, a number
            is no int, or the functions return structures of other types.
        ValueError: there is no function, numbers are missing, branch_index is no scalar, a function
            returns None, or the structures or dtypes differ.

    Example:
        >>> i = fc.placeholder(fc.int32, [])
        >>> x = fc.constant(3.0)
        >>> y = fc.switch_case(i, [lambda: x + 1.0, lambda: x * 10.0], default=lambda: x)
        >>> with fc.Session() as sess:
        ...     print(*[sess.run(y, {i: number}) for number in (0, 1, 7)])
        4.0 30.0 3.0
    """
    functions = _numbered(branch_fns)
    if default is not None:
        functions.append(function(default, "default"))
    if not isinstance(branch_index, Tensor):
        raise TypeError(f"branch_index must be a Tensor, found {described(branch_index)}")
    if branch_index.dtype.base_dtype is not dtypes.int32:
        raise TypeError(f"branch_index must be int32, found {described(branch_index)}; use flowcore.cast")
    if not branch_index.shape.is_compatible_with([]):
        raise ValueError(f"branch_index must be a scalar, found shape {branch_index.shape}")
    with name_scope(name, "switch_case", [branch_index]) as scope:
        branches = [
            Branch(f"{scope}branch{i}", f"branch_fns[{i}]", fn, True, True) for i, fn in enumerate(functions)
        ]
        if default is not None:
            branches[-1].what = "default"
        return _run_one("Case", branch_index, branches, branches=[b.body for b in branches], name=scope)


def _numbered(branch_fns: Any) -> list[Callable[[], Any]]:
    """The functions of a switch_case, by their numbers."""
    if isinstance(branch_fns, Mapping):
        branch_fns = list(branch_fns.items())
    if not isinstance(branch_fns, (list, tuple)):
        raise TypeError(f"branch_fns must be a list, tuple, or dict, found {described(branch_fns)}")
    if not branch_fns:
        raise ValueError("branch_fns must have at least one function")
    if all(callable(fn) for fn in branch_fns):
        return list(branch_fns)
    for pair in branch_fns:
        if not isinstance(pair, tuple) or len(pair) != 2:
            raise TypeError(
                "branch_fns must be functions, or pairs (number, function), all of them; found"
                f" {described(pair)}"
            )
        if not isinstance(pair[0], int) or isinstance(pair[0], bool):
            raise TypeError(f"the number of a branch must be an int, found {described(pair[0])}")
        function(pair[1], f"the function of branch {pair[0]}")
    numbers = sorted(number for number, _ in branch_fns)
    if numbers != list(range(len(numbers))):
        raise ValueError(
            f"the numbers of branch_fns must be those from 0 to {len(numbers) - 1}, each once; found"
            f" {numbers}"
        )
    return [fn for _, fn in sorted(branch_fns, key=_number)]


def _number(pair: tuple[int, Any]) -> int:
    return pair[0]


def _either(
    condition: Tensor, chosen: Callable[[], Any], otherwise: Callable[[], Any], strict: bool
) -> Callable[[], Any]:
    return lambda: cond(condition, chosen, otherwise, strict=strict)


def _at_least_one(conditions: Sequence[Tensor], message: str) -> Operation:
    any_holds = apply("Any", apply("Pack", conditions), convert_to_tensor([0]))
    return Assert(any_holds, [message, apply("Pack", conditions)], summarize=len(conditions))


def _at_most_one(conditions: Sequence[Tensor]) -> Operation:
    holding = apply(
        "Sum", apply("Cast", apply("Pack", conditions), DstT=dtypes.int32), convert_to_tensor([0])
    )
    message = "More than one condition evaluated as True but exclusive=True. Conditions: " + ", ".join(
        c.name for c in conditions
    )
    return Assert(apply("LessEqual", holding, 1), [message, apply("Pack", conditions)], len(conditions))
