"""The classes of messages: their forms, copies and pickles, and other libraries' beside them."""

from __future__ import annotations

import copy
import json
import pathlib
import pickle
import subprocess
import sys

import pytest
from google.protobuf import descriptor_pb2, json_format, message, text_format

import flowcore as fc
import flowcore.protos
from flowcore._message_names import MESSAGES

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from beside_tensorflow import run_in_tensorflow

PACKAGE = pathlib.Path(fc.__file__).resolve().parents[1]
DESCRIPTORS = pathlib.Path(flowcore.protos.__file__).with_name("descriptors.bin")


def all_classes() -> list[type[message.Message]]:
    files = descriptor_pb2.FileDescriptorSet.FromString(DESCRIPTORS.read_bytes()).file
    return [getattr(flowcore.protos, m.name) for file in files for m in file.message_type]


def a_graph() -> fc.GraphDef:
    graph = fc.GraphDef()
    graph.versions.producer = 134
    node = graph.node.add(name="a", op="Const", input=["^b"])
    node.attr["dtype"].type = flowcore.protos.DT_FLOAT
    node.attr["value"].tensor.float_val.extend([1.5, -2.0])
    node.attr["ints"].list.i.extend([1, 2**40])
    return graph


def fresh(code: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=PACKAGE,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_building_and_running_loads_no_protobuf():
    fresh(
        "import sys, flowcore as fc\n"
        "x = fc.placeholder(fc.float32, [None, 2])\n"
        "v = fc.Variable(fc.ones([2, 1]))\n"
        "train = fc.train.AdamOptimizer(0.1).minimize(fc.reduce_sum(fc.matmul(x, v)))\n"
        "with fc.Session() as sess:\n"
        "    sess.run(fc.global_variables_initializer())\n"
        "    sess.run(train, {x: [[1.0, 2.0]]})\n"
        "    try:\n"
        "        sess.run(fc.check_numerics(x, 'here'), {x: [[float('inf'), 1.0]]})\n"
        "    except fc.errors.InvalidArgumentError:\n"
        "        pass\n"
        "    else:\n"
        "        raise AssertionError\n"
        "assert not [m for m in sys.modules if m.startswith('google')]\n"
        "assert 'GraphDef' in dir(fc)\n"
        "fc.GraphDef\n"
        "assert 'google.protobuf' in sys.modules\n"
    )


@pytest.mark.parametrize("module", MESSAGES)
def test_every_name_is_the_message_of_that_name(module):
    owner = sys.modules[module]
    for name in MESSAGES[module]:
        cls = getattr(owner, name)
        assert cls.DESCRIPTOR.full_name == f"tensorflow.{name}"
        assert cls is getattr(flowcore.protos, name)
        assert name in dir(owner)
        namespace = {}
        exec(f"from {module} import {name} as found", namespace)
        assert namespace["found"] is cls


def test_text_binary_and_json_forms_give_back_the_message():
    graph = a_graph()
    assert fc.GraphDef.FromString(graph.SerializeToString()) == graph
    assert text_format.Parse(text_format.MessageToString(graph), fc.GraphDef()) == graph
    assert json_format.Parse(json_format.MessageToJson(graph), fc.GraphDef()) == graph
    assert json.loads(json_format.MessageToJson(graph))["versions"] == {"producer": 134}
    collection = flowcore.protos.CollectionDef()
    collection.any_list.value.add().Pack(graph)
    unpacked = fc.GraphDef()
    assert collection.any_list.value[0].Unpack(unpacked)
    assert unpacked == graph


def test_fields_are_looked_at_copied_and_cleared():
    attr = a_graph().node[0].attr
    assert attr["dtype"].WhichOneof("value") == "type"
    assert attr["value"].HasField("tensor")
    assert not attr["value"].HasField("s")
    other = fc.AttrValue()
    other.CopyFrom(attr["ints"])
    assert list(other.list.i) == [1, 2**40]
    other.ClearField("list")
    assert other.WhichOneof("value") is None
    with pytest.raises(AttributeError, match="nane"):
        fc.NodeDef().nane = "x"
    with pytest.raises(TypeError):
        fc.NodeDef().name = 3
    with pytest.raises(TypeError):
        fc.NodeDef(input=3)


@pytest.mark.parametrize("cls", all_classes(), ids=lambda cls: cls.__name__)
def test_messages_and_their_classes_pickle_and_copy(cls):
    def inner(of):
        yield of
        for nested in of.DESCRIPTOR.nested_types:
            if not nested.GetOptions().map_entry:
                yield from inner(getattr(of, nested.name))

    for each in inner(cls):
        assert pickle.loads(pickle.dumps(each)) is each
        for copied in (pickle.loads(pickle.dumps(each())), copy.deepcopy(each())):
            assert type(copied) is each
    graph = a_graph()
    assert pickle.loads(pickle.dumps([graph, graph.node[0]])) == [graph, graph.node[0]]
    assert copy.deepcopy(graph) == graph


def test_a_pickle_of_an_unknown_message_is_refused():
    data = pickle.dumps(fc.NodeDef(name="x")).replace(b"tensorflow.NodeDef", b"tensorflow.NoddDef")
    with pytest.raises(pickle.UnpicklingError, match=r"there is no message tensorflow\.NoddDef here"):
        pickle.loads(data)


def test_names_that_are_no_messages_are_attribute_errors():
    with pytest.raises(AttributeError, match=r"module 'flowcore\.protos' has no message 'GrafDef'"):
        flowcore.protos.GrafDef  # noqa: B018
    assert flowcore.protos.DataType.Value("DT_HALF") == flowcore.protos.DT_HALF == 19
    assert flowcore.protos.Code.Name(flowcore.protos.DATA_LOSS) == "DATA_LOSS"
    assert {"GraphDef", "Code", "DT_HALF", "OK"} <= set(dir(flowcore.protos))


def test_threads_that_ask_at_once_get_one_class():
    assert (
        fresh(
            "import sys, threading, flowcore as fc\n"
            "sys.setswitchinterval(1e-6)\n"
            "barrier, found = threading.Barrier(8), []\n"
            "def ask():\n"
            "    barrier.wait()\n"
            "    found.append(fc.GraphDef)\n"
            "threads = [threading.Thread(target=ask) for _ in range(8)]\n"
            "[t.start() for t in threads]; [t.join() for t in threads]\n"
            "print(len(found), len(set(found)))\n"
        )
        == "8 1\n"
    )


#: Puts messages of the same full names into the pool that generated code shares.
OTHERS = (
    "from google.protobuf import any_pb2, descriptor_pb2, descriptor_pool, message_factory\n"
    f"files = descriptor_pb2.FileDescriptorSet.FromString(open({str(DESCRIPTORS)!r}, 'rb').read()).file\n"
    "for file in files: descriptor_pool.Default().AddSerializedFile(file.SerializeToString())\n"
    "found = descriptor_pool.Default().FindMessageTypeByName('tensorflow.GraphDef')\n"
    "get = getattr(message_factory, 'GetMessageClass', None)\n"
    "Theirs = get(found) if get else message_factory.MessageFactory().GetPrototype(found)\n"
)
OURS = "import flowcore as fc, flowcore.protos as protos\nfc.GraphDef\n"
USE = (
    "theirs = Theirs(); theirs.node.add(name='x')\n"
    "ours = protos.own(theirs, 'GraphDef')\n"
    "assert type(ours) is fc.GraphDef is not Theirs and ours.node[0].name == 'x'\n"
    "assert protos.own(ours, 'GraphDef') is ours\n"
    "assert Theirs.FromString(ours.SerializeToString()) == theirs\n"
)


@pytest.mark.parametrize(
    "code", [OTHERS + OURS + USE, OURS + OTHERS + USE], ids=["theirs first", "ours first"]
)
def test_messages_of_the_same_names_in_the_shared_pool_live_beside_ours(code):
    fresh(code)


@pytest.mark.parametrize("order", ["theirs first", "ours first"])
@pytest.mark.parametrize(
    "library", ["tensorflow.core.framework.graph_pb2", "tensorboard.compat.proto.graph_pb2"]
)
def test_other_libraries_live_beside_ours(tmp_path, library, order):
    theirs = f"import {library} as graph_pb2\nTheirs = graph_pb2.GraphDef\n"
    if library.startswith("tensorboard"):
        pytest.importorskip("tensorboard")
        use = USE.replace(
            "protos.own(theirs, 'GraphDef')", "fc.GraphDef.FromString(theirs.SerializeToString())"
        )
        fresh((theirs + OURS if order == "theirs first" else OURS + theirs) + use)
    else:
        code = theirs + OURS + USE if order == "theirs first" else OURS + theirs + USE
        run_in_tensorflow(code, tmp_path, with_flowcore=True)


def test_own_refuses_what_is_no_such_message():
    for other in (None, 3, b"", fc.GraphDef, fc.NodeDef()):
        with pytest.raises(TypeError, match="a GraphDef is needed, found"):
            flowcore.protos.own(other, "GraphDef")


def test_fields_are_those_of_tensorflow(tmp_path):
    """Names, numbers, kinds and enumerations of what TensorFlow has today are ours; it has more."""
    lines = run_in_tensorflow(
        """
        import glob, importlib, os, tensorflow
        root = os.path.dirname(os.path.dirname(tensorflow.__file__))
        for path in glob.glob("tensorflow/**/*_pb2.py", root_dir=root, recursive=True):
            file = importlib.import_module(path[:-3].replace("/", ".")).DESCRIPTOR
            if file.package in ("tensorflow", "tensorflow.error"):
                print(file.serialized_pb.hex())
        from tensorflow.python.training import checkpoint_state_pb2
        print(checkpoint_state_pb2.DESCRIPTOR.serialized_pb.hex())
        """,
        tmp_path,
    )
    theirs = dict(
        _all_fields(descriptor_pb2.FileDescriptorProto.FromString(bytes.fromhex(x)) for x in lines.split())
    )
    ours = dict(_all_fields(descriptor_pb2.FileDescriptorSet.FromString(DESCRIPTORS.read_bytes()).file))
    differing = {name: (kind, theirs.get(name)) for name, kind in ours.items() if theirs.get(name) != kind}
    assert sorted(differing) == [
        "tensorflow.ConfigProto.deterministic",  # flowcore's own
        "tensorflow.NodeExecStats.fused",
        "tensorflow.OptimizerOptions.skip_passes",
        "tensorflow.TrackableObjectGraph.TrackableObject.SerializedTensor.optional_restore",  # 1.15's
    ]


def _all_fields(files):
    def of_enum(path, enum):
        for value in enum.value:
            yield f"{path}.{enum.name}.{value.name}", value.number

    def of_message(path, made):
        path = f"{path}.{made.name}"
        for field in made.field:
            packed = field.options.packed if field.options.HasField("packed") else None
            yield f"{path}.{field.name}", (field.number, field.type, field.type_name, field.label, packed)
        for inner in made.nested_type:
            yield from of_message(path, inner)
        for enum in made.enum_type:
            yield from of_enum(path, enum)

    for file in files:
        for made in file.message_type:
            yield from of_message(file.package, made)
        for enum in file.enum_type:
            yield from of_enum(file.package, enum)
