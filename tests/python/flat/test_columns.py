"""Columns hold what `ast.literal_eval` reads of every line, or an error names it."""

from __future__ import annotations

import ast
import gc
import io
import math
import sys
from array import array
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from shoal.flat.flat_error import FlatError
from shoal.flat.packing import columns

from .column_tables import BAD, TARGETS, as_lists, into_any, needs_arrow, table, tables

RECORDS = [(0.5, "one", 1, True, b"\xff"), (-1e300, "zwei é", -(2**63), False, b"")]


@into_any
def test_values_are_those_of_the_lines(into: str) -> None:
    found = columns(table(*RECORDS), into=into)  # type: ignore[call-overload]
    expected = [list(column) for column in zip(*RECORDS)]
    if into == "numpy":
        expected[1] = [text.encode() for text in expected[1]]
    assert as_lists(found) == expected


def test_types_of_numpy() -> None:
    found = columns(table(*RECORDS))
    assert [found.dtype[at].str for at in range(5)] == ["<f8", "|S7", "<i8", "|b1", "|S1"]
    assert found.dtype.names == ("f0", "f1", "f2", "f3", "f4")
    assert found.flags.writeable


def test_types_of_array() -> None:
    found = columns(table(*RECORDS), into="array")
    assert [found[f"f{at}"].typecode for at in (0, 2, 3)] == ["d", "q", "B"]
    assert found["f1"].kind is str
    assert found["f4"].kind is bytes


@needs_arrow
def test_types_of_arrow() -> None:
    found = columns(table(*RECORDS), into="arrow")
    assert [str(kind) for kind in found.schema.types] == [
        "double",
        "string",
        "int64",
        "bool",
        "binary",
    ]
    found.validate(full=True)


@into_any
@pytest.mark.parametrize(
    "lines",
    [
        b"[1, 'a']\n[2, 'b']\n",
        b"(1,'a',)\n( 2 , 'b' , )\n",
        b"{'x': 1, 'y': 'a'}\n{'y': 'b', 'x': 2}",
        b"\xef\xbb\xbf(1, 'a')\r\n\r\n# a comment\n(0x2, \"b\")\r\n",
        b"{'x': 1, 'y': 'a',}\n{'\\x79': '\\x62', 'x': 0b10}\n",
    ],
)
def test_spellings(into: str, lines: bytes) -> None:
    found = as_lists(columns(lines, into=into))  # type: ignore[call-overload]
    assert found[0] == [1, 2]
    assert found[1] in (["a", "b"], [b"a", b"b"])


@into_any
def test_records_that_are_dicts_name_the_columns(into: str) -> None:
    found = columns(table({"x": 1, "é": 2.0}), into=into)  # type: ignore[call-overload]
    names = found.dtype.names if into == "numpy" else getattr(found, "column_names", None) or found
    assert list(names) == ["x", "é"]


@into_any
def test_records_that_are_values(into: str) -> None:
    assert as_lists(columns(b"1\n2\n-3\n", into=into)) == [[1, 2, -3]]  # type: ignore[call-overload]


@into_any
@pytest.mark.parametrize("lines", [b"", b"\n\n", b"# nothing\n"])
def test_no_records(into: str, lines: bytes) -> None:
    found = columns(lines, into=into)  # type: ignore[call-overload]
    assert len(found) == 0
    given_schema = columns(lines, {"a": "int16", "b": str}, into=into)  # type: ignore[call-overload]
    assert [len(column) for column in as_lists(given_schema)] == [0, 0]


# ---- Many rows: more than a batch ---------------------------------------------------


@into_any
@pytest.mark.parametrize(
    "late",
    [2**64 - 1, 2.5, "longer than all before", None],
    ids=["uint64", "float", "text", "none"],
)
def test_what_comes_late_widens_what_is_there(into: str, late: object) -> None:
    filler: object = "ab" if isinstance(late, str) else 7
    records = [(filler, at) for at in range(50_000)] + [(late, 1)] + [(filler, 2)]
    if late is None and into != "arrow":
        with pytest.raises(FlatError, match="line 50001, column 2: expected no None"):
            columns(table(*records), into=into)  # type: ignore[call-overload]
        return
    found = as_lists(columns(table(*records), into=into))  # type: ignore[call-overload]
    expected = [row[0] for row in records]
    if into == "numpy" and isinstance(late, str):
        expected = [str(text).encode() for text in expected]
    assert found == [expected, [row[1] for row in records]]
    if isinstance(late, float):
        assert type(found[0][0]) is float


@into_any
def test_texts_that_grow(into: str) -> None:
    texts = ["x" * (at // 50) for at in range(40_000)]
    found = as_lists(columns(table(*texts), into=into))[0]  # type: ignore[call-overload]
    assert found == ([text.encode() for text in texts] if into == "numpy" else texts)


@pytest.mark.parametrize(("first", "later"), [(300, 0), (0, 300)])
def test_lines_that_are_not_as_long_as_the_first(tmp_path: Path, first: int, later: int) -> None:
    """What the first lines say of the length of the array is wrong."""
    path = tmp_path / "records"
    rows = 40_000
    with path.open("w", encoding="ascii") as file:
        for at in range(2 * rows):
            file.write(f"({at}, {at / 7}) #{'.' * (first if at < rows else later)}\n")
    found = columns(path)
    assert found["f0"].tolist() == list(range(2 * rows))
    assert found["f1"].tolist() == [at / 7 for at in range(2 * rows)]
    assert len(found.base.obj if isinstance(found.base, memoryview) else found.base) == found.nbytes


@given(
    st.integers(0, 10**22),
    st.integers(0, 25),
    st.sampled_from(["", "-"]),
    st.sampled_from(["", "0", "00"]),
)
def test_floats_of_any_number_of_digits(digits: int, behind: int, sign: str, zeros: str) -> None:
    text = str(digits).rjust(behind + 1, "0")
    whole, part = text[: len(text) - behind], text[len(text) - behind :]
    number = f"{sign}{whole}.{part}{zeros}"
    found = columns(f"({number}, 1)\n(0.5, {'1' * 20})\n({number},1)\n".encode())
    assert found["f0"].tolist() == [float(number), 0.5, float(number)]


@into_any
def test_many_columns(into: str) -> None:
    records = [tuple(range(at, at + 3000)) for at in range(70)]
    found = as_lists(columns(table(*records), into=into))  # type: ignore[call-overload]
    assert found == [list(column) for column in zip(*records)]


@needs_arrow
def test_nulls_of_a_column_whose_type_is_seen_late() -> None:
    records = [(None, 1)] * 40_000 + [("x", None), (None, 2)]
    found = columns(table(*records), into="arrow")
    assert as_lists(found) == [list(column) for column in zip(*records)]
    found.validate(full=True)
    assert as_lists(columns(table((None,), (None,)), into="arrow")) == [[None, None]]


@needs_arrow
@pytest.mark.parametrize("value", [1, 2**64 - 1, 1.5, True, "x", b"x", "é"])
def test_nulls_among_values(value: object) -> None:
    records = [(value,), (None,), (value,), (None,), (None,)] * 5
    found = columns(table(*records), into="arrow")
    found.validate(full=True)
    assert as_lists(found) == [[row[0] for row in records]]


@pytest.mark.parametrize("into", ["array", "numpy"])
@pytest.mark.parametrize(
    ("value", "fill"), [(1, -1), (1.5, math.inf), (1.5, 2), ("x", ""), (b"x", b"?"), (True, False)]
)
def test_a_fill_stands_for_none(into: str, value: object, fill: object) -> None:
    records = [(None,), (value,), (None,)] if not isinstance(fill, int) else [(value,), (None,)]
    found = as_lists(columns(table(*records), into=into, fill={"f0": fill}))[0]  # type: ignore[call-overload]
    expected = [fill if row[0] is None else row[0] for row in records]
    if into == "numpy":
        expected = [part.encode() if isinstance(part, str) else part for part in expected]
    assert found == expected


@into_any
def test_a_fill_that_is_a_float_makes_floats_of_batches_of_ints(into: str) -> None:
    records = [(at,) for at in range(20_000)] + [(None,), (7,)]
    found = as_lists(columns(table(*records), into=into, fill=0.5))[0]  # type: ignore[call-overload]
    assert found == [float(at) for at in range(20_000)] + [0.5, 7.0]
    assert isinstance(found[0], float)


def test_a_fill_of_another_type_is_an_error_where_it_is_needed() -> None:
    assert len(columns(b"(1,)\n", fill="x")) == 1
    with pytest.raises(FlatError, match="line 2, column 2: expected no None: the fill is of anoth"):
        columns(b"(1,)\n(None,)\n", fill="x")
    with pytest.raises(TypeError, match="fill: expected int, float"):
        columns(b"(1,)\n", fill=[])
    with pytest.raises(ValueError, match="fill: no column has room for 1180591620717411303424"):
        columns(b"(1,)\n", fill=2**70)
    with pytest.raises(ValueError, match="surrogates not allowed"):
        columns(b"(1,)\n", fill={"f0": "\ud800"})
    with pytest.raises(ValueError, match="fill: there is no column 'x', but f0"):
        columns(b"(1,)\n", fill={"x": 1})


# ---- Schemas ------------------------------------------------------------------------

INTEGERS = {f"{u}int{bits}": (bits, not u) for u in ("", "u") for bits in (8, 16, 32, 64)}


@into_any
@pytest.mark.parametrize("name", INTEGERS)
def test_integers_fit_or_are_an_error(into: str, name: str) -> None:
    bits, signed = INTEGERS[name]
    low, high = (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1) if signed else (0, 2**bits - 1)
    found = columns(table((low,), (high,)), [name], into=into)  # type: ignore[call-overload]
    assert as_lists(found) == [[low, high]]
    for beyond in (low - 1, high + 1, -(10**30), 10**30):
        with pytest.raises(FlatError) as caught:
            columns(table((low,), (beyond,)), {"price": name}, into=into)  # type: ignore[call-overload]
        assert caught.value.line == 2
        assert caught.value.column == 2
        assert caught.value.expected == f"an integer that fits {name} (column 'price')"
        assert caught.value.found == str(beyond)


@into_any
def test_floats_of_32_bits(into: str) -> None:
    found = as_lists(columns(b"0.1\n3\ninf\nnan\n", "float32", into=into))[0]  # type: ignore[call-overload]
    assert found[:3] == [float(np.float32(0.1)), 3.0, math.inf]
    assert math.isnan(found[3])
    with pytest.raises(FlatError, match="a float that fits float32"):
        columns(b"1e39\n", "float32", into=into)  # type: ignore[call-overload]


@pytest.mark.parametrize(
    "schema",
    [
        {"f1": "int32"},
        [None, "int32"],
        [("f0", None), ("f1", np.int32)],
        np.dtype([("f0", "S1"), ("f1", ">i4")]),
        {"f1": np.dtype("i4")},
    ],
)
def test_ways_to_write_a_schema(schema: object) -> None:
    found = columns(b"('a', 1)\n", schema)
    assert found.dtype["f1"] == np.int32
    assert found.tolist() == [(b"a", 1)]


@needs_arrow
def test_a_schema_of_arrow() -> None:
    import pyarrow as pa

    schema = pa.schema([("a", pa.int8()), ("b", pa.string()), ("c", pa.float32())])
    assert columns(b"(1, 'x', 2)\n", schema, into="arrow").schema.equals(schema)
    assert columns(b"{'c': 2, 'a': 1, 'b': 'x'}\n", schema, into="arrow").num_columns == 3


@pytest.mark.parametrize(
    ("schema", "said"),
    [
        ({"f0": "int24"}, r"schema: column 'f0': expected int8 to int64, .*, not 'int24'"),
        ({"f0": object}, r"expected int8 to int64, .* not <class 'object'>"),
        ({"f7": int}, "schema: it has 1 columns, but the records have 2"),
        ([int, int, int], "schema: it has 3 columns, but the records have 2"),
        ([("a", int), ("a", int)], "schema: a name occurs twice: a, a"),
        ({1: int}, "schema: expected names that are str, not 1"),
        ({"f0": "S9999999999"}, "expected int8"),
    ],
)
def test_a_wrong_schema_is_named(schema: object, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        columns(b"(1, 2)\n", schema)


def test_a_schema_names_keys() -> None:
    assert columns(b"{'a': 1, 'b': 2}\n", {"b": "int8"}).dtype["b"] == np.int8
    with pytest.raises(ValueError, match="schema: the records have no key 'c', but a, b"):
        columns(b"{'a': 1, 'b': 2}\n", {"c": "int8"})
    with pytest.raises(ValueError, match="schema: the records are dicts"):
        columns(b"{'a': 1}\n", ["int8"])


def test_characters_of_numpy() -> None:
    lines = table(("é€😀", 1), ("", 2))
    found = columns(lines, text="U")
    assert found.dtype["f0"] == np.dtype("U3")
    assert found.tolist() == [("é€😀", 1), ("", 2)]
    assert columns(lines, {"f0": "U5"}).dtype["f0"] == np.dtype("U5")
    assert columns(lines, {"f0": "S20"}).dtype["f0"] == np.dtype("S20")
    with pytest.raises(ValueError, match="column 'f0': a text has 3 characters, the schema allo"):
        columns(table(("abc", 1)), {"f0": "U2"})


# ---- What does not fit --------------------------------------------------------------


@pytest.mark.parametrize(("lines", "line", "column", "expected", "found"), BAD)
def test_what_does_not_fit_is_named(
    lines: bytes, line: int, column: int, expected: str, found: str
) -> None:
    with pytest.raises(FlatError) as caught:
        columns(lines)
    error = caught.value
    assert (error.line, error.column) == (line, column)
    assert error.expected.startswith(expected)
    assert error.found.startswith(found)


def test_the_file_is_named(tmp_path: Path) -> None:
    path = tmp_path / "bad.flat"
    path.write_bytes(b"1\nx\n")
    with pytest.raises(FlatError, match=r"bad\.flat: line 2, column 1: expected"):
        columns(path)
    with (
        pytest.raises(FlatError, match=r"bad\.flat: line 2, column 1: expected"),
        path.open("rb") as file,
    ):
        columns(file)
    with pytest.raises(FileNotFoundError):
        columns(tmp_path / "none")


def test_a_line_is_bounded() -> None:
    assert len(columns(b"('aaaaaaaaaa',)\n", max_line=15)) == 1
    with pytest.raises(FlatError, match=r"line 2, .*: expected a line of at most 15 bytes"):
        columns(b"('aaaaaaaaaa',)\n('aaaaaaaaaaa',)\n", max_line=15)
    with pytest.raises(ValueError, match="max_line"):
        columns(b"1\n", max_line=-1)


def test_wrong_options_are_named() -> None:
    with pytest.raises(ValueError, match="into: expected 'numpy', 'array', 'arrow', not 'list'"):
        columns(b"1\n", into="list")  # type: ignore[call-overload]
    with pytest.raises(ValueError, match="text: expected 'S' or 'U', not 'T'"):
        columns(b"1\n", text="T")  # type: ignore[arg-type]
    with pytest.raises(TypeError):
        columns(io.StringIO("1\n"))  # type: ignore[arg-type]


def test_what_is_missing_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    monkeypatch.delitem(sys.modules, "shoal.flat.arrow_table", raising=False)
    with pytest.raises(
        ImportError, match=r"into='arrow' needs pyarrow: pip install 'shoal\[arrow\]"
    ):
        columns(b"1\n", into="arrow")


@pytest.mark.parametrize("suffix", ["", ".gz", ".bz2", ".xz"])
def test_files_by_name(tmp_path: Path, suffix: str) -> None:
    from shoal.flat.files import replacing

    path = tmp_path / f"rows{suffix}"
    with replacing(path) as file:
        file.write(table(*range(100_000)))
    assert columns(path)["f0"].tolist() == list(range(100_000))


def test_texts() -> None:
    even, uneven, empty = (
        columns(table(*words), into="array")["f0"] for words in (["ab", "cd"], ["é", ""], ["", ""])
    )
    assert isinstance(even.offsets, range)
    assert isinstance(uneven.offsets, array)
    assert (even[-1], even[0:2], list(uneven), list(empty)) == (
        "cd",
        ["ab", "cd"],
        ["é", ""],
        ["", ""],
    )
    with pytest.raises(IndexError):
        even[2]
    assert repr(even) == "<2 str in 4 bytes>"


def test_columns_are_alive_when_the_rest_is_gone() -> None:
    found = [columns(table(*[(at, "x")] * 1000)) for at in range(10)]
    gc.collect()
    assert [int(part["f0"].sum()) for part in found] == [1000 * at for at in range(10)]


# ---- Anything -----------------------------------------------------------------------


@settings(max_examples=150, deadline=None)
@given(tables())
def test_any_table_is_read_as_it_was_written(records: list[tuple[object, ...]]) -> None:
    lines = table(*(tuple(1e999 if v == math.inf else v for v in row) for row in records))
    for into in TARGETS:
        found = as_lists(columns(lines, into=into))  # type: ignore[call-overload]
        for got, wanted in zip(found, zip(*records)):
            if into == "numpy":
                wanted = tuple(v.encode() if isinstance(v, str) else v for v in wanted)
            assert got == list(wanted)


@settings(max_examples=300, deadline=None)
@given(st.text("(),[]{}:'\"b1.e-0x_ \\TrueNonfaisl#\n", max_size=60))
def test_what_is_taken_is_what_python_reads(text: str) -> None:
    try:
        found = as_lists(columns(text.encode(), into="array"))
    except (FlatError, ValueError):
        return
    records = []
    for line in text.split("\n"):
        bare = line.strip(" ")
        if bare and not bare.startswith("#"):
            records.append(eval(bare, {"nan": math.nan, "inf": math.inf}))
    rows = [list(r.values()) if isinstance(r, dict) else r for r in records]
    rows = [list(r) if isinstance(r, (tuple, list)) else [r] for r in rows]
    if not any(isinstance(r, dict) for r in records):
        assert repr([[float(v) for v in c] if type(c[0]) is float else c for c in found]) == repr(
            [
                [float(v) for v in c] if any(type(v) is float for v in c) else list(map(_same, c))
                for c in zip(*rows)
            ]
        )


def _same(value: object) -> object:
    return int(value) if isinstance(value, bool) else value


def test_literal_eval_agrees() -> None:
    lines = table(*RECORDS)
    assert [tuple(ast.literal_eval(line)) for line in lines.decode().splitlines()] == list(
        zip(*as_lists(columns(lines, into="array")))
    )
