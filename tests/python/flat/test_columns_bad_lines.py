"""Lines that do not fit their columns are passed over as if they were not there."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from shoal.flat.flat_error import FlatError
from shoal.flat.packing import columns

from .column_tables import BAD, TARGETS, as_lists, into_any, table, tables


@pytest.mark.parametrize("bad", [bad for bad, line, *_ in BAD if line == 2])
@into_any
def test_a_line_that_does_not_fit_is_passed_over(bad: bytes, into: Any) -> None:
    good, wrong = bad.splitlines(keepends=True)
    expected = as_lists(columns(good * 3, into=into))
    lines = good + wrong + good + wrong + wrong + good
    assert as_lists(columns(lines, into=into, errors="skip")) == expected
    found, errors = columns(lines, into=into, errors="collect")
    assert as_lists(found) == expected
    assert [error.line for error in errors] == [2, 4, 5]


@pytest.mark.parametrize("bad", [bad for bad, line, *_ in BAD if line == 1])
def test_a_first_line_that_does_not_fit_says_nothing_of_the_columns(bad: bytes) -> None:
    found, errors = columns(bad + b"('a',)\n" + bad + b"('b',)\n", errors="collect")
    assert found.tolist() == [(b"a",), (b"b",)]
    assert [error.line for error in errors] == [1, 3]


def test_nothing_but_lines_that_do_not_fit() -> None:
    found, errors = columns(b"x\n(\n", errors="collect")
    assert len(found) == 0
    assert str(errors[0]).startswith("line 1, column 1: expected")
    assert len(errors) == 2


ANYTHING = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**70), 2**70),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text("ab\0é", max_size=9),
    st.binary(max_size=9),
)


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_bad_lines_leave_no_trace(data: Any) -> None:
    """Whatever came before the place where the line is wrong."""
    records = data.draw(tables().filter(bool))
    good = [f"{row!r}\n" for row in records]
    width = len(records[0])
    bad = st.tuples(*[ANYTHING] * width).map(lambda row: f"({', '.join(map(repr, row))} !)\n")
    lines, wrong = [], []
    for line in good:
        while data.draw(st.booleans()):
            wrong.append(len(lines) + 1)
            lines.append(data.draw(bad))
        lines.append(line)
    for into in TARGETS:
        try:
            expected = columns("".join(good).encode(), into=into)  # type: ignore[call-overload]
        except FlatError:
            return
        found, errors = columns("".join(lines).encode(), into=into, errors="collect")  # type: ignore[call-overload]
        assert as_lists(found) == as_lists(expected)
        assert [error.line for error in errors] == wrong
        if into == "numpy":
            assert found.dtype == expected.dtype


def test_lines_that_are_too_long_are_passed_over() -> None:
    lines = b"('aaaa',)\n('" + b"b" * 400_000 + b"',)\n('cccc',)\n"
    found, errors = columns(lines, max_line=20, errors="collect")
    assert found.tolist() == [(b"aaaa",), (b"cccc",)]
    assert [error.expected for error in errors] == ["a line of at most 20 bytes"]


def test_errors_are_one_of_three() -> None:
    with pytest.raises(ValueError, match="errors: expected 'raise', 'skip' or 'collect', not 'no'"):
        columns(b"1\n", errors="no")  # type: ignore[arg-type]


@into_any
def test_progress_is_told(tmp_path: Path, into: Any) -> None:
    path = tmp_path / "rows"
    path.write_bytes(table(*((at, "a" * 50) for at in range(50_000))))
    told: list[tuple[int, float | None]] = []
    for source in (path, path.read_bytes()):
        columns(source, into=into, progress=lambda *how: told.append(how))
        assert len(told) > 3
        assert told == sorted(told)
        assert told[-1] == (path.stat().st_size, 1.0)
        told.clear()


def test_progress_may_fail(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError):
        columns(b"1\n2\n", progress=lambda *_: 1 / 0)
