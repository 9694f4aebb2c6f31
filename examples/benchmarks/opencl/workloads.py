"""What devices.py and tinygrad_side.py both measure: names, shapes and the work of one call.
Imports nothing that is measured.
"""

from __future__ import annotations

from typing import NamedTuple


class Row(NamedTuple):
    """`work`: floating-point operations, or bytes read and written, of one call of `op` on operands
    of these shapes.
    """

    name: str
    op: str
    shapes: list[tuple[int, ...]]
    work: float
    unit: str


def _rows() -> list[Row]:
    rows = [
        Row(f"matmul {n}", "matmul", [(n, n), (n, n)], 2.0 * n**3, "GFLOP/s")
        for n in (256, 512, 1024, 2048, 4096)
    ]
    for m, k, n in ((128, 784, 512), (64, 3136, 512), (1, 1024, 1024), (1024, 1024, 1)):
        rows.append(Row(f"matmul {m}x{k}x{n}", "matmul", [(m, k), (k, n)], 2.0 * m * k * n, "GFLOP/s"))
    for images, h, c, o, k in ((64, 28, 1, 32, 5), (64, 14, 32, 64, 5), (32, 28, 64, 64, 3)):
        flop, image, filters, out = (
            2.0 * images * h * h * c * o * k * k,
            (images, h, h, c),
            (k, k, c, o),
            (images, h, h, o),
        )
        rows.append(Row(f"conv {k}x{k} {h}x{h}x{c} to {o}", "conv", [image, filters], flop, "GFLOP/s"))
        rows.append(Row("  image gradient", "conv image gradient", [image, filters, out], flop, "GFLOP/s"))
        rows.append(Row("  filter gradient", "conv filter gradient", [image, filters, out], flop, "GFLOP/s"))
    n = 1 << 22
    return [
        *rows,
        Row("add 4M", "add", [(n,), (n,)], 12.0 * n, "GB/s"),
        Row("tanh 4M", "tanh", [(n,)], 8.0 * n, "GB/s"),
        Row("sum 4M", "sum", [(n,)], 4.0 * n, "GB/s"),
        Row("row sums 2048x2048", "row sums", [(2048, 2048)], 4.0 * n, "GB/s"),
        Row("arg-max 2048x2048", "arg-max", [(2048, 2048)], 4.0 * n, "GB/s"),
        Row("transpose 2048x2048", "transpose", [(2048, 2048)], 8.0 * n, "GB/s"),
        Row("softmax 1024x1000", "softmax", [(1024, 1000)], 8.0 * 1024000, "GB/s"),
        *(
            Row(f"chain of 10 ops{label}, {n >> 20}M floats", op, [(n,)], 8.0 * n, "GB/s")
            for op, label in (("chain", ", 3 of them tanh"), ("arithmetic", ""))
            for n in (1 << 20, 1 << 24)
        ),
    ]


ROWS = _rows()

#: Training steps: one Adam step of an MLP (784-512-512-10) and of the convnet of the main job, data
#: in memory.
STEPS = {"MLP step, batch 128": 128, "convnet step, batch 64": 64}
