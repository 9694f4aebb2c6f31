"""A queue of scalars."""

from workload import Row

ROWS = {"": Row("enqueue and dequeue, a run each", "µs a pair", short=True)}
