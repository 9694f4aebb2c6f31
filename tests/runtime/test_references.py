"""Reference variables: what a plan makes of ops on references, beside the same ops on resources."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import flowcore as fc
from flowcore.graph.apply import apply
from flowcore.graph.op_def import registered_ops
from flowcore.ops.state_ops import SCATTERS, UPDATES


@pytest.fixture(params=[False, True], ids=["reference", "resource"])
def use_resource(request: pytest.FixtureRequest) -> bool:
    return request.param


def planned_types(sess: fc.Session, fetch: Any) -> list[str]:
    """The types of the ops that run for a fetch: of those that stand for the user's, which a trace names."""
    metadata = fc.RunMetadata()
    sess.run(fetch, options=fc.RunOptions(trace_level=fc.RunOptions.FULL_TRACE), run_metadata=metadata)
    found = [
        n.op for n in fc.timeline.node_stats(metadata) if n.op in registered_ops()
    ]  # no copies between memories
    return ["ReadVariableOp" if t == "Identity" else registered_ops()[t].resource_form or t for t in found]


def initialised() -> fc.Session:
    sess = fc.Session()
    sess.run(fc.global_variables_initializer())
    return sess


# ---- the graph ----------------------------------------


def test_a_variable_is_three_nodes_as_in_1_15() -> None:
    v = fc.Variable([1.0, 2.0], name="v")
    assert [(op.name, op.type, op.node_def.input) for op in v.graph.get_operations()] == [
        ("v/initial_value", "Const", []),
        ("v", "VariableV2", []),
        ("v/Assign", "Assign", ["v", "v/initial_value"]),
        ("v/read", "Identity", ["v"]),
    ]
    assert (v.op.name, v.initializer.name, v.value().name) == ("v", "v/Assign", "v/read:0")
    assert v.op.outputs[0].dtype.name == v.dtype.name == "float32_ref"
    assert v.initializer.outputs[0].dtype is v.dtype
    assert v.value().dtype is fc.float32 is v.dtype.base_dtype
    assert v.dtype != fc.float32  # as in TensorFlow: scripts compare base_dtype
    assert [op.colocation_groups() for op in v.graph.get_operations()[2:]] == [[b"loc:@v"]] * 2
    assert v.op.attrs == {
        "shape": fc.TensorShape([2]),
        "dtype": fc.float32,
        "container": "",
        "shared_name": "",
    }
    assert set(v.op.node_def.attr) == set(v.op.attrs)
    assert v.initializer.get_attr("use_locking") is v.initializer.get_attr("validate_shape") is True


def test_get_variable_makes_the_initial_value_where_the_variable_is() -> None:
    with fc.variable_scope("s"):
        fc.get_variable("w", [2, 3], initializer=fc.zeros_initializer())
    with fc.variable_scope("s", reuse=True):
        _ = fc.get_variable("w", [2, 3]) * 2.0
    ops = fc.get_default_graph().get_operations()
    assert [(op.name, op.type) for op in ops] == [
        ("s/w/Initializer/zeros", "Const"),
        ("s/w", "VariableV2"),
        ("s/w/Assign", "Assign"),
        ("s/w/read", "Identity"),
        ("s_1/mul/y", "Const"),
        ("s_1/mul", "Mul"),
    ]
    assert {g for op in ops[:4] for g in op.colocation_groups()} == {b"loc:@s/w"}
    assert [t.name for t in ops[-1].inputs] == ["s/w/read:0", "s_1/mul/y:0"]


UPDATED = {
    "assign": (lambda v: v.assign([3.0, 4.0]), "Assign", False),
    "assign_add": (lambda v: v.assign_add([3.0, 4.0]), "AssignAdd", False),
    "assign_sub": (lambda v: v.assign_sub([3.0, 4.0]), "AssignSub", False),
    "tf.assign": (lambda v: fc.assign(v, [3.0, 4.0]), "Assign", True),
    "tf.assign_add": (lambda v: fc.assign_add(v, [3.0, 4.0]), "AssignAdd", False),
    "scatter_sub": (lambda v: v.scatter_sub(fc.IndexedSlices([1.0], [0])), "ScatterSub", False),
    "tf.scatter_update": (lambda v: fc.scatter_update(v, [0], [9.0]), "ScatterUpdate", True),
    "tf.scatter_mul": (lambda v: fc.scatter_mul(v, [0], 2.0), "ScatterMul", False),
    "reference": (lambda v: fc.assign(v._ref(), [3.0, 4.0]), "Assign", True),
}


@pytest.mark.parametrize("update", UPDATED)
def test_updates_are_single_nodes_that_yield_the_reference(update: str) -> None:
    v = fc.Variable([1.0, 2.0], name="v")
    make, op_type, use_locking = UPDATED[update]
    out = make(v)
    assert (out.op.name, out.op.type, out.op.inputs[0]) == (op_type, op_type, v._ref())
    assert (out.dtype.name, out.shape.as_list()) == ("float32_ref", [2])
    assert out.op.get_attr("use_locking") is use_locking
    assert out.op.colocation_groups() == [b"loc:@v"]


OPTIMIZERS = {
    "GradientDescent": (lambda: fc.train.GradientDescentOptimizer(0.1), []),
    "Momentum": (lambda: fc.train.MomentumOptimizer(0.1, 0.9), ["v/Momentum"]),
    "Adam": (lambda: fc.train.AdamOptimizer(0.1), ["beta1_power", "beta2_power", "v/Adam", "v/Adam_1"]),
    "Adagrad": (lambda: fc.train.AdagradOptimizer(0.1), ["v/Adagrad"]),
    "RMSProp": (lambda: fc.train.RMSPropOptimizer(0.1), ["v/RMSProp", "v/RMSProp_1"]),
}


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_optimisers_update_references_by_one_op_and_have_references_as_slots(name: str) -> None:
    v = fc.Variable([1.0, 2.0], name="v")
    make, slots = OPTIMIZERS[name]
    step = make().minimize(fc.reduce_sum(v * v), fc.train.get_or_create_global_step())
    graph = v.graph
    update = graph.get_operation_by_name(f"{name}/update_v/Apply{name}")
    assert [t.op.name for t in update.inputs if t.dtype._is_ref_dtype] == ["v", *slots[-2:]]
    assert update.colocation_groups() == [b"loc:@v"]
    assert [op.name for op in graph.get_operations() if op.type == "VariableV2"] == [
        "v",
        "global_step",
        *slots,
    ]
    assert (step.name, step.type, [c.name for c in step.inputs[1].op.control_inputs]) == (
        name,
        "AssignAdd",
        [f"{name}/update"],
    )
    types = {op.type for op in graph.get_operations()}
    assert not {t for t in types if t.startswith("Resource") or "Variable" in t} - {"VariableV2"}


def test_use_resource_is_asked_for_by_argument_scope_and_default() -> None:
    def kind(**settings: Any) -> str:
        with fc.Graph().as_default():
            return fc.get_variable("v", [1], **settings).op.type

    assert (kind(), kind(use_resource=False), kind(use_resource=True)) == (
        "VariableV2",
        "VariableV2",
        "VarHandleOp",
    )
    with fc.variable_scope("s", use_resource=True), fc.variable_scope("t"):
        assert fc.get_variable("v", [1]).op.type == fc.Variable(1.0).op.type == "VarHandleOp"
        assert fc.Variable(1.0, use_resource=False).op.type == "VariableV2"
    assert isinstance(fc.Variable(1.0, use_resource=True), fc.Variable)
    fc.enable_resource_variables()
    try:
        assert fc.resource_variables_enabled()
        assert kind() == fc.Variable(1.0).op.type == "VarHandleOp"
        assert kind(use_resource=False) == "VariableV2"
    finally:
        fc.disable_resource_variables()
    with pytest.raises(TypeError, match="use_resource"):
        fc.Variable(1.0, use_resource="yes")


def test_slots_are_of_the_kind_of_their_variable() -> None:
    v, w = fc.Variable(1.0, name="v"), fc.Variable(1.0, name="w", use_resource=True)
    optimizer = fc.train.MomentumOptimizer(0.1, 0.9)
    optimizer.minimize(v * w)
    types = {x.op.name: optimizer.get_slot(x, "momentum").op.type for x in (v, w)}
    assert types == {"v": "VariableV2", "w": "VarHandleOp"}


# ---- declarations ----------------------------------------


def test_every_resource_form_takes_the_same_inputs() -> None:
    forms = {name: d.resource_form for name, d in registered_ops().items() if d.resource_form}
    assert {*UPDATES, *(f"Scatter{kind}" for kind in SCATTERS), "Assign", "VariableV2"} <= forms.keys()
    for name, form in forms.items():
        if form == "NoOp":
            continue
        reference, resource = registered_ops()[name], registered_ops()[form]
        assert len(reference.input_arg) == len(resource.input_arg)
        for a, b in zip(reference.input_arg, resource.input_arg, strict=True):
            assert a.is_ref == (b.dtype is fc.resource), name
        named = reference.writes or reference.reads
        assert len(named) == len(resource.writes or resource.reads), name


def test_what_is_no_reference_is_refused() -> None:
    v = fc.Variable(1.0, use_resource=True)
    with pytest.raises(TypeError, match=r"'ref' of Assign changes a variable.*'v:0' of float32"):
        apply("Assign", fc.constant(1.0, name="v"), 2.0)
    with pytest.raises(TypeError, match="is a resource, to which there is no reference"):
        apply("AssignAdd", v, 2.0)
    with pytest.raises(TypeError, match="ref must be a Variable"):
        fc.assign(fc.constant(1.0), 2.0)
    with pytest.raises(TypeError, match="'value' of 'Assign' is int32, not float32"):
        fc.assign(fc.Variable(1.0), fc.constant(2))
    with pytest.raises(ValueError, match="incompatible"):
        fc.assign(fc.Variable([1.0, 2.0]), [1.0, 2.0, 3.0])


# ---- plans ----------------------------------------


def test_ops_on_references_do_what_their_resource_forms_do() -> None:
    shape, rows = (3, 2), [0, 2, 0]
    for name, declared in registered_ops().items():
        if not declared.resource_form or not declared.writes:
            continue
        found = []
        for kind in (False, True):
            with fc.Graph().as_default(), fc.Session() as sess:
                dtype = np.int32 if name == "CountUpTo" else np.float32
                start = np.arange(1, 7, dtype=dtype).reshape(shape) if dtype is np.float32 else dtype(3)
                variables = [fc.Variable(start + i, use_resource=kind) for i in range(len(declared.writes))]
                arguments = []
                for arg in declared.input_arg[len(variables) :]:
                    if arg.name == "indices":
                        arguments.append(fc.constant(rows))
                    elif arg.name in ("grad", "delta", "value", "updates"):
                        sparse = any(a.name == "indices" for a in declared.input_arg)
                        arguments.append(fc.ones([len(rows), 2] if sparse else shape) * 0.5)
                    else:
                        arguments.append(fc.constant(0.5))
                refer = [v._variable for v in variables]
                attrs = {"limit": 5} if name == "CountUpTo" else {}
                op_type = declared.resource_form if kind else name
                done = apply(
                    op_type, *refer, *arguments, **attrs, **({"T": fc.int32} if kind and attrs else {})
                )
                sess.run(fc.global_variables_initializer())
                found.append([sess.run(done) if attrs else None, *(sess.run([done, *variables])[1:])])
                if not attrs:
                    found[-1] = [sess.run(v) for v in variables]
        for a, b in zip(*found, strict=True):
            np.testing.assert_array_equal(a, b, err_msg=name)
    with fc.Graph().as_default(), initialised() as sess:
        old = apply("Variable", shape=[2], dtype=fc.float32, name="old")
        assert old.shape.as_list() == [2]
        assert sess.run(apply("IsVariableInitialized", old)) == np.False_
        same = apply("RefIdentity", old)
        assert sess.run(apply("Assign", same, [1.0, 2.0])).tolist() == [1.0, 2.0]
        assert sess.run(apply("IsVariableInitialized", old)) == np.True_
        assert sess.run([old, same])[1].tolist() == [1.0, 2.0]
        with fc.control_dependencies([apply("AssignAdd", old, [1.0, 1.0])]):
            behind = apply("RefIdentity", old)
        assert sess.run(behind * 2.0).tolist() == [4.0, 6.0]
        assert sess.run(behind.op) is None
        assert sess.run(old).tolist() == [3.0, 4.0]


def test_a_plan_has_the_nodes_that_resources_have() -> None:
    types = []
    for kind in (False, True):
        with fc.Graph().as_default():
            v = fc.Variable(np.ones((4, 3), np.float32), use_resource=kind)
            x = fc.placeholder_with_default(np.ones((2, 4), np.float32), [2, 4])
            loss = fc.reduce_sum(fc.square(x @ v))
            step = fc.train.MomentumOptimizer(0.1, 0.9).minimize(loss, var_list=[v])
            with initialised() as sess:
                types.append(sorted(planned_types(sess, [loss, step])))
    assert types[0] == types[1]
    assert types[0].count("ReadVariableOp") == 1


def test_names_are_fetched_and_run_as_in_1_15() -> None:
    v = fc.Variable([1.0, 2.0], name="v")
    with fc.Session() as sess:
        assert sess.run("v/Assign") is None
        assert sess.run("v:0").tolist() == sess.run("v/read:0").tolist() == [1.0, 2.0]
        assert sess.run(v.assign_add([1.0, 1.0])).tolist() == [2.0, 3.0]
        assert sess.run("v/Assign:0").tolist() == [1.0, 2.0]  # runs, then reads
        assert sess.run("v") is None


def test_who_uses_a_reference_reads_it_when_it_runs() -> None:
    v = fc.Variable(1.0, name="v")
    added = v.assign_add(1.0)
    twice = added * 2.0  # the output of an update is the variable after it
    with fc.control_dependencies([added]):
        again = v.assign_add(10.0)
    total = again + added * 0.0 + fc.identity(added)
    with initialised() as sess:
        assert sess.run(twice) == 4.0
        sess.run(v.initializer)
        assert sess.run(again) == 12.0
        sess.run(v.initializer)
        assert sess.run(total) in (12.0 + 2.0, 12.0 + 12.0)  # identity(added) waits for `added` alone
        assert sess.run(v) == 12.0


def test_the_read_of_a_variable_is_behind_the_writes_that_its_user_is_behind(use_resource: bool) -> None:
    v = fc.Variable([1.0, 2.0], name="v", use_resource=use_resource)
    before = v * 1.0
    with fc.control_dependencies([v.assign(before * 3.0)]):  # the write itself reads the variable
        controlled = v + 0.0
        fresh = v.read_value()
        copied = fc.identity(v)
        scattered = fc.scatter_add(v, [0], [100.0])
        behind = v * 2.0
    with fc.control_dependencies([scattered]):
        last = v * 1.0
    with initialised() as sess:
        for fetch, value in (
            (controlled, [3, 6]),
            (fresh, [9, 18]),
            (copied, [27, 54]),
            (behind, [162, 324]),
        ):
            assert sess.run(fetch).tolist() == value
        assert sess.run([before, last])[1].tolist() == [343.0, 486.0]


def test_reads_are_one_where_nothing_is_written(use_resource: bool) -> None:
    v = fc.Variable(np.ones(3, np.float32), use_resource=use_resource)
    values = [v * float(i) for i in range(3)]
    with initialised() as sess:
        assert planned_types(sess, values).count("ReadVariableOp") == 1


def test_another_shape_may_be_assigned_where_it_is_not_validated() -> None:
    v = fc.Variable([1.0, 2.0], name="v")
    longer = fc.assign(v, fc.zeros([3]), validate_shape=False)
    assert longer.shape.as_list() == [3]
    with initialised() as sess:
        assert sess.run(longer).tolist() == [0.0, 0.0, 0.0]
        assert sess.run(v._ref()).tolist() == [0.0, 0.0, 0.0]
        unknown = fc.placeholder(fc.float32)
        with pytest.raises(fc.errors.InvalidArgumentError, match="variable 'v' has shape"):
            sess.run(v.assign(unknown), {unknown: [1.0]})


def test_what_is_fed_stands_for_reads_and_not_for_what_is_changed() -> None:
    v = fc.Variable(1.0, name="v")
    twice, counted = v * 2.0, v.assign_add(1.0)
    with initialised() as sess:
        for key in (v, "v:0", v._ref()):
            assert sess.run([v, twice], {key: 5.0}) == [5.0, 10.0]
        assert sess.run(twice, {"v/read:0": 7.0}) == 14.0
        assert sess.run([twice, counted], {v: 5.0}) == [10.0, 2.0]
        assert sess.run(v) == 2.0


def test_names_and_devices_lead_to_one_variable() -> None:
    first = apply("VariableV2", shape=[], dtype=fc.float32, shared_name="one", name="a")
    second = apply("VariableV2", shape=[], dtype=fc.float32, shared_name="one", name="b")
    handle = apply("VarHandleOp", shape=[], dtype=fc.float32, shared_name="one", name="c")
    with fc.Session() as sess:
        sess.run(apply("Assign", first, 3.0).op)
        assert sess.run([second, apply("ReadVariableOp", handle, dtype=fc.float32)]) == [3.0, 3.0]


def test_what_has_no_value_yet_names_the_variable() -> None:
    v = fc.Variable(1.0, name="v")
    with fc.Session() as sess:
        for fetch in (v, v * 2.0, v.assign_add(1.0), v._ref() + 1.0):
            with pytest.raises(fc.errors.FailedPreconditionError, match="variable 'v' has no value yet"):
                sess.run(fetch)
        assert sess.run([v.is_initialized(), fc.is_variable_initialized(v)]) == [False, False]
        assert sess.run(fc.report_uninitialized_variables()).tolist() == [b"v"]
        assert sess.run(v.initialized_value()) == 1.0


def test_gradients_go_to_the_reference(use_resource: bool) -> None:
    v = fc.Variable([[1.0], [2.0]], name="v", use_resource=use_resource)
    whole, sparse = fc.gradients(fc.square(v.value()), v)[0], fc.gradients(fc.gather(v, [1, 1]) * 3.0, v)[0]
    read = fc.gradients(v.read_value() * 2.0, v)[0]
    assert isinstance(sparse, fc.IndexedSlices)
    with initialised() as sess:
        assert sess.run([whole, read]) is not None
        np.testing.assert_array_equal(sess.run(whole), [[2.0], [4.0]])
        np.testing.assert_array_equal(sess.run(read), [[2.0], [2.0]])
        np.testing.assert_array_equal(sess.run(fc.convert_to_tensor(sparse)), [[0.0], [6.0]])
    if not use_resource:
        assert fc.gradients(v._ref() * 1.0, v._ref())[0].dtype is fc.float32


def test_branches_and_loops_read_and_change_variables(use_resource: bool) -> None:
    v = fc.Variable(1.0, name="v", use_resource=use_resource)
    grown = fc.cond(fc.constant(True), lambda: v.assign_add(1.0), lambda: v.read_value())

    def turn(i: fc.Tensor, seen: fc.Tensor) -> Any:
        with fc.control_dependencies([v.assign_add(1.0)]):
            return i + 1, seen + v + 0.0 * v.read_value()

    last = fc.while_loop(lambda i, seen: i < 3, turn, [0, 0.0])[1]
    with fc.control_dependencies([fc.while_loop(lambda i, s: i < 2, turn, [0, 0.0])[0]]):
        after = v + 0.0
    with initialised() as sess:
        assert sess.run(grown) == 2.0
        assert sess.run(last) == 3.0 + 4.0 + 5.0
        assert sess.run(after) == 7.0


def test_a_branch_with_a_reference_is_not_merged_with_another() -> None:
    v = fc.Variable(1.0, name="v")
    yes = fc.constant(True)
    first = fc.cond(yes, v.read_value, lambda: 0.0)
    with fc.control_dependencies([first]), fc.control_dependencies([v.assign_add(1.0)]):
        second = fc.cond(yes, v.read_value, lambda: 0.0)
    with initialised() as sess:
        assert sess.run([first, second]) == [1.0, 2.0]


@pytest.mark.parametrize("threads", [1, 4])
def test_deterministic_sessions_order_the_accesses_to_references(threads: int) -> None:
    v = fc.Variable(1.0, name="v")
    updates = [v.assign_add(1.0), v.assign(v * 3.0), v.assign_sub(0.5), v.assign(v * v)]
    results = set()
    config = fc.ConfigProto(deterministic=True, inter_op_parallelism_threads=threads)
    for _ in range(20):
        with fc.Session(config=config) as sess:
            sess.run(v.initializer)
            sess.run([u.op for u in updates])
            results.add(float(sess.run(v)))
    assert len(results) == 1


@pytest.mark.parametrize("level", [fc.OptimizerOptions.L0, fc.OptimizerOptions.L1])
def test_references_are_resolved_without_optimisation_too(level: int) -> None:
    options = fc.OptimizerOptions(opt_level=level)
    config = fc.ConfigProto(graph_options=fc.GraphOptions(optimizer_options=options))
    v = fc.Variable([3.0, 1.0])
    step = fc.train.AdamOptimizer(0.1).minimize(fc.reduce_sum(fc.gather(v, [0, 0]) ** 2.0))
    with fc.Session(config=config) as sess:
        sess.run(fc.global_variables_initializer())
        sess.run(step)
        np.testing.assert_allclose(sess.run(v), [2.9, 1.0], rtol=1e-6)


def test_dtypes_of_references() -> None:
    for dtype in (fc.float32, fc.string, fc.bfloat16, fc.resource):
        reference = dtype._as_ref
        assert reference.as_datatype_enum == dtype.as_datatype_enum + 100
        assert reference.name == f"{dtype.name}_ref"
        assert reference.base_dtype is dtype is dtype.base_dtype
        assert reference._is_ref_dtype
        assert not dtype._is_ref_dtype
        assert fc.as_dtype(reference.name) is fc.as_dtype(reference.as_datatype_enum) is reference
        assert dtype.is_compatible_with(reference)
        assert not reference.is_compatible_with(dtype)
        assert (reference.is_floating, reference.size) == (dtype.is_floating, dtype.size)
    assert fc.zeros([1], fc.as_dtype("float32_ref")).dtype is fc.float32


def written(value: Any) -> fc.Tensor:
    """The reference that a write of a value gives."""
    return fc.assign(fc.Variable(value), value)


#: What takes values, as functions of a function that makes them.
TAKERS: dict[str, Callable[[Callable[[Any], Any]], Any]] = {
    "truediv": lambda v: [v([1.0, 2.0]) / fc.constant(2.0), fc.constant(2.0) / v(4.0), v([3, 4]) / v(2)],
    "logical operators": lambda v: [~v([True]), v([True]) & v([False]), v(True) | fc.constant(False)],
    "bitwise operators": lambda v: [~v([1]), v([6]) & 3],
    "text": lambda v: v(["a"]) + "b",
    "complex": lambda v: fc.complex(v(np.array([1.0])), v(np.array([2.0]))),
    "slices": lambda v: [
        fc.constant([1, 2, 3])[v(np.int64(1)) :],
        v([1, 2, 3])[v(1) : v(2)],
        fc.strided_slice(v([1, 2]), v([0]), v([1])),
    ],
    "cond": lambda v: [
        fc.cond(v(True), lambda: 1, lambda: 2),
        fc.cond(fc.constant(True), lambda: v([1.0]), lambda: fc.constant([2.0])),
    ],
    "case": lambda v: [
        fc.case([(v(False), lambda: fc.constant(1))], lambda: fc.constant(2)),
        fc.switch_case(v(1), [lambda: fc.constant(1), lambda: fc.constant(2)]),
    ],
    "while_loop": lambda v: [
        fc.while_loop(lambda i: i < 5, lambda i: i + v(1), [v(0)]),
        fc.while_loop(lambda i: v(True) & (i < v(3)), lambda i: v(1) + i, [0], maximum_iterations=v(2)),
    ],
    "loops over rows": lambda v: [
        fc.map_fn(lambda x: x * v(2.0), v([1.0, 2.0])),
        fc.scan(lambda total, x: total + x, v([1.0, 2.0]), v(1.0)),
        fc.foldl(lambda total, x: total + x, v([1.0, 2.0])),
    ],
    "TensorArray": lambda v: [
        fc.TensorArray(fc.float32, v(1)).write(v(0), v(1.0)).stack(),
        fc.TensorArray(fc.float32, 2).unstack(v([1.0, 2.0])).read(v(1)),
    ],
    "Defun": lambda v: fc.Defun(fc.float32)(lambda x: x + 1.0)(v(1.0)),
    "shapes and ranges": lambda v: [
        fc.ones(v([2])),
        fc.fill(v([2]), v(1.0)),
        fc.range(v(0), fc.constant(5), v(2)),
        fc.reshape(v([1.0, 2.0]), v([2, 1])),
    ],
    "images": lambda v: [
        fc.image.convert_image_dtype(v(np.ones((2, 2, 3), np.float32)), fc.float32),
        fc.image.convert_image_dtype(v(np.ones((2, 2, 3), np.uint8)), fc.float32),
    ],
    "casts": lambda v: [fc.cast(v(1.5), fc.int32), fc.real(v(np.array(1j))), fc.conj(v(np.array([1j])))],
    "joins": lambda v: [fc.stack([v(1.0), fc.constant(2.0)]), fc.add_n([v(1.0), v(2.0)])],
    "checks": lambda v: [fc.check_numerics(v([1.0]), "x"), fc.identity(fc.Print(v(1.0), [v(2.0)]))],
    "learning rates": lambda v: fc.train.exponential_decay(v(0.5), v(3), 2, 0.5),
}


@pytest.mark.parametrize("what", TAKERS)
def test_a_reference_is_a_value_wherever_one_is_taken(what: str) -> None:
    found = TAKERS[what](written)
    wanted = TAKERS[what](fc.constant)
    with initialised() as sess:
        found, wanted = sess.run([found, wanted])
    found, wanted = ([x] if not isinstance(x, list) else x for x in (found, wanted))
    for a, b in zip(found, wanted, strict=True):
        assert a.dtype == b.dtype
        np.testing.assert_array_equal(a, b)


def test_a_reference_enters_queues_and_batches() -> None:
    queue = fc.FIFOQueue(3, [fc.float32], [[]])
    put = queue.enqueue([written(1.5)])
    batch = fc.train.batch([written(2.5)], 2)
    rate = fc.train.GradientDescentOptimizer(written(0.5))
    w = fc.Variable([1.0, 2.0])
    step = rate.minimize(fc.reduce_sum(w * w), var_list=[w])
    with initialised() as sess:
        sess.run(put)
        assert sess.run(queue.dequeue()) == 1.5
        sess.run(step)
        assert sess.run(w).tolist() == [0.0, 0.0]
        coord = fc.train.Coordinator()
        threads = fc.train.start_queue_runners(sess, coord)
        assert sess.run(batch).tolist() == [2.5, 2.5]
        coord.request_stop()
        coord.join(threads)


@pytest.mark.parametrize("use_resource", [False, True])
def test_a_turn_that_writes_decides_about_the_next_one(use_resource: bool) -> None:
    """What the condition reads of the turn is what took the place of the turn's ops on references."""
    v = fc.Variable(0, use_resource=use_resource)
    last = fc.while_loop(lambda i: i < 10, lambda i: i + fc.assign_add(v, 1), [0])
    with initialised() as sess:
        assert sess.run(last) == 10
        assert sess.run(v) == 4
