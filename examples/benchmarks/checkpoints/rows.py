"""Variables to a checkpoint on the disk, and back. NumPy's side is one file of the same bytes, no sums.
TensorFlow alone does not wait for the disk.
"""

from workload import Row


def _row(what: str, megabytes: int, large: bool) -> Row:
    return Row(
        f"{what} {megabytes} MB of variables",
        "ms a checkpoint",
        target=1.25,
        large=large,
        arguments={"megabytes": megabytes, "restores": what == "restore"},
    )


ROWS = {
    f"{what} {megabytes}": _row(what, megabytes, megabytes > 128)
    for what in ("save", "restore")
    for megabytes in (128, 1024)
}
