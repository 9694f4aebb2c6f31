"""A training step of a perceptron with gradient descent: small, where the cost of a node counts,
and large, where the products do.
"""

import itertools

from workload import Row


def _row(batch: int, *sizes: int) -> Row:
    products = sum(2 * batch * m * n for m, n in itertools.pairwise(sizes))
    first = 2 * batch * sizes[0] * sizes[1]  # the gradient of the input is not needed
    title = f"training step, perceptron {'-'.join(map(str, sizes))}, batch {batch}"
    return Row(
        title,
        "µs a step" if batch < 100 else "ms a step",
        short=True,
        flops=3 * products - first,
        arguments={"sizes": sizes, "batch": batch},
    )


ROWS = {"small": _row(32, 64, 64, 10), "large": _row(128, 784, 512, 512, 10)}
