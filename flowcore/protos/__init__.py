"""TensorFlow's messages: `GraphDef`, `ConfigProto`, `Example`, `Event` and all that they are made of.

The classes are those of the protobuf runtime, which is imported when a name of this module is first
asked for. They are made of `descriptors.bin`, in a pool of their own, so that they live beside those
of TensorFlow or TensorBoard, which have the same full names. `*.proto` say what they are;
`flowcore/protos/compile.py` makes `descriptors.bin` and `__init__.pyi` of these.

Owns: the pool. Must never import anything above it.
"""

from __future__ import annotations

import copyreg
import pathlib
import pickle
from collections.abc import Callable
from typing import Any

from flowcore import locks
from flowcore.arguments import described

_lock = locks.reentrant_lock()
#: By full names: the class of a message, or the wrapper of an enumeration.
_found: dict[str, Any] = {}
_PACKAGES = ("tensorflow", "tensorflow.error")


def _load() -> dict[str, Any]:
    """All messages and enumerations, made when one is first asked for."""
    with _lock:
        if not _found:
            from google.protobuf import any_pb2, descriptor_pb2, descriptor_pool, message_factory
            from google.protobuf.internal import enum_type_wrapper

            pool = descriptor_pool.DescriptorPool()
            if hasattr(message_factory, "GetMessageClass"):
                class_of = message_factory.GetMessageClass
            else:  # before version 4.22
                class_of = message_factory.MessageFactory(pool).GetPrototype
            made: dict[str, Any] = {}
            pool.AddSerializedFile(any_pb2.DESCRIPTOR.serialized_pb)
            data = pathlib.Path(__file__).with_name("descriptors.bin").read_bytes()
            for file in descriptor_pb2.FileDescriptorSet.FromString(data).file:
                pool.AddSerializedFile(file.SerializeToString())
                for message in file.message_type:
                    full_name = f"{file.package}.{message.name}"
                    _add(made, class_of, pool.FindMessageTypeByName(full_name), message.name)
                for enum in file.enum_type:
                    full_name = f"{file.package}.{enum.name}"
                    descriptor = pool.FindEnumTypeByName(full_name)
                    made[full_name] = enum_type_wrapper.EnumTypeWrapper(descriptor)
                    made.update({f"{file.package}.{v.name}": v.number for v in descriptor.values})
            _found.update(made)
        return _found


def _add(made: dict[str, Any], class_of: Callable[[Any], Any], descriptor: Any, path: str) -> None:
    """Adds the class of a message and those inside it, and lets them and their messages pickle."""
    cls = made[descriptor.full_name] = class_of(descriptor)
    cls.__module__, cls.__qualname__ = __name__, path
    copyreg.pickle(cls, _reduced)
    for inner in descriptor.nested_types:
        if not inner.GetOptions().map_entry:
            _add(made, class_of, inner, f"{path}.{inner.name}")
            if not hasattr(cls, inner.name):  # the runtime in pure Python leaves this to generated code
                setattr(cls, inner.name, made[inner.full_name])


def _reduced(message: Any) -> tuple[Any, ...]:
    return _restored, (message.DESCRIPTOR.full_name, message.SerializePartialToString())


def _restored(full_name: str, data: bytes) -> Any:
    cls = _load().get(full_name)
    if cls is None:
        raise pickle.UnpicklingError(f"there is no message {full_name} here")
    return cls.FromString(data)


def __getattr__(name: str) -> Any:
    if not name.startswith("__"):
        for package in _PACKAGES:
            if f"{package}.{name}" in _load():
                found = globals()[name] = _load()[f"{package}.{name}"]
                return found
    raise AttributeError(f"module '{__name__}' has no message '{name}'", name=name)


def __dir__() -> list[str]:
    names = {full_name.removeprefix(f"{p}.") for full_name in _load() for p in _PACKAGES}
    return sorted({*globals(), *(name for name in names if "." not in name)})


def own(message: Any, kind: str) -> Any:
    """A message as one of these classes: itself, or a copy of one that another library has of that kind.

    Raises TypeError for anything else.
    """
    cls = _load()[f"tensorflow.{kind}"]
    if isinstance(message, cls):
        return message
    descriptor = getattr(message, "DESCRIPTOR", None)
    if isinstance(message, type) or getattr(descriptor, "full_name", None) != f"tensorflow.{kind}":
        raise TypeError(f"a {kind} is needed, found {described(message)}")
    return cls.FromString(message.SerializePartialToString())
