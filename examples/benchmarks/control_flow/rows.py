"""What loops, branches and their gradients cost beside what runs in them."""

from workload import Row

TURNS, PRODUCTS, SIZE = 10_000, 50, 256
LONG_ROWS, LONG_ROW = 200, 4096
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
    "map_fn": Row("map_fn over 10,000 rows", "µs a row", TURNS, short=True, arguments={"what": "map_fn"}),
    "long_rows": Row(
        f"map_fn over {LONG_ROWS} rows of {LONG_ROW:,} floats, twelve functions each",
        "µs a row",
        LONG_ROWS,
        arguments={"what": "long_rows"},
    ),
    "scan": Row("scan over 10,000 rows", "µs a row", TURNS, arguments={"what": "scan"}),
    "lstm": Row(
        "LSTM, 20 steps of 200 units, batch 20, by while_loop: forward", "ms", arguments={"what": "lstm"}
    ),
    "lstm_unrolled": Row(
        "the same LSTM unrolled: forward",
        "ms",
        sides=("flowcore", "tensorflow"),
        arguments={"what": "lstm_unrolled"},
    ),
    "lstm_step": Row(
        "the same LSTM by while_loop: training step", "ms a step", arguments={"what": "lstm_step"}
    ),
}
