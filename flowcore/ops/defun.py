"""Defun: named functions, each a body that is made once and may be called from many places."""

from __future__ import annotations

import contextlib
import inspect
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from flowcore import errors, locks
from flowcore.arguments import described, flag, function, listed, text
from flowcore.dtypes import DType, as_dtype
from flowcore.graph.apply import apply
from flowcore.graph.conversion import convert_to_tensor
from flowcore.graph.func_graph import FunctionBody, unused_path
from flowcore.graph.graph import Graph, get_default_graph
from flowcore.graph.operation import Operation, Tensor
from flowcore.graph.scopes import control_dependencies
from flowcore.ops.functional_ops import has_effect, is_stateful, result_shapes, types_of
from flowcore.shape import TensorShape, as_shape

__all__ = ["Defun"]

#: Held while a body is made: a function that is called meanwhile, by this thread, calls itself.
_making = locks.reentrant_lock()


class Defun:
    """A decorator that makes a named function of the graph out of a function of Python.

    The function is called once, when it is first called in a graph, to make its body; each call
    adds one node. Tensors and variables from around may be used inside: each call passes them too.
    An op with an effect runs in every call, whether a result needs it or not. Variables that it
    makes lie outside, and are the same for all calls.

    Args:
        *input_types: The dtypes of the arguments; none: those of what it is called with, and a body
            for each combination.
        func_name: The name in the graph; None: that of the function, numbered where it is taken.
        grad_func: A function made by Defun that computes the gradient: of the arguments and one
            gradient per result, it returns one gradient per argument.
        python_grad_func: Likewise a function of Python, of (op, *gradients of the results).
        out_names: Names for the results, a list; checked for their number.
        out_types: The dtypes of the results, a list: a function that calls itself needs them,
            directly or through others.
        shape_func: A function of the new Operation that returns the shapes of the results.
        noinline: Accepted.

    Raises:
        TypeError: an argument is of another kind, or has no meaning here.
        ValueError: both grad_func and python_grad_func are given, or, when it decorates, the
            function takes another number of arguments, or has defaults.

    Example:
        >>> @fc.Defun(fc.int32, out_types=[fc.int32])
        ... def factorial(n):
        ...     return fc.cond(n < 2, lambda: fc.constant(1), lambda: n * factorial(n - 1))
        >>> print(fc.Session().run(factorial(5)))
        120
    """

    def __init__(
        self,
        *input_types: Any,
        func_name: str | None = None,
        grad_func: Any = None,
        python_grad_func: Callable[..., Any] | None = None,
        out_names: Sequence[str] | None = None,
        out_types: Sequence[Any] | None = None,
        shape_func: Callable[[Operation], Any] | None = None,
        noinline: bool = False,
    ) -> None:
        flag(noinline, "noinline")
        if grad_func is not None and python_grad_func is not None:
            raise ValueError("give grad_func or python_grad_func, not both")
        if grad_func is not None and not isinstance(grad_func, NamedFunction):
            raise TypeError(f"grad_func must be a function made by Defun, found {described(grad_func)}")
        self.types = tuple(as_dtype(t) for t in input_types)
        self.name = None if func_name is None else text(func_name, "func_name")
        self.grad_func = grad_func
        self.python_grad_func = (
            None if python_grad_func is None else function(python_grad_func, "python_grad_func")
        )
        self.out_names = None if out_names is None else listed(out_names, "out_names")
        self.out_types = None if out_types is None else [as_dtype(t) for t in listed(out_types, "out_types")]
        self.shape_func = None if shape_func is None else function(shape_func, "shape_func")

    def __repr__(self) -> str:
        types = ", ".join(t.name for t in self.types)
        return f"<flowcore.Defun of ({types})>"

    def __call__(self, func: Callable[..., Any]) -> NamedFunction:
        """The named function made of one of Python."""
        if not callable(func):
            raise ValueError(f"Function {func} must be a callable.")
        return NamedFunction(func, self)


class NamedFunction:
    """A function made by `Defun`. Calling it adds a node that calls its body to the default graph.

    Args:
        func: The function of Python.
        settings: The decorator.
    """

    def __init__(self, func: Callable[..., Any], settings: Defun) -> None:
        self.__doc__ = func.__doc__
        self._func = func
        self._settings = settings
        self._grad_func = settings.grad_func
        self._base_name = settings.name or getattr(func, "__name__", "function").strip("<>_")
        self._names, most = _argument_names(func)
        fewest, count = len(self._names), len(settings.types)
        self._is_generic = not count and bool(most)
        if not self._is_generic and not fewest <= count <= most:
            takes = str(fewest) if fewest == most else f"at least {fewest}"
            raise ValueError(
                f"Defun is given {count} input types for function '{self._base_name}', which takes {takes}"
                " arguments"
            )

    def __repr__(self) -> str:
        return f"<flowcore function '{self._base_name}'>"

    # -- what it is

    @property
    def name(self) -> str:
        """The name in the default graph, where its body is made if it is not yet."""
        return self._single_body().path

    @property
    def declared_input_types(self) -> tuple[DType, ...]:
        """The dtypes of the arguments."""
        return self._settings.types

    @property
    def captured_inputs(self) -> list[Tensor]:
        """What its body in the default graph uses from around."""
        return self._single_body().captured_inputs

    @property
    def python_grad_func(self) -> Callable[..., Any] | None:
        """The function of Python that makes the gradient, if one was given."""
        return self._settings.python_grad_func

    @property
    def grad_func_name(self) -> str | None:
        """The name of the function that computes the gradient, if one was given."""
        return None if self._grad_func is None else self._grad_func.name

    def set_grad_func(self, grad_func: NamedFunction) -> None:
        """Says which function computes the gradient, in calls from now on."""
        if self._grad_func is not None or self.python_grad_func is not None:
            raise ValueError(f"function '{self._base_name}' has a gradient function already")
        if not isinstance(grad_func, NamedFunction):
            raise TypeError(f"grad_func must be a function made by Defun, found {described(grad_func)}")
        self._grad_func = grad_func

    # -- calling

    def __call__(self, *args: Any, name: str | None = None, noinline: bool = False) -> Any:
        """A call: one Tensor, a tuple of several, or the Operation where it returns nothing."""
        flag(noinline, "noinline")
        tensors = self._arguments(args)
        graph = get_default_graph()
        with _making:
            body = self._body(graph, tuple(types_of(tensors)))
            op = self._call(graph, body, tensors, body.path if name is None else text(name, "name"))
        if not op._outputs:
            return op
        return op._outputs[0] if len(op._outputs) == 1 else op._outputs

    def _arguments(self, args: Sequence[Any]) -> list[Tensor]:
        types: Sequence[DType | None] = [None] * len(args) if self._is_generic else self._settings.types
        if len(args) != len(types):
            raise ValueError(f"function '{self._base_name}' takes {len(types)} arguments, found {len(args)}")
        tensors: list[Tensor] = []
        for i, (value, dtype) in enumerate(zip(args, types, strict=True)):
            argument = self._argument_name(i)
            try:
                tensor = convert_to_tensor(
                    value, dtype=None if isinstance(value, Tensor) else dtype, name=argument
                )
            except (TypeError, ValueError) as error:
                raise type(error)(f"argument '{argument}' of function '{self._base_name}': {error}") from None
            if dtype is not None and tensor._dtype._base is not dtype:
                raise ValueError(
                    f"argument '{argument}' of function '{self._base_name}' must be {dtype.name}, found"
                    f" tensor '{tensor.name}' of {tensor._dtype.name}; use flowcore.cast"
                )
            tensors.append(tensor)
        return tensors

    def _argument_name(self, i: int) -> str:
        return self._names[i] if i < len(self._names) else f"arg{i}"

    def _call(self, graph: Graph, body: FunctionBody, tensors: Sequence[Tensor], name: str) -> Operation:
        self._check_reach(graph, body)
        stateful = not body.is_complete or not body.outputs or is_stateful([body])
        op_type = "StatefulPartitionedCall" if stateful else "PartitionedCall"
        types = types_of(body.outputs[: body.own_outputs]) if body.is_complete else self._declared_types()
        with self._gradient_scope(graph, body, op_type), control_dependencies(list(body.control_captures)):
            made = apply(op_type, [*tensors, *body.captured_inputs], Tout=types, f=body, name=name)
        op: Operation = made if isinstance(made, Operation) else made[0]._op
        body.calls.append(op)
        _add_shapes(op, result_shapes(body, op._inputs))
        if self._settings.shape_func is not None:
            shapes = listed(self._settings.shape_func(op), "what shape_func returns")
            if len(shapes) != len(op._outputs):
                raise ValueError(
                    f"the shape_func of function '{body.path}' returned {len(shapes)} shapes for"
                    f" {len(op._outputs)} results"
                )
            _add_shapes(op, [as_shape(s) for s in shapes])
        return op

    def _check_reach(self, graph: Graph, body: FunctionBody) -> None:
        """Raises ValueError where a call could not pass what the body uses from around."""
        used = [*[(t.name, t.graph) for t in body.captured_inputs]]
        used += [(op.name, op.graph) for op in body.control_captures]
        for name, owner in used:
            if not graph._reaches(owner):
                raise ValueError(
                    f"function '{body.path}' uses '{name}', which lies inside '{owner.path}', where the"
                    " function was called first, and can be called there only; pass it as an argument"
                )

    def _declared_types(self) -> list[DType]:
        if self._settings.out_types is None:
            raise ValueError(
                f"function '{self._base_name}' calls itself, and what it returns is not known before it ends:"
                " give Defun the argument out_types"
            )
        return self._settings.out_types

    # -- the body

    def _single_body(self) -> FunctionBody:
        if self._is_generic:
            raise ValueError(
                f"function '{self._base_name}' has a body for each combination of dtypes: give Defun the"
                " input types"
            )
        with _making:
            return self._body(get_default_graph(), self._settings.types)

    def _body(self, graph: Graph, types: tuple[DType, ...]) -> FunctionBody:
        """The body for arguments of these dtypes, made where there is none."""
        functions = graph.root._functions
        found = functions.get((self, types))
        if isinstance(found, FunctionBody):
            return found
        names = [self._argument_name(i) for i in range(len(types))]
        body = FunctionBody(self._new_name(graph.root, types), graph, [*zip(types, names, strict=True)])
        functions[self, types] = body
        try:
            with body.building():
                body.outputs = self._results(body, self._func(*body.inputs))
            body.control_outputs = [op for op in body.operations_since(0) if has_effect(op)]
            body.complete()
        except BaseException:
            del functions[self, types]
            raise
        for call in body.calls:  # made before the shapes were known
            _add_shapes(call, [t._shape for t in body.outputs])
        return body

    def _new_name(self, root: Graph, types: Sequence[DType]) -> str:
        """The name of a new body."""
        name = self._base_name
        if self._is_generic:
            name = "_".join([name, *[t.name for t in types]])
        unique = unused_path(root, name)
        if self._settings.name is not None and unique != name:
            raise ValueError(f"this graph has another function of the name '{name}' already")
        return unique

    def _results(self, body: FunctionBody, returned: Any) -> list[Tensor]:
        """What the function returned, as tensors of the body."""
        values = list(returned) if isinstance(returned, (list, tuple)) else [returned]
        if returned is None:
            values = []
        if any(v is None or isinstance(v, Operation) for v in values):
            raise ValueError(
                f"function '{body.path}' must return Tensors, found {described(returned)}; nothing at all"
                " where it is called for its effects"
            )
        types: Sequence[DType | None] | None = self._settings.out_types
        types = [None] * len(values) if types is None else types
        if len(types) != len(values):
            raise ValueError(
                f"function '{body.path}' returned {len(values)} results for {len(types)} out_types"
            )
        names = self._settings.out_names
        if names and len(names) != len(values):
            raise errors.InvalidArgumentError(
                None,
                None,
                f"function '{body.path}' returned {len(values)} results for {len(names)} out_names",
            )
        results: list[Tensor] = []
        for i, (value, dtype) in enumerate(zip(values, types, strict=True)):
            tensor = convert_to_tensor(value, dtype=None if isinstance(value, Tensor) else dtype)
            if dtype is not None and tensor._dtype._base is not dtype:
                raise ValueError(
                    f"result {i} of function '{body.path}' must be {dtype.name}, as out_types say; found"
                    f" tensor '{tensor.name}' of {tensor._dtype.name}"
                )
            results.append(body.own(tensor, "result"))
        return results

    # -- the gradient

    @contextlib.contextmanager
    def _gradient_scope(self, graph: Graph, body: FunctionBody, op_type: str) -> Iterator[None]:
        """Inside, calls get the gradient that was given, if any."""
        python, named = self.python_grad_func, self._grad_func
        if python is None and named is None:
            yield
            return

        def gradient(op: Operation, *incoming: Any) -> list[Any]:
            if named is not None:
                found = named(*op.inputs[: body.declared], *incoming)
            else:
                found = python(op, *incoming) if python is not None else None
            given = [] if isinstance(found, Operation) else found
            given = list(given) if isinstance(given, (list, tuple)) else [given]
            if len(given) == body.declared:
                given += [None] * (len(op.inputs) - body.declared)
            return given

        name = f"function {body.path}"
        graph._gradient_functions[name] = gradient
        with graph.gradient_override_map({op_type: name}):
            yield


def _add_shapes(op: Operation, shapes: Sequence[TensorShape]) -> None:
    for tensor, shape in zip(op._outputs, shapes, strict=False):
        tensor._shape = tensor._shape.merge_with(shape)


def _argument_names(func: Callable[..., Any]) -> tuple[list[str], float]:
    """The names of a function's arguments, and how many it takes at most."""
    names: list[str] = []
    most: float = 0
    for parameter in inspect.signature(func).parameters.values():
        if parameter.kind is parameter.VAR_POSITIONAL:
            most = float("inf")
        elif parameter.kind in (parameter.VAR_KEYWORD, parameter.KEYWORD_ONLY):
            raise ValueError(f"a function under Defun may not take keywords, found {func}")
        elif parameter.default is not parameter.empty:
            raise ValueError(f"a function under Defun may not have defaults, found {func}")
        else:
            names.append(parameter.name)
    return names, most or len(names)
