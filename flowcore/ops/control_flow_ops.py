"""Order without data: group, no_op, tuple, with_dependencies; and Assert, Print, py_func."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from typing import Any, overload

from flowcore import dtypes
from flowcore.arguments import listed
from flowcore.graph.apply import apply
from flowcore.graph.conversion import convert_to_tensor
from flowcore.graph.graph import get_default_graph
from flowcore.graph.op_def import register
from flowcore.graph.operation import IndexedSlices, Operation, Tensor
from flowcore.graph.scopes import control_dependencies, name_scope
from flowcore.ops import shapes

__all__ = ["Assert", "Print", "group", "no_op", "py_func", "tuple"]


@register("NoOp", shape=shapes.none, grad=None)
def no_op(name: str | None = None) -> Operation:
    """An operation that does nothing: a place for control dependencies.

    Args:
        name: A name for the operation.

    Returns:
        An Operation.

    Raises:
        ValueError: name is no valid one.

    Example:
        >>> fc.Session().run(fc.no_op())
    """
    return apply("NoOp", name=name)


def group(*inputs: Any, **kwargs: Any) -> Operation:
    """One operation that is done when all inputs are.

    Args:
        inputs: Operations, Tensors and Variables, and lists and dictionaries of these. None is
            passed over.
        kwargs: name, a name for the operation.

    Returns:
        An Operation.

    Raises:
        TypeError: an input is of another kind.
        ValueError: there is another keyword than name.

    Example:
        >>> x, y = fc.Variable(1.0), fc.Variable(2.0)
        >>> step = fc.group(x.assign_add(1.0), y.assign_add(1.0))
        >>> with fc.Session() as sess:
        ...     sess.run(fc.global_variables_initializer())
        ...     sess.run(step)
        ...     print(sess.run([x, y]))
        [np.float32(2.0), np.float32(3.0)]
    """
    name = kwargs.pop("name", None)
    if kwargs:
        raise ValueError(f"there are no such arguments: {', '.join(kwargs)}")
    items = _flatten(inputs)
    for item in items:
        if not (isinstance(item, (Operation, Tensor, IndexedSlices)) or hasattr(item, "_as_graph_element")):
            raise TypeError(
                f"Expected Operation, Tensor or Variable in group(), found {item!r} with type {type(item)}"
            )
    with name_scope(name, "group_deps", items) as scope, control_dependencies(items):
        return no_op(name=scope)


def _flatten(items: Any) -> list[Any]:
    result: list[Any] = []
    for item in items:
        if isinstance(item, Mapping):
            try:
                keys = sorted(item)
            except TypeError:
                raise TypeError(
                    f"inputs: the keys of a mapping must be of one kind, to have an order; found {list(item)}"
                ) from None
            result += _flatten([item[key] for key in keys])
        elif isinstance(item, (list, __builtins_tuple)):
            result += _flatten(item)
        elif item is not None:
            result.append(item)
    return result


__builtins_tuple = ().__class__


def with_dependencies(dependencies: Sequence[Any], output_tensor: Any, name: str | None = None) -> Any:
    """`output_tensor`, available only when the dependencies are done."""
    dependencies = listed(dependencies, "dependencies")
    with (
        name_scope(name, "control_dependency", [*dependencies, output_tensor]) as scope,
        control_dependencies(dependencies),
    ):
        if isinstance(output_tensor, IndexedSlices):
            return IndexedSlices(
                apply("Identity", output_tensor.values), output_tensor.indices, output_tensor.dense_shape
            )
        return apply("Identity", convert_to_tensor(output_tensor), name=scope)


def tuple(
    tensors: Sequence[Any], name: str | None = None, control_inputs: Sequence[Any] | None = None
) -> list[Any]:
    """The same tensors, none of which is available before all are computed.

    Args:
        tensors: A list of Tensors, Variables and IndexedSlices; None stays None.
        name: A name for the scope.
        control_inputs: Operations that must be done too, a list; None: none.

    Returns:
        A list as long as tensors, of Tensors, IndexedSlices and None.

    Raises:
        TypeError: an entry is of another kind.
        ValueError: there is no tensor.

    Example:
        >>> fc.Session().run(fc.tuple([fc.constant(1.0), fc.constant(2.0)]))
        [np.float32(1.0), np.float32(2.0)]
    """
    tensors = listed(tensors, "tensors")
    with name_scope(name, "tuple", tensors):
        gates = [t.op if isinstance(t, IndexedSlices) else t for t in tensors if t is not None]
        if not gates:
            raise ValueError(f"Must have at least one Tensor: {tensors}")
        gate = group(*gates, *(() if control_inputs is None else listed(control_inputs, "control_inputs")))
        return [None if t is None else with_dependencies([gate], t) for t in tensors]


register(
    "Assert",
    inputs=["condition: bool", "data: list(T)"],
    attrs=["T: list(type)", "summarize: int = 3"],
    shape=shapes.none,
    stateful=True,
    grad=None,
)


def Assert(
    condition: Any, data: Sequence[Any], summarize: int | None = None, name: str | None = None
) -> Operation:
    """An operation that fails unless a condition holds.

    Args:
        condition: A scalar Tensor of dtype bool, or what converts to one.
        data: Tensors that the error shows, a list.
        summarize: How many elements of each it shows, negative: all; None: 3.
        name: A name for the operation.

    Returns:
        An Operation. It runs only where something waits for it: use control_dependencies.

    Raises:
        TypeError: condition is no bool, or data no list.
        InvalidArgumentError: condition does not hold, or is no scalar (when it runs).

    Example:
        >>> x = fc.placeholder(fc.float32)
        >>> with fc.control_dependencies([fc.Assert(x > 0.0, ["x is", x])]):
        ...     root = fc.sqrt(x)
        >>> fc.Session().run(root, {x: 4.0})
        np.float32(2.0)
    """
    data = listed(data, "data")
    return apply("Assert", condition, data, summarize=3 if summarize is None else summarize, name=name)


register(
    "Print",
    inputs=["input: T", "data: list(U)"],
    outputs=["output: T"],
    attrs=[
        "T: type",
        "U: list(type)",
        "message: string = ''",
        "first_n: int = -1",
        "summarize: int = 3",
    ],
    shape=shapes.same,
    passes=["input"],
    stateful=True,
    grad=lambda op, g: [g, *([None] * (len(op.inputs) - 1))],
)


def Print(
    input_: Any,
    data: Sequence[Any],
    message: str | None = None,
    first_n: int | None = None,
    summarize: int | None = None,
    name: str | None = None,
) -> Tensor:
    """Passes a tensor on, and prints others to stderr when it does.

    Args:
        input_: The Tensor to pass on.
        data: Tensors to print, a list.
        message: Text that is printed before; None: none.
        first_n: How many times it prints; None or negative: always.
        summarize: How many elements of each it prints, negative: all; None: 3.
        name: A name for the operation.

    Returns:
        A Tensor of input_'s dtype and shape.

    Raises:
        TypeError: an argument is of another kind.

    Example:
        >>> x = fc.constant([1.0, 2.0])
        >>> fc.Session().run(fc.Print(x, [x], "x is "))
        array([1., 2.], dtype=float32)
    """
    data = listed(data, "data")
    return apply(
        "Print",
        input_,
        data,
        message=message,
        first_n=first_n,
        summarize=summarize,
        name=name,
    )


register(
    "PyFunc",
    inputs=["input: list(Tin)"],
    outputs=["output: list(Tout)"],
    attrs=["token: string", "Tin: list(type)", "Tout: list(type)"],
    shape=shapes.unknown,
    stateful=True,
    on_host=True,
    grad=None,
)
_tokens = itertools.count()


@overload
def py_func(
    func: Callable[..., Any],
    inp: Sequence[Any],
    Tout: dtypes.DType | type | str,
    stateful: bool = True,
    name: str | None = None,
) -> Tensor: ...
@overload
def py_func(
    func: Callable[..., Any], inp: Sequence[Any], Tout: Any, stateful: bool = True, name: str | None = None
) -> Any: ...
def py_func(
    func: Callable[..., Any], inp: Sequence[Any], Tout: Any, stateful: bool = True, name: str | None = None
) -> Any:
    """A node that calls a Python function with NumPy arrays.

    An exception of func becomes the run's error: ValueError and TypeError an InvalidArgumentError,
    others by their kind, with the exception as its cause.

    Args:
        func: Takes one argument per input: an array of its own, which it may write to; for a scalar
            a NumPy scalar, or bytes. Returns one array (or number) per dtype in Tout: a list or
            tuple is the list of outputs, also if Tout is a single dtype. It runs with the GIL, on
            any thread.
        inp: The inputs, a list of Tensors or what converts to them.
        Tout: The dtype of the result, or a list of dtypes ([] for none).
        stateful: Accepted; a call is never left out, nor merged with another.
        name: A name for the operation.

    Returns:
        A Tensor, or a list of Tensors when Tout is a list; the Operation when Tout is empty. Shapes
        are unknown: use set_shape. A Python number becomes the declared dtype.

    Raises:
        TypeError: Tout is no dtype, or inp no list.
        ValueError: func cannot be called.
        InvalidArgumentError: func returned another number of values, a number that does not fit, or
            an array of another dtype (when it runs).

    Example:
        >>> half = fc.py_func(lambda x: x / 2, [fc.constant([2.0, 4.0])], fc.float32)
        >>> fc.Session().run(half)
        array([1., 2.], dtype=float32)
    """
    if not callable(func):
        raise ValueError(f"Expected func to be callable, got func of type {type(func)}")
    many = isinstance(Tout, (list, __builtins_tuple))
    types = [dtypes.as_dtype(t) for t in (Tout if many else [Tout])]
    token = f"pyfunc_{next(_tokens)}"
    inputs = listed(inp, "inp")
    get_default_graph()._py_funcs[token] = func
    result = apply("PyFunc", inputs, token=token, Tout=types, name=name)
    return result if many or not types else result[0]
