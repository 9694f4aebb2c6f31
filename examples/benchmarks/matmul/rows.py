"""A square matrix product; its best side is the peak that floors are computed from."""

from workload import Row

N = 1024
ROWS = {"1024": Row("matrix product, 1024 by 1024", "ms", flops=2 * N**3, arguments={"n": N})}
