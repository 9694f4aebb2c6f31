"""Graphs of scalar ops, node by node (optimiser level L0: nothing is fused or merged): what a node costs."""

from workload import Row

SIZES = {1_000: "1,000", 10_000: "10,000", 100_000: "100,000", 1_000_000: "1,000,000"}

SHORT = {("chain", 1_000, 2), ("fan", 1_000, 2), ("random graph", 10_000, 2)}


def _row(shape: str, nodes: int, threads: int) -> Row:
    return Row(
        f"{shape} of {SIZES[nodes]} scalar ops, {threads} thread{'s' if threads > 1 else ''}",
        "ns a node",
        per_call=nodes,
        threads=threads,
        optimise=False,
        sides=("flowcore", "taskflow") if nodes > 10_000 else None,
        short=(shape, nodes, threads) in SHORT,
        large=nodes == 1_000_000,
        arguments={"shape": shape, "nodes": nodes},
    )


ROWS = {
    f"{shape}-{nodes}-{threads}": _row(shape, nodes, threads)
    for shape, sizes in (("chain", [1_000]), ("fan", [1_000]), ("random graph", SIZES))
    for nodes in sizes
    for threads in (1, 2)
}
