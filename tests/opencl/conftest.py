"""Each test of this folder runs on every OpenCL device that this machine has; a processor's once more with the kernels that are meant for GPUs."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest

import flowcore as fc
from flowcore.opencl import _opencl, runtimes
from flowcore.runtime import devices


@dataclasses.dataclass
class Place:
    """A device under test: its name in device scopes, and whether it computes in float64."""

    name: str
    label: str
    has_double: bool


def _open_as_gpu(runtime: runtimes.Runtime, index: int) -> devices.Device:
    """The processor once more: kernels that share local memory among a group's items, chosen where a device is no processor."""
    engine_device, _, _ = runtimes.open_runtime(dataclasses.replace(runtime, kind="GPU"), index)
    device = devices.make_device(devices.OPENCL, index, _opencl.KERNELS, engine_device)
    devices.register(device)
    return device


def _places() -> list[Place]:
    found = []
    try:
        while True:
            devices.find(devices.OPENCL, len(found))
            found.append(len(found))
    except RuntimeError:
        pass
    usable = [r for r in runtimes.runtimes() if r.problem is None][: len(found)] if found else []
    places = [Place(f"/gpu:{i}", r.platform, r.has_double) for i, r in enumerate(usable)]
    for runtime in [r for r in usable if r.kind == "CPU"]:
        _open_as_gpu(runtime, len(places))
        places.append(Place(f"/gpu:{len(places)}", f"{runtime.platform} as a GPU", runtime.has_double))
    return places


_PLACES = _places()
_PARAMS = _PLACES or [pytest.param(None, marks=pytest.mark.skip(reason=f"no OpenCL device: {runtimes.INSTALL}"), id="none")]


@pytest.fixture(scope="session", params=_PARAMS, ids=lambda place: place.label)
def device(request: pytest.FixtureRequest) -> Place:
    return request.param


# oclgrind breaks when two threads use it at once.
ONE_THREAD = fc.ConfigProto(inter_op_parallelism_threads=1)

Both = Callable[..., tuple[Any, Any]]


def run_on(place: str, build: Callable[..., Any], arrays: Sequence[Any]) -> Any:
    """What `build` makes of placeholders for the arrays, run on one device."""
    arrays = [np.asarray(a) for a in arrays]
    with fc.Graph().as_default():
        feeds = {fc.placeholder(a.dtype, a.shape): a for a in arrays}
        with fc.device(place):
            fetches = build(*feeds)
            initializer = fc.global_variables_initializer()
        with fc.Session(config=ONE_THREAD) as session:
            session.run(initializer)
            return session.run(fetches, feeds)


@pytest.fixture(scope="session")
def both(device: Place) -> Both:
    """both(build, *arrays): the values of the graph that `build` makes of the arrays' placeholders, from the host and from the device."""
    return lambda build, *arrays: (run_on("/cpu:0", build, arrays), run_on(device.name, build, arrays))


@pytest.fixture(scope="session")
def same_error(device: Place) -> Callable[..., None]:
    """same_error(build, *arrays): both devices refuse it, with one class of error and the same words."""

    def check(build: Callable[..., Any], *arrays: Any) -> None:
        seen = []
        for place in ("/cpu:0", device.name):
            with pytest.raises(fc.errors.OpError) as caught:
                run_on(place, build, arrays)
            seen.append((type(caught.value), caught.value.message.split("; created at")[0].split("\n")[0]))
        assert seen[0] == seen[1]

    return check
