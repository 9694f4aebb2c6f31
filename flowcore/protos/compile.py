"""Makes `descriptors.bin` and `__init__.pyi` of the `.proto` files beside this program.

Needs grpcio-tools, of the extra `dev`: python flowcore/protos/compile.py [FOLDER]
"""

from __future__ import annotations

import pathlib
import re
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
_HEADER = '''"""The types of what `__init__.py` makes of `descriptors.bin`. Made by `compile.py`."""

from collections.abc import Iterable as _Iterable
from collections.abc import Mapping as _Mapping
from typing import Any as _Any
from typing import ClassVar as _ClassVar
from typing import Optional as _Optional
from typing import Union as _Union

from google.protobuf import any_pb2 as _any_pb2
from google.protobuf import message as _message
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper

def own(message: object, kind: str) -> _Any: ...
'''
#: What is of one file alone: its imports and its descriptor.
_OF_A_FILE = re.compile(r"^(?:from|import|DESCRIPTOR:) .*\n", re.M)
_ENUM = re.compile(r"_Union\[([\w.]+), str\]")  # the runtime takes numbers too
_OTHER_FILE = re.compile(r"\b_\w+_pb2\.(?!Any\b)")


def compile_to(folder: pathlib.Path) -> None:
    """Writes both files into a folder. Raises CalledProcessError where a .proto file is malformed."""
    root = HERE.parents[1]
    sources = sorted(str(p.relative_to(root)) for p in HERE.glob("*.proto"))
    with tempfile.TemporaryDirectory() as made:
        command = [sys.executable, "-m", "grpc_tools.protoc", "-I.", f"--pyi_out={made}"]
        command.append(f"--descriptor_set_out={folder / 'descriptors.bin'}")
        subprocess.run([*command, *sources], cwd=root, check=True)
        stubs = [pathlib.Path(made, s).with_name(pathlib.Path(s).stem + "_pb2.pyi") for s in sources]
        joined = "".join(_OF_A_FILE.sub("", p.read_text()) for p in stubs)
        text = _ENUM.sub(r"_Union[\1, int, str]", _OTHER_FILE.sub("", joined)).replace(
            "_Mapping]", "_Mapping[str, _Any]]"
        )  # for strict checkers
        (folder / "__init__.pyi").write_text(_HEADER + text)
    format_command = [sys.executable, "-m", "ruff", "format", "-q", str(folder / "__init__.pyi")]
    subprocess.run(format_command, cwd=root, check=True)


if __name__ == "__main__":
    compile_to(pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else HERE)
