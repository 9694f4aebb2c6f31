"""Inference of an 18-layer residual network, 224x224."""

from workload import Row

FLOPS = 3.63e9  # of all convolutions and the dense layer, for one image


def _row(batch: int) -> Row:
    return Row(
        f"inference, ResNet-18, batch {batch}",
        "ms",
        short=True,
        flops=batch * FLOPS,
        arguments={"batch": batch},
    )


ROWS = {"1": _row(1), "32": _row(32)}
