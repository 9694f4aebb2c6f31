"""Plain Python arguments are checked in one place, with their names in the errors."""

from __future__ import annotations

import numpy as np
import pytest

from flowcore import arguments


@pytest.mark.parametrize(
    ("value", "expected"), [(3, 3), (np.int64(-4), -4), (True, 1), (2**63 - 1, 2**63 - 1)]
)
def test_whole_numbers_of_64_bits_are_taken(value: object, expected: int) -> None:
    assert arguments.whole_number(value, "num") == expected


@pytest.mark.parametrize("value", [1.5, "3", None, [3], np.float32(2)])
def test_what_is_no_whole_number_is_named(value: object) -> None:
    with pytest.raises(TypeError, match="num must be a whole number, found"):
        arguments.whole_number(value, "num")


@pytest.mark.parametrize("value", [2**63, -(2**63) - 1, 2**100])
def test_whole_numbers_beyond_64_bits_are_refused(value: int) -> None:
    with pytest.raises(ValueError, match="num must be from -9223372036854775808 to 9223372036854775807"):
        arguments.whole_number(value, "num")


def test_real_numbers() -> None:
    assert arguments.real_number(np.float32(1.5), "rate") == 1.5
    with pytest.raises(TypeError, match=r"rate must be a number, found '1.5'"):
        arguments.real_number("1.5", "rate")
    with pytest.raises(TypeError, match=r"rate must be a number, found 1j"):
        arguments.real_number(1j, "rate")
    with pytest.raises(ValueError, match="rate is too large for a float"):
        arguments.real_number(10**400, "rate")


def test_text_becomes_bytes_and_file_names_their_own() -> None:
    assert arguments.as_bytes("a\0ü", "text") == b"a\0\xc3\xbc"
    assert arguments.as_bytes("\udcff", "text") == b"\xff"  # os.fsdecode(b"\xff")
    assert arguments.as_bytes(b"\xff\0", "text") == b"\xff\0"
    with pytest.raises(ValueError, match="text holds a lone surrogate"):
        arguments.as_bytes("\ud800", "text")
    with pytest.raises(TypeError, match="text must be bytes or a str, found 3"):
        arguments.as_bytes(3, "text")


def test_an_object_whose_repr_fails_can_still_be_named() -> None:
    class Broken:
        def __repr__(self) -> str:
            raise RuntimeError

    assert arguments.described(Broken()) == "an object of type Broken"
    assert len(arguments.described("x" * 1000)) == 60
