"""Each test of this folder runs on every OpenCL device that this machine has; a processor's once
more with the kernels that are meant for GPUs.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import pytest

import flowcore as fc
from flowcore.opencl import runtimes
from flowcore.runtime import devices, opencl_devices


@dataclasses.dataclass
class Place:
    """A device under test: its name in device scopes, and whether it computes in float64."""

    name: str
    label: str
    has_double: bool
    is_slow: bool


def _places() -> list[Place]:
    # Of two versions of one runtime, the first: each would run everything.
    opened = list({d.runtime.platform: d for d in reversed(opencl_devices.opencl_devices())}.values())[::-1]
    for runtime in [d.runtime for d in opened if d.runtime.kind == "CPU"]:
        # Once more with the kernels of GPUs, limits as small as some have, and copies as to memory
        # of its own; under a number that no other test expects to be free.
        device = opencl_devices.open_opencl(
            runtime, 100 + len(opened), is_cpu=False, max_group=64, local_memory=16384, share_alignment=0
        )
        devices.register(device)
        opened.append(device)
    labels = [d.runtime.platform for d in opened]
    return [
        Place(
            f"/gpu:{d.index}",
            label + (" as a GPU" if label in labels[:i] else ""),
            d.runtime.has_double,
            "oclgrind" in label.lower(),
        )
        for i, (d, label) in enumerate(zip(opened, labels, strict=True))
    ]


_PLACES = _places()
_PARAMS = _PLACES or [
    pytest.param(None, marks=pytest.mark.skip(reason=f"no OpenCL device: {runtimes.INSTALL}"), id="none")
]


@pytest.fixture(scope="session", params=_PARAMS, ids=lambda place: place.label)
def device(request: pytest.FixtureRequest) -> Place:
    return request.param


@pytest.fixture(scope="module")
def another() -> Iterator[opencl_devices.OpenCLDevice]:
    """A device of the module's own, whose memory and settings no other test meets. No simulator."""
    found = [r for r in runtimes.runtimes() if r.problem is None and not r.is_simulator]
    if not found:
        pytest.skip("no OpenCL device but a simulator")
    device = opencl_devices.open_opencl(found[0], 200 + len(devices.all_devices()))
    devices.register(device)
    yield device
    devices.unregister(device)


Both = Callable[..., tuple[Any, Any]]


def run_on(place: str, build: Callable[..., Any], arrays: Sequence[Any]) -> Any:
    """What `build` makes of placeholders for the arrays, run on one device."""
    arrays = [np.asarray(a) for a in arrays]
    with fc.Graph().as_default():
        feeds = {fc.placeholder(a.dtype, a.shape): a for a in arrays}
        with fc.device(place):
            fetches = build(*feeds)
            initializer = fc.global_variables_initializer()
        with fc.Session() as session:
            session.run(initializer)
            return session.run(fetches, feeds)


@pytest.fixture(scope="session")
def both(device: Place) -> Both:
    """both(build, *arrays): the values of the graph that `build` makes of the arrays' placeholders,
    from the host and from the device.
    """
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
