"""The table: columns, narrow terminals, colours, and text that must not disturb a terminal."""

from __future__ import annotations

import io
import os
import pty
import re
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
from shoal.profiler.model import Report
from shoal.profiler.paint import width_of
from shoal.profiler.table import is_coloured, terminal_width, write_report

ESCAPE = re.compile("\x1b\\[[0-9;]*m")

WIDE = """\
Filename: app.py
Function: work, called once

Line #  Mem usage  Increment  Occurrences     Live      Peak     Held  Returned  Line Contents
==============================================================================================
     1   13.0 MiB                       1                                        @profile
     2                                                                           def work(count):
     3   52.0 MiB   39.0 MiB            1    0 B    38.0 MiB    0 B       0 B        x = list(range(count))
     4   61.0 MiB    9.0 MiB            1  8.0 MiB  56.0 MiB  2.0 MiB     0 B        y = copy.deepcopy(x)
     5   61.0 MiB      0 B              1    0 B       0 B      0 B       0 B        if not x:
     6                                                                                   return None
     7   61.0 MiB      0 B              1   56 B      56 B      0 B       0 B        small = object()
     8   31.0 MiB  -30.0 MiB            1    0 B       0 B    8.0 MiB  30.0 MiB      del x
     9   31.0 MiB      0 B              1    0 B       0 B      0 B       0 B        return y

Line 4 peaked 48 MiB above what it left: temporaries of copy.deepcopy.
Line 8 freed 38 MiB, of which 30 MiB went back to the system.

At the end, after 1.2 s: live 10.0 MiB, held 2.0 MiB, returned 30.0 MiB, resident 60.0 MiB (on Shoal's heap, CPython 3.12.4, process 4242).
Live is to the byte, but for a few freed objects that CPython keeps to use again (24 to 200 bytes each).
"""  # noqa: E501


def written(report: Report, **options: object) -> str:
    stream = io.StringIO()
    write_report(report, stream, **options)  # type: ignore[arg-type]
    return stream.getvalue()


def titles(report: Report, width: int) -> str:
    header = next(line for line in written(report, width=width).splitlines() if "Line #" in line)
    return " ".join(header.split()).replace("Line # ", "").replace(" Line Contents", "")


def test_the_whole_table(copying: Report) -> None:
    assert written(copying) == WIDE


@pytest.mark.parametrize(
    ("width", "columns"),
    [
        (130, "Mem usage Increment Occurrences Live Peak Held Returned"),
        (100, "Increment Occurrences Live Peak Held Returned"),
        (95, "Increment Live Peak Held Returned"),
        (80, "Live Peak Held Returned"),
        (70, "Live Peak Held"),
        (60, "Live Peak"),
        (40, "Live"),
    ],
)
def test_narrow_terminals_get_fewer_columns(copying: Report, width: int, columns: str) -> None:
    assert titles(copying, width) == columns


@pytest.mark.parametrize("width", [30, 40, 79, 80, 100, 132])
@pytest.mark.parametrize("colour", [False, True])
def test_no_line_is_wider_than_the_terminal(copying: Report, width: int, colour: bool) -> None:
    text = ESCAPE.sub("", written(copying, width=width, colour=colour))
    assert max(map(width_of, text.splitlines())) <= width


def test_what_has_no_room_is_named(copying: Report) -> None:
    assert written(copying, width=80).endswith(
        "\nNo room for: Mem usage, Occurrences, Increment.\n"
    )
    assert "No room" not in written(copying, width=130)


def test_columns_without_figures_are_left_out(make_function, make_report) -> None:
    function = make_function("def f():\n    pass", {2: {"hits": 1}})
    assert titles(make_report(function), 200) == "Occurrences Live Peak Held Returned"


def test_what_live_may_still_count_is_said_where_something_is_live(
    make_function, make_report
) -> None:
    for live in (0, 48):
        function = make_function("def f():\n    pass", {2: {"hits": 1, "live": live}})
        assert ("Live is to the byte" in written(make_report(function))) == (live > 0)


def test_functions_that_never_ran_are_left_out(make_function, make_report) -> None:
    function = make_function("def f():\n    pass", {}, calls=0)
    assert written(make_report(function)).startswith("No profiled function ran.\n")


def test_a_function_that_was_already_running_is_shown(make_function, make_report) -> None:
    function = make_function("with profile:\n    f()", {2: {"hits": 1}}, calls=0)
    assert "\nFunction: work\n" in written(make_report(function))


def test_a_line_that_never_ran_but_holds_memory_is_shown(make_function, make_report) -> None:
    function = make_function("def f():\n    x", {2: {"live": 56, "made": 56}})
    assert "56 B" in written(make_report(function))


def test_precision(copying: Report) -> None:
    text = written(copying, precision=3)
    assert "52.000 MiB" in text
    assert " 56 B " in text
    with pytest.raises(ValueError, match="precision"):
        written(copying, precision=-1)


def test_controls_of_the_source_are_shown_not_obeyed(make_function, make_report) -> None:
    source = "def f():\n\tx = '\x1b[2J' # \u202e\u3042\ud800"
    text = written(make_report(make_function(source, {2: {"hits": 1}}, name="f\x07")))
    assert "        x = '\\x1b[2J' # \\u202e\u3042\\ud800" in text
    assert "f\\x07" in text


def test_what_the_encoding_lacks_is_escaped(make_function, make_report) -> None:
    stream = io.TextIOWrapper(io.BytesIO(), "ascii", newline="\n")
    source = "def f():\n    \u3042 = 1 # " + "x" * 60
    write_report(make_report(make_function(source, {2: {"hits": 1}})), stream, width=70)
    stream.flush()
    text = stream.buffer.getvalue().decode("ascii")  # type: ignore[attr-defined]
    assert "\\u3042 = 1" in text
    assert "x...\n" in text


def test_wide_characters_count_twice(make_function, make_report) -> None:
    source = "def f():\n    # " + "\u3042" * 60
    text = written(make_report(make_function(source, {2: {"hits": 1}})), width=80)
    row = next(line for line in text.splitlines() if "\u3042" in line)
    assert row.endswith("\u3042\u2026")
    assert 79 <= width_of(row) <= 80


def test_colours_change_nothing_but_colours(copying: Report) -> None:
    coloured = written(copying, width=130, colour=True)
    assert "\x1b[" in coloured
    plain = [line.rstrip() for line in ESCAPE.sub("", coloured).splitlines()]
    assert plain == written(copying, width=130).splitlines()


def test_strings_of_many_lines_are_coloured_as_one(make_function, make_report) -> None:
    source = 'def f():\n    """A\n    if."""\n    return 1'
    coloured = written(make_report(make_function(source, {4: {"hits": 1}})), colour=True, width=120)
    quoted = re.search('(\x1b[^m]*m)"""A', coloured)
    assert quoted is not None
    assert f"{quoted[1]}    if." in coloured


def test_plain_text_imports_no_rich(tmp_path: Path) -> None:
    code = """
        import io, sys
        from shoal.profiler import model, table
        lines = (model.Line(1, "x = 1", hits=1),)
        report = model.Report((model.Function("f", "f.py", 1, 1, lines),), "shoal", 1, (),
                              "3.12", 0.0, 1.0, 0, 0, 0, 0)
        table.write_report(report, io.StringIO())
        print([name for name in sys.modules if name.partition(".")[0] in ("rich", "pygments")])
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)], capture_output=True, text=True, check=True
    )
    assert done.stdout == "[]\n"


def test_a_terminal_has_colours_unless_told_otherwise(monkeypatch: pytest.MonkeyPatch) -> None:
    leader, follower = pty.openpty()
    for name in ("NO_COLOR", "COLUMNS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm")
    with os.fdopen(leader), os.fdopen(follower, "w") as terminal:
        assert is_coloured(terminal)
        monkeypatch.setenv("COLUMNS", "77")
        assert terminal_width(terminal) == 77
        monkeypatch.setenv("NO_COLOR", "1")
        assert not is_coloured(terminal)
        assert terminal_width(terminal) == 77


def test_what_is_no_terminal_has_neither(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "77")
    with (tmp_path / "table.txt").open("w") as file:
        assert not is_coloured(file)
        assert terminal_width(file) is None
    assert not is_coloured(io.StringIO())
