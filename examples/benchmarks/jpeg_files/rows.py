"""JPEG files, to batches."""

from workload import Row

BATCH = 32
ROWS = {
    "": Row(
        "input pipeline: 224x224 JPEG files to batches of 32",
        "µs an image",
        per_call=BATCH,
        short=True,
        prefetched=6,
        arguments={"batch": BATCH},
    )
}
