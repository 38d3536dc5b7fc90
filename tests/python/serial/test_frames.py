"""What begins in a frame ends in it: else a stream could be read in two ways.

CPython reads so since 3.13.15, 3.14.7 and 3.15; its reader in Python always has, but
for bytearrays in 3.15.
"""

from __future__ import annotations

import io
import pickle
import struct
import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import shoal.pickle as ours
from hypothesis import given, settings
from hypothesis import strategies as st


class Bare:
    """A file that has what it must have and no more."""

    def __init__(self, data: bytes) -> None:
        file = io.BytesIO(data)
        self.read, self.readline = file.read, file.readline


READERS: dict[str, Callable[[bytes], Any]] = {
    "memory": ours.loads,
    "BytesIO": lambda data: ours.load(io.BytesIO(data)),
    "peek": lambda data: ours.load(io.BufferedReader(io.BytesIO(data))),
    "short peek": lambda data: ours.load(io.BufferedReader(io.BytesIO(data), 16)),
    "bare": lambda data: ours.load(Bare(data)),  # type: ignore[arg-type]
    "Unpickler": lambda data: ours.Unpickler(io.BytesIO(data)).load(),
}


def frame(size: int) -> bytes:
    return b"\x95" + struct.pack("<Q", size)


def u32(number: int) -> bytes:
    return struct.pack("<I", number)


LONG = 3 << 20
"""More than a reader allocates, or reads ahead, at once."""

CROSSED = {
    "number": frame(2) + b"J\1\2\3\4.",
    "text": frame(4) + b"\x8c\5abcde.",
    "length": frame(2) + b"X\5\0\0\0abcde.",
    "long text": frame(5 + (1 << 20)) + b"X" + u32(LONG) + b"a" * LONG + b".",
    "long bytes": frame(5 + (1 << 20)) + b"B" + u32(LONG) + b"a" * LONG + b".",
    "long array": frame(9 + (1 << 20)) + b"\x96" + u32(LONG) + u32(0) + b"a" * LONG + b".",
    "line": frame(3) + b"I12345\n.",
    "second line": frame(16) + b"cbuiltins\nlistlist\n.",
    "frame's own size": frame(3) + frame(1) + b".",
}

NESTED = {
    "frame": frame(14) + b"N0" + frame(2) + b"K\1N0.",
    "empty frame": frame(12) + b"N0" + frame(0) + b"K\1.",
    "long": frame(10 + LONG) + frame(LONG) + b"B" + u32(LONG) + b"a" * LONG + b".",
}

RIGHT = {
    "no frame": (b"K\1.", 1),
    "several": (frame(2) + b"K\1" + frame(0) + frame(1) + b".", 1),
    "nothing in them": (frame(0) * 5 + b"N.", None),
    "argument behind it": (frame(1) + b"K\1.", 1),
    "payload behind it": (frame(2) + b"\x8c\5abcde.", "abcde"),
    "long payload behind it": (frame(5) + b"B" + u32(LONG) + b"a" * LONG + b".", b"a" * LONG),
    "line behind it": (frame(1) + b"I12345\n" + frame(1) + b".", 12345),
    "stop before the end": (frame(5) + b"N.N0N", None),
}


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize("what", CROSSED)
def test_nothing_crosses_the_end_of_a_frame(what: str, reader: str) -> None:
    with pytest.raises(pickle.UnpicklingError, match=r"^pickle exhausted before end of frame$"):
        READERS[reader](b"\x80\5" + CROSSED[what])


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize("what", NESTED)
def test_no_frame_is_in_a_frame(what: str, reader: str) -> None:
    expected = r"^beginning of a new frame before end of current frame$"
    with pytest.raises(pickle.UnpicklingError, match=expected):
        READERS[reader](b"\x80\5" + NESTED[what])


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize("what", RIGHT)
def test_frames_that_are_right(what: str, reader: str) -> None:
    stream, expected = RIGHT[what]
    assert READERS[reader](b"\x80\5" + stream) == expected


@pytest.mark.parametrize("what", [*CROSSED, *NESTED])
def test_the_standard_reader_in_python_refuses_them_too(what: str) -> None:
    if what == "long array" and sys.version_info >= (3, 15):
        pytest.skip("the reader in Python of 3.15 takes a bytearray that crosses a frame's end")
    stream = {**CROSSED, **NESTED}[what]
    with pytest.raises(pickle.UnpicklingError):
        pickle._Unpickler(io.BytesIO(b"\x80\5" + stream)).load()  # type: ignore[attr-defined]


def _framed(stream: bytes, cuts: list[tuple[int, int]]) -> Iterator[bytes]:
    """Yield a stream in pieces, with frames of these sizes at these places."""
    at = 0
    for place, size in sorted(cuts):
        place = max(at, place % (len(stream) + 1))
        yield stream[at:place]
        yield frame(size)
        at = place
    yield stream[at:]


GRAPHS = st.recursive(
    st.none() | st.integers() | st.text(max_size=300) | st.binary(max_size=300),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=8,
)


@settings(deadline=None)
@given(GRAPHS, st.lists(st.tuples(st.integers(0, 2000), st.integers(0, 40)), max_size=4))
def test_frames_anywhere_are_taken_as_by_the_reader_in_python(
    graph: Any, cuts: list[tuple[int, int]]
) -> None:
    plain = pickle.dumps(graph, 3)
    stream = plain[:2] + b"".join(_framed(plain[2:], cuts)) + b"N" * 50
    try:
        expected = pickle._Unpickler(io.BytesIO(stream)).load()  # type: ignore[attr-defined]
    except pickle.UnpicklingError:
        expected = pickle.UnpicklingError
    except Exception:
        return  # It is no pickle any more.
    for read in READERS.values():
        try:
            found = read(stream)
        except pickle.UnpicklingError:
            found = pickle.UnpicklingError
        assert found == expected
