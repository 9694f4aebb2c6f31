"""Name scopes, control dependencies, colocation and collections of the default graph."""

from __future__ import annotations

import threading

import pytest

import flowcore as fc


def test_a_control_dependency_on_a_variable_waits_for_its_node_not_for_a_value() -> None:
    v = fc.Variable(1.0, name="v")
    with fc.control_dependencies([v]):
        c = fc.constant(2)
        both = fc.group(v)
    assert c.op.control_inputs == [v.op]
    with fc.Session() as sess:
        assert sess.run(c) == 2  # v has no value
        sess.run(both)


def test_a_control_dependency_on_a_read_waits_for_the_value() -> None:
    v = fc.Variable(1.0, name="v")
    with fc.control_dependencies([v.value()]):
        c = fc.constant(2)
    with fc.Session() as sess, pytest.raises(fc.errors.FailedPreconditionError, match="'v' has no value"):
        sess.run(c)


def test_control_dependencies_take_slices_and_names_and_refuse_the_rest() -> None:
    a = fc.constant(1.0, name="a")
    with fc.control_dependencies([fc.IndexedSlices(a, fc.constant([0])), "a:0", a.op]):
        assert fc.no_op().control_inputs == [a.op]
    for wrong in (a, a.op, 3):
        with (
            pytest.raises(TypeError, match="control_inputs must be a list"),
            fc.control_dependencies(wrong),  # type: ignore[arg-type]
        ):
            pass


def test_colocation_is_with_the_variable_and_with_whom_the_other_is_colocated() -> None:
    v, a = fc.Variable(1.0, name="v"), fc.constant(1, name="a")
    with fc.colocate_with(v):
        assert fc.constant(1).op.colocation_groups() == [b"loc:@v"]
    with fc.colocate_with(a):
        b = fc.constant(2, name="b")
    with fc.colocate_with(b):
        assert fc.constant(3).op.colocation_groups() == [b"loc:@a"]
    with fc.colocate_with(v), fc.colocate_with(b):
        assert fc.constant(3).op.colocation_groups() == [b"loc:@v", b"loc:@a"]
    assert a.op.colocation_groups() == [b"loc:@a"]


def test_a_name_scope_takes_the_graph_of_its_values_which_must_agree() -> None:
    a = fc.constant(1)
    with fc.Graph().as_default():
        b = fc.constant(2)
        with fc.name_scope("s", values=[a]):
            assert fc.constant(3).graph is a.graph
        with pytest.raises(ValueError, match="belong to different graphs"), fc.name_scope("s", values=[a, b]):
            pass
        assert fc.constant(4).graph is b.graph
    with pytest.raises(ValueError, match="name and default_name"):
        fc.name_scope(None, values=[a])


def test_name_scopes_nest_end_and_are_entered_again() -> None:
    with fc.name_scope("outer") as outer:
        with fc.name_scope(None, "inner"):
            assert fc.no_op("op").name == "outer/inner/op"
        with fc.name_scope("inner"):
            assert fc.no_op("op").name == "outer/inner_1/op"
        with fc.name_scope(None):
            assert fc.no_op("op").name == "op"
    with fc.name_scope(outer), fc.op_scope([], None, "older"):
        assert fc.no_op("op").name == "outer/older/op"


def test_scopes_belong_to_the_thread_that_opened_them() -> None:
    names = []
    graph = fc.get_default_graph()

    def make() -> None:
        with graph.as_default():
            names.append(fc.no_op("there").name)

    with fc.name_scope("here"), fc.control_dependencies([fc.no_op()]):
        thread = threading.Thread(target=make)
        thread.start()
        thread.join()
    assert names == ["there"]
    assert graph.get_operation_by_name("there").control_inputs == []


def test_collections_keep_what_was_added_and_filter_by_scope() -> None:
    a, b = fc.constant(1, name="x/a"), fc.constant(1, name="y/b")
    fc.add_to_collections(["first", "second"], a)
    fc.add_to_collection("first", b)
    assert fc.get_collection("first") == [a, b]
    assert fc.get_collection("first", "y") == [b]
    assert fc.get_collection("second") == [a]
    fc.get_collection("first").clear()
    assert fc.get_collection_ref("first") == [a, b]
    fc.get_collection_ref("first").clear()
    assert fc.get_collection("first") == []


def test_seeds_come_from_the_graph_and_the_op() -> None:
    assert fc.get_seed(None) == (None, None)
    assert fc.get_seed(5) == (87654321, 5)
    fc.set_random_seed(7)
    assert fc.get_seed(5) == (7, 5)
    fc.no_op()
    assert fc.get_seed(None) == (7, 1)
