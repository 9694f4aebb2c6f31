"""Learning rates that follow the global step."""

from __future__ import annotations

import numpy as np
import pytest

import flowcore as fc


@pytest.mark.parametrize(
    ("step", "plain", "cycled"),
    [
        (0, 0.1, 0.1),
        (5, 0.055, 0.055),
        (10, 0.01, 0.01),
        (12, 0.01, 0.046),
        (25, 0.01, 0.025),
        (30, 0.01, 0.01),
    ],
)
def test_polynomial_decay_ends_or_begins_a_longer_cycle(step: int, plain: float, cycled: float) -> None:
    """After 12 steps a cycle is 20 long, after 25 it is 30."""
    rates = [
        fc.train.polynomial_decay(0.1, fc.constant(step), 10, 0.01, cycle=cycle) for cycle in (False, True)
    ]
    with fc.Session() as sess:
        np.testing.assert_allclose(sess.run(rates), [plain, cycled], rtol=1e-5)
