"""The layers of docs/architecture.md, checked from the syntax trees: nothing imports upwards, and
no import hides in a function.
"""

from __future__ import annotations

import ast
import pathlib
import re

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "flowcore"

# Lower numbers are further down. Symbolic and execution columns never meet below `runtime`.
SYMBOLIC = {
    "_message_names": 0,
    "_missing_names": 0,
    "_missing_members": 0,
    "errors": 0,
    "arguments": 0,
    "dtypes": 0,
    "shape": 0,
    "config": 0,
    "locks": 0,
    "protos": 0,
    "graph": 1,
    "ops": 2,
    "recursive_gradients": 3,
    "body_gradients": 3,
    "gradients": 4,
    "custom_gradients": 4,
    "flat_control_flow": 2,
    "flat_tensor_arrays": 2,
    "graph_import": 4,
}
EXECUTION = {
    "errors": 0,
    "arguments": 0,
    "locks": 0,
    "dtypes": 0,
    "_version": 0,
    "_allocate": 0,
    "_list": 0,
    "_kernel": 0,
    "_buffer": 1,
    "_fifo": 2,
    "_reader": 3,
    "_engine": 3,
    "engine": 3,
    "_build": 4,
    "kernels": 4,
    "opencl": 4,
}
ABOVE = {
    "runtime": 10,
    "train": 11,
    "summary": 11,
    "io": 11,
    "nn": 12,
    "image": 12,
    "test": 12,
    "timeline": 12,
    "__init__": 20,
    "bench": 21,
    "checkpoint_files": 21,
    "__main__": 22,
}
OPTIONAL = {
    "ml_dtypes",
    "PIL",
    "pyopencl",
    "simplejpeg",
    "difflib",
    "google",
    "hashlib",
    "importlib",
    "json",
    "traceback",
}  # extras, or slow to import: imported where they are needed


def unit(path: pathlib.Path) -> str:
    return path.relative_to(PACKAGE).parts[0].split(".")[0]


def imports(path: pathlib.Path) -> list[str]:
    if path.suffix == ".py":
        found = []
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                found += [a.name for a in node.names]
            elif isinstance(node, ast.ImportFrom) and node.module:
                found += (
                    [f"flowcore.{a.name}" for a in node.names] if node.module == "flowcore" else [node.module]
                )
    else:
        found = re.findall(r"^\s*(?:from|cimport|import)\s+(flowcore[\w.]*)", path.read_text(), re.M)
    return [name.split(".")[1] for name in found if name.startswith("flowcore.")]


SOURCES = sorted(p for p in PACKAGE.rglob("*") if p.suffix in (".py", ".pyx", ".pxd", ".pxi"))


@pytest.mark.parametrize("path", SOURCES, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_nothing_imports_upwards(path: pathlib.Path) -> None:
    me = unit(path)
    for other in imports(path):
        if other == me:
            continue
        for column in (SYMBOLIC, EXECUTION):
            if me in column and me not in ABOVE:
                break
        else:
            assert ABOVE[me] > {**SYMBOLIC, **EXECUTION, **ABOVE}[other], f"{path} imports {other}"
            continue
        allowed = [c for c in (SYMBOLIC, EXECUTION) if me in c and other in c and c[other] <= c[me]]
        assert allowed, f"{path} imports {other}"


@pytest.mark.parametrize(
    "path", [p for p in SOURCES if p.suffix == ".py"], ids=lambda p: str(p.relative_to(PACKAGE))
)
def test_no_import_hides_in_a_function(path: pathlib.Path) -> None:
    for function in ast.walk(ast.parse(path.read_text())):
        if isinstance(function, (ast.FunctionDef, ast.AsyncFunctionDef)):
            for node in ast.walk(function):
                names = (
                    [a.name for a in node.names]
                    if isinstance(node, ast.Import)
                    else [node.module or ""]
                    if isinstance(node, ast.ImportFrom)
                    else []
                )
                assert all(name.split(".")[0] in OPTIONAL for name in names), (
                    f"{path}:{getattr(node, 'lineno', 0)} imports {names}"
                )


#: Op types that files outside ops/ know by name, each for what its declaration cannot say: the work
#: of a pass or a device with these very ops. Nothing else is decided by a name.
KNOWN_BY_NAME = {
    "body_gradients.py": {"Const", "ZerosLike"},
    "flat_tensor_arrays.py": {  # what ops on TensorArrays become
        "TensorListConcatV2",
        "TensorListLength",
        "TensorListReserve",
        "TensorListSetItem",
    },
    "gradients.py": {"Identity", "ReadVariableOp", "Reshape"},  # their gradients take sparse ones
    "graph/constants.py": {"Cast", "ConcatV2", "Pack", "Shape", "StridedSlice"},  # partly known shapes
    "runtime/ahead.py": {"Add", "AddV2", "Const", "Less", "Placeholder"},  # how a loop counts
    "runtime/calls.py": {"Const"},
    "runtime/feeds.py": {"ReadVariableOp", "ResourceGather"},  # what feeding a variable feeds
    "runtime/fetches.py": {"ReadVariableOp"},
    "runtime/fuse_opencl.py": {"Mean"},
    "runtime/fused_steps.py": {"AddN", "BiasAdd", "Cast", "Select", "SelectV2"},  # as steps
    "runtime/handles.py": {"Const"},
    "runtime/lower.py": {"Const", "PyFunc"},
    "runtime/place.py": {"Placeholder"},
    "runtime/plan.py": {"Placeholder"},
    # the nodes that a Saver makes, as it finds them in a graph that it has not made itself
    "train/saver.py": {"Assign", "AssignVariableOp", "Const", "Identity", "RestoreV2", "SaveV2"},
}


def is_op_type(node: ast.AST) -> bool:
    """Whether an expression is the type of an op, by the names that this has everywhere."""
    name = node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""
    return name in ("type", "_type", "op_type") and not (
        isinstance(node, ast.Attribute) and "device" in ast.unparse(node.value)
    )


def strings_in(node: ast.AST, constants: dict[str, ast.expr]) -> set[str]:
    """The strings in an expression, and in the constants of its module that it is."""
    node = constants.get(node.id, node) if isinstance(node, ast.Name) else node
    return {n.value for n in ast.walk(node) if isinstance(n, ast.Constant) and isinstance(n.value, str)}


@pytest.mark.parametrize(
    "path",
    [p for p in SOURCES if p.suffix == ".py" and "ops" not in p.relative_to(PACKAGE).parts],
    ids=lambda p: str(p.relative_to(PACKAGE)),
)
def test_facts_about_ops_stand_in_their_declarations_and_are_not_guessed_from_names(
    path: pathlib.Path,
) -> None:
    relative = path.relative_to(PACKAGE).as_posix()
    by_name: set[str] = set()
    tree = ast.parse(path.read_text())
    constants: dict[str, ast.expr] = {}
    for statement in tree.body:
        if isinstance(statement, ast.Assign) and isinstance(statement.targets[0], ast.Name):
            constants[statement.targets[0].id] = statement.value
        elif isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name):
            constants[statement.target.id] = statement.value or statement.target
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and is_op_type(node.value):
            parts = ("startswith", "endswith", "removeprefix", "removesuffix", "find", "partition", "split")
            assert node.attr not in parts, f"{path}:{node.lineno} looks at a part of an op's type"
        if isinstance(node, ast.Compare):
            sides = [node.left, *node.comparators]
            for operator, right in zip(node.ops, node.comparators, strict=True):
                inside = isinstance(operator, (ast.In, ast.NotIn)) and is_op_type(right)
                assert not inside, f"{path}:{node.lineno} looks for a part of an op's type"
            if any(map(is_op_type, sides)):
                by_name |= set().union(*(strings_in(side, constants) for side in sides))
    if not relative.startswith("runtime/passes/"):
        assert by_name == KNOWN_BY_NAME.get(relative, set()), f"{path} knows ops by name"


def test_no_file_is_ignored_by_pytest_and_no_test_shadows_another() -> None:
    for path in (ROOT / "tests").rglob("*.py"):
        names = [
            n.name
            for n in ast.parse(path.read_text()).body
            if isinstance(n, ast.FunctionDef) and n.name.startswith("test_")
        ]
        assert len(names) == len(set(names)), f"{path} defines a test twice"
        assert not names or path.name.startswith("test_"), f"{path} holds tests that pytest does not collect"


def test_the_project_speaks_of_itself_alone() -> None:
    tracked = [
        p
        for suffix in ("py", "pyx", "pxd", "pxi", "pyi", "md", "toml", "c", "h", "def")
        for p in ROOT.rglob(f"*.{suffix}")
    ]
    for path in tracked:
        relative = path.relative_to(ROOT).parts
        if relative[0] in (".venv", "build", "tests") or relative[0].startswith(".") or "output" in relative:
            continue
        if path.suffix == ".c" and path.with_suffix(".pyx").exists():
            continue  # generated; it names the folder that it was built in
        assert "/" + "work/" not in path.read_text(errors="replace"), path
