"""`descriptors.bin` and `__init__.pyi` are what the .proto files say."""

from __future__ import annotations

import pathlib
import re
import subprocess
import sys

import pytest
from google.protobuf import descriptor_pb2

import flowcore.protos
from flowcore._message_names import MESSAGES

HERE = pathlib.Path(flowcore.protos.__file__).parent


def test_they_are_what_the_compiler_makes(tmp_path: pathlib.Path) -> None:
    pytest.importorskip("grpc_tools")
    subprocess.run([sys.executable, str(HERE / "compile.py"), str(tmp_path)], check=True)
    made, stored = (
        descriptor_pb2.FileDescriptorSet.FromString((folder / "descriptors.bin").read_bytes())
        for folder in (tmp_path, HERE)
    )
    assert made == stored
    assert (tmp_path / "__init__.pyi").read_text() == (HERE / "__init__.pyi").read_text()


def test_a_type_checker_knows_every_public_name_and_flags_wrong_fields(tmp_path: pathlib.Path) -> None:
    pytest.importorskip("mypy")
    names = [
        f"{module.removeprefix('flowcore')}.{name}" for module, all_ in MESSAGES.items() for name in all_
    ]
    lines = [f"a{i}: google.protobuf.message.Message = fc{name}()" for i, name in enumerate(names)]
    wrong = ["fc.NodeDef(nane='x')", "fc.GraphDef().nodes", "x: str = fc.NodeDef(name='x').input"]
    script = tmp_path / "script.py"
    script.write_text("\n".join(["import google.protobuf.message", "import flowcore as fc", *lines, *wrong]))
    command = [sys.executable, "-m", "mypy", "--config-file=", f"--cache-dir={tmp_path}", str(script)]
    environment = {"MYPYPATH": str(HERE.parents[1]), "PATH": ""}
    if HERE.parents[1].name == "site-packages":  # mypy finds it there, and refuses it on MYPYPATH
        del environment["MYPYPATH"]
    report = subprocess.run(
        command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
    ).stdout
    flagged = [int(n) for n in re.findall(r"^script\.py:(\d+): error", report, re.M)]
    assert flagged == [len(lines) + 3, len(lines) + 4, len(lines) + 5], report
