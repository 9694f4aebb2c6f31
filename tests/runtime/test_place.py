"""Placement, rule by rule, with devices that only have a list of kernels."""

from __future__ import annotations

import types
from typing import Any

import pytest

import flowcore as fc
from flowcore.graph.apply import apply
from flowcore.ops import list_ops as lists
from flowcore.runtime.devices import ANY_DEVICE, HOST, OF_LISTS
from flowcore.runtime.place import device_for


class OtherDevice:
    """A device of its own memory with kernels for some ops."""

    is_host = False
    name = "/device:GPU:0"

    def __init__(self, **kernels: int) -> None:
        self._kernels = kernels

    def kernel_for(self, op: fc.Operation) -> Any:
        flags = self._kernels.get(op.type)
        return None if flags is None else types.SimpleNamespace(flags=flags)


class Visible:
    """What a session may use: the host, and one other device."""

    def __init__(self, other: OtherDevice, prefer: bool = True) -> None:
        self._other = other
        self.preferred = other if prefer else None

    def find(self, device_type: str, index: int) -> Any:
        if (device_type, index) == ("GPU", 0):
            return self._other
        if device_type == "CPU":
            return HOST
        raise RuntimeError("there are /device:CPU:0 and /device:GPU:0")


GPU = OtherDevice(
    MatMul=0,
    AddV2=0,
    Add=0,
    Reshape=ANY_DEVICE,
    AddN=OF_LISTS,
    TensorListFromTensor=OF_LISTS,
    TensorListGetItem=OF_LISTS,
    TensorListLength=OF_LISTS,
    TensorListPushBack=OF_LISTS,
    TensorListReserve=OF_LISTS,
    TensorListSetItem=OF_LISTS,
)


def placed_on(
    tensor: fc.Tensor, placed: dict[Any, Any] | None = None, soft: bool = False, prefer: bool = True
) -> Any:
    op = tensor.op
    return device_for(op, op.inputs, Visible(GPU, prefer), placed or {}, soft)  # type: ignore[arg-type]


def test_floating_work_goes_to_the_preferred_device_and_the_rest_stays() -> None:
    x = fc.placeholder(fc.float32, [2, 2])
    i = fc.placeholder(fc.int32, [2, 2])
    assert placed_on(fc.matmul(x, x)) is GPU
    assert placed_on(fc.matmul(x, x), prefer=False) is HOST
    assert placed_on(fc.matmul(i, i)) is HOST  # integers
    assert placed_on(fc.nn.relu(x)) is HOST  # no kernel there


def test_scalars_stay_with_what_they_are_computed_from() -> None:
    rate = fc.placeholder(fc.float32, [])
    product = fc.nn.relu(fc.placeholder(fc.float32, []))
    assert placed_on(rate + product) is HOST
    assert placed_on(rate + product, {product.op: GPU}) is GPU


def test_what_touches_no_element_follows_its_input() -> None:
    x = fc.placeholder(fc.float32, [4])
    source = fc.nn.relu(x)
    shaped = fc.reshape(source, [2, 2])
    assert placed_on(shaped) is HOST
    assert placed_on(shaped, {source.op: GPU}) is GPU


def test_a_request_is_met_or_refused_with_the_devices_there_are() -> None:
    x = fc.placeholder(fc.float32, [2, 2])
    with fc.device("/gpu:0"):
        there, lacking = fc.matmul(x, x), fc.nn.relu(x)
    with fc.device("/cpu:0"):
        host = fc.matmul(x, x)
    with fc.device("/gpu:3"):
        nowhere = fc.matmul(x, x)
    assert placed_on(there, prefer=False) is GPU
    assert placed_on(host) is HOST
    assert placed_on(lacking) is GPU  # which says that it has no kernel
    assert placed_on(lacking, soft=True) is HOST
    assert placed_on(nowhere, soft=True) is HOST
    with pytest.raises(
        fc.errors.InvalidArgumentError, match=r"/device:GPU:3.*there are /device:CPU:0.*allow_soft_placement"
    ):
        placed_on(nowhere)


def test_ops_on_a_resource_run_where_it_lives_whatever_they_ask_for() -> None:
    v = fc.Variable(1.0, use_resource=True)
    with fc.device("/cpu:0"):
        read = v.value()
    assert placed_on(read, {v.op: GPU}) is GPU
    assert placed_on(read) is HOST


def test_an_op_on_two_resources_needs_them_on_one_device() -> None:
    a, b = (fc.Variable(1.0, name=name, use_resource=True) for name in "ab")
    op = fc.get_default_graph().create_op(
        "ResourceApplyMomentum",
        [a.handle, b.handle, fc.constant(0.1), fc.constant(1.0), fc.constant(0.9)],
    )
    with pytest.raises(fc.errors.InvalidArgumentError, match=r"'a' on .* and on 'b' on .*give both the same"):
        device_for(op, op.inputs, Visible(GPU), {a.op: GPU}, False)  # type: ignore[arg-type,dict-item]
    placed = {a.op: GPU, b.op: GPU}
    found = device_for(op, op.inputs, Visible(GPU), placed, False)  # type: ignore[arg-type]
    assert found is GPU  # type: ignore[comparison-overlap]


def test_queues_and_python_functions_live_with_the_host() -> None:
    with fc.device("/gpu:0"):
        queue = fc.FIFOQueue(1, fc.float32)
        called = fc.py_func(lambda: np_one, [], fc.float32)
    assert placed_on(queue.queue_ref) is HOST
    assert placed_on(called) is HOST


np_one = 1.0


def test_whatever_hands_a_handle_on_stays_on_the_host() -> None:
    """Handles are in host memory, wherever the variable is; a Reshape would follow its input."""
    v = fc.Variable([1.0, 2.0], use_resource=True)
    for handed_on in (fc.identity(v.handle), fc.reshape(v.handle, [])):
        assert placed_on(handed_on, {v.handle.op: GPU}) is HOST


@pytest.mark.parametrize("device", ["/job:localhost/replica:0/task:0", "/task:0", "/job:*", "/replica:0"])
def test_this_processs_job_and_task_are_kept_and_ask_for_nothing(device: str) -> None:
    x = fc.placeholder(fc.float32, [2, 2])
    with fc.device(device):
        y = fc.matmul(x, x)
        with fc.device("/cpu:0"):
            z = fc.matmul(x, x)
    assert (y.device, z.device) == (device, f"{device}/device:CPU:0")
    assert placed_on(y) is GPU
    assert placed_on(z) is placed_on(y, prefer=False) is HOST


@pytest.mark.parametrize("soft", [False, True])
@pytest.mark.parametrize(
    "device", ["/job:ps", "/job:localhost/task:1", "/replica:1/cpu:0", "/job:w/task:0/gpu:0"]
)
def test_another_processs_job_or_task_is_kept_and_refused_when_it_runs(device: str, soft: bool) -> None:
    with fc.device(device):
        v = fc.Variable(1.0, name="v", use_resource=True)
        y = fc.constant(1.0, name="y") + 1.0
    wanted = fc.DeviceSpec.from_string(device).to_string()
    assert v.device == y.device == wanted
    message = f"asks for device '{wanted}'.*job:localhost/replica:0/task:0.*created at .*test_place.py"
    config = fc.ConfigProto(allow_soft_placement=soft)
    for fetch in (y, v.initializer):
        with fc.Session(config=config) as sess, pytest.raises(fc.errors.InvalidArgumentError, match=message):
            sess.run(fetch)


def rows(x: Any) -> fc.Tensor:
    return lists.tensor_list_from_tensor(x, None)


def write(x: fc.Tensor) -> fc.Tensor:
    return lists.tensor_list_set_item(lists.tensor_list_reserve(None, 2, x.dtype), 0, x)


def test_a_list_lies_where_the_first_elements_do() -> None:
    x = fc.nn.relu(fc.placeholder(fc.float32, [2]))
    number = fc.placeholder(fc.int32, [2])
    there = {x.op: GPU, number.op: GPU}
    with fc.device("/cpu:0"):
        asks_for_the_host = write(x)
    for prefer in (True, False):
        assert placed_on(lists.tensor_list_reserve([2], 3, fc.float32), there, prefer=prefer) is HOST
        assert placed_on(write(x), there, prefer=prefer) is GPU
        assert placed_on(rows(x), there, prefer=prefer) is GPU
        assert placed_on(write(number), {}, prefer=prefer) is HOST
        assert placed_on(asks_for_the_host, there, prefer=prefer) is HOST


def test_elements_of_the_host_go_to_a_device_that_is_asked_for_or_preferred() -> None:
    matrix, vector = fc.placeholder(fc.float32, [3, 2]), fc.placeholder(fc.float32, [3])
    assert placed_on(rows(matrix)) is GPU
    assert placed_on(rows(vector)) is HOST  # single numbers
    assert placed_on(rows(fc.placeholder(fc.int32, [3, 2]))) is HOST
    assert placed_on(rows(matrix), prefer=False) is HOST
    with fc.device("/gpu:0"):
        assert placed_on(rows(vector), prefer=False) is GPU
        assert placed_on(rows(fc.placeholder(fc.int32, [3, 2])), prefer=False) is HOST
        assert placed_on(rows(fc.placeholder(fc.string, [3, 2])), prefer=False) is HOST


def test_what_takes_a_list_runs_where_its_elements_lie() -> None:
    flow = rows(fc.placeholder(fc.int32, [3, 2]))
    other = rows(fc.placeholder(fc.float32, [3, 2]))
    number = fc.placeholder(fc.int32, [2])
    with fc.device("/cpu:0"):
        read = lists.tensor_list_get_item(flow, 0, fc.int32)
    changed = lists.tensor_list_push_back(flow, number)
    total = apply("AddN", [other, flow])
    for op in (read, changed, lists.tensor_list_length(flow), total):
        assert placed_on(op, {flow.op: GPU}) is GPU
        assert placed_on(op) is HOST
    assert placed_on(lists.tensor_list_resize(flow, 4), {flow.op: GPU}) is HOST  # no kernel there
    queue = fc.FIFOQueue(1, [fc.variant], shapes=[[]])
    enqueued = queue.enqueue(flow)
    found = device_for(enqueued, enqueued.inputs, Visible(GPU), {flow.op: GPU}, False)  # type: ignore[arg-type]
    assert found is HOST
