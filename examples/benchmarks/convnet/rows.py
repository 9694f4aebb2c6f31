"""A training step of the image classifier."""

from workload import Row

BATCH = 64
FIRST = 2 * BATCH * 28 * 28 * 25 * 32  # flops forward; its input needs no gradient
OTHERS = 2 * BATCH * (14 * 14 * 25 * 32 * 64 + 3136 * 512 + 512 * 10)
TITLE = "training step, convolutional network, batch 64"
FLOPS = 2 * FIRST + 3 * OTHERS
ROWS = {
    "": Row(TITLE, "ms a step", short=True, flops=FLOPS),
    "busy machine": Row(f"{TITLE}, beside two busy processes", "ms a step", busy=2),
}
