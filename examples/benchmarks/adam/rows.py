"""One update of a large parameter: it is bound by memory. Four arrays are read, three written."""

from workload import Row

N = 10_000_000
ROWS = {
    "": Row("Adam update of 10M parameters", "ms a step", short=True, bytes=7 * 4 * N, arguments={"n": N})
}
