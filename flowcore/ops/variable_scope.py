"""Variables by name: get_variable makes or finds one, within a variable_scope.

The scope gives names a prefix and get_variable its defaults.

Owns: VariableScope and the scopes of each thread, kept with the store of variables in a collection
of the graph. Must never import train or runtime.
A variable's name is the variable scope's, whatever name scopes surround it; ops made inside a
variable scope are named by the name scope that it opens.
"""

from __future__ import annotations

import contextlib
import enum
import threading
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from flowcore import dtypes, locks
from flowcore.arguments import flag, function, instance, listed, optional_function, text
from flowcore.graph.graph import Graph, GraphKeys, get_default_graph
from flowcore.graph.lasting import lasting
from flowcore.graph.scopes import control_dependencies, get_collection, init_scope, name_scope
from flowcore.ops import variables
from flowcore.ops.variable_store import VariableStore, constant_dtype, is_constant, parameters
from flowcore.ops.variables import Variable

__all__ = [
    "AUTO_REUSE",
    "VariableScope",
    "disable_resource_variables",
    "enable_resource_variables",
    "get_local_variable",
    "get_variable",
    "get_variable_scope",
    "no_regularizer",
    "resource_variables_enabled",
    "variable_op_scope",
    "variable_scope",
]


class _ReuseMode(enum.Enum):
    AUTO_REUSE = 1


#: Makes a variable that does not exist, and shares one that does.
AUTO_REUSE = _ReuseMode.AUTO_REUSE


def no_regularizer(_: Any) -> None:
    """A regularizer that adds nothing: stops the one of an outer scope.

    Args:
        _: The variable.

    Returns:
        None.

    Example:
        >>> with fc.variable_scope("layer", regularizer=fc.nn.l2_loss):
        ...     w = fc.get_variable("w", [2], regularizer=fc.no_regularizer)
        >>> fc.get_collection(fc.GraphKeys.REGULARIZATION_LOSSES)
        []
    """
    return None


# ---- scopes ----------------------------------------


class VariableScope:
    """A prefix for names of variables, and defaults for get_variable. `variable_scope` makes it.

    Args:
        reuse: True: variables must exist; False or None: they must not; AUTO_REUSE: either.
        name: The prefix.
        initializer: The default initializer of get_variable inside.
        regularizer: The default regularizer of get_variable inside.
        caching_device: Accepted; a variable is read where it lives.
        partitioner: Must be None: variables are whole.
        custom_getter: The default custom getter inside.
        name_scope: The name scope that belongs to it.
        dtype: The default dtype inside.
        use_resource: Whether new variables are resources, as for Variable.
        constraint: The default constraint inside.

    Raises:
        TypeError: dtype is no dtype, a name no str, or what is to be called cannot be.
        ValueError: reuse is another value.
        NotImplementedError: partitioner is given.

    Example:
        >>> with fc.variable_scope("layer") as scope:
        ...     print(scope.name)
        layer
    """

    def __init__(
        self,
        reuse: Any,
        name: str = "",
        initializer: Any = None,
        regularizer: Any = None,
        caching_device: Any = None,
        partitioner: Any = None,
        custom_getter: Any = None,
        name_scope: str = "",
        dtype: Any = dtypes.float32,
        use_resource: bool | None = None,
        constraint: Any = None,
    ) -> None:
        _check_reuse(reuse)
        _no_partitioner(partitioner)
        self._reuse = reuse
        self._name = text(name, "name")
        self._initializer = initializer
        self._regularizer = optional_function(regularizer, "regularizer")
        self._caching_device = caching_device
        self._custom_getter = optional_function(custom_getter, "custom_getter")
        self._name_scope = text(name_scope, "name_scope")
        self._dtype = dtypes.as_dtype(dtype)
        self._use_resource = _optional_flag(use_resource)
        self._constraint = optional_function(constraint, "constraint")

    def __repr__(self) -> str:
        reuse = self._reuse.name if isinstance(self._reuse, _ReuseMode) else bool(self._reuse)
        return f"<flowcore.VariableScope '{self._name}' reuse={reuse}>"

    @property
    def name(self) -> str:
        """The prefix of its variables' names."""
        return self._name

    @property
    def original_name_scope(self) -> str:
        """The name scope under which it was first opened, with a slash at the end."""
        return self._name_scope

    @property
    def reuse(self) -> Any:
        """True, False, None or AUTO_REUSE."""
        return self._reuse

    @property
    def initializer(self) -> Any:
        """The default initializer, or None."""
        return self._initializer

    @property
    def regularizer(self) -> Any:
        """The default regularizer, or None."""
        return self._regularizer

    @property
    def dtype(self) -> dtypes.DType:
        """The default DType."""
        return self._dtype

    @property
    def custom_getter(self) -> Any:
        """The default custom getter, or None."""
        return self._custom_getter

    @property
    def caching_device(self) -> Any:
        """What was given; it has no effect."""
        return self._caching_device

    @property
    def partitioner(self) -> None:
        """Always None: variables are whole."""
        return None

    @property
    def use_resource(self) -> bool | None:
        """Whether new variables are resources; None: as enable_resource_variables says."""
        return self._use_resource

    @property
    def constraint(self) -> Any:
        """The default constraint, or None."""
        return self._constraint

    def reuse_variables(self) -> None:
        """From now on get_variable must find its variables here.

        Example:
            >>> with fc.variable_scope("layer") as scope:
            ...     w = fc.get_variable("w", [2])
            ...     scope.reuse_variables()
            ...     print(fc.get_variable("w", [2]) is w)
            True
        """
        self._reuse = True

    def set_initializer(self, initializer: Any) -> None:
        """Sets the default initializer.

        Args:
            initializer: A function of (shape, dtype), or None.

        Example:
            >>> with fc.variable_scope("layer") as scope:
            ...     scope.set_initializer(fc.zeros_initializer())
        """
        self._initializer = initializer

    def set_regularizer(self, regularizer: Any) -> None:
        """Sets the default regularizer.

        Args:
            regularizer: A function of a variable, or None.

        Raises:
            TypeError: regularizer cannot be called.

        Example:
            >>> with fc.variable_scope("layer") as scope:
            ...     scope.set_regularizer(fc.nn.l2_loss)
        """
        self._regularizer = optional_function(regularizer, "regularizer")

    def set_dtype(self, dtype: Any) -> None:
        """Sets the default dtype.

        Args:
            dtype: A dtype.

        Raises:
            TypeError: dtype is no dtype.

        Example:
            >>> with fc.variable_scope("layer") as scope:
            ...     scope.set_dtype(fc.float64)
        """
        self._dtype = dtypes.as_dtype(dtype)

    def set_custom_getter(self, custom_getter: Any) -> None:
        """Sets the default custom getter.

        Args:
            custom_getter: A function (getter, name, ...), or None.

        Raises:
            TypeError: custom_getter cannot be called.

        Example:
            >>> with fc.variable_scope("layer") as scope:
            ...     scope.set_custom_getter(None)
        """
        self._custom_getter = optional_function(custom_getter, "custom_getter")

    def set_caching_device(self, caching_device: Any) -> None:
        """Accepted: reads happen where the variable lives.

        Args:
            caching_device: A device.

        Example:
            >>> with fc.variable_scope("layer") as scope:
            ...     scope.set_caching_device(None)
        """
        self._caching_device = caching_device

    def set_use_resource(self, use_resource: bool | None) -> None:
        """Sets whether new variables are resources.

        Args:
            use_resource: A bool; None: as enable_resource_variables says.

        Raises:
            TypeError: use_resource is something else.

        Example:
            >>> with fc.variable_scope("layer") as scope:
            ...     scope.set_use_resource(True)
        """
        self._use_resource = _optional_flag(use_resource)

    def set_partitioner(self, partitioner: Any) -> None:
        """Accepts None only: variables are whole.

        Args:
            partitioner: None.

        Raises:
            NotImplementedError: partitioner is something else.

        Example:
            >>> with fc.variable_scope("layer") as scope:
            ...     scope.set_partitioner(None)
        """
        _no_partitioner(partitioner)

    def get_collection(self, name: Any) -> list[Any]:
        """The items of a collection whose names begin with this scope's name.

        Args:
            name: The collection.

        Returns:
            A list.

        Raises:
            TypeError: name cannot be a key.

        Example:
            >>> fc.get_variable_scope().get_collection("losses")
            []
        """
        return get_collection(name, f"{self._name}/" if self._name else None)

    def trainable_variables(self) -> list[Variable]:
        """The trainable variables of this scope.

        Returns:
            A list of Variables.

        Example:
            >>> with fc.variable_scope("layer") as scope:
            ...     w = fc.get_variable("w", [2])
            >>> [v.name for v in scope.trainable_variables()]
            ['layer/w:0']
        """
        return self.get_collection(GraphKeys.TRAINABLE_VARIABLES)

    def global_variables(self) -> list[Variable]:
        """The global variables of this scope.

        Returns:
            A list of Variables.

        Example:
            >>> with fc.variable_scope("layer") as scope:
            ...     w = fc.get_variable("w", [2])
            >>> [v.name for v in scope.global_variables()]
            ['layer/w:0']
        """
        return self.get_collection(GraphKeys.GLOBAL_VARIABLES)

    def local_variables(self) -> list[Variable]:
        """The local variables of this scope.

        Returns:
            A list of Variables.

        Example:
            >>> with fc.variable_scope("layer") as scope:
            ...     w = fc.get_variable("w", [2])
            >>> [v.name for v in scope.local_variables()]
            []
        """
        return self.get_collection(GraphKeys.LOCAL_VARIABLES)

    def get_variable(
        self,
        var_store: Any,
        name: str,
        shape: Any = None,
        dtype: Any = None,
        initializer: Any = None,
        regularizer: Any = None,
        reuse: Any = None,
        trainable: bool | None = None,
        collections: Any = None,
        caching_device: Any = None,
        partitioner: Any = None,
        validate_shape: bool = True,
        use_resource: bool | None = None,
        custom_getter: Any = None,
        constraint: Any = None,
        synchronization: Any = None,
        aggregation: Any = None,
    ) -> Variable:
        """As the function get_variable, in this scope.

        Args:
            var_store: The store that keeps the variable; None: that of the default graph.
            name: The name behind the scope's.
            shape: The shape of a new variable; one that exists must have it. None: the
                initializer's.
            dtype: The dtype; None: the scope's, which is float32 by default.
            initializer: A function of (shape, dtype), its class, or a value (then without shape).
                None: the scope's, else glorot_uniform_initializer for floats, and zeros for
                integers, bool and string.
            regularizer: A function of the variable; what it returns joins REGULARIZATION_LOSSES.
            reuse: As for VariableScope; None: the scope's.
            trainable: Whether optimisers change it by default; None: True.
            collections: Graph collections to join, a list; None: GLOBAL_VARIABLES.
            caching_device: Accepted; a variable is read where it lives.
            partitioner: Must be None: variables are whole.
            validate_shape: False lets later values have another shape.
            use_resource: Whether new variables are resources, as for Variable.
            custom_getter: A function (getter, name, ...) called instead, which may call getter.
            constraint: A function of the value that an optimiser applies after each update.
            synchronization: Accepted.
            aggregation: Accepted.

        Returns:
            A Variable.

        Raises:
            TypeError: an argument is of another kind.
            ValueError: name is empty; the variable exists and the scope does not reuse, or does not
                exist and the scope only reuses; shapes or dtypes differ; the shape of a new
                variable is not fully known, or given besides a value; or its dtype has no default
                initializer.
            NotImplementedError: partitioner is given.

        Example:
            >>> fc.get_variable_scope().get_variable(None, "w", [2]).name
            'w:0'
        """
        _no_partitioner(partitioner)
        _check_reuse(reuse)
        if not text(name, "name"):
            raise ValueError("Variable name must not be empty")
        graph = get_default_graph()
        store = _state(graph).store if var_store is None else instance(var_store, VariableStore, "var_store")
        if initializer is None:
            initializer = self._initializer
        elif is_constant(initializer):
            own = constant_dtype(initializer)
            if dtype is not None and own != dtypes.as_dtype(dtype).base_dtype:
                raise ValueError(
                    f"the initializer is {own.name}, but dtype says {dtypes.as_dtype(dtype).name}"
                )
            dtype = own
        arguments: dict[str, Any] = {
            "name": f"{self._name}/{name}" if self._name else name,
            "shape": shape,
            "dtype": self._dtype if dtype is None else dtype,
            "initializer": initializer,
            "regularizer": self._regularizer if regularizer is None else regularizer,
            "reuse": self._reuse if reuse is None else reuse,
            "trainable": trainable,
            "collections": collections,
            "caching_device": caching_device,
            "partitioner": None,
            "validate_shape": validate_shape,
            "use_resource": self._use_resource if use_resource is None else use_resource,
        }
        limit = self._constraint if constraint is None else function(constraint, "constraint")
        getter = self._custom_getter if custom_getter is None else function(custom_getter, "custom_getter")
        if arguments["regularizer"] is not None:
            function(arguments["regularizer"], "regularizer")
        with get_default_graph().name_scope(None), control_dependencies(None):
            if getter is None:
                return _true_getter(store, constraint=limit, **arguments)
            if limit is not None and _takes(getter, "constraint"):
                arguments["constraint"] = limit
            return getter(
                lambda *args, **kwargs: _true_getter(store, *args, **{"constraint": limit, **kwargs}),
                **arguments,
            )


def _true_getter(
    store: VariableStore,
    name: str,
    shape: Any = None,
    dtype: Any = dtypes.float32,
    initializer: Any = None,
    regularizer: Any = None,
    reuse: Any = None,
    trainable: bool | None = None,
    collections: Any = None,
    caching_device: Any = None,
    partitioner: Any = None,
    validate_shape: bool = True,
    use_resource: bool | None = None,
    constraint: Any = None,
    synchronization: Any = None,
    aggregation: Any = None,
) -> Variable:
    """What a custom getter calls in the end."""
    _no_partitioner(partitioner)
    with init_scope(), get_default_graph().name_scope(None):
        return store.get(
            name,
            shape,
            dtype,
            initializer,
            regularizer,
            reuse,
            trainable,
            collections,
            validate_shape,
            constraint,
            use_resource,
        )


def _takes(function: Callable[..., Any], name: str) -> bool:
    known = parameters(function)
    return name in known or any(p.kind is p.VAR_KEYWORD for p in known.values())


def _no_partitioner(partitioner: Any) -> None:
    if partitioner is not None:
        raise NotImplementedError("partitioned variables are not there yet; leave partitioner out")


def _optional_flag(use_resource: Any) -> bool | None:
    return None if use_resource is None else flag(use_resource, "use_resource")


def _check_reuse(reuse: Any) -> None:
    if not (reuse is None or reuse is AUTO_REUSE or isinstance(reuse, bool)):
        raise ValueError(f"reuse must be True, False, None or flowcore.AUTO_REUSE, found {reuse!r}")


class _ThreadScopes(threading.local):
    """The current scope of a thread, and how often each name was opened (for unique default names)."""

    def __init__(self) -> None:
        self.current = VariableScope(False)
        self.opened: dict[str, int] = {}


class _State:
    def __init__(self) -> None:
        self.store = VariableStore()
        self.scopes = _ThreadScopes()


_KEY = ("__variable_scopes",)  # a collection that get_all_collection_keys does not show
_making = locks.lock()


def variables_by_name() -> dict[str, Variable]:
    """The variables of the default graph that get_variable has made."""
    return dict(_state(get_default_graph().root).store.variables)


def _state(graph: Graph) -> _State:
    kept = graph.get_collection_ref(_KEY)
    if not kept:
        with _making:
            if not kept:
                kept.append(_State())
    return kept[0]


def get_variable_scope() -> VariableScope:
    """The current variable scope.

    Returns:
        A VariableScope.

    Example:
        >>> with fc.variable_scope("layer"):
        ...     print(fc.get_variable_scope().name)
        layer
    """
    return _state(get_default_graph()).scopes.current


class _Default:
    """Whether variables are resources where nothing else is asked for."""

    use_resource = False


def enable_resource_variables() -> None:
    """From now on new variables are resources, unless use_resource=False says otherwise.

    Example:
        >>> fc.enable_resource_variables()
        >>> print(fc.Variable(1.0).op.type)
        VarHandleOp
        >>> fc.disable_resource_variables()
    """
    _Default.use_resource = True


def disable_resource_variables() -> None:
    """From now on new variables are references, as they are from the start.

    Example:
        >>> fc.disable_resource_variables()
        >>> print(fc.Variable(1.0).op.type)
        VariableV2
    """
    _Default.use_resource = False


def resource_variables_enabled() -> bool:
    """Whether new variables are resources where nothing else is asked for.

    Returns:
        A bool.

    Example:
        >>> fc.resource_variables_enabled()
        False
    """
    return _Default.use_resource


def _resources_by_default() -> bool:
    asked = get_variable_scope().use_resource
    return _Default.use_resource if asked is None else asked


variables.default_use_resource_hook = _resources_by_default


def _chain(inner: Any, outer: Any) -> Any:
    """A custom getter that calls `inner`, whose getter is `outer`."""
    if inner is None or outer is None:
        return inner if outer is None else outer
    return lambda getter, *args, **kwargs: inner(lambda *a, **k: outer(getter, *a, **k), *args, **kwargs)


@lasting
def _open(scope: VariableScope, forget_opened: bool) -> Iterator[VariableScope]:
    """Makes `scope` the current one.

    `forget_opened`: it was open before, so counts inside it start and end as they were.
    """
    scopes = _state(get_default_graph()).scopes
    before, saved = scopes.current, dict(scopes.opened)
    scopes.opened[scope.name] = scopes.opened.get(scope.name, 0) + 1
    scopes.current = scope
    try:
        yield scope
    finally:
        if scopes.current is not scope:
            raise RuntimeError("a variable scope was left while another one inside it was still open")
        scopes.current = before
        if forget_opened:
            scopes.opened = saved
        else:
            for name in scopes.opened:
                if name.startswith(f"{scope.name}/") or not scope.name:
                    scopes.opened[name] = 0


def _unique(prefix: str) -> str:
    scopes = _state(get_default_graph()).scopes
    full = f"{scopes.current.name}/{prefix}" if scopes.current.name else prefix
    if not scopes.opened.get(full):
        return prefix
    number = 1
    while scopes.opened.get(f"{full}_{number}"):
        number += 1
    return f"{prefix}_{number}"


class variable_scope:
    """A context manager for get_variable: names made inside begin with the scope's name.

    Args:
        name_or_scope: A name, or a VariableScope to open again; None takes default_name, made
            unique.
        default_name: Used when name_or_scope is None.
        values: Tensors that must share one graph, which becomes the default inside.
        initializer: The default initializer of get_variable inside.
        regularizer: The default regularizer of get_variable inside.
        caching_device: Accepted; a variable is read where it lives.
        partitioner: Must be None: variables are whole.
        custom_getter: The default custom getter inside.
        reuse: True, None (as outside) or AUTO_REUSE. Once True, it is True for all scopes inside.
        dtype: The default dtype inside; None: as outside.
        use_resource: Whether new variables are resources, as for Variable.
        constraint: The default constraint inside.
        auxiliary_name_scope: False opens no name scope.

    Raises:
        TypeError: neither name is given, name_or_scope is neither str nor VariableScope, or another
            argument is of another kind.
        ValueError: reuse is another value, or given without name_or_scope; values are of several
            graphs (on entry).
        NotImplementedError: partitioner is given.

    Example:
        >>> with fc.variable_scope("layer") as scope:
        ...     w = fc.get_variable("w", [3, 4])
        >>> with fc.variable_scope(scope, reuse=True):
        ...     same = fc.get_variable("w", [3, 4])
        >>> w.name, same is w
        ('layer/w:0', True)
    """

    def __init__(
        self,
        name_or_scope: str | VariableScope | None,
        default_name: str | None = None,
        values: Sequence[Any] | None = None,
        initializer: Any = None,
        regularizer: Any = None,
        caching_device: Any = None,
        partitioner: Any = None,
        custom_getter: Any = None,
        reuse: Any = None,
        dtype: Any = None,
        use_resource: bool | None = None,
        constraint: Any = None,
        auxiliary_name_scope: bool = True,
    ) -> None:
        if name_or_scope is None and default_name is None:
            raise TypeError("a variable scope needs name_or_scope or default_name")
        if default_name is not None:
            text(default_name, "default_name")
        if name_or_scope is not None and not isinstance(name_or_scope, (str, VariableScope)):
            raise TypeError(
                f"VariableScope: name_or_scope must be a string or VariableScope, found {name_or_scope!r}"
            )
        if name_or_scope is None and reuse:
            raise ValueError("to reuse variables, say which: name_or_scope is missing")
        _check_reuse(reuse)
        _no_partitioner(partitioner)
        self._name_or_scope = name_or_scope
        self._default_name = default_name
        self._values = [] if values is None else listed(values, "values")
        self._reuse = None if reuse is False else reuse  # False cannot undo what an outer scope asks for
        self._auxiliary = flag(auxiliary_name_scope, "auxiliary_name_scope")
        given = {
            "_initializer": initializer,
            "_regularizer": optional_function(regularizer, "regularizer"),
            "_caching_device": caching_device,
            "_dtype": None if dtype is None else dtypes.as_dtype(dtype),
            "_use_resource": _optional_flag(use_resource),
            "_constraint": optional_function(constraint, "constraint"),
        }
        self._given = {key: value for key, value in given.items() if value is not None}
        self._custom_getter = optional_function(custom_getter, "custom_getter")
        self._entered: list[contextlib.ExitStack] = []

    def __repr__(self) -> str:
        given = self._name_or_scope
        name = given.name if isinstance(given, VariableScope) else given or self._default_name
        return f"<flowcore.variable_scope '{name}'>"

    def __enter__(self) -> VariableScope:
        """Opens the scope; gives the VariableScope."""
        with contextlib.ExitStack() as stack:
            stack.enter_context(_graph_of(self._values).as_default())
            scope = self._enter(stack)
            self._entered.append(stack.pop_all())
            return scope

    def _enter(self, stack: contextlib.ExitStack) -> VariableScope:
        outer = get_variable_scope()
        again = self._name_or_scope if isinstance(self._name_or_scope, VariableScope) else None
        given = self._name_or_scope if isinstance(self._name_or_scope, str) else None
        last = (
            again.name.rsplit("/", 1)[-1]
            if again is not None
            else given
            if given is not None
            else self._default_name
        )
        opened = get_default_graph().get_name_scope()
        names = f"{opened}/" if opened else ""
        if self._auxiliary and last:
            names = stack.enter_context(name_scope(last))
        if again is not None:
            base, prefix, reuse = again, again.name, again.reuse if self._reuse is None else self._reuse
            names = again.original_name_scope
        else:
            part = given if given is not None else _unique(self._default_name or "")
            base, prefix = outer, f"{outer.name}/{part}" if outer.name else part
            reuse = self._reuse or outer.reuse
        scope = VariableScope(reuse, prefix, name_scope=names)
        for key in (
            "_initializer",
            "_regularizer",
            "_caching_device",
            "_dtype",
            "_use_resource",
            "_constraint",
        ):
            setattr(scope, key, self._given.get(key, getattr(base, key)))
        scope._custom_getter = _chain(self._custom_getter, base.custom_getter)
        return stack.enter_context(_open(scope, forget_opened=again is not None))

    def __exit__(self, *details: Any) -> None:
        """Closes the scope."""
        self._entered.pop().__exit__(*details)


def _graph_of(values: Sequence[Any]) -> Graph:
    graphs = {id(v.graph): v.graph for v in values if hasattr(v, "graph")}
    if len(graphs) > 1:
        raise ValueError("the tensors in `values` must be from one graph")
    return next(iter(graphs.values()), get_default_graph())


@lasting
def variable_op_scope(
    values: Sequence[Any], name_or_scope: Any, default_name: str | None = None, **settings: Any
) -> Iterator[VariableScope]:
    """The older spelling of variable_scope.

    Args:
        values: Tensors that must share one graph.
        name_or_scope: A name, or a VariableScope to open again.
        default_name: Used when name_or_scope is None.
        settings: What else variable_scope takes.

    Yields:
        The VariableScope.

    Raises:
        TypeError: an argument is of another kind, or variable_scope has no such setting.
        ValueError: reuse is another value, or given without name_or_scope; values are of several
            graphs.
        NotImplementedError: partitioner is given.

    Example:
        >>> with fc.variable_op_scope([], "layer") as scope:
        ...     print(scope.name)
        layer
    """
    with variable_scope(name_or_scope, default_name, values, **settings) as scope:
        yield scope


# ---- public functions ----------------------------------------


def get_variable(
    name: str,
    shape: Any = None,
    dtype: Any = None,
    initializer: Any = None,
    regularizer: Any = None,
    trainable: bool | None = None,
    collections: Any = None,
    caching_device: Any = None,
    partitioner: Any = None,
    validate_shape: bool = True,
    use_resource: bool | None = None,
    custom_getter: Any = None,
    constraint: Any = None,
    synchronization: Any = None,
    aggregation: Any = None,
) -> Variable:
    """The variable of this name in the current variable scope: made, or found where the scope reuses.

    Args:
        name: The name behind the scope's.
        shape: The shape of a new variable; one that exists must have it. None: the initializer's.
        dtype: The dtype; None: the scope's, which is float32 by default.
        initializer: A function of (shape, dtype), its class, or a value (then without shape). None:
            the scope's, else glorot_uniform_initializer for floats, and zeros for integers, bool
            and string.
        regularizer: A function of the variable; what it returns joins REGULARIZATION_LOSSES.
        trainable: Whether optimisers change it by default; None: True.
        collections: Graph collections to join, a list; None: GLOBAL_VARIABLES.
        caching_device: Accepted; a variable is read where it lives.
        partitioner: Must be None: variables are whole.
        validate_shape: False lets later values have another shape.
        use_resource: Whether new variables are resources, as for Variable.
        custom_getter: A function (getter, name, ...) called instead, which may call getter.
        constraint: A function of the value that an optimiser applies after each update.
        synchronization: Accepted.
        aggregation: Accepted.

    Returns:
        A Variable.

    Raises:
        TypeError: an argument is of another kind.
        ValueError: name is empty; the variable exists and the scope does not reuse, or does not
            exist and the scope only reuses; shapes or dtypes differ; the shape of a new variable is
            not fully known, or given besides a value; or its dtype has no default initializer.
        NotImplementedError: partitioner is given.

    Example:
        >>> w = fc.get_variable("w", [2], initializer=fc.zeros_initializer())
        >>> with fc.Session() as sess:
        ...     sess.run(w.initializer)
        ...     print(sess.run(w))
        [0. 0.]
    """
    return get_variable_scope().get_variable(
        None,
        name,
        shape,
        dtype,
        initializer,
        regularizer,
        None,
        trainable,
        collections,
        caching_device,
        partitioner,
        validate_shape,
        use_resource,
        custom_getter,
        constraint,
    )


def get_local_variable(
    name: str,
    shape: Any = None,
    dtype: Any = None,
    initializer: Any = None,
    collections: Any = None,
    **settings: Any,
) -> Variable:
    """As get_variable, for a local variable, which is not trainable.

    Args:
        name: The name behind the scope's.
        shape: The shape of a new variable.
        dtype: The dtype; None: the scope's.
        initializer: A function of (shape, dtype), its class, or a value.
        collections: Graph collections to join besides LOCAL_VARIABLES, a list.
        settings: What else get_variable takes.

    Returns:
        A Variable.

    Raises:
        TypeError: an argument is of another kind.
        ValueError: as for get_variable.
        NotImplementedError: partitioner is given.

    Example:
        >>> count = fc.get_local_variable("count", initializer=0)
        >>> [v.name for v in fc.local_variables()]
        ['count:0']
    """
    settings["trainable"] = False
    joined = [*(() if collections is None else listed(collections, "collections")), GraphKeys.LOCAL_VARIABLES]
    return get_variable(name, shape, dtype, initializer, collections=joined, **settings)
