"""Device strings, read as TensorFlow 1.15 reads them."""

from __future__ import annotations

import pytest

import flowcore as fc
from flowcore.graph.device import DeviceSpec, merge

#: What a device scope of this string puts into the nodes made inside.
FORMS = {
    "cpu": "/device:CPU:*",
    "/cpu": "/device:CPU:*",
    "CPU": "/device:CPU:*",
    "/gpu": "/device:GPU:*",
    "gpu": "/device:GPU:*",
    "gpu:0": "/device:GPU:0",
    "cpu:0": "/device:CPU:0",
    "/CPU:0": "/device:CPU:0",
    "device:CPU:0": "/device:CPU:0",
    "/cpu:*": "/device:CPU:*",
    "/device:GPU:*": "/device:GPU:*",
    "/device:gpu:01": "/device:GPU:1",
    "/job:worker/cpu": "/job:worker/device:CPU:*",
    "job:worker": "/job:worker",
    "/job:*": "/job:*",
    "/task:1/gpu:1": "/task:1/device:GPU:1",
    "/job:a/replica:0/task:1/device:CPU:0": "/job:a/replica:0/task:1/device:CPU:0",
    "/device:CPU:0/job:w": "/job:w/device:CPU:0",
    "//cpu:0": "/device:CPU:0",
    "/cpu:0/": "/device:CPU:0",
    "/": "",
    "": "",
    # not in TensorFlow
    "opencl": "/device:OPENCL:*",
    "/opencl:1": "/device:OPENCL:1",
}
#: What is no device string.
REFUSED = ["/device:CPU", "/foo", "foo:0", "/xla_cpu:0", "cpu:x", "cpu:-1", "/replica:x", "gpu:0:1", "job:"]


@pytest.mark.parametrize(("text", "expected"), FORMS.items())
def test_forms(text: str, expected: str) -> None:
    with fc.device(text):
        assert fc.no_op().device == expected
    assert DeviceSpec.from_string(expected).to_string() == expected


@pytest.mark.parametrize("text", REFUSED)
def test_other_strings_are_refused_with_an_example(text: str) -> None:
    with pytest.raises(ValueError, match=r"Unknown part .*'/device:GPU:0'"), fc.device(text):
        fc.no_op()


@pytest.mark.parametrize("text", ["/cpu:0/gpu:0", "/gpu:0/cpu"])
def test_two_devices_in_one_string_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match="names two devices"):
        DeviceSpec.from_string(text)


def test_the_inner_string_wins_where_both_speak() -> None:
    assert merge("/job:a/gpu:1", "cpu:0") == "/job:a/device:CPU:0"
    assert merge("/gpu:1", "/job:b") == "/job:b/device:GPU:1"


def test_a_type_without_a_number_runs_on_the_first_device() -> None:
    with fc.device("/cpu"):
        assert fc.Session().run(fc.constant(2) * 3) == 6


@pytest.mark.parametrize("found", [5, False, object()])
def test_a_device_function_that_returns_no_device_is_named(found: object) -> None:
    def choose(op: fc.Operation) -> object:
        return found

    with fc.device(choose), pytest.raises(TypeError, match=r"choose returns for node 'x' \(NoOp\) must be"):
        fc.no_op(name="x")
    with pytest.raises(TypeError, match="must be a str, a DeviceSpec, a function or None"), fc.device(found):
        pass
    with pytest.raises(TypeError, match="the device of node 'y' must be"):
        fc.no_op(name="y")._set_device(found)


@pytest.mark.parametrize(
    ("found", "device"), [("gpu:0", "/device:GPU:0"), (b"cpu", "/device:CPU:*"), (None, ""), ("", "")]
)
def test_what_a_device_function_may_return(found: object, device: str) -> None:
    with fc.device(lambda op: found):
        assert fc.no_op().device == device
    with fc.device(lambda op: DeviceSpec(job="a")):
        assert fc.no_op().device == "/job:a"
