"""One scalar op from a NumPy scalar and back: what a call costs."""

from workload import Row

ROWS = {
    "run": Row(
        "one scalar op, fed and fetched (`Session.run`)", "µs a call", short=True, arguments={"call": "run"}
    ),
    "callable": Row(
        "one scalar op, fed and fetched (`make_callable`)",
        "µs a call",
        short=True,
        arguments={"call": "callable"},
    ),
}
