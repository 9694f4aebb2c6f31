"""A machine that loses its power while a Saver saves: whatever the disk has kept by then, the latest
checkpoint is whole.

The calls of one saving process are written down. The disk of a crash after each of them is then made
anew: contents are there only if they were synced, and of the names that were given and taken since
their folder was synced, some.
"""

from __future__ import annotations

import dataclasses
import os
import pathlib
import shutil
import subprocess
import sys

import pytest

import flowcore as fc

HERE = pathlib.Path(__file__).resolve().parent
#: Values 0, 1 ... are saved, "done" is written down after each.
SAVES = """
import os, sys
import flowcore as fc

folder, log, sharded, names = sys.argv[1], sys.argv[2], sys.argv[3] == "True", sys.argv[4].split()
value = fc.placeholder(fc.float32, [])
with fc.device("/cpu:0"):
    a = fc.Variable(fc.zeros([300]), name="a")
b = fc.Variable("", name="b")
advance = fc.group(a.assign(fc.fill([300], value)), b.assign(fc.cond(value > 0.5, lambda: "x", lambda: "y")))
saver = fc.train.Saver(sharded=sharded, max_to_keep=2, save_relative_paths=True)
with fc.Session() as sess:
    for i, name in enumerate(names):
        sess.run(advance, {value: i})
        saver.save(sess, os.path.join(folder, name), write_meta_graph=False)
        with open(log, "a") as file:
            file.write("done\\n")
"""


@dataclasses.dataclass
class Disk:
    """What has surely lasted, and what may have."""

    folder: str
    synced: set[str] = dataclasses.field(default_factory=set)  # inodes with their contents
    names: dict[str, str] = dataclasses.field(default_factory=dict)  # of which the folder is synced
    pending: list[tuple[str, str | None, str | None]] = dataclasses.field(default_factory=list)
    done: int = 0

    def take(self, line: str) -> None:
        what, *rest = line.split()
        match what:
            case "write":
                self.synced.discard(rest[0])
            case "sync":
                self.synced.add(rest[0])
            case "link" | "rename":
                self.pending.append((rest[2], rest[0], rest[1] if what == "rename" else None))
            case "unlink" if os.path.dirname(rest[0]) == self.folder:  # elsewhere nobody misses it
                self.pending.append((rest[0], None, None))
            case "folder":
                mine = [p for p in self.pending if os.path.dirname(p[0]) == rest[0]]
                self.pending = [p for p in self.pending if p not in mine]
                self.names = self.after(mine)
            case "done":
                self.done += 1

    def after(self, operations: list[tuple[str, str | None, str | None]]) -> dict[str, str]:
        """The names when these have lasted too."""
        names = dict(self.names)
        for name, inode, old in operations:
            names.pop(old or "", None)
            if inode is None:
                names.pop(name, None)
            else:
                names[name] = inode
        return names

    def possible_names(self) -> list[dict[str, str]]:
        """The names after a crash. Of what may have lasted: the first so many, all but one, one alone."""
        n = len(self.pending)
        chosen = [self.pending[:i] for i in range(n + 1)]
        chosen += [[*self.pending[:i], *self.pending[i + 1 :]] for i in range(n)]
        chosen += [[p] for p in self.pending]
        found: list[dict[str, str]] = []
        for operations in chosen:
            names = self.after(operations)
            if names not in found:
                found.append(names)
        return found


def make_folder(names: dict[str, str], synced: set[str], kept: pathlib.Path, was: str, now: str) -> None:
    """The folder after a crash: files whose contents have not lasted are empty."""
    shutil.rmtree(now, ignore_errors=True)
    os.makedirs(now)
    for name, inode in names.items():
        path = pathlib.Path(now + name.removeprefix(was))
        path.parent.mkdir(parents=True, exist_ok=True)
        if inode in synced:
            shutil.copyfile(kept / inode, path)
        else:
            path.touch()


@pytest.fixture(scope="module")
def shim(tmp_path_factory: pytest.TempPathFactory) -> str:
    if sys.platform != "linux" or shutil.which("gcc") is None:
        pytest.skip("it needs gcc and Linux")
    made = tmp_path_factory.mktemp("shim") / "log_files.so"
    command = ["gcc", "-shared", "-fPIC", "-O1", "-Wall", "-Werror", "-o", str(made), "log_files.c", "-ldl"]
    subprocess.run(command, cwd=HERE, check=True)
    return str(made)


@pytest.mark.parametrize("sharded", [False, True])
def test_a_crash_at_any_moment_leaves_the_latest_checkpoint(
    sharded: bool, shim: str, tmp_path: pathlib.Path
) -> None:
    folder, log, kept = tmp_path / "run", tmp_path / "log", tmp_path / "kept"
    folder.mkdir()
    kept.mkdir()
    subprocess.run(
        [sys.executable, "-c", SAVES, str(folder), str(log), str(sharded), "m-1 m-2 m-2 m-3 m-4 m-4"],
        env={**os.environ, "LD_PRELOAD": shim, "FILES_LOG": str(log), "FILES_KEPT": str(kept)},
        check=True,
    )
    disk = Disk(str(folder))
    states = 0
    for line in log.read_text().splitlines():
        disk.take(line)
        if line.startswith("write"):
            continue  # the same as before it, but for a file that nothing names
        for names in disk.possible_names():
            make_folder(names, disk.synced, kept, str(folder), str(tmp_path / "crashed"))
            expect_latest(tmp_path / "crashed", disk.done)
            states += 1
    assert disk.done == 6
    assert states > 100


def expect_latest(folder: pathlib.Path, done: int) -> None:
    latest = fc.train.latest_checkpoint(str(folder))
    assert latest is not None or not done
    if latest is None:
        return
    reader = fc.train.NewCheckpointReader(latest)
    values = set(reader.get_tensor("a"))
    assert values in ({done - 1}, {done})  # what was saved last, or what is being saved
    assert reader.get_tensor("b") == (b"x" if values.pop() else b"y")
