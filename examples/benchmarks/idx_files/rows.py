"""The files of a small image set, to batches."""

from workload import Row

BATCH = 64
ROWS = {
    "": Row(
        "input pipeline: idx files of 28x28 images to batches of 64",
        "µs an image",
        per_call=BATCH,
        short=True,
        prefetched=100,
        arguments={"batch": BATCH},
    )
}
