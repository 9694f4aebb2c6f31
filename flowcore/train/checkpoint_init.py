"""Initial values from a checkpoint: the initializers of variables read it instead."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from flowcore.arguments import described, instance, listed, text
from flowcore.graph.apply import apply
from flowcore.graph.graph import GraphKeys
from flowcore.graph.scopes import device, get_collection, init_scope
from flowcore.ops.variable_scope import variables_by_name
from flowcore.ops.variables import Variable
from flowcore.train.checkpoint_reader import CheckpointReader, load_checkpoint, near
from flowcore.train.saveables import Saveable

__all__ = ["init_from_checkpoint", "warm_start"]


def init_from_checkpoint(ckpt_dir_or_file: str, assignment_map: Mapping[str, Any]) -> None:
    """Has initializers of variables give them the values of a checkpoint.

    It is called when the variables are made and before their initializers run.

    Args:
        ckpt_dir_or_file: What Saver.save returned, or a folder.
        assignment_map: A dictionary from names in the checkpoint to Variables, to names of
            variables that get_variable has made, or to lists of the parts of one; from "scope/" to
            "scope/": all variables of that scope, by their names in it. "/" stands for all.

    Raises:
        TypeError: an argument is of another kind.
        ValueError: a tensor is not in the checkpoint, has another shape, or a name is that of no
            variable.
        NotFoundError: there is no such checkpoint.

    Example:
        >>> v = fc.get_variable("v", [2])
        >>> with fc.Session() as sess:
        ...     sess.run(v.assign([1.0, 2.0]))
        ...     path = fc.train.Saver().save(sess, "model")
        array([1., 2.], dtype=float32)
        >>> with fc.Graph().as_default():
        ...     w = fc.get_variable("layer/v", [2])
        ...     fc.train.init_from_checkpoint(path, {"/": "layer/"})
        ...     with fc.Session() as sess:
        ...         sess.run(fc.global_variables_initializer())
        ...         print(sess.run(w))
        [1. 2.]
    """
    reader = load_checkpoint(ckpt_dir_or_file)
    if not isinstance(assignment_map, Mapping):
        raise TypeError(f"assignment_map must be a dictionary, found {described(assignment_map)}")
    pairs: list[tuple[str, Variable]] = []
    for key, target in assignment_map.items():
        pairs += _pairs(text(key, "each key of assignment_map"), target)
    _initialize(reader, pairs)


def _pairs(stored: str, target: Any) -> list[tuple[str, Variable]]:
    """Names in the checkpoint and the variables that take the values, of one entry of the map."""
    if isinstance(target, Variable):
        return [(stored, target)]
    if isinstance(target, (list, tuple)):
        return [(stored, instance(v, Variable, "each part of a variable")) for v in target]
    name = text(target, "each value of assignment_map, which is a Variable or a name,")
    known = variables_by_name()
    if name in known:
        return [(stored, known[name])]
    if not (stored.endswith("/") and name.endswith("/")):
        raise ValueError(
            f"get_variable has made no variable '{name}'{near(name, known)}; a scope goes to a scope, as in"
            " {'scope/': 'other_scope/'}"
        )
    scope, prefix = name.removesuffix("/"), "" if stored == "/" else stored
    inside = [n for n in sorted(known) if not scope or n.startswith(f"{scope}/")]
    return [(prefix + (n[len(scope) + 1 :] if scope else n), known[n]) for n in inside]


def _initialize(reader: CheckpointReader, pairs: Sequence[tuple[str, Variable]]) -> None:
    problems = []
    for name, variable in pairs:
        stored = reader.tensors.get(name)
        info = variable._save_slice_info
        if stored is None:
            problems.append(
                f"Tensor {name} (for variable {variable.op.name}) is not found{near(name, reader.tensors)}"
            )
        elif stored.dtype != variable.dtype.base_dtype.name:
            problems.append(
                f"Tensor {name} is {stored.dtype}, and variable {variable.op.name}"
                f" {variable.dtype.base_dtype.name}"
            )
        elif not (
            list(stored.shape) == info.full_shape if info else variable.shape.is_compatible_with(stored.shape)
        ):
            problems.append(
                f"Shape of variable {variable.op.name} ({variable.shape.as_list()}) doesn't match with shape"
                f" of tensor {name} ({list(stored.shape)})"
            )
    if problems:
        raise ValueError(f"checkpoint {reader._path} does not fit:\n  " + "\n  ".join(problems))
    for name, variable in pairs:
        _set_initializer(reader._path, name, variable)


def _set_initializer(path: str, name: str, variable: Variable) -> None:
    info = variable._save_slice_info
    spec = "" if info is None else info.spec
    with variable.graph.as_default(), init_scope():
        with device(variable.device or None), device("/cpu:0"):
            value = apply(
                "RestoreV2",
                path,
                [name],
                [spec],
                dtypes=[variable.dtype.base_dtype],
                name="checkpoint_initializer",
            )[0]
            value.set_shape(variable.shape)
        variable._initializer = Saveable(name, variable, spec).restore(value, reshape=False)
    variable._initial_value = value


def warm_start(
    ckpt_to_initialize_from: str,
    vars_to_warm_start: Any = ".*",
    var_name_to_vocab_info: Mapping[str, Any] | None = None,
    var_name_to_prev_var_name: Mapping[str, str] | None = None,
) -> None:
    """Has initializers of variables give them the values of a checkpoint, by the variables' names.

    Args:
        ckpt_to_initialize_from: What Saver.save returned, or a folder.
        vars_to_warm_start: A regular expression for names of trainable variables; a list of
            expressions for names of any global ones; or a list of Variables.
        var_name_to_vocab_info: Must be empty: rows are not moved from one vocabulary to another.
        var_name_to_prev_var_name: The names that variables have in the checkpoint, where these
            differ.

    Raises:
        TypeError: an argument is of another kind.
        ValueError: a tensor is not in the checkpoint or has another shape, or an expression is
            none.
        NotImplementedError: var_name_to_vocab_info is given.
        NotFoundError: there is no such checkpoint.

    Example:
        >>> v = fc.get_variable("v", initializer=[1.0, 2.0])
        >>> with fc.Session() as sess:
        ...     sess.run(v.initializer)
        ...     path = fc.train.Saver().save(sess, "model")
        >>> with fc.Graph().as_default():
        ...     w = fc.get_variable("w", [2])
        ...     fc.train.warm_start(path, var_name_to_prev_var_name={"w": "v"})
        ...     with fc.Session() as sess:
        ...         sess.run(w.initializer)
        ...         print(sess.run(w))
        [1. 2.]
    """
    if var_name_to_vocab_info is not None and var_name_to_vocab_info != {}:
        raise NotImplementedError(
            "warm_start does not move rows between vocabularies: load_variable the old rows, reorder them and"
            " use them as an initializer"
        )
    if not isinstance(var_name_to_prev_var_name, (Mapping, type(None))):
        raise TypeError(
            f"var_name_to_prev_var_name must be a dictionary, found {described(var_name_to_prev_var_name)}"
        )
    earlier = dict(var_name_to_prev_var_name or {})
    pairs = []
    for variable in _chosen(vars_to_warm_start):
        info = variable._save_slice_info
        name = variable.op.name if info is None else info.full_name
        pairs.append((earlier.pop(name, name), variable))
    if earlier:
        raise ValueError(
            f"var_name_to_prev_var_name names variables that are not warm-started: {sorted(earlier)}"
        )
    _initialize(load_checkpoint(ckpt_to_initialize_from), pairs)


def _chosen(wanted: Any) -> list[Variable]:
    if wanted is None:
        return []
    if isinstance(wanted, str):
        return get_collection(GraphKeys.TRAINABLE_VARIABLES, _expression(wanted))
    entries = listed(wanted, "vars_to_warm_start")
    if all(isinstance(e, str) for e in entries):
        found = [v for e in entries for v in get_collection(GraphKeys.GLOBAL_VARIABLES, _expression(e))]
        return list({v.op: v for v in found}.values())
    return [instance(e, Variable, "each of vars_to_warm_start") for e in entries]


def _expression(pattern: str) -> str:
    try:
        re.compile(pattern)
    except re.error as error:
        raise ValueError(f"vars_to_warm_start: '{pattern}' is no regular expression: {error}") from None
    return pattern
