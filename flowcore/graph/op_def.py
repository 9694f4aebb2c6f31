"""What an op is: its schema, shape rule, known values and gradient, in one declaration.

Owns: the spec language, the registry, `register`. Must never import ops.
"""

from __future__ import annotations

import ast
import functools
import operator
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple, Protocol, TypeVar

from flowcore import dtypes
from flowcore.arguments import INT64_MAX, INT64_MIN, as_bytes, described, flag, real_number, whole_number
from flowcore.dtypes import DType
from flowcore.shape import TensorShape, as_shape, checked_rank

#: Outputs of one node: a number that an attribute gives is refused before anything is made of it.
MAX_OUTPUTS = 2**20


class ArgDef(NamedTuple):
    """An input or output.

    Exactly one of `dtype`, `type_attr`, `type_list_attr` says its type; `number_attr` makes it a list,
    `is_ref` a reference to a variable of that type.
    """

    name: str
    dtype: DType | None = None
    type_attr: str = ""
    type_list_attr: str = ""
    number_attr: str = ""
    is_ref: bool = False

    @property
    def is_list(self) -> bool:
        return bool(self.number_attr or self.type_list_attr)


class AttrDef(NamedTuple):
    """An attribute.

    `kind` is "int", "float", "bool", "string", "type", "shape", "tensor", "func", or "list(...)" of
    one.
    """

    name: str
    kind: str
    default: Any = None
    has_default: bool = False
    allowed: frozenset[Any] | None = None
    minimum: int = INT64_MIN  # of the value, or of the length of a list
    maximum: int = INT64_MAX

    def check(self, op_type: str, value: Any) -> Any:
        """`value` in its stored form. Raises TypeError or ValueError for one that does not fit."""
        is_list = self.kind.startswith("list(")
        try:
            if is_list:
                if not isinstance(value, (list, tuple)):
                    raise TypeError("a list")
                result: Any = [_CONVERT[self.kind[5:-1]](v) for v in value]
            else:
                result = _CONVERT[self.kind](value)
        except TypeError:
            raise TypeError(
                f"Attribute '{self.name}' of {op_type} must be {self.kind}, found {described(value)}"
            ) from None
        except ValueError as error:
            raise ValueError(f"Attribute '{self.name}' of {op_type}: {error}") from None
        if is_list and len(result) < self.minimum:
            raise ValueError(
                f"Attribute '{self.name}' of {op_type} needs at least {self.minimum} entries, found"
                f" {len(result)}"
            )
        if self.kind == "int" and not self.minimum <= result <= self.maximum:
            bound = f"at least {self.minimum}" if result < self.minimum else f"at most {self.maximum}"
            raise ValueError(f"Attribute '{self.name}' of {op_type} must be {bound}, found {result}")
        parts = result if is_list else (result,)
        if self.allowed is not None:
            for part in parts:
                if part not in self.allowed:
                    self._refuse(op_type, part)
        return result

    def _refuse(self, op_type: str, value: Any) -> None:
        if isinstance(value, DType):
            names = ", ".join(t.name for t in dtypes.ALL if self.allowed is not None and t in self.allowed)
            raise TypeError(
                f"{op_type} does not take dtype {value.name} (attribute '{self.name}'); it takes {names}"
            )
        raise ValueError(
            f"Attribute '{self.name}' of {op_type} must be one of {sorted(self.allowed or ())}, found"
            f" {value!r}"
        )


def _to_int(value: Any) -> int:
    return whole_number(value, "the value")


def _to_float(value: Any) -> float:
    return real_number(value, "the value")


def _to_bool(value: Any) -> bool:
    return flag(value, "the value")


def _to_string(value: Any) -> str | bytes:
    """A str where the bytes are UTF-8, else the bytes."""
    if type(value) is str and value.isascii():
        return value
    data = as_bytes(value, "the value")
    try:
        return data.decode()
    except UnicodeDecodeError:
        return data


def _to_shape(value: Any) -> TensorShape:
    return checked_rank(as_shape(value))


def _to_type(value: Any) -> DType:
    """A type; of a reference that of its elements, for only arguments are references."""
    return dtypes.as_dtype(value)._base


def _same(value: Any) -> Any:
    return value


_CONVERT: dict[str, Callable[[Any], Any]] = {
    "int": _to_int,
    "float": _to_float,
    "bool": _to_bool,
    "string": _to_string,
    "type": _to_type,
    "shape": _to_shape,
    "tensor": _same,
    "func": _same,
}

_ATTR = re.compile(r"^(\w+)\s*:\s*(list\(.+?\)|\{.*?\}|\w+)\s*(?:>=\s*(-?\d+))?\s*(?:=\s*(.+))?$")
_DTYPE_NAMES = {t.name: t for t in dtypes.ALL}


def parse_attr(spec: str) -> AttrDef:
    """Parses "T: {floats} = float32", "N: int >= 1", "padding: {'SAME', 'VALID'}", "ksize: list(int)"."""
    match = _ATTR.match(spec)
    if match is None:
        raise ValueError(f"malformed attribute spec {spec!r}")
    name, kind, minimum, default = match.groups()
    is_list = kind.startswith("list(")
    kind = kind[5:-1].strip() if is_list else kind
    allowed: frozenset[Any] | None = None
    if kind.startswith("{"):
        members = [m.strip() for m in kind[1:-1].split(",")]
        if members[0][0] in "'\"":
            kind, allowed = "string", frozenset(ast.literal_eval(m) for m in members)
        else:
            kind = "type"
            allowed = frozenset().union(*(dtypes.GROUPS.get(m) or {_DTYPE_NAMES[m]} for m in members))
    full = f"list({kind})" if is_list else kind
    least = int(minimum) if minimum else INT64_MIN
    attr = AttrDef(name, full, None, default is not None, allowed, least)
    if default is None:
        return attr
    return attr._replace(default=attr.check("the spec of an op", _literal(default)))


def _literal(text: str) -> Any:
    if text in _DTYPE_NAMES:
        return _DTYPE_NAMES[text]
    if text.startswith("[") and any(t in text for t in _DTYPE_NAMES):
        return [_DTYPE_NAMES[t.strip()] for t in text[1:-1].split(",") if t.strip()]
    return ast.literal_eval(text)


def parse_arg(spec: str, attrs: dict[str, AttrDef]) -> ArgDef:
    """Parses "x: T", "values: N * T", "components: list(Tcomponents)", "shape: int32", "ref: Ref(T)"."""
    name, _, kind = (part.strip() for part in spec.partition(":"))
    if kind.startswith("Ref("):
        return parse_arg(f"{name}: {kind[4:-1]}", attrs)._replace(is_ref=True)
    if kind.startswith("list("):
        return ArgDef(name, type_list_attr=kind[5:-1].strip())
    number, star, element = (part.strip() for part in kind.partition("*"))
    if not star:
        number, element = "", kind
    if element in attrs:
        return ArgDef(name, type_attr=element, number_attr=number)
    return ArgDef(name, dtype=_DTYPE_NAMES[element], number_attr=number)


#: Kinds of resources that the session keeps and handles lead to.
RESOURCES = frozenset({"variable", "queue", "reader"})
#: What an op may make: one of these, or random numbers from a counter of its own.
MAKES = RESOURCES | {"rng"}
#: What an op may wait for until another step acts on the same queue.
WAITS = frozenset({"elements", "room"})


class OpDef(NamedTuple):
    """A registered op.

    `shape`, `value` and `grad` are functions of an Operation; see docs/architecture.md.
    """

    name: str
    input_arg: tuple[ArgDef, ...]
    output_arg: tuple[ArgDef, ...]
    attr: dict[str, AttrDef]
    shape: Callable[[Any], Sequence[TensorShape]] | None
    value: Callable[[Any], Sequence[Any]] | None
    grad: Callable[..., Any] | None
    #: The dtypes of all inputs, and of all outputs, under given attributes.
    input_types: Callable[[dict[str, Any]], Sequence[DType]]
    output_types: Callable[[dict[str, Any]], Sequence[DType]]
    is_stateful: bool = False
    inferred: frozenset[str] = frozenset()
    #: What follows is said by the arguments of `register` of these names.
    makes: str = ""
    reads: Mapping[str, str] = {}
    writes: Mapping[str, str] = {}
    passes: tuple[str, ...] = ()
    waits: tuple[str, str] | None = None
    on_host: bool = False
    is_commutative: bool = False
    calls: tuple[str, ...] = ()
    from_shapes: bool = False
    resource_form: str = ""
    holds_nothing: bool = False

    @property
    def makes_handle(self) -> bool:
        """Whether its output is the handle of a resource that the session keeps."""
        return self.makes in RESOURCES

    @property
    def only_reads(self) -> bool:
        """Whether all its state is that it looks at what a resource holds."""
        return bool(self.reads) and not (self.writes or self.makes)

    @property
    def is_variable(self) -> bool:
        """Whether its output is the handle of a variable, or a reference to one."""
        return self.makes == "variable" or self.resource_form == "VarHandleOp"

    def is_ref_input(self, index: int, attrs: Mapping[str, Any]) -> bool:
        """Whether an op with these attributes takes a reference to a variable as this input."""
        return any(arg.is_ref and index in self.inputs_of(arg.name, attrs) for arg in self.input_arg)

    def inputs_of(self, argument: str, attrs: Mapping[str, Any]) -> range:
        """Which inputs of an op with these attributes an argument is."""
        first = 0
        for arg in self.input_arg:
            count = 1
            if arg.type_list_attr:
                count = len(attrs[arg.type_list_attr])
            elif arg.number_attr:
                count = attrs[arg.number_attr]
            if arg.name == argument:
                return range(first, first + count)
            first += count
        raise ValueError(f"{self.name} has no input '{argument}'")


def _types_of(args: Sequence[ArgDef]) -> Callable[[dict[str, Any]], Sequence[DType]]:
    """What tells the dtypes of `args` by the attributes: quickly in the common case that each is
    one attribute.
    """
    names = [arg.type_attr for arg in args if arg.type_attr and not arg.number_attr and not arg.is_ref]
    if len(names) < len(args) or not names:
        return functools.partial(_types, args)
    if len(names) == 1:
        return lambda attrs: (attrs[names[0]],)
    return operator.itemgetter(*names)


def _types(args: Sequence[ArgDef], attrs: dict[str, Any]) -> list[DType]:
    types: list[DType] = []
    for arg in args:
        if arg.type_list_attr:
            types += attrs[arg.type_list_attr]
            continue
        dtype = arg.dtype if arg.dtype is not None else attrs[arg.type_attr]
        if arg.is_ref:
            dtype = dtype._as_ref
        if arg.number_attr:
            types += [dtype] * attrs[arg.number_attr]
        else:
            types.append(dtype)
    return types


F = TypeVar("F", bound=Callable[..., Any])


class Decorator(Protocol):
    """What `register` returns: leaves the function as it is, type included."""

    def __call__(self, function: F, /) -> F: ...


# a function until the op is first asked for: parsing all specs would be a tenth of the import
_registry: dict[str, OpDef | Callable[[], OpDef]] = {}


def register(
    name: str,
    *,
    inputs: Sequence[str] = (),
    outputs: Sequence[str] = (),
    attrs: Sequence[str] = (),
    shape: Callable[[Any], Sequence[TensorShape]] | None,
    grad: Callable[..., Any] | None,
    value: Callable[[Any], Sequence[Any]] | None = None,
    stateful: bool = False,
    makes: str = "",
    reads: Mapping[str, str] | None = None,
    writes: Mapping[str, str] | None = None,
    passes: Sequence[str] = (),
    waits: tuple[str, str] | None = None,
    on_host: bool = False,
    commutative: bool = False,
    calls: Sequence[str] = (),
    from_shapes: bool = False,
    resource_form: str = "",
    holds_nothing: bool = False,
) -> Decorator:
    """Registers an op at once and returns a decorator that leaves its function as it is.

    Args:
        name: The op type.
        inputs: Specs of the inputs (see parse_arg).
        outputs: Specs of the outputs.
        attrs: Specs of the attributes (see parse_attr).
        shape: (op) -> one TensorShape per output, or None when nothing is known.
        grad: (op, *output gradients) -> one gradient or None per input; None: not differentiable.
        value: (op) -> one array or None per output: values known when the graph is built.
        stateful: Whether the op has an effect or a state beyond its outputs. What makes, reads or
            writes has.
        makes: The kind of state that the session keeps for the op: "variable", "queue" or "reader",
            whose handle is its output, or "rng", a counter of its own.
        reads: The inputs whose resource it looks at, with the kind of resource.
        writes: The inputs whose resource it changes, with the kind of resource.
        passes: Inputs that its output may be, untouched; of a list that becomes a list each its own.
        waits: An input and what the op may wait for until another step acts on the same queue:
            "elements" or "room".
        on_host: Whether it runs on the host whatever device is asked for.
        commutative: Whether its two inputs may come in either order.
        calls: How it runs bodies ("call", "if", "case" or "while"), then the attributes that name
            them, in the order of the engine's Call.
        from_shapes: Whether its outputs follow from the shapes of its inputs, whatever their values are:
            of a list from its length and its elements' shape, of a variable from its shape.
        resource_form: Of an op on references to variables: the op type that does its work on their handles,
            whose inputs are the same, and which a plan runs instead.
        holds_nothing: Whether a list that it makes has no element that is written.

    Returns:
        A decorator.

    Raises:
        ValueError: The op type is registered already.
    """
    if name in _registry:
        raise ValueError(f"op {name} is registered twice")

    def parse() -> OpDef:
        attr_defs = {a.name: a for a in map(parse_attr, attrs)}
        input_args = tuple(parse_arg(spec, attr_defs) for spec in inputs)
        output_args = tuple(parse_arg(spec, attr_defs) for spec in outputs)
        inferred = frozenset(
            n for a in input_args for n in (a.type_attr, a.type_list_attr, a.number_attr) if n
        )
        for arg in output_args:
            if arg.number_attr:
                attr_defs[arg.number_attr] = attr_defs[arg.number_attr]._replace(maximum=MAX_OUTPUTS)
        op_def = OpDef(
            name,
            input_args,
            output_args,
            attr_defs,
            shape,
            value,
            grad,
            _types_of(input_args),
            _types_of(output_args),
            bool(stateful or makes or reads or writes),
            inferred,
            makes,
            reads or {},
            writes or {},
            tuple(passes),
            waits,
            on_host,
            commutative,
            tuple(calls),
            from_shapes,
            resource_form,
            holds_nothing,
        )
        _check_facts(op_def)
        return op_def

    _registry[name] = parse
    return _unchanged


def _check_facts(op_def: OpDef) -> None:
    """Raises ValueError where a declaration speaks of what the op does not have, or says nothing about
    what it does with a handle.
    """
    inputs = {arg.name: arg for arg in op_def.input_arg}
    used = {**op_def.reads, **op_def.writes}
    named = {*used, *op_def.passes, *(op_def.waits or ())[:1]}
    problems = [
        *(f"it has no input '{n}'" for n in sorted(named - inputs.keys())),
        *(
            f"'{n}' leads to a {k}, which is none of {sorted(RESOURCES)}"
            for n, k in used.items()
            if k not in RESOURCES
        ),
        *(
            f"what it does with the handle '{n}' is not said by reads, writes or passes"
            for n, arg in inputs.items()
            if arg.dtype is dtypes.resource and n not in named
        ),
    ]
    if op_def.makes and op_def.makes not in MAKES:
        problems.append(f"it makes a {op_def.makes}, which is none of {sorted(MAKES)}")
    if any(a.dtype is dtypes.resource for a in op_def.output_arg) and not (
        op_def.makes_handle or op_def.passes
    ):
        problems.append("whose handle its output is is not said by makes or passes")
    if op_def.waits is not None and (op_def.waits[1] not in WAITS or op_def.waits[0] not in op_def.writes):
        problems.append(
            f"it waits for {op_def.waits}, which is no input that it writes with one of {sorted(WAITS)}"
        )
    if op_def.is_commutative and len(inputs) != 2:
        problems.append(f"it is commutative with {len(inputs)} inputs")
    if problems:
        raise ValueError(f"the declaration of {op_def.name} is wrong: {'; '.join(problems)}")


def _unchanged(function: F, /) -> F:
    return function


#: What builds the ops of TensorFlow 1.x for branches and loops that are written flat into one graph.
_FLAT_CONTROL_FLOW = {
    **dict.fromkeys(["Switch", "RefSwitch", "Merge", "RefMerge"], "cond"),
    **dict.fromkeys(["Enter", "RefEnter", "Exit", "RefExit", "LoopCond"], "while_loop"),
    **dict.fromkeys(["NextIteration", "RefNextIteration"], "while_loop"),
}


def _refuse_flat_control_flow(op_type: str) -> None:
    """Raises ValueError for an op type that graphs are not built of, and says of what instead."""
    function = _FLAT_CONTROL_FLOW.get(op_type)
    if function is not None:
        raise ValueError(
            f"no graph is built of op type '{op_type}' by hand: it is what graphs of TensorFlow 1.x contain"
            " where branches and loops are written flat, and importing one turns it into functional form; use"
            f" flowcore.{function}"
        )


def get_op_def(op_type: str) -> OpDef:
    """The declaration of an op type. Raises ValueError for an unknown one, with the nearest name."""
    found = _registry.get(op_type) if isinstance(op_type, str) else None
    if found is None:
        if not isinstance(op_type, str):
            raise TypeError(f"an op type must be a str, found {described(op_type)}")
        _refuse_flat_control_flow(op_type)
        import difflib

        near = difflib.get_close_matches(op_type, _registry, 1)
        raise ValueError(
            f"No op type '{op_type}' is registered" + (f"; did you mean '{near[0]}'?" if near else "")
        )
    if not isinstance(found, OpDef):
        found = _registry[op_type] = found()
    return found


def is_registered(op_type: str) -> bool:
    """Whether there is an op of this type."""
    return op_type in _registry


def registered_ops() -> dict[str, OpDef]:
    """All declarations, by op type."""
    return {name: get_op_def(name) for name in _registry}
