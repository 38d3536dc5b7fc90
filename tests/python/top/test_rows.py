"""The table's rows: sorted, filtered, added up; and its cells."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from shoal.top.columns import COLUMNS, column_named, tell_age, tell_bytes, totals_cells
from shoal.top.rows import Totals, add_up, arrange

MIB = 2**20


def pids(rows: list[SimpleNamespace]) -> list[int]:
    return [row.pid for row in rows]


@pytest.mark.parametrize("column", COLUMNS, ids=lambda column: column.key)
def test_rows_are_sorted_by_any_column(made_up: SimpleNamespace, column: SimpleNamespace) -> None:
    values = "abc" if column.key in ("user", "command", "allocator") else (1, 2, 3)
    if column.key == "pid":
        rows = [made_up.row(pid) for pid in (2, 3, 1)]
    else:
        rows = [made_up.row(pid, **{column.key: values[pid - 1]}) for pid in (2, 3, 1)]
    assert pids(arrange(rows, column.value, descending=False)) == [1, 2, 3]
    assert pids(arrange(rows, column.value, descending=True)) == [3, 2, 1]


@pytest.mark.parametrize("descending", [False, True])
def test_what_is_not_known_comes_last_either_way(
    made_up: SimpleNamespace, descending: bool
) -> None:
    rows = [made_up.refused(9), made_up.row(2), made_up.refused(1), made_up.row(3)]
    for key in ("live", "allocator", "pss"):
        assert pids(arrange(rows, column_named(key).value, descending)) == [2, 3, 1, 9]


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        ("", [1, 2, 17]),
        ("GUNICORN", [1]),
        ("bob", [2]),
        ("17", [17]),
        ("other user", [17]),
        ("shoal", [2]),
        ("python bob", [2]),
        ("gunicorn bob", []),
        ("[a-z]", []),
    ],
)
def test_a_row_is_kept_if_it_has_all_words(
    made_up: SimpleNamespace, wanted: str, expected: list[int]
) -> None:
    rows = [
        made_up.row(1, command="python -m gunicorn app"),
        made_up.row(2, user="bob", allocator="shoal"),
        made_up.refused(17),
    ]
    assert pids(arrange(rows, column_named("pid").value, False, wanted)) == expected


def test_totals_are_of_what_is_known(made_up: SimpleNamespace) -> None:
    totals = add_up([made_up.row(1), made_up.row(2, live=MIB), made_up.refused(3)])
    assert totals == Totals(3, 1, 60 * MIB, 20 * MIB, 7 * MIB, 6 * MIB, 4 * MIB)
    cells = dict(zip((column.key for column in COLUMNS), totals_cells(totals)))
    assert cells["live"] == "7.00M"
    assert cells["command"] == "3 processes, 1 not read"


@pytest.mark.parametrize(
    ("amount", "said"),
    [
        (None, "-"),
        (0, "0B"),
        (999, "999B"),
        (1000, "0.98K"),
        (10 * 1024, "10.0K"),
        (61.34 * MIB, "61.3M"),
        (99.96 * MIB, "100M"),
        (999.4 * MIB, "999M"),
        (999.6 * MIB, "0.98G"),
        (3.9 * 2**30, "3.90G"),
        (5 * 2**40, "5.00T"),
        (12345 * 2**40, "12345T"),
    ],
)
def test_bytes_are_told_in_five_characters(amount: float | None, said: str) -> None:
    assert tell_bytes(amount) == said


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (0.4, "0s"),
        (59.9, "59s"),
        (187, "3:07"),
        (3600 * 5 + 720, "5h12m"),
        (86400 * 12 + 4 * 3600, "12d04h"),
    ],
)
def test_ages_are_told(seconds: float, said: str) -> None:
    assert tell_age(seconds) == said


def test_why_a_row_has_no_heap_is_in_its_place(made_up: SimpleNamespace) -> None:
    tell = column_named("allocator").tell
    assert tell(made_up.row(1)) == "pymalloc"
    assert tell(made_up.refused(1)) == "(other user)"
    assert tell(made_up.row(1, allocator="")) == "...", "which is yet to be read"
