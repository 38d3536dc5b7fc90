"""Tables that columns are made of, for the tests of `shoal.flat.columns`."""

from __future__ import annotations

import importlib
from typing import Any

import numpy as np
import pytest
from hypothesis import strategies as st


def table(*records: object) -> bytes:
    return "".join(f"{record!r}\n" for record in records).encode()


def as_lists(found: Any) -> list[list[Any]]:
    """Return what is in columns, whatever they are."""
    if isinstance(found, np.ndarray):
        return [found[name].tolist() for name in found.dtype.names]
    if isinstance(found, dict):
        return [list(column) for column in found.values()]
    return [column.to_pylist() for column in found.columns]


TARGETS = ["numpy", "array"]
if importlib.util.find_spec("pyarrow"):  # type: ignore[attr-defined]
    TARGETS.append("arrow")
needs_arrow = pytest.mark.skipif("arrow" not in TARGETS, reason="pyarrow is not there")
into_any = pytest.mark.parametrize("into", TARGETS)

BAD = [
    (b"(1, 2)\n(1, 2, 3)\n", 2, 8, "the end of the record: it has more values than there", "3"),
    (b"(1, 2)\n(1,)\n", 2, 4, "an int (column 'f1')", ")"),
    (b"(1, 2)\n(1)\n", 2, 3, "',' and another value", ")"),
    (b"(1, 2)\n(1, 2\n", 2, 6, "the end of the record", "the end of the line"),
    (b"(1, 2)\n(1, 2) 3\n", 2, 8, "the end of the line", "3"),
    (b"(1, 2)\n5\n", 2, 1, "a tuple or a list, as before", "5"),
    (b"(1, 2)\n(1, 'x')\n", 2, 5, "an int (column 'f1')", "'x'"),
    (b"(1, 2)\n(1, True)\n", 2, 5, "an int (column 'f1')", "True"),
    (b"(1, 2)\n(1, [3])\n", 2, 5, "an int (column 'f1')", "[3"),
    (b"(1, 2)\n(1, 2j)\n", 2, 5, "an int (column 'f1')", "2j"),
    (b"(1, 2)\n(1, ...)\n", 2, 5, "an int (column 'f1')", "..."),
    (b"(True,)\n(1,)\n", 2, 2, "True or False (column 'f0')", "1"),
    (b"('x',)\n(b'x',)\n", 2, 2, "a str (column 'f0')", "b'x'"),
    (b"(b'x',)\n('x',)\n", 2, 2, "bytes (column 'f0')", "'x'"),
    (b"(1.5,)\n(9007199254740993,)\n", 2, 2, "a float (column 'f0')", "9007199254740993"),
    (b"(9007199254740993,)\n(1.5,)\n", 2, 2, "an int: the column has ints that no float", "1.5"),
    (b"(-1,)\n(18446744073709551615,)\n", 2, 2, "an integer that fits int64 or uint64", "18446"),
    (b"(18446744073709551615,)\n(-1,)\n", 2, 2, "an integer that fits int64 or uint64", "-1"),
    (b"(-9223372036854775809,)\n", 1, 2, "an integer that fits int64 or uint64", "-9223"),
    (b"{'a': 1}\n{'b': 1}\n", 2, 2, "a key that all records have", "'b'"),
    (b"{'a': 1}\n{b'a': 1}\n", 2, 2, "a key that all records have", "b'a'"),
    (b"{'a': 1}\n{'a': 1, 'a': 2}\n", 2, 10, "each key once (column 'a')", "'a'"),
    (b"{'a': 1, 'b': 2}\n{'b': 1}\n", 2, 8, "all keys (column 'a')", "}"),
    (b"{'a': 1}\n{'a' 1}\n", 2, 6, "':'", "1"),
    (b"{'a': 1}\n{1: 1}\n", 2, 2, "a string as the key", "1"),
    (b"{1: 1}\n", 1, 2, "a string as the key", "1"),
    (b"()\n", 1, 2, "at least one value", ")"),
    (b"((1,),)\n", 1, 2, "a number, a string, bytes, True, False or None", "(1"),
    (b"('\\ud800',)\n", 1, 2, "a str without lone surrogates", "'\\ud800'"),
    (b"('a\\0',)\n", 1, 2, "a text that does not end in NUL", "'a\\0'"),
    (b"(None,)\n", 1, 2, "no None: give the column a fill, or read into Arrow", "None"),
    (b"('\xff',)\n", 1, 3, "", ""),
    (b"__import__('os')\n", 1, 1, "", "__import__"),
]
"""Two lines, or one; the last of them is wrong: line, column, what was expected and found."""

VALUES = {
    "int": st.integers(-(2**63), 2**63 - 1),
    "uint": st.integers(0, 2**64 - 1),
    "float": st.floats(allow_nan=False),
    "bool": st.booleans(),
    "str": st.text(st.characters(exclude_categories=["Cs"])).filter(lambda text: text[-1:] != "\0"),
    "bytes": st.binary().filter(lambda data: data[-1:] != b"\0"),
}


@st.composite
def tables(draw: st.DrawFn) -> list[tuple[object, ...]]:
    kinds = draw(st.lists(st.sampled_from(list(VALUES)), min_size=1, max_size=5))
    row = st.tuples(*(VALUES[kind] for kind in kinds))
    return draw(st.lists(row, min_size=1, max_size=20))
