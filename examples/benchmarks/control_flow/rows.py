"""What loops, branches and their gradients cost beside what runs in them."""

from workload import Row

TURNS, PRODUCTS, SIZE = 10_000, 50, 256
ROWS = {
    "trivial": Row(
        "while_loop: a turn that counts", "µs a turn", TURNS, short=True, arguments={"what": "trivial"}
    ),
    "state": Row("while_loop: a turn of y = 0.999 y + x", "µs a turn", TURNS, arguments={"what": "state"}),
    "gradient": Row(
        "its gradient, a turn forward and back",
        "µs a turn",
        TURNS,
        short=True,
        arguments={"what": "gradient"},
    ),
    "cond": Row("cond of a scalar op, fed and fetched", "µs a call", arguments={"what": "cond"}),
    "products": Row(
        f"while_loop of {PRODUCTS} matrix products, {SIZE} by {SIZE}",
        "µs a turn",
        PRODUCTS,
        flops=PRODUCTS * 2 * SIZE**3,
        arguments={"what": "products"},
    ),
    "unrolled": Row(
        "the same products without a loop", "µs a turn", PRODUCTS, arguments={"what": "unrolled"}
    ),
}
