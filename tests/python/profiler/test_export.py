"""JSON and CSV: all of a report comes back, and hostile files end in one clear line."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any

import pytest
from shoal.profiler.export import (
    CSV_COLUMNS,
    BadProfileError,
    from_json,
    load,
    write_csv,
    write_json,
)
from shoal.profiler.model import Function, Report


def as_json(report: Report) -> str:
    stream = io.StringIO()
    write_json(report, stream)
    return stream.getvalue()


def test_all_of_a_report_comes_back(copying: Report, tmp_path: Path) -> None:
    assert from_json(as_json(copying)) == copying
    (tmp_path / "p.json").write_text(as_json(copying), encoding="ascii")
    assert load(tmp_path / "p.json") == copying


@pytest.mark.parametrize("text", ["", "\u3042 '\"\\", "\ud800", "x\r", "\x00\x1b", "{},[]"])
def test_text_of_all_kinds_comes_back(make_function, make_report, text: str) -> None:
    function = Function(text, text, 7, 0, make_function("a", {}, first_line=9).lines, None)
    report = make_report(function, make_function(text, {}), command=(text,))
    assert from_json(as_json(report).encode("ascii")) == report


def test_an_empty_report_comes_back(make_function, make_report) -> None:
    assert from_json(as_json(make_report())) == make_report()
    report = make_report(make_function("", {}), make_function("", {}), command=())
    assert from_json(as_json(report)) == report


def test_the_schema(copying: Report) -> None:
    found = json.loads(as_json(copying))
    assert next(iter(found)) == "shoal-profile"
    assert found["shoal-profile"] == 1
    assert set(found) == {
        "shoal-profile", "functions", "allocator", "pid", "command", "python", "started",
        "seconds", "live", "held", "returned", "rss",
    }  # fmt: skip
    function = found["functions"][0]
    assert set(function) == {
        "name", "filename", "first_line", "calls", "rss_before", "pins", "lines",
    }  # fmt: skip
    assert function["pins"] == [{"lines": [4, 7], "held": 2 << 20, "live": 70_000}]
    assert function["lines"][6] == {
        "number": 7, "text": "    small = object()", "hits": 1, "rss": 61 << 20, "rss_growth": 0,
        "live": 56, "live_blocks": 1, "made": 56, "peak": 56, "net": 56, "held": 0, "returned": 0,
        "pinned": 0, "worst_growth": 0, "rss_peak": None,
        "regained": 0, "early_hits": 0, "early_live": 0, "low_live": 0,
    }  # fmt: skip


def test_keys_of_later_versions_are_passed_over(copying: Report) -> None:
    found = json.loads(as_json(copying))
    found["new"] = found["functions"][0]["new"] = found["functions"][0]["lines"][0]["new"] = [{}]
    assert from_json(json.dumps(found)) == copying


def test_files_from_before_there_were_some_keys_are_read(copying: Report) -> None:
    found = json.loads(as_json(copying))
    for line in found["functions"][0]["lines"]:
        for name in ("regained", "early_hits", "early_live", "low_live"):
            del line[name]
    assert from_json(json.dumps(found)) == copying


def test_csv_has_a_row_a_line(copying: Report) -> None:
    stream = io.StringIO(newline="")
    write_csv(copying, stream)
    rows = list(csv.DictReader(io.StringIO(stream.getvalue(), newline="")))
    assert tuple(rows[0]) == CSV_COLUMNS
    assert len(rows) == 9
    assert rows[1]["rss"] == ""
    assert rows[3]["filename"] == "app.py"
    assert (rows[3]["number"], rows[3]["peak"]) == ("4", str(56 << 20))
    assert rows[3]["text"] == "    y = copy.deepcopy(x)"


# ---- What is no profile -----------------------------------------------------------


LINE = ("functions", 0, "lines", 2)


def replaced(report: Report, path: tuple[Any, ...], value: Any) -> str:
    """Return the JSON of a report with one value replaced, or taken away if that is `...`."""
    found: Any = json.loads(as_json(report))
    *way, last = path
    inner = found
    for step in way:
        inner = inner[step]
    if value is ...:
        del inner[last]
    else:
        inner[last] = value
    return json.dumps(found)


AT = "functions[0].lines[2]"
WHOLE = "expected a whole number, at least 0 and of up to 64 bits, found"


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        (("shoal-profile",), 2, "shoal-profile: expected version 1, found 2"),
        (("shoal-profile",), True, "shoal-profile: expected version 1, found true"),
        (("shoal-profile",), ..., 'not a profile: no object with the key "shoal-profile"'),
        (("allocator",), "je", 'allocator: expected "shoal" or "pymalloc", found \'je\''),
        (("allocator",), ["shoal"], "allocator: expected a string, found a list of 1"),
        (("command",), "app.py", "command: expected a list, found 'app.py'"),
        (("command",), [1], "command: expected a list of strings, found a list of 1"),
        (("started",), "now", "started: expected seconds, at least 0, found 'now'"),
        (("started",), 10**300, "started: expected seconds, at least 0, found a larger number"),
        (("seconds",), -1.5, "seconds: expected seconds, at least 0, found -1.5"),
        (("pid",), None, f"pid: {WHOLE} null"),
        (("rss",), ..., "rss: missing"),
        (("functions",), {}, "functions: expected a list, found an object"),
        (("functions", 0), 3, "functions[0]: expected an object, found 3"),
        (("functions", 0, "calls"), -1, f"functions[0].calls: {WHOLE} -1"),
        (("functions", 0, "first_line"), 2, "functions[0].lines[0].number: 1 is out of order"),
        (("functions", 0, "pins"), 3, "functions[0].pins: expected a list, found 3"),
        (
            ("functions", 0, "pins", 0, "lines"),
            [],
            "functions[0].pins[0].lines: expected numbers of lines, found a list of 0",
        ),
        (("functions", 0, "pins", 0, "held"), ..., "functions[0].pins[0].held: missing"),
        (("functions", 0, "rss_before"), "x", f"functions[0].rss_before: {WHOLE} 'x'"),
        ((*LINE, "hits"), True, f"{AT}.hits: {WHOLE} true"),
        ((*LINE, "hits"), 1.0, f"{AT}.hits: {WHOLE} 1.0"),
        ((*LINE, "live"), 2**63, f"{AT}.live: {WHOLE} a larger number"),
        ((*LINE, "number"), 2, f"{AT}.number: 2 is out of order"),
        ((*LINE, "text"), "a\nb", f"{AT}.text: expected one line of source, found 'a\\nb'"),
        ((*LINE, "text"), 7, f"{AT}.text: expected a string, found 7"),
        ((*LINE, "net"), "\u3042" * 99, f"{AT}.net: expected a whole number of up to 64 bits, "),
    ],
)
def test_a_wrong_value_is_named(
    copying: Report, path: tuple[Any, ...], value: Any, message: str
) -> None:
    with pytest.raises(BadProfileError) as caught:
        from_json(replaced(copying, path, value), "p.json")
    assert str(caught.value).startswith(f"p.json: {message}")
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 200


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "not JSON: Expecting value in line 1, column 1"),
        (b'{"shoal-profile": 1', "not JSON: Expecting ',' delimiter in line 1, column 20"),
        (b"\xff\xfe", "not JSON: byte 0 is not UTF-8"),
        (b"[]", "not a profile: no object"),
        (b"null", "not a profile: no object"),
        (b"[" * 100_000, "not a profile: nested too deeply"),
        (b'{"a": ' * 100_000, "not a profile: nested too deeply"),
        (b'{"shoal-profile": NaN}', "NaN is not a figure"),
        (b'{"shoal-profile": 1, "rss": -Infinity}', "-Infinity is not a figure"),
        (b'{"a": 1, "b": 2, "a": 3}', "the key 'a' is there twice in one object"),
    ],
)
def test_what_is_no_profile_is_named(data: bytes, message: str) -> None:
    with pytest.raises(BadProfileError) as caught:
        from_json(data, "p.json")
    assert str(caught.value).startswith(f"p.json: {message}")


def test_a_number_of_too_many_digits(copying: Report) -> None:
    text = as_json(copying).replace('"pid": 4242', '"pid": ' + "9" * 5000)
    with pytest.raises(BadProfileError, match=r"^profile: ") as caught:
        from_json(text)
    assert len(str(caught.value)) < 200


def test_every_cut_is_refused(copying: Report) -> None:
    text = as_json(copying).rstrip()
    for length in range(0, len(text), 7):
        with pytest.raises(BadProfileError):
            from_json(text[:length])


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        load(tmp_path / "none.json")


def test_a_file_that_is_too_large(
    copying: Report, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shoal.profiler.export.MOST_BYTES", 1000)
    (tmp_path / "p.json").write_text(as_json(copying))
    with pytest.raises(BadProfileError, match=r"p\.json: larger than a profile can be"):
        load(tmp_path / "p.json")
