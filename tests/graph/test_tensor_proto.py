"""Tensors and shapes as messages, and what is refused of messages from elsewhere."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import flowcore as fc
from flowcore import dtypes, protos
from flowcore.graph.tensor_proto import array_from_proto, array_to_proto, shape_from_proto, shape_to_proto

ml_dtypes = pytest.importorskip("ml_dtypes")  # an extra: NumPy has no bfloat16

NUMERIC = [t for t in dtypes.ALL if t not in (dtypes.string, dtypes.resource, dtypes.variant)]


def samples(dtype: fc.DType) -> np.ndarray:
    values = np.array([0, 1, 2, 100, 1, 0]).astype(dtype.as_numpy_dtype)
    if dtype.is_floating:
        values[2:4] = [np.nan, -np.inf]
    if dtype.is_complex:
        values[3] = 1.5 - 2j
    if dtype.is_integer:
        values[2:4] = [dtype.min, dtype.max]
    return values


@pytest.mark.parametrize("dtype", NUMERIC, ids=lambda t: t.name)
@pytest.mark.parametrize("shape", [[6], [2, 3], [1], [], [0], [3, 0, 2]], ids=str)
def test_arrays_come_back_bit_for_bit(dtype: fc.DType, shape: list[int]) -> None:
    array = samples(dtype)[3 : 3 + 1] if shape in ([], [1]) else samples(dtype)[: int(np.prod(shape))]
    array = array.reshape(shape)
    message = array_to_proto(array, dtype)
    assert message.dtype == dtype.as_datatype_enum
    back = array_from_proto(protos.TensorProto.FromString(message.SerializeToString()))
    assert (back.dtype, back.shape, back.tobytes()) == (array.dtype, array.shape, array.tobytes())


def test_strings_come_back() -> None:
    array = np.array([[b"a", "\u00e9", b"\xff\0"]], object)
    back = array_from_proto(array_to_proto(array, dtypes.string))
    assert back.tolist() == [[b"a", "\u00e9".encode(), b"\xff\0"]]
    assert array_from_proto(protos.TensorProto(dtype=7)).tolist() == b""


def test_a_short_list_is_continued_and_an_empty_one_is_zeros() -> None:
    message = protos.TensorProto(dtype=1, float_val=[1.0, 2.0])
    message.tensor_shape.dim.add(size=4)
    assert array_from_proto(message).tolist() == [1.0, 2.0, 2.0, 2.0]
    message.ClearField("float_val")
    assert array_from_proto(message).tolist() == [0.0] * 4
    halves = protos.TensorProto(dtype=19, half_val=[0x3C00])
    halves.tensor_shape.dim.add(size=2)
    assert array_from_proto(halves).tolist() == [1.0, 1.0]
    bfloats = protos.TensorProto(dtype=14, half_val=[0x3F80])
    assert array_from_proto(bfloats) == ml_dtypes.bfloat16(1.0)


def a_message(**fields: Any) -> protos.TensorProto:
    sizes = fields.pop("sizes", [])
    message = protos.TensorProto(**fields)
    for size in sizes:
        message.tensor_shape.dim.add(size=size)
    return message


@pytest.mark.parametrize(
    ("fields", "text"),
    [
        ({"dtype": 1, "sizes": [2], "tensor_content": b"123"}, "has 8 bytes, found 3"),
        ({"dtype": 1, "sizes": [2], "float_val": [1, 2, 3]}, "has 2 elements, found 3"),
        ({"dtype": 1, "sizes": [-1], "float_val": [1]}, "its sizes must be known"),
        ({"dtype": 1, "sizes": [-5], "float_val": [1]}, "a shape has size -5"),
        ({"dtype": 1, "sizes": [2**40, 2**40], "float_val": [1]}, "more than 2 GB"),
        ({"dtype": 1, "sizes": [2**62, 2**62, 0, 2**62]}, ""),
        ({"dtype": 1, "sizes": [2**28], "float_val": [1, 2]}, "lists are continued up to"),
        ({"dtype": 20, "sizes": []}, "dtype resource cannot be written down"),
        ({"dtype": 8, "sizes": [2], "scomplex_val": [1, 2, 3]}, "odd count"),
        ({"dtype": 1, "sizes": [1] * 300}, ""),
    ],
)
def test_messages_that_say_what_they_do_not_hold_are_refused(fields: dict[str, Any], text: str) -> None:
    try:
        found = array_from_proto(a_message(**fields))
    except ValueError as error:
        assert text in str(error)
    else:
        assert not text
        assert found.size == 0


def test_an_unknown_type_is_refused() -> None:
    with pytest.raises(TypeError, match="Cannot convert 0 to a dtype"):
        array_from_proto(protos.TensorProto())


def test_a_size_that_a_message_claims_takes_no_memory() -> None:
    array = array_from_proto(a_message(dtype=1, sizes=[2**28], float_val=[3.0]))
    assert array.shape == (2**28,)
    assert array.strides == (0,)


@pytest.mark.parametrize("shape", [None, [], [3], [None, 2], [0]], ids=str)
def test_shapes_come_back(shape: Any) -> None:
    message = shape_to_proto(fc.TensorShape(shape))
    assert message.unknown_rank == (shape is None)
    assert repr(shape_from_proto(message)) == repr(fc.TensorShape(shape))


def test_make_tensor_proto_and_make_ndarray() -> None:
    assert fc.make_ndarray(fc.make_tensor_proto([[1, 2]])).tolist() == [[1, 2]]
    message = fc.make_tensor_proto(1.0, shape=[2, 2])
    assert list(message.float_val) == [1.0]
    assert fc.make_ndarray(message).tolist() == [[1.0, 1.0], [1.0, 1.0]]
    assert fc.make_ndarray(fc.make_tensor_proto("x")).tolist() == b"x"
    assert fc.make_tensor_proto([1], dtype=fc.int64).dtype == protos.DT_INT64
    with pytest.raises(TypeError, match="do not have shape"):
        fc.make_tensor_proto([1, 2], shape=[3], verify_shape=True)
    with pytest.raises(ValueError, match="2 values do not fit into shape"):
        fc.make_tensor_proto([1, 2], shape=[1])
    with pytest.raises(ValueError, match="2 values do not fit into shape"):
        fc.make_tensor_proto([1, 2], shape=[4], allow_broadcast=True)
    with pytest.raises(TypeError, match="a TensorProto is needed, found"):
        fc.make_ndarray(3)  # type: ignore[arg-type]
    made = fc.make_ndarray(fc.make_tensor_proto([1.0]))
    made[0] = 2.0  # the caller's own
