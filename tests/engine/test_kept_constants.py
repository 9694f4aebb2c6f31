"""FC_KEEPS_CONSTANT: a node keeps what it made of a constant, and each of its runs gives the same bits."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import flowcore as fc
from flowcore import _engine, kernels
from flowcore.runtime import devices


def conv2d(image: Any, filters: Any) -> fc.Tensor:
    return fc.nn.conv2d(image, filters, [1, 1, 1, 1], "SAME")


RNG = np.random.default_rng(0)
#: Op with the flag: its function, and inputs for which its kernel does keep something.
CASES: dict[str, tuple[Callable[[Any, Any], fc.Tensor], tuple[np.ndarray, np.ndarray]]] = {
    "Conv2D": (
        conv2d,
        (
            RNG.normal(size=(2, 12, 12, 32)).astype(np.float32),
            RNG.normal(size=(3, 3, 32, 32)).astype(np.float32),
        ),
    )
}


def test_every_kernel_with_the_flag_has_a_case() -> None:
    flagged = {k.op for k in _engine.load_kernels(kernels.CAPSULES) if k.flags & devices.KEEPS_CONSTANT}
    assert flagged == set(CASES)


@pytest.mark.parametrize("op_type", CASES)
def test_only_a_node_of_a_constant_keeps_and_each_run_gives_the_same_bits(
    op_type: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[object] = []
    new_kept = kernels.new_kept
    monkeypatch.setattr(kernels, "new_kept", lambda: made.append(None) or new_kept())
    function, (x, constant) = CASES[op_type]
    fed = fc.placeholder(fc.float32, constant.shape)
    value = fc.placeholder(fc.float32, x.shape)
    with fc.Session() as sess:
        plain = sess.run(function(value, fed), {value: x, fed: constant})
        assert not made  # the same input may be another in the next run
        keeping = sess.make_callable(function(value, constant), [value])
        first, other, again = keeping(x), keeping(x * 2), keeping(x)
        assert len(made) == 1
    np.testing.assert_array_equal(again, first)
    np.testing.assert_array_equal(other, first * 2)  # a power of two: no other rounding
    np.testing.assert_allclose(first, plain, atol=1e-6 * np.abs(plain).sum(-1).max())
