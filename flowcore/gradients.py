"""Reverse-mode differentiation: extends the graph by nodes that compute d(ys)/d(xs).

The walk visits each op between xs and ys once, in reverse topological order, when all gradients of
its outputs have come in. It is iterative: the depth of the graph does not matter. Must never import
train or runtime.
"""

from __future__ import annotations

import enum
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from flowcore import dtypes
from flowcore.arguments import described, flag, function
from flowcore.body_gradients import TRAINABLE, gradients_of_call
from flowcore.graph.apply import apply
from flowcore.graph.conversion import convert_to_tensor
from flowcore.graph.graph import Graph, get_default_graph
from flowcore.graph.op_def import get_op_def, is_registered
from flowcore.graph.operation import IndexedSlices, Operation, Tensor
from flowcore.graph.scopes import name_scope
from flowcore.ops.filling import ones_like, zeros_like
from flowcore.ops.joining import concat
from flowcore.ops.tensor_array import TensorArray
from flowcore.ops.while_loop import while_loop

__all__ = [
    "AggregationMethod",
    "NoGradient",
    "NotDifferentiable",
    "RegisterGradient",
    "UnconnectedGradients",
    "gradients",
    "hessians",
]


class UnconnectedGradients(enum.Enum):
    """What `gradients` yields for an x that ys do not depend on."""

    NONE = "none"
    ZERO = "zero"


class AggregationMethod:
    """How gradients are added up. All values mean the same here: one AddN.

    Example:
        >>> fc.AggregationMethod.DEFAULT
        0
    """

    ADD_N = 0
    DEFAULT = 0
    EXPERIMENTAL_TREE = 1
    EXPERIMENTAL_ACCUMULATE_N = 2


_custom: dict[str, Callable[..., Any] | None] = {}


class RegisterGradient:
    """A decorator that registers a gradient under a name.

    `Graph.gradient_override_map` takes the name; the name of an op type that has no gradient gives
    it one. The function takes (op, *gradients of the outputs) and returns one gradient per input.

    Args:
        op_type: The name.

    Raises:
        TypeError: op_type is no str, or what is decorated is no function.
        KeyError: there is a gradient of this name already.

    Example:
        >>> @fc.RegisterGradient("Doubled")
        ... def _doubled(op, grad):
        ...     return 2.0 * grad
        >>> x = fc.constant(1.0)
        >>> with fc.get_default_graph().gradient_override_map({"Identity": "Doubled"}):
        ...     y = fc.identity(x)
        >>> print(fc.Session().run(fc.gradients(y, x)[0]))
        2.0
    """

    def __init__(self, op_type: str) -> None:
        self._op_type = _free_name(op_type)

    def __call__(self, f: Callable[..., Any]) -> Callable[..., Any]:
        """Registers `f`. Raises TypeError when it cannot be called."""
        function(f, f"the gradient '{self._op_type}'")
        _custom[_free_name(self._op_type)] = f
        return f


def _free_name(op_type: str) -> str:
    """Raises TypeError for what is no string, KeyError where there is a gradient already."""
    if not isinstance(op_type, str):
        raise TypeError(f"an op type is a string, found {op_type!r}")
    declared = get_op_def(op_type) if is_registered(op_type) else None
    if op_type in _custom or (declared is not None and declared.grad is not None):
        raise KeyError(
            f"a gradient is registered for '{op_type}' already; Graph.gradient_override_map gives single"
            " nodes another one"
        )
    return op_type


def NotDifferentiable(op_type: str) -> None:
    """Says that an op type has no gradient, so that `gradients` takes its outputs as constants.

    Args:
        op_type: The op type.

    Raises:
        TypeError: op_type is no str.
        KeyError: there is a gradient of this name already.

    Example:
        >>> fc.NotDifferentiable("MyStep")
    """
    _custom[_free_name(op_type)] = None


NoGradient = NotDifferentiable


def gradients(
    ys: Any,
    xs: Any,
    grad_ys: Any = None,
    name: str = "gradients",
    colocate_gradients_with_ops: bool = False,
    gate_gradients: bool = False,
    aggregation_method: int | None = None,
    stop_gradients: Any = None,
    unconnected_gradients: UnconnectedGradients = UnconnectedGradients.NONE,
) -> list[Any]:
    """The derivatives of sum(ys) with respect to each x.

    It adds nodes to the graph, which can be differentiated again. Source: reverse-mode
    differentiation, see Griewank and Walther, "Evaluating Derivatives", 2008, chapter 3.

    Args:
        ys: A Tensor or a list of Tensors.
        xs: A Tensor, a Variable, or a list of these.
        grad_ys: Gradients that arrive at ys, one per y; None: ones.
        name: The name scope of the new nodes.
        colocate_gradients_with_ops: Whether each gradient runs on the device of its op.
        gate_gradients: Accepted; every gradient is complete before it is used.
        aggregation_method: Accepted; a value of AggregationMethod, or None.
        stop_gradients: Tensors to treat as constants, a list; None: none.
        unconnected_gradients: What to return for an x that ys do not depend on:
            UnconnectedGradients.NONE or ZERO.

    Returns:
        A list with one Tensor, IndexedSlices (where rows are gathered) or None per x. None where ys
        do not depend on it in a differentiable way: nothing does through integers, truth values and
        text.

    Raises:
        LookupError: an op on the way has no gradient.
        TypeError: an argument is of another kind, or a y is text.
        ValueError: grad_ys has another length or shape, ys or xs is None, or unconnected_gradients
            or aggregation_method is another value.

    Example:
        >>> x = fc.constant(3.0)
        >>> print(fc.Session().run(fc.gradients(x * x, x)[0]))
        6.0
    """
    ys = _tensors(ys, "ys")
    xs = _tensors(xs, "xs")
    if aggregation_method is not None and not (
        isinstance(aggregation_method, int) and aggregation_method in _AGGREGATION_METHODS
    ):
        raise ValueError(
            f"aggregation_method must be one of {_AGGREGATION_METHODS}, a value of AggregationMethod, found"
            f" {described(aggregation_method)}"
        )
    flag(gate_gradients, "gate_gradients")
    stops = _flat(stop_gradients) if stop_gradients is not None else []
    try:
        unconnected = UnconnectedGradients(unconnected_gradients)
    except (TypeError, ValueError):  # an array cannot be compared
        raise ValueError(
            f"unconnected_gradients must be one of {[u.value for u in UnconnectedGradients]}, found"
            f" {described(unconnected_gradients)}"
        ) from None
    colocate = flag(colocate_gradients_with_ops, "colocate_gradients_with_ops")
    with name_scope(name, "gradients", [*ys, *xs, *stops]):
        ys = [convert_to_tensor(y, name="y") for y in ys]
        targets = [_source(x) for x in xs]
        stop_tensors = {_source(s) for s in stops}
        graph = ys[0].graph if ys else None
        if graph is not None:  # a body reads captured tensors, and variables from outside, by its arguments
            targets = [graph._stand_in(t) for t in targets]
            stop_tensors = {graph._stand_in(t) for t in stop_tensors}
        if graph is not None and get_default_graph()._reaches(graph):
            graph = get_default_graph()
        given = _flat(grad_ys) if grad_ys is not None else [None] * len(ys)
        if len(given) != len(ys):
            raise ValueError(f"passed {len(given)} grad_ys for {len(ys)} ys")
        sums: dict[Tensor, list[Any]] = {}
        for i, (y, g) in enumerate(zip(ys, given)):
            if y._dtype._base is dtypes.string:
                raise TypeError(f"ys must be numbers, found '{y.name}' of dtype string")
            if y._dtype in TRAINABLE:
                sums.setdefault(y, []).append(_initial(y, g, f"grad_ys_{i}"))
        if graph is not None:
            _walk(graph, ys, targets, stop_tensors, sums, colocate)
        result: list[Any] = []
        for x, target in zip(xs, targets):
            total = _aggregate(sums.get(target))
            if total is None and unconnected is UnconnectedGradients.ZERO:
                total = zeros_like(x)
            result.append(total)
        return result


def hessians(
    ys: Any,
    xs: Any,
    name: str = "hessians",
    colocate_gradients_with_ops: bool = False,
    gate_gradients: bool = False,
    aggregation_method: int | None = None,
) -> list[Any]:
    """The second derivatives of sum(ys) with respect to each x.

    A loop computes them a row at a time, so the size of the graph does not depend on that of x.
    Mixed derivatives, of different xs, are left out.

    Args:
        ys: A Tensor or a list of Tensors.
        xs: A Tensor, a Variable, or a list of these.
        name: The name scope of the new nodes.
        colocate_gradients_with_ops: As for gradients.
        gate_gradients: As for gradients.
        aggregation_method: As for gradients.

    Returns:
        A list with one Tensor per x, of its shape twice, such as [2, 3, 2, 3] for [2, 3]; zeros
        where ys are linear in x. None where ys do not depend on it in a differentiable way.

    Raises:
        LookupError: an op on the way has no gradient, or no second one.
        TypeError: an argument is of another kind, or a y is text.
        ValueError: ys or xs is None, or aggregation_method is another value.

    Example:
        >>> x = fc.constant([1.0, 2.0])
        >>> fc.Session().run(fc.hessians(fc.reduce_sum(x**3.0), x)[0])
        array([[ 6.,  0.],
               [ 0., 12.]], dtype=float32)
    """
    xs = _tensors(xs, "xs")
    settings = (colocate_gradients_with_ops, gate_gradients, aggregation_method)
    with name_scope(name, "hessians"):
        firsts = gradients(ys, xs, None, "gradients", *settings)
        return [
            None if g is None else _hessian(convert_to_tensor(g), x, settings) for g, x in zip(firsts, xs)
        ]


def _hessian(gradient: Tensor, x: Any, settings: tuple[Any, ...]) -> Tensor:
    """The derivatives of each element of a gradient with respect to x."""
    sizes = apply("Shape", gradient)
    count = apply("Size", gradient)

    def row(i: Tensor, rows: TensorArray) -> tuple[Tensor, TensorArray]:
        chosen = apply("Cast", apply("Equal", apply("Range", 0, count, 1), i), DstT=gradient.dtype)
        weights = apply("Reshape", chosen, sizes)
        (found,) = gradients(gradient, x, weights, "gradients", *settings)
        dense = zeros_like(gradient) if found is None else convert_to_tensor(found)
        return i + 1, rows.write(i, dense)

    rows = TensorArray(gradient.dtype, count, element_shape=gradient.shape)
    _, rows = while_loop(lambda i, _: i < count, row, [0, rows])
    result: Tensor = apply("Reshape", rows.stack(), concat([sizes, sizes], 0))
    result.set_shape(gradient.shape.concatenate(gradient.shape))
    return result


#: Each of AggregationMethod's.
_AGGREGATION_METHODS = [0, 1, 2]


def _tensors(value: Any, what: str) -> list[Any]:
    """A tensor or a list of tensors as a list. Raises ValueError where one is None."""
    found = _flat(value)
    if any(x is None for x in found):
        raise ValueError(f"{what} must be a Tensor or a list of Tensors, found {described(value)}")
    return found


def _flat(value: Any) -> list[Any]:
    return list(value) if isinstance(value, (list, tuple)) else [value]


def _source(x: Any) -> Tensor:
    """The tensor that stands for x: a variable's reference or handle, the tensor itself."""
    variable = getattr(x, "_variable", None)
    if isinstance(variable, Tensor):
        return variable
    return x.values if isinstance(x, IndexedSlices) else convert_to_tensor(x, name="x")


def _initial(y: Tensor, g: Any, name: str) -> Any:
    if g is None:
        if y.dtype.is_complex or y.dtype is dtypes.variant:
            kind = "complex" if y.dtype.is_complex else "variant"
            raise TypeError(f"Gradients of {kind} tensors must set grad_ys (y.dtype = {y.dtype.name})")
        return ones_like(y, name=name)
    if isinstance(g, IndexedSlices):
        return g
    g = convert_to_tensor(g, dtype=None if isinstance(g, Tensor) else y.dtype, name="grad_y")
    if g.dtype.base_dtype != y.dtype.base_dtype:
        raise TypeError(f"Gradient type {g.dtype.name} does not match type of y '{y.name}', {y.dtype.name}")
    if g.shape.is_compatible_with(y.shape):
        return g
    if g.shape.num_elements() is None or g.shape.num_elements() != y.shape.num_elements():
        raise ValueError(f"grad_ys has shape {g.shape} for y '{y.name}' of shape {y.shape}")
    return apply("Reshape", g, y.shape.as_list())


def _differentiate(ys: Sequence[Tensor], xs: Sequence[Tensor], grad_ys: Sequence[Any]) -> list[Any]:
    """The gradients of a body's results, made in the body that is the default graph."""
    sums: dict[Tensor, list[Any]] = {}
    for y, g in zip(ys, grad_ys, strict=True):
        sums.setdefault(y, []).append(g)
    _walk(get_default_graph(), ys, xs, set(), sums, False)
    return [_aggregate(sums.get(x)) for x in xs]


def _between(ys: Sequence[Tensor], xs: Iterable[Tensor], stops: set[Tensor]) -> dict[Operation, int]:
    """The ops that lie on a path from xs to ys, each with the number of its readers among them."""
    sources = {x.op for x in xs}
    stop_ops = {s.op for s in stops}
    reached = _reached(ys, sources)
    readers: dict[Operation, int] = {}
    stack = [op for op in dict.fromkeys(y.op for y in ys) if op in reached]
    for op in stack:
        readers[op] = 0
    while stack:
        op = stack.pop()
        if op in stop_ops or (op in sources and not any(t.op in reached for t in op._inputs)):
            continue
        for t in op._inputs:
            if t.op in reached:
                if t.op not in readers:
                    readers[t.op] = 0
                    stack.append(t.op)
                readers[t.op] += 1
    return readers


def _reached(ys: Sequence[Tensor], sources: set[Operation]) -> set[Operation]:
    """The ops before ys (and these) that depend on the sources through trainable types.

    Costs what ys need, not what else reads xs. The walk meets an op before its inputs, and once more
    after them.
    """
    seen: set[Operation] = set()
    reached: set[Operation] = set()
    stack = [y._op for y in ys]
    while stack:
        op = stack[-1]
        if op not in seen:
            seen.add(op)
            ahead = [t._op for t in op._inputs if t._op not in seen]
            if ahead:
                stack += ahead
                continue
        stack.pop()
        if op in sources or any([t._op in reached and t._dtype in TRAINABLE for t in op._inputs]):
            reached.add(op)
    return reached


def _walk(
    graph: Graph,
    ys: Sequence[Tensor],
    xs: Sequence[Tensor],
    stops: set[Tensor],
    sums: dict[Tensor, list[Any]],
    colocate: bool,
) -> None:
    waiting = _between(ys, xs, stops)
    wanted = set(xs)
    sources = {x.op for x in xs}
    stop_ops = {s.op for s in stops}
    ready = deque(op for op, count in waiting.items() if count == 0)
    while ready:
        op = ready.popleft()
        ended = op in stop_ops or (op in sources and not any(t.op in waiting for t in op._inputs))
        if not ended:
            incoming = [_aggregate(sums[t]) if t in sums else None for t in op._outputs]
            inputs = op._inputs  # an op that calls may be given more
            outgoing = _gradients_of(graph, op, incoming, colocate, [t.op in waiting for t in inputs])
            for t, g in zip(inputs, outgoing, strict=True):
                if g is not None and t.op in waiting:
                    sums.setdefault(t, []).append(g)
            for t in op._outputs:
                if t not in wanted:
                    sums.pop(t, None)
            for t in inputs:
                if t.op in waiting:
                    waiting[t.op] -= 1
                    if waiting[t.op] == 0:
                        ready.append(t.op)


def _gradients_of(
    graph: Graph, op: Operation, incoming: list[Any], colocate: bool, wanted: Sequence[bool]
) -> Sequence[Any]:
    """The gradients with respect to the inputs of `op`, at least those wanted; None where there is none."""
    nothing: list[Any] = [None] * len(op._inputs)
    if all(g is None for g in incoming) or not op._inputs:
        return nothing
    override = op.attrs.get("_gradient_op_type")
    name = override if override is not None else op.type
    if name in graph._gradient_functions:
        function: Callable[..., Any] | None = graph._gradient_functions[name]
    elif name in _custom:
        function = _custom[name]
    elif override is not None:
        raise LookupError(
            f"no gradient is registered under the name '{override}' that node '{op.name}' asks for"
        )
    else:
        function = op._op_def.grad
    if function is None and not op._op_def.calls:
        return nothing
    path = op._graph.path
    scope = graph.name_scope((op._name[len(path) + 1 :] if path else op._name) + "_grad")
    if function is None:
        with scope:
            return gradients_of_call(op, incoming, wanted, _differentiate)
    with scope:
        if colocate:
            with graph.colocate_with(op):
                return _call(function, op, incoming)
        return _call(function, op, incoming)


def _call(function: Callable[..., Any], op: Operation, incoming: list[Any]) -> Sequence[Any]:
    arguments = [
        (
            (zeros_like(t) if t.dtype.is_floating or t.dtype.is_complex else None)
            if g is None and t.dtype is not dtypes.resource
            else g
        )
        for g, t in zip(incoming, op._outputs)
    ]
    if op.type not in ("Identity", "ReadVariableOp", "Reshape"):
        arguments = [convert_to_tensor(g) if isinstance(g, IndexedSlices) else g for g in arguments]
    result = function(op, *arguments)
    if not isinstance(result, (list, tuple)):
        result = [result]
    if len(result) != len(op._inputs):
        raise ValueError(
            f"the gradient of node '{op.name}' ({op.type}) returned {len(result)} values for"
            f" {len(op._inputs)} inputs"
        )
    for t, g in zip(op._inputs, result):
        if isinstance(g, Tensor) and t.dtype is not dtypes.resource:
            if g._dtype._base is not t._dtype._base:
                raise ValueError(
                    f"the gradient of node '{op.name}' ({op.type}) for input '{t.name}' is {g.dtype.name},"
                    f" the input {t.dtype.name}"
                )
            try:
                g._shape = g._shape.merge_with(t._shape)
            except ValueError as error:
                raise ValueError(
                    f"the gradient of node '{op.name}' ({op.type}) for input '{t.name}' has another shape:"
                    f" {error}"
                ) from None
    return result


def _aggregate(parts: list[Any] | None) -> Any:
    """The sum of gradients that arrived over several edges."""
    if not parts:
        return None
    if len(parts) > 1:
        if all(isinstance(p, IndexedSlices) for p in parts):
            total: Any = IndexedSlices(
                concat([p.values for p in parts], 0),
                concat([p.indices for p in parts], 0),
                parts[0].dense_shape,
            )
        else:
            total = apply("AddN", [convert_to_tensor(p) for p in parts])
        parts[:] = [total]
    return parts[0]
