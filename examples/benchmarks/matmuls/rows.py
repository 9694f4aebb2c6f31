"""Independent products: what a second thread brings."""

from workload import Row

N, COUNT = 256, 16
ROWS = {
    "": Row(
        "16 independent matrix products, 256 by 256: 2 threads beside one",
        "ms",
        target=1 / 1.9,
        threads=2,
        sides=("flowcore",),
        beside_one_thread=True,
        flops=COUNT * 2 * N**3,
        arguments={"n": N, "count": COUNT},
    )
}
