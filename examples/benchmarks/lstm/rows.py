"""A training step of a recurrent network, unrolled in Python."""

from workload import Row

STEPS, UNITS, BATCH = 20, 200, 20
ROWS = {
    "": Row(
        f"training step, LSTM, {STEPS} steps of {UNITS} units, batch {BATCH}",
        "ms a step",
        short=True,
        flops=3 * STEPS * 2 * BATCH * 2 * UNITS * 4 * UNITS,
        arguments={"steps": STEPS, "units": UNITS, "batch": BATCH},
    )
}
