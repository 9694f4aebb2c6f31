"""Random numbers of OpenCL devices: those of the host, bit for bit."""

from __future__ import annotations

import numpy as np
import pytest

import flowcore as fc
from flowcore.graph.apply import apply

FLOATS = ["float32", "float64", "float16", "bfloat16"]
OPS = ["RandomUniform", "RandomStandardNormal", "TruncatedNormal"]


def skip_double(device, name):
    if name == "float64" and not device.has_double:
        pytest.skip("no float64 on this device")


def equal(pair):
    host, found = pair
    assert found.dtype == host.dtype
    assert found.shape == host.shape
    assert found.tobytes() == host.tobytes()


@pytest.mark.parametrize("op", OPS)
@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("size", [0, 1, 63, 64, 65, 1000])
def test_floats_are_the_hosts(both, device, op, dtype, size):
    skip_double(device, dtype)
    equal(both(lambda: apply(op, np.array([size], np.int32), dtype=fc.as_dtype(dtype), seed=7, seed2=size)))


@pytest.mark.parametrize("op", OPS)
def test_many_floats_are_the_hosts(both, device, op):
    if "grind" in device.label:
        pytest.skip("too slow under a simulator")
    for dtype in ("float32", "float64"):
        if dtype == "float32" or device.has_double:
            equal(both(lambda dtype=dtype: apply(op, [300, 1001], dtype=fc.as_dtype(dtype), seed=1, seed2=2)))


@pytest.mark.parametrize("dtype", ["int32", "int64"])
@pytest.mark.parametrize("size", [0, 1, 2, 65, 1000])
def test_integers_are_the_hosts(both, dtype, size):
    limits = np.iinfo(dtype)
    for low, high in ((0, 10), (-5, 3), (limits.min, limits.max), (limits.max - 1, limits.max)):
        ends = np.array(low, dtype), np.array(high, dtype)
        equal(
            both(
                lambda ends=ends: apply(
                    "RandomUniformInt", np.array([size], np.int64), *ends, seed=7, seed2=1
                )
            )
        )


@pytest.mark.parametrize("shape", [(), (1,), (0, 3), (65,), (7, 3, 2), (5, 0)], ids=str)
@pytest.mark.parametrize("dtype", ["float32", "int8", "bool", "complex128"])
def test_shuffles_are_the_hosts(both, shape, dtype):
    x = np.arange(np.prod(shape, dtype=int)).reshape(shape).astype(dtype)
    equal(both(lambda x: apply("RandomShuffle", x, seed=3, seed2=4), x))


def test_each_run_goes_on_where_the_last_one_ended(device):
    seen = []
    for place in ("/cpu:0", device.name):
        with fc.Graph().as_default():
            with fc.device(place):
                y = fc.random_normal([9], seed=5)
            with fc.Session(config=fc.ConfigProto(inter_op_parallelism_threads=1)) as session:
                seen.append([session.run(y).tobytes() for _ in range(3)])
    assert seen[0] == seen[1]
    assert len(set(seen[0])) == 3


def test_bad_shapes_and_ranges(same_error):
    same_error(
        lambda shape: apply(
            "RandomUniform", fc.placeholder_with_default(shape, None), dtype=fc.float32, seed=1
        ),
        np.int32([[2]]),
    )
    same_error(lambda shape: apply("RandomStandardNormal", shape, dtype=fc.float32, seed=1), np.int32([-1]))
    same_error(lambda a, b: apply("RandomUniformInt", [3], a, b, seed=1), np.int32(3), np.int32(3))
    same_error(
        lambda a, b: apply("RandomUniformInt", [3], fc.placeholder_with_default(a, None), b, seed=1),
        np.int32([3]),
        np.int32(9),
    )


def test_a_variable_starts_with_the_same_values(both):
    def build():
        return fc.Variable(fc.truncated_normal([65, 3], stddev=0.1, seed=11)).read_value()

    equal(both(build))


def test_generators_beside_random_numbers(both):
    """Ranges are made on the host, wherever they are asked for."""
    host, found = both(
        lambda: [
            fc.range(3, 60, 7),
            fc.range(0.0, 1.0, 0.125),
            fc.linspace(0.0, 1.0, 65) * 2.0,
            fc.fill([3, 2], 5),
            fc.range(65) + 1,
        ]
    )
    for a, b in zip(host, found, strict=True):
        np.testing.assert_array_equal(b, a)
