"""Python threads that feed a queue."""

from workload import Row

BATCH = 64
ROWS = {"": Row("4 Python threads enqueue, batches of 64 are taken", "µs an item", per_call=BATCH, wakes=1)}
