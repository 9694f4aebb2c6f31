"""while_loop: a body runs again and again, as long as a condition holds."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from flowcore import dtypes
from flowcore.arguments import described, flag, function, whole_number
from flowcore.graph import structure
from flowcore.graph.apply import apply
from flowcore.graph.conversion import convert_to_tensor
from flowcore.graph.func_graph import FuncGraph, local_name, share_captures, waited_for
from flowcore.graph.graph import get_default_graph
from flowcore.graph.operation import IndexedSlices, Operation, Tensor
from flowcore.graph.scopes import control_dependencies, name_scope
from flowcore.ops.functional_ops import apply_call, as_leaf, as_scalar, as_value
from flowcore.shape import TensorShape, as_shape

__all__ = ["while_loop"]


def while_loop(
    cond: Callable[..., Any],
    body: Callable[..., Any],
    loop_vars: Any,
    shape_invariants: Any = None,
    parallel_iterations: int = 10,
    back_prop: bool = True,
    swap_memory: bool = False,
    name: str | None = None,
    maximum_iterations: Any = None,
    return_same_structure: bool = False,
) -> Any:
    """Runs `body` again and again while `cond` holds, and yields the last values of its variables.

    Both functions are called once, now, to make their bodies. What they read of the graph around is
    captured. An op made in the body runs in each turn if a variable's next value, or the condition,
    needs it.

    Args:
        cond: A function of the loop variables that returns a scalar of dtype bool.
        body: A function of the loop variables that returns their next values in the same structure.
        loop_vars: The values to begin with: a list or tuple of Tensors, what converts to them,
            IndexedSlices, TensorArrays, or nested lists, tuples and dicts of these.
        shape_invariants: The shapes of the variables that hold in every turn, in the structure of
            loop_vars: a variable's shape may change where its invariant is unknown. None: the
            shapes that they begin with.
        parallel_iterations: How many turns may run at once, where they do no more than writing to
            TensorArrays what depends on a counter. All others follow one another, the ops of a
            turn in parallel.
        back_prop: Whether gradients go through the loop.
        swap_memory: Accepted.
        name: A name for the operation; None: "while".
        maximum_iterations: A scalar: the loop ends after so many turns at the latest. None: no
            limit.
        return_same_structure: Whether a single variable comes in the structure of loop_vars instead
            of by itself.

    Returns:
        The structure that body returns, of Tensors; the Tensor itself for a list of one.

    Raises:
        TypeError: cond or body cannot be called, cond returns no bool, a next value has another
            dtype, or body returns another type of list or tuple.
        ValueError: there is no loop variable, body returns another structure, or the shape of a
            variable changes against its invariant.
        InvalidArgumentError: cond returns no scalar (when it runs).

    Example:
        >>> i, total = fc.while_loop(
        ...     lambda i, total: i < 5, lambda i, total: (i + 1, total + i), [0, 0]
        ... )
        >>> print(*fc.Session().run([i, total]))
        5 10
    """
    function(cond, "cond")
    function(body, "body")
    if not structure.is_nested(loop_vars):
        raise TypeError(
            f"loop_vars must be a list, a tuple or another structure, found {described(loop_vars)}"
        )
    if not loop_vars:
        raise ValueError("No loop variables provided")
    parallel_iterations = turns_at_once(parallel_iterations)
    back_prop = flag(back_prop, "back_prop")
    flag(swap_memory, "swap_memory")
    same_structure = flag(return_same_structure, "return_same_structure")
    given = structure.flatten(loop_vars)
    with name_scope(name, "while", [t for t in given if isinstance(t, (Tensor, IndexedSlices))]) as scope:
        leaves = [as_leaf(value) for value in given]
        loop = _Loop(scope, loop_vars, leaves, shape_invariants, maximum_iterations)
        loop.make_condition(cond)
        loop.make_body(body)
        outputs = loop.finish(parallel_iterations, back_prop)
    packed = structure.pack(loop.returned, loop.leaves_of(outputs))
    if not same_structure and isinstance(packed, (list, tuple)) and len(packed) == 1:
        return packed[0]
    return packed


def turns_at_once(parallel_iterations: Any) -> int:
    """The argument parallel_iterations of a loop. Raises TypeError unless it is a positive integer."""
    number = whole_number(parallel_iterations, "parallel_iterations")
    if number < 1:
        raise TypeError(f"parallel_iterations must be a positive integer, found {parallel_iterations}")
    return number


class _Loop:
    """A loop while it is made: its variables, as leaves of the user's structure and as tensors.

    With a limit there is one tensor more, a counter, in front.
    """

    def __init__(
        self, scope: str, loop_vars: Any, leaves: Sequence[Any], shape_invariants: Any, limit: Any
    ) -> None:
        self.scope = scope
        self.outer = get_default_graph()
        self.like = loop_vars
        self.leaves = leaves
        self.limit: Tensor | None = None
        self.first = [part for leaf in leaves for part in structure.components(leaf)]
        self.shapes = self._invariants(shape_invariants)
        for tensor, shape in zip(self.first, self.shapes, strict=True):
            if not _includes(shape, tensor.shape):
                raise ValueError(
                    f"The shape invariant specified for {tensor.name} is not compatible with the initial"
                    f" shape of the loop variable. It enters the loop with shape {tensor.shape}, but the"
                    f" specified shape invariant is {shape}."
                )
        if limit is not None:
            if isinstance(limit, float):
                raise TypeError(f"maximum_iterations must be a whole number, found {limit}")
            self.limit = convert_to_tensor(limit, name="maximum_iterations")
            if self.limit.dtype.base_dtype not in (
                dtypes.int32,
                dtypes.int64,
            ) or self.limit.shape.ndims not in (
                0,
                None,
            ):
                raise ValueError(
                    f"maximum_iterations must be a scalar of int32 or int64, found {described(limit)}"
                )
            self.first.insert(0, convert_to_tensor(0, dtype=self.limit.dtype, name="loop_counter"))
            self.shapes.insert(0, TensorShape([]))

    def _invariants(self, shape_invariants: Any) -> list[TensorShape]:
        if shape_invariants is None:
            return [tensor.shape for tensor in self.first]
        shapes = _flat_shapes(shape_invariants, self.like)
        if len(shapes) != len(self.leaves):
            raise ValueError(
                f"shape_invariants must have the structure of loop_vars, with {len(self.leaves)} shapes;"
                f" found {len(shapes)}"
            )
        found: list[TensorShape] = []
        for leaf, shape in zip(self.leaves, shapes, strict=True):
            parts = structure.components(leaf)
            if shape is None:
                found += [p.shape for p in parts]
            elif isinstance(leaf, IndexedSlices):
                found += [as_shape(shape), TensorShape([None]), *[p.shape for p in parts[2:]]]
            elif len(parts) == 1 and parts[0] is leaf:
                found.append(as_shape(shape))
            else:
                found += [p.shape for p in parts]
        return found

    def leaves_of(self, tensors: Sequence[Tensor]) -> list[Any]:
        """The user's leaves, made of these tensors (without the counter)."""
        return structure.rebuilt(self.leaves, tensors)

    def _new_body(self, what: str) -> FuncGraph:
        body = FuncGraph(self.scope + what, self.outer)
        for i, (tensor, shape) in enumerate(zip(self.first, self.shapes, strict=True)):
            body.add_argument(tensor.dtype, shape, f"{local_name(tensor.op.name)}_{i}")
        return body

    def _variables(self, body: FuncGraph) -> list[Any]:
        tensors = body.inputs[1:] if self.limit is not None else body.inputs
        variables = structure.pack(self.like, self.leaves_of(tensors))
        if isinstance(variables, dict) or not structure.is_nested(variables):
            return [variables]
        return list(variables)

    def make_condition(self, cond: Callable[..., Any]) -> None:
        """The body that says whether there is another turn."""
        self.condition = self._new_body("cond")
        with self.condition.building():
            result = cond(*self._variables(self.condition))
            if isinstance(result, Operation) or result is None:
                raise TypeError(f"cond must return a boolean scalar, found {described(result)}")
            result = as_value(result)
            if result.dtype is not dtypes.bool:
                raise TypeError(f"cond must return a boolean scalar, found {described(result)}")
            result = as_scalar(result, "what cond returns")
            if self.limit is not None:
                below = apply("Less", self.condition.inputs[0], self.limit)
                result = apply("LogicalAnd", below, result)
            self.condition.outputs = [self.condition.own(result, "result")]
        self.condition.close()

    def make_body(self, body: Callable[..., Any]) -> None:
        """The body of a turn, which yields the variables' next values."""
        self.turn = self._new_body("body")
        with self.turn.building():
            result = body(*self._variables(self.turn))
            leaves = self._next_leaves(result)
            parts = [part for leaf in leaves for part in structure.components(leaf)]
            if self.limit is not None:
                parts.insert(0, apply("Add", self.turn.inputs[0], 1))
            if len(parts) != len(self.first):
                raise ValueError(
                    f"body returned {len(parts)} tensors for {len(self.first)}: IndexedSlices must all have a"
                    " dense shape, or all have none"
                )
            self.turn.outputs = [self.turn.own(part, "result") for part in parts]
        self.turn.close()
        for first, argument, result in zip(self.first, self.turn.inputs, self.turn.outputs, strict=False):
            if result.dtype is not argument.dtype:
                raise TypeError(
                    f"loop variable '{first.name}' is {argument.dtype.name}, but body returns"
                    f" {result.dtype.name} for it ('{result.name}'); use flowcore.cast"
                )
            if not _includes(argument.shape, result.shape):
                raise ValueError(
                    f"Input tensor '{first.name}' enters the loop with shape {argument.shape}, but has shape"
                    f" {result.shape} after one iteration. To allow the shape to vary across iterations, use"
                    " the `shape_invariants` argument of while_loop to specify a less-specific shape."
                )

    def _next_leaves(self, result: Any) -> list[Any]:
        wanted = "body must return the next values of the loop variables"
        if result is None:
            raise ValueError(f"{wanted}, found None")
        if isinstance(result, Operation):
            raise TypeError(f"{wanted}, found {described(result)}")
        like = self.like
        if isinstance(like, (list, tuple)) and len(like) == 1 and structure.are_alike(like[0], result):
            result = structure.pack(_outermost(like), [result])
        self.returned = result
        both_lists = isinstance(result, (list, tuple)) and isinstance(like, (list, tuple))
        if both_lists and type(result) is not type(like) and len(result) == len(like):
            result = structure.pack(_outermost(like), list(result))  # the outermost may be a list for a tuple
        structure.assert_same(
            like,
            result,
            "The two structures don't have the same nested structure: loop_vars and what body returns",
        )
        leaves = []
        for old, new in zip(self.leaves, structure.flatten(result), strict=True):
            if isinstance(new, Operation):
                raise TypeError(f"body must return tensors, found {described(new)}")
            leaf = as_leaf(new)
            if type(leaf) is not type(old):
                error = ValueError if IndexedSlices in (type(leaf), type(old)) else TypeError
                raise error(f"a loop variable is {type(old).__name__}, but body returns {described(new)}")
            leaves.append(leaf)
        return leaves

    def finish(self, parallel_iterations: int, back_prop: bool) -> list[Tensor]:
        """Makes the node. Returns its outputs, without the counter and what is captured."""
        count = len(self.first)
        bodies = [self.condition, self.turn]
        captured = share_captures(bodies, count)
        self.turn.outputs += self.turn.inputs[count:]
        with control_dependencies(waited_for(bodies)):
            made = apply_call(
                "While",
                [*self.first, *captured],
                bodies=bodies,
                cond=self.condition,
                body=self.turn,
                parallel_iterations=parallel_iterations,
                name=self.scope,
            )
        outputs = made[:count] if back_prop else [apply("StopGradient", t) for t in made[:count]]
        return outputs[1:] if self.limit is not None else outputs


def _outermost(like: Any) -> Any:
    """A structure of one level, with as many leaves as another has children."""
    leaves = [None] * len(like)
    return type(like)(*leaves) if hasattr(like, "_fields") else type(like)(leaves)


def _includes(general: TensorShape, special: TensorShape) -> bool:
    """Whether whatever has the second shape has the first."""
    if general.ndims is None:
        return True
    if special.ndims != general.ndims:
        return False
    return all(g is None or g == s for g, s in zip(general.as_list(), special.as_list()))


def _flat_shapes(shapes: Any, like: Any) -> list[Any]:
    """Shapes at the places of the leaves of `like`: a list of numbers is a shape, no structure."""
    if not structure.is_nested(like):
        return [shapes]
    if isinstance(shapes, Mapping) and isinstance(like, Mapping) and set(shapes) == set(like):
        return [s for key in sorted(like) for s in _flat_shapes(shapes[key], like[key])]
    if isinstance(like, Mapping) or not isinstance(shapes, (list, tuple)) or len(shapes) != len(like):
        raise ValueError(f"shape_invariants must have the structure of loop_vars, found {described(shapes)}")
    return [s for shape, part in zip(shapes, like) for s in _flat_shapes(shape, part)]
