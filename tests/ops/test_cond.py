"""cond and case: which branch runs, what runs in it, structures, errors."""

from __future__ import annotations

import collections
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import flowcore as fc
from flowcore.graph.apply import apply
from flowcore.graph.func_graph import FuncGraph, share_captures

Pair = collections.namedtuple("Pair", "first second")


def test_one_branch_runs_and_what_is_made_outside_runs_anyway() -> None:
    seen: list[str] = []

    def note(what: str) -> fc.Tensor:
        return fc.py_func(lambda: (seen.append(what), np.float32(len(seen)))[1], [], fc.float32)

    p = fc.placeholder(fc.bool, [])
    outside = note("outside")
    y = fc.cond(p, lambda: note("true") + outside, lambda: note("false"))
    with fc.Session() as sess:
        sess.run(y, {p: True})
        assert sorted(seen) == ["outside", "true"]
        seen.clear()
        sess.run(y, {p: False})
        assert sorted(seen) == ["false", "outside"]


def test_an_op_of_a_body_runs_if_what_is_returned_needs_it() -> None:
    v, w = fc.Variable(0.0), fc.Variable(0.0)
    p = fc.placeholder(fc.bool, [])

    def true_fn() -> fc.Tensor:
        w.assign_add(1.0)  # nothing leads to it
        with fc.control_dependencies([v.assign_add(1.0)]):
            return fc.constant(1.0) + 0.0

    y = fc.cond(p, true_fn, lambda: fc.constant(2.0))
    with fc.Session() as sess:
        sess.run(fc.global_variables_initializer())
        assert sess.run(y, {p: True}) == 1.0
        assert sess.run(y, {p: False}) == 2.0
        assert sess.run([v, w]) == [1.0, 0.0]


def test_a_returned_operation_runs_and_becomes_a_truth_value() -> None:
    v = fc.Variable(0.0)
    p = fc.placeholder(fc.bool, [])
    done = fc.cond(p, lambda: fc.group(v.assign_add(5.0)), lambda: fc.no_op())
    assert done.dtype is fc.bool
    with fc.Session() as sess:
        sess.run(fc.global_variables_initializer())
        assert sess.run(done, {p: False}) == np.False_
        assert sess.run(v) == 0.0
        assert sess.run(done, {p: True}) == np.True_
        assert sess.run(v) == 5.0


def test_structures_come_back_as_the_functions_return_them() -> None:
    p = fc.placeholder(fc.bool, [])
    x = fc.constant([1.0, 2.0])

    def branch(scale: float) -> object:
        return {"b": Pair(x * scale, [fc.constant(1), fc.constant("t")]), "a": (x + scale,)}

    y = fc.cond(p, lambda: branch(2.0), lambda: branch(3.0))
    assert list(y) == ["b", "a"]
    assert isinstance(y["b"], Pair)
    with fc.Session() as sess:
        value = sess.run(y, {p: False})
        np.testing.assert_array_equal(value["a"][0], [4.0, 5.0])
        np.testing.assert_array_equal(value["b"].first, [3.0, 6.0])
        assert value["b"].second == [1, b"t"]


@pytest.mark.parametrize("strict", [False, True])
def test_a_list_of_one_is_kept_where_strict(strict: bool) -> None:
    y = fc.cond(fc.constant(True), lambda: [fc.constant(1)], lambda: [fc.constant(2)], strict=strict)
    assert isinstance(y, list if strict else fc.Tensor)


def test_indexed_slices_stay_sparse() -> None:
    p = fc.placeholder(fc.bool, [])
    rows = fc.constant([[1.0, 2.0], [3.0, 4.0]])
    y = fc.cond(
        p,
        lambda: fc.IndexedSlices(rows[:1], fc.constant([3]), fc.constant([5, 2])),
        lambda: fc.IndexedSlices(rows, fc.constant([0, 1]), fc.constant([5, 2])),
    )
    assert isinstance(y, fc.IndexedSlices)
    with fc.Session() as sess:
        value = sess.run(y, {p: True})
        np.testing.assert_array_equal(value.indices, [3])
        np.testing.assert_array_equal(sess.run(y, {p: False}).values, [[1, 2], [3, 4]])


def test_branches_nest_and_capture_through_one_another() -> None:
    p, q = fc.placeholder(fc.bool, []), fc.placeholder(fc.bool, [])
    v = fc.Variable(10.0, use_resource=True)
    x = fc.placeholder(fc.float32, [])

    def inner() -> fc.Tensor:
        y = x + 1.0
        return fc.cond(q, lambda: y * v, lambda: fc.cond(p, lambda: x * v, lambda: y))

    z = fc.cond(p, inner, lambda: -x)
    with fc.Session() as sess:
        sess.run(fc.global_variables_initializer())
        assert [sess.run(z, {x: 2.0, p: a, q: b}) for a in (True, False) for b in (True, False)] == [
            30.0,
            20.0,
            -2.0,
            -2.0,
        ]


def test_shapes_merge() -> None:
    p = fc.placeholder(fc.bool, [])
    y = fc.cond(p, lambda: fc.ones([2, 3]), lambda: fc.zeros([4, 3]))
    assert y.shape.as_list() == [None, 3]
    assert fc.cond(p, lambda: fc.ones([2]), lambda: fc.ones([2, 2])).shape.ndims is None


@pytest.mark.parametrize("use_resource", [False, True])
def test_a_variable_from_outside_has_its_shape_inside(use_resource: bool) -> None:
    """Behind a captured handle too, through a branch inside a loop."""
    table = fc.Variable(np.ones([7, 3], np.float32), use_resource=use_resource, name="table")
    rows = fc.placeholder(fc.float32, [None, 3])

    def taken(i: fc.Tensor, total: fc.Tensor) -> tuple[fc.Tensor, fc.Tensor]:
        row = fc.cond(i > 1, lambda: fc.gather(table, [i]), lambda: table[:2])
        assert row.shape.as_list() == [None, 3]
        return i + 1, total + fc.reduce_sum(row, 0, keepdims=True)

    _, total = fc.while_loop(lambda i, _: i < 4, taken, [0, rows])
    assert total.shape.as_list() == [None, 3]
    with pytest.raises(ValueError, match="incompatible"):
        fc.cond(fc.constant(True), lambda: table.assign(np.zeros([2, 2], np.float32)), lambda: table)
    with fc.Session() as sess:
        sess.run(table.initializer)
        np.testing.assert_array_equal(sess.run(total, {rows: np.zeros([1, 3])}), [[6.0, 6.0, 6.0]])


def test_names_have_the_path_of_the_body() -> None:
    p = fc.placeholder(fc.bool, [])
    with fc.name_scope("layer"):
        y = fc.cond(p, lambda: fc.log(fc.constant(-1.0), name="log"), lambda: fc.constant(0.0), name="choose")
    assert y.op.name == "layer/choose"
    bad = fc.cond(p, lambda: fc.Assert(False, ["no"], name="check"), fc.no_op, name="guard")
    with fc.Session() as sess:
        with pytest.raises(fc.errors.InvalidArgumentError, match="node 'guard/true/check'"):
            sess.run(bad, {p: True})
        assert sess.run(bad, {p: False}) == np.False_


def test_a_tensor_of_a_body_cannot_be_used_outside() -> None:
    kept: list[fc.Tensor] = []
    p = fc.placeholder(fc.bool, [])
    fc.cond(p, lambda: kept.append(fc.constant(1.0, name="inner")) or kept[0], lambda: fc.constant(2.0))
    with pytest.raises(ValueError, match="inside 'cond/true'"):
        fc.get_default_graph().create_op("Neg", [kept[0]])
    with pytest.raises(ValueError, match="lies inside 'cond/true'"):
        kept[0] + 1.0
    with fc.Session() as sess:
        with pytest.raises(ValueError, match="inside 'cond/true'"):
            sess.run(kept[0])
        with pytest.raises(TypeError, match="inside 'cond/true'"):
            sess.run(fc.constant(1), {kept[0]: 1.0})


def test_bad_arguments() -> None:
    p = fc.placeholder(fc.bool, [])
    one = lambda: fc.constant(1.0)  # noqa: E731
    for error, match, call in (
        (TypeError, "pred must not be a Python bool", lambda: fc.cond(True, one, one)),
        (TypeError, "pred must be a scalar of dtype bool", lambda: fc.cond(fc.constant(1), one, one)),
        (ValueError, "pred must be a scalar, found shape", lambda: fc.cond(fc.constant([True]), one, one)),
        (TypeError, "true_fn must be", lambda: fc.cond(p, 3, one)),
        (TypeError, "false_fn must be", lambda: fc.cond(p, one)),
        (TypeError, "two names", lambda: fc.cond(p, one, one, fn1=one)),
        (ValueError, "false_fn must have a return value", lambda: fc.cond(p, one, lambda: None)),
        (ValueError, "Incompatible return types", lambda: fc.cond(p, one, lambda: (one(), one()))),
        (
            TypeError,
            "Incompatible return types",
            lambda: fc.cond(p, lambda: [one(), one()], lambda: (one(), one())),
        ),
        (
            ValueError,
            "same type: value 0 is float32 and int32",
            lambda: fc.cond(p, one, lambda: fc.constant(1)),
        ),
    ):
        with pytest.raises(error, match=match):
            call()
    y = fc.cond(p, fn1=one, fn2=lambda: fc.constant(2.0))
    assert fc.Session().run(y, {p: False}) == 2.0


def test_control_dependencies_on_ops_around_are_those_of_the_whole() -> None:
    v = fc.Variable(0.0)
    p = fc.placeholder(fc.bool, [])
    first = v.assign(3.0)

    def read() -> fc.Tensor:
        with fc.control_dependencies([first]):
            return v.read_value()

    y = fc.cond(p, read, lambda: fc.constant(-1.0))
    with fc.Session() as sess:
        sess.run(fc.global_variables_initializer())
        assert sess.run(y, {p: True}) == 3.0


@pytest.mark.parametrize("threads", [1, 2, 8])
def test_a_captured_constant_may_be_fed(threads: int) -> None:
    c = fc.constant(2.0)
    y = fc.cond(fc.constant(True), lambda: c * 3.0, lambda: c)
    with fc.Session(config=fc.ConfigProto(inter_op_parallelism_threads=threads)) as sess:
        assert sess.run(y) == 6.0
        assert sess.run(y, {c: 5.0}) == 15.0


def test_case_takes_the_first_that_holds() -> None:
    x = fc.placeholder(fc.int32, [])
    pairs = [(x < 3, lambda: fc.constant(1)), (x < 5, lambda: fc.constant(2))]
    y = fc.case(pairs, default=lambda: fc.constant(3))
    no_default = fc.case(pairs)
    exclusive = fc.case(pairs, default=lambda: fc.constant(3), exclusive=True)
    with fc.Session() as sess:
        assert [sess.run(y, {x: v}) for v in (0, 4, 9)] == [1, 2, 3]
        assert [sess.run(no_default, {x: v}) for v in (0, 4)] == [1, 2]
        with pytest.raises(fc.errors.InvalidArgumentError, match="None of the conditions evaluated to True"):
            sess.run(no_default, {x: 9})
        assert sess.run(exclusive, {x: 4}) == 2
        with pytest.raises(fc.errors.InvalidArgumentError, match="More than one condition"):
            sess.run(exclusive, {x: 0})
    with pytest.raises(ValueError, match="at least one pair"):
        fc.case([])
    with pytest.raises(TypeError, match="2-tuple"):
        fc.case([3])
    with pytest.raises(TypeError, match="list, tuple, or dict"):
        fc.case(3)
    with pytest.raises(TypeError, match="pred must be a Tensor of dtype bool"):
        fc.case([(x, lambda: x)])


def body_of(path: str, scale: float, outer: fc.Tensor) -> FuncGraph:
    body = FuncGraph(path, fc.get_default_graph())
    with body.building():
        body.outputs = [outer * scale]
    return body


def test_case_and_call_ops_by_hand() -> None:
    x, number = fc.placeholder(fc.float32, []), fc.placeholder(fc.int32, [])
    bodies = [body_of(f"b{i}", float(i), x) for i in range(3)]
    passed = share_captures(bodies, 0)
    chosen = apply("StatelessCase", number, passed, Tout=[fc.float32], branches=bodies)[0]
    called = apply("PartitionedCall", passed, Tout=[fc.float32], f=bodies[2])[0]
    assert (chosen.shape.ndims, called.shape.ndims) == (0, 0)
    with fc.Session() as sess:
        assert [sess.run(chosen, {x: 5.0, number: i}) for i in (-1, 0, 1, 2, 3)] == [
            10.0,
            0.0,
            5.0,
            10.0,
            10.0,
        ]
        assert sess.run(called, {x: 4.0}) == 8.0


@pytest.mark.parametrize("how", ["target", "group", "edge"])
def test_what_a_branch_does_is_done_where_only_its_end_is_waited_for(how: str) -> None:
    p = fc.placeholder(fc.bool, [])
    v = fc.Variable(0.0, use_resource=True)
    w = fc.Variable(0.0, use_resource=True)
    results = fc.cond(
        p, lambda: (v.assign_add(1.0), w.assign_add(2.0)), lambda: (v.read_value(), w.read_value())
    )
    if how == "target":
        run = results[0].op
    elif how == "group":
        run = fc.group(*results)
    else:
        with fc.control_dependencies(results):
            run = fc.no_op()
    with fc.Session() as sess:
        sess.run([v.initializer, w.initializer])
        sess.run(run, {p: True})
        assert sess.run([v, w]) == [1.0, 2.0]
        sess.run(run, {p: False})
        assert sess.run([v, w]) == [1.0, 2.0]


def test_a_loop_that_is_run_for_its_effects_has_them() -> None:
    v = fc.Variable(0.0, use_resource=True)

    def turn(i: fc.Tensor) -> fc.Tensor:
        with fc.control_dependencies([v.assign_add(1.0, read_value=False)]):
            return i + 1

    loop = fc.while_loop(lambda i: i < 5, turn, [0])
    with fc.Session() as sess:
        sess.run(v.initializer)
        sess.run(fc.group(loop))
        assert sess.run(v) == 5.0


# ---- switch_case ----------------------------------------------------------------------------------


@pytest.mark.parametrize("threads", [1, 2, 8])
def test_switch_case_runs_the_function_of_the_number(threads: int) -> None:
    i = fc.placeholder(fc.int32, [])
    v = fc.Variable(0.0)
    x = fc.placeholder(fc.float32, [])

    def noted() -> fc.Tensor:
        with fc.control_dependencies([v.assign_add(1.0)]):
            return fc.identity(x)

    last = fc.switch_case(i, [noted, lambda: x * 10.0])
    pairs = fc.switch_case(i, [(1, lambda: x * 10.0), (0, lambda: -x)], default=noted)
    keyed = fc.switch_case(i, {0: lambda: {"a": x}, 1: lambda: {"a": 0.0}}, name="keyed")["a"]
    assert (keyed.name, keyed.op.type, last.op.type) == ("keyed:0", "StatelessCase", "Case")
    assert [b.path for b in keyed.op.get_attr("branches")] == ["keyed/branch0", "keyed/branch1"]
    with fc.Session(config=fc.ConfigProto(inter_op_parallelism_threads=threads)) as sess:
        sess.run(v.initializer)
        for number, expected in ((0, [2, -2, 2]), (1, [20, 20, 0]), (-1, [20, 2, 0]), (9, [20, 2, 0])):
            assert sess.run([last, pairs, keyed], {i: number, x: 2.0}) == expected
        assert sess.run(v) == 3.0


@pytest.mark.parametrize("number", [0, 1, 2, 5])
def test_gradients_of_switch_case(number: int) -> None:
    i = fc.placeholder(fc.int32, [])
    x, y = fc.placeholder(fc.float64, []), fc.placeholder(fc.float64, [])
    w = fc.Variable(0.7, dtype=fc.float64)
    functions = [
        lambda: fc.tanh(x * w) * y,
        lambda: fc.exp(y) + fc.while_loop(lambda k, t: k < 3, lambda k, t: (k + 1, t * x), [0, w])[1],
        lambda: fc.constant(1.0, fc.float64),
    ]
    fetches = []
    for value in (fc.switch_case(i, functions), functions[min(number, 2)]()):
        first = [fc.zeros([], fc.float64) if g is None else g for g in fc.gradients(value, [x, y, w])]
        second = fc.gradients(fc.add_n([fc.sin(g) for g in first]), [x, y, w])
        fetches.append([value, *first, *[fc.zeros_like(x) if g is None else g for g in second]])
    with fc.Session() as sess:
        sess.run(w.initializer)
        found, expected = sess.run(fetches, {i: number, x: 0.4, y: -0.3})
    np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-12)


def test_bad_arguments_of_switch_case() -> None:
    i, one = fc.constant(1), lambda: 1.0
    bad: list[tuple[Any, Any, str]] = [
        (lambda: fc.switch_case(1, [one, one]), TypeError, "branch_index must be a Tensor"),
        (lambda: fc.switch_case(fc.constant(1.0), [one]), TypeError, "must be int32"),
        (lambda: fc.switch_case(fc.constant([1]), [one]), ValueError, "must be a scalar"),
        (lambda: fc.switch_case(i, 5), TypeError, "must be a list, tuple, or dict"),
        (lambda: fc.switch_case(i, []), ValueError, "at least one"),
        (lambda: fc.switch_case(i, [one, 3]), TypeError, "all of them; found"),
        (lambda: fc.switch_case(i, [(0, one), (1, 3)]), TypeError, "the function of branch 1"),
        (lambda: fc.switch_case(i, [("0", one)]), TypeError, "must be an int"),
        (lambda: fc.switch_case(i, {0: one, 2: one}), ValueError, r"from 0 to 1, each once; found \[0, 2\]"),
        (lambda: fc.switch_case(i, [(0, one), (0, one)]), ValueError, r"found \[0, 0\]"),
        (lambda: fc.switch_case(i, [one, one], default=3), TypeError, "default must be a function"),
        (lambda: fc.switch_case(i, [one, lambda: 1]), ValueError, r"branch_fns\[0\] and branch_fns\[1\]"),
        (lambda: fc.switch_case(i, [one], default=lambda: [1.0, 2.0]), ValueError, "default"),
        (lambda: fc.switch_case(i, [one, lambda: None]), ValueError, r"branch_fns\[1\] must have a return"),
    ]
    for make, kind, message in bad:
        with pytest.raises(kind, match=message):
            make()


# ---- what lies inside -----------------------------------------------------------------------------


def test_what_lies_inside_a_body_is_refused_everywhere_else_by_its_name_and_line() -> None:
    kept: list[fc.Tensor] = []
    x = fc.constant(2.0)
    p = fc.placeholder_with_default(True, [])

    def keeping() -> fc.Tensor:
        kept.append(fc.sqrt(x, name="inner"))
        return kept[-1]

    y = fc.cond(p, keeping, lambda: x)
    inner = kept[0]
    v = fc.Variable(1.0)
    graph = x.graph
    assert not graph.is_fetchable(inner)
    assert not graph.is_fetchable(inner.op)
    assert not graph.is_feedable(inner)
    sess = fc.Session()
    uses: list[Callable[[], Any]] = [
        lambda: inner + 1.0,
        lambda: 1.0 + inner,
        lambda: fc.stack([x, inner]),
        lambda: v.assign(inner),
        lambda: fc.cond(inner > 0.0, lambda: x, lambda: x),
        lambda: fc.cond(p, lambda: inner * 2.0, lambda: x),
        lambda: fc.cond(p, lambda: inner, lambda: x),
        lambda: fc.while_loop(lambda i: i < 3.0, lambda i: i + 1.0, [inner]),
        lambda: fc.while_loop(lambda i: i < 3.0, lambda i: inner, [x]),
        lambda: fc.while_loop(lambda i: i < inner, lambda i: i + 1.0, [x]),
        lambda: fc.control_dependencies([inner]).__enter__(),
        lambda: fc.gradients(y, inner),
        lambda: fc.gradients(inner, x),
        lambda: sess.run(inner),
        lambda: sess.run(inner.op),
        lambda: sess.run("cond/true/inner:0"),
        lambda: sess.make_callable(inner),
    ]
    for use in uses:
        with pytest.raises(ValueError, match=r"made at .*test_cond.py:\d+, lies inside 'cond/true'"):
            use()
    with pytest.raises(TypeError, match=r"feed_dict key.*lies inside 'cond/true'"):
        sess.run(y, {inner: 1.0})
    with pytest.raises(TypeError, match=r"feed_dict key.*lies inside 'cond/true'"):
        sess.run(y, {"cond/true/inner:0": 1.0})
    with pytest.raises(ValueError, match=r"Cannot execute .*lies inside 'cond/true'"):
        inner.eval(session=sess)
    assert sess.run(y) == np.sqrt(np.float32(2.0))
    assert len(y.op.get_attr("then_branch").operations_since(0)) == 2  # nothing was added to it
    sess.close()


def test_a_tensor_of_one_branch_is_refused_in_the_other() -> None:
    kept: list[fc.Tensor] = []

    def first() -> fc.Tensor:
        kept.append(fc.sqrt(4.0, name="inner"))
        return kept[-1]

    with pytest.raises(ValueError, match=r"'cond/true/inner:0', made at .*, lies inside 'cond/true'"):
        fc.cond(fc.constant(True), first, lambda: kept[0] * 2.0)
    with pytest.raises(ValueError, match=r"'cond_1/true/inner:0', made at .*, lies inside 'cond_1/true'"):
        fc.cond(fc.constant(True), first, lambda: kept[1])
    with pytest.raises(ValueError, match=r"'while/cond/.*', made at .*, lies inside 'while/cond'"):
        fc.while_loop(lambda i: kept.append(i + 1.0) or i < 3.0, lambda i: kept[-1], [fc.constant(0.0)])


def test_a_session_made_inside_a_body_is_one_of_the_whole_graph() -> None:
    seen: list[Any] = []
    x = fc.constant(5.0)

    def branch() -> fc.Tensor:
        with fc.Session() as sess:
            seen.append(sess.run(x))
            return fc.constant(sess.graph is x.graph)

    y = fc.cond(fc.placeholder_with_default(True, []), branch, lambda: False)
    assert seen == [5.0]
    assert fc.Session().run(y)


@pytest.mark.parametrize("make", ["cond", "case"])
def test_a_predicate_of_unknown_rank_must_be_a_scalar(make: str) -> None:
    p = fc.placeholder(fc.bool, None)
    one, two = lambda: fc.constant(1), lambda: fc.constant(2)
    y = fc.cond(p, one, two) if make == "cond" else fc.case([(p, one)], default=two)
    with fc.Session() as sess:
        assert [sess.run(y, {p: value}) for value in (True, False)] == [1, 2]
        for wrong in ([True], [False], [True, False], []):
            with pytest.raises(fc.errors.InvalidArgumentError, match="pred must be a scalar, found shape"):
                sess.run(y, {p: wrong})


def test_which_single_values_are_unpacked() -> None:
    """As in TensorFlow 1.15: twice by cond, not where it is strict, and not by switch_case."""
    p, i = fc.placeholder(fc.bool, []), fc.placeholder(fc.int32, [])
    x = fc.constant(1)
    assert isinstance(fc.cond(p, lambda: [x], lambda: [x]), fc.Tensor)
    assert isinstance(fc.cond(p, lambda: [(x,)], lambda: [(x,)]), fc.Tensor)
    assert isinstance(fc.case([(p, lambda: [x])], default=lambda: [x]), fc.Tensor)
    (once,) = fc.cond(p, lambda: [[(x,)]], lambda: [[(x,)]])
    assert isinstance(once, fc.Tensor)
    assert [type(v) for v in fc.cond(p, lambda: [x], lambda: [x], strict=True)] == [fc.Tensor]
    assert [type(v) for v in fc.switch_case(i, [lambda: [x], lambda: [x]])] == [fc.Tensor]


def test_structures_of_branches_that_differ_are_told_by_kind() -> None:
    p = fc.placeholder(fc.bool, [])
    x = fc.constant([[1.0]])
    slices = fc.IndexedSlices(x, fc.constant([0]), fc.constant([1, 1]))
    for error, a, b in (
        (TypeError, [x, x], (x, x)),
        (ValueError, {"a": x}, {"b": x}),
        (ValueError, [x, x], [x, x, x]),
        (ValueError, slices, x),
    ):
        with pytest.raises(error, match="Incompatible return types of true_fn and false_fn"):
            fc.cond(p, lambda a=a: a, lambda b=b: b)


def test_a_constant_that_waits_for_a_fed_value_is_captured() -> None:
    x = fc.placeholder(fc.float32, [])
    with fc.control_dependencies([fc.identity(x)]):
        c = fc.constant(2.0)
    y = fc.cond(x > 0.0, lambda: c * 3.0 + 1.0, lambda: x)
    assert fc.Session().run(y, {x: 1.0}) == 7.0
