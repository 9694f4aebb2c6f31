"""Images in memory, chosen in random order one by one and batched by threads."""

from workload import Row

BATCH = 64
ROWS = {
    "": Row(
        "queue runners: 28x28 images in memory to batches of 64, 4 threads",
        "µs an image",
        per_call=BATCH,
        short=True,
        wakes=1,
        prefetched=8,
        arguments={"batch": BATCH},
    )
}
