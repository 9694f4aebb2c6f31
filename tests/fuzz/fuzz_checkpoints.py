"""Reads checkpoints that were changed at random: values or an error, with bounded memory.

    python tests/fuzz/fuzz_checkpoints.py SEED FILES

Bytes are changed as they lie in the files, or in what the index says, with the sums set right so that it is
read. Exits with 0, or shows what was found.
"""

from __future__ import annotations

import collections
import pathlib
import random
import resource
import struct
import sys
import tempfile

import numpy as np

import flowcore as fc

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
import checkpoint_files as files

ALLOWED = (
    fc.errors.DataLossError,
    fc.errors.NotFoundError,
    fc.errors.UnimplementedError,
    fc.errors.InvalidArgumentError,
    fc.errors.ResourceExhaustedError,
)
DATA = bytes(range(200)) + b"\0" * 56
MOST_MEMORY = 400 << 20
LARGE = [0, 1, 127, 128, 2**31 - 1, 2**31, 2**32, 2**62, 2**63 - 1, 2**63, 2**64 - 1]


def bundle_entries() -> dict[bytes, bytes]:
    text = files.varint(3) + files.varint(0)
    crc = files.crc32c(struct.pack("<II", 3, 0))
    text += struct.pack("<I", files.masked(crc)) + b"abc"
    return {
        b"": files.HEADER,
        b"a": files.entry(1, [2, 3], 0, DATA[:24]),
        b"b/c": files.entry(9, [], 24, DATA[24:32]),
        b"d": files.entry(7, [2], 32, text),
        b"p": files.number(1, 1)
        + files.message(2, files.shape_message([4]))
        + files.message(7, files.message(1, files.number(1, 0) + files.number(2, 2)))
        + files.message(7, files.message(1, files.number(1, 2) + files.number(2, 2))),
        b"\0p\0\1\1\1\x80\x82": files.entry(1, [2], 64, DATA[64:72]),
        b"\0p\0\1\1\1\x82\x82": files.entry(1, [2], 72, DATA[72:80]),
    }


def v1_entries() -> dict[bytes, bytes]:
    def described(name: bytes, shape: list[int], dtype: int) -> bytes:
        return files.message(
            1,
            files.message(1, name) + files.message(2, files.shape_message(shape)) + files.number(3, dtype),
        )

    def part(name: bytes, values: bytes, extents: bytes) -> bytes:
        return files.message(2, files.message(1, name) + files.message(2, extents) + files.message(3, values))

    return {
        b"": files.message(1, described(b"a", [3], 1) + described(b"b", [2], 3) + described(b"s", [], 7)),
        b"\0a": part(b"a", files.message(5, struct.pack("<3f", 1, 2, 3)), files.message(1, b"")),
        b"\0b": part(b"b", files.number(7, 1) + files.number(7, 2), files.message(1, b"")),
        b"\0s": part(b"s", files.message(8, b"text"), b""),
    }


def changed_bytes(rng: random.Random, data: bytes) -> bytes:
    out = bytearray(data)
    for _ in range(rng.choice([1, 1, 2, 5])):
        what = rng.randrange(5)
        at = rng.randrange(len(out) + 1)
        if what == 0 and at < len(out):
            out[at] = rng.randrange(256)
        elif what == 1 and at < len(out):
            out[at] ^= 1 << rng.randrange(8)
        elif what == 2:
            out[at:at] = files.varint(rng.choice(LARGE))
        elif what == 3:
            del out[at : at + rng.randint(1, 8)]
        else:
            again = rng.randrange(len(out) + 1)
            out[at:at] = out[again : again + rng.randint(1, 64)] * rng.choice([1, 1, 1, 50])
    return bytes(out)


def changed_entries(rng: random.Random, entries: dict[bytes, bytes]) -> dict[bytes, bytes]:
    out = dict(entries)
    for _ in range(rng.choice([1, 1, 2])):
        key = rng.choice(list(out))
        what = rng.randrange(4)
        if what == 0:
            out[changed_bytes(rng, key)] = out.pop(key)
        elif what == 1 and len(out) > 1:
            del out[key]
        else:
            out[key] = changed_bytes(rng, out[key])
    return out


def write(rng: random.Random, prefix: pathlib.Path) -> None:
    """One checkpoint, of either version, in which something was changed."""
    first = rng.random() < 0.4
    entries = v1_entries() if first else bundle_entries()
    deep = rng.random() < 0.7
    table = files.table(
        changed_entries(rng, entries) if deep else entries, rng.random() < 0.3, rng.randint(1, 4)
    )
    index = table if deep else changed_bytes(rng, table)
    data = DATA if rng.random() < 0.8 else changed_bytes(rng, DATA)
    data = data[:32] + bundle_text() + data[32 + len(bundle_text()) :]
    if first:
        prefix.write_bytes(index)
    else:
        prefix.with_name("m.index").write_bytes(index)
        prefix.with_name("m.data-00000-of-00001").write_bytes(data)


def bundle_text() -> bytes:
    crc = files.masked(files.crc32c(struct.pack("<II", 3, 0)))
    return files.varint(3) + files.varint(0) + struct.pack("<I", crc) + b"abc"


def read(prefix: pathlib.Path) -> str:
    """The outcome: "values", or the class of the first error."""
    outcome = "values"
    try:
        reader = fc.train.NewCheckpointReader(prefix)
        reader.debug_string()
    except ALLOWED as error:
        return type(error).__name__
    for name in reader.tensors:
        try:
            np.asarray(reader.get_tensor(name))
        except ALLOWED as error:
            outcome = type(error).__name__
        except (ValueError, MemoryError) as error:  # of NumPy: a shape that it does not make
            assert len(reader.tensors[name].shape) > 64, error
    return outcome


def main(seed: int, count: int) -> None:
    rng = random.Random(seed)
    outcomes: collections.Counter[str] = collections.Counter()
    with tempfile.TemporaryDirectory() as root:
        folder = pathlib.Path(root)
        write(rng, folder / "m")
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        for i in range(count):
            for path in folder.iterdir():
                path.unlink()
            state = rng.getstate()
            write(rng, folder / "m")
            try:
                outcomes[read(folder / "m")] += 1
            except BaseException:
                print(
                    f"file {i} of seed {seed}: {state[1][:2]}",
                    {p.name: p.read_bytes() for p in folder.iterdir()},
                )
                raise
        grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) << 10
    assert grown < MOST_MEMORY, f"memory grew by {grown >> 20} MB"
    assert outcomes["values"], outcomes
    assert outcomes["DataLossError"], outcomes
    print(f"{count} files, seed {seed}: {dict(outcomes)}, {grown >> 20} MB")


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
