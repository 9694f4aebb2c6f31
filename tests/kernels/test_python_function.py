"""What py_func's function gets, and what becomes of what it returns."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import flowcore as fc


def run(function: Any, inputs: Any, types: Any) -> Any:
    with fc.Graph().as_default(), fc.Session() as sess:
        return sess.run(fc.py_func(function, inputs(), types))


def test_scalars_arrive_as_bytes_and_numpy_scalars() -> None:
    seen: list[Any] = []

    def note(*values: Any) -> np.float32:
        seen.extend(values)
        return np.float32(0)

    run(
        note,
        lambda: [
            fc.constant("ab\0"),
            fc.constant(1.5),
            fc.constant(3),
            fc.constant(True),
            fc.constant(["a"]),
        ],
        fc.float32,
    )
    assert [type(v) for v in seen] == [bytes, np.float32, np.int32, np.bool_, np.ndarray]
    assert seen[:4] == [b"ab\0", 1.5, 3, True]
    assert seen[4].tolist() == [b"a"]


def test_a_function_may_write_to_its_input_and_nobody_else_sees_it() -> None:
    def add_one(a: np.ndarray) -> np.ndarray:
        a += 1
        return a

    with fc.Session() as sess:
        constant = fc.zeros([2])
        assert [v.tolist() for v in sess.run([fc.py_func(add_one, [constant], fc.float32), constant])] == [
            [1, 1],
            [0, 0],
        ]
        fed, x = np.zeros(2, np.float32), fc.placeholder(fc.float32, [2])
        assert sess.run(fc.py_func(add_one, [x], fc.float32), {x: fed}).tolist() == [1, 1]
        assert fed.tolist() == [0, 0]
        v = fc.Variable([5.0])
        sess.run(v.initializer)
        assert sess.run(fc.py_func(add_one, [v], fc.float32)).tolist() == [6]
        assert sess.run(v).tolist() == [5]


def test_a_list_is_the_list_of_outputs() -> None:
    row = np.zeros(3, np.float32)
    assert run(lambda: [row], list, [fc.float32])[0].shape == (3,)
    assert run(lambda: (row,), list, fc.float32).shape == (3,)
    assert run(lambda: [row], list, fc.float32).shape == (3,)
    assert run(lambda: row, list, [fc.float32])[0].shape == (3,)
    first, second = run(lambda: [row, 7], list, [fc.float32, fc.int32])
    assert (first.shape, second) == ((3,), 7)
    for wrong in (lambda: [1.0, 2.0], lambda: (row, row)):
        with pytest.raises(fc.errors.InvalidArgumentError, match="2 values where 1 were declared"):
            run(wrong, list, fc.float32)
    with pytest.raises(fc.errors.InvalidArgumentError, match="1 values where 2"):
        run(lambda: np.zeros(2, np.float32), list, [fc.float32, fc.float32])


@pytest.mark.parametrize(
    ("value", "dtype"),
    [
        (2**40, fc.int32),
        (300, fc.int8),
        (-1, fc.uint8),
        (-1, fc.uint64),
        (2**70, fc.int64),
        (2**70, fc.float32),
        (70_000, fc.float16),
        ([[1, 300]], fc.int8),
    ],
)
def test_numbers_that_do_not_fit_are_refused(value: Any, dtype: fc.DType) -> None:
    with pytest.raises(fc.errors.InvalidArgumentError, match=rf"(does not fit|too large for) {dtype.name}"):
        run(lambda: value, list, dtype)


def test_numbers_that_fit_convert() -> None:
    assert run(lambda: 2**31 - 1, list, fc.int32) == 2**31 - 1
    assert run(lambda: 2**64 - 1, list, fc.uint64) == 2**64 - 1
    assert run(lambda: 3, list, fc.float32) == 3.0
    assert run(lambda: True, list, fc.bool) == np.True_
    assert run(lambda: "hé", list, fc.string) == "hé".encode()
    assert run(lambda: b"a\0", list, fc.string) == b"a\0"
    assert run(lambda: None, list, []) is None


@pytest.mark.parametrize(
    ("value", "dtype"),
    [
        (3.0, fc.int32),
        (np.float64(3), fc.float32),
        (np.int64(3), fc.int32),
        (None, fc.float32),
        (1, fc.string),
    ],
)
def test_other_dtypes_are_refused(value: Any, dtype: fc.DType) -> None:
    with pytest.raises(fc.errors.InvalidArgumentError, match=r"where .* was declared"):
        run(lambda: value, list, dtype)
