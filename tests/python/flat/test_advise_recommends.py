"""Every call that advice recommends runs, on the very file, and takes what it says."""

from __future__ import annotations

import csv
import importlib.util
import io
import json
import os
import pickle
import re
import shlex
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from shoal import flat
from shoal.cli import main
from shoal.flat.advise import advise

COLUMNS = re.compile(r"^(flat\.columns\(.*\)) takes ", re.MULTILINE)
LOAD = re.compile(r"flat\.load\(path,\s+share=True\)")
COMMAND = re.compile(r"^Make a flat file of it first: shoal (.*)$", re.MULTILINE)


def said(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    """Return what advice says."""
    status = main(["advise", *arguments])
    told = capsys.readouterr()
    assert (status, told.err) == (0, "")
    return told.out


def run_all(text: str, path: Path, capsys: pytest.CaptureFixture[str]) -> list[Any]:
    """Run every call and command that a text recommends."""
    for command in COMMAND.findall(text):
        arguments = shlex.split(command)
        assert main(arguments) == 0, capsys.readouterr().err
    calls, loads = COLUMNS.findall(text), LOAD.findall(text)
    assert len(calls) + len(loads) == text.count("flat.columns(") + text.count("flat.load(")
    names = {"flat": flat, "path": path}
    for load in loads:
        eval(load, names)
    return [eval(call, names) for call in calls]


LEAVES = (
    st.integers(-(2**70), 2**70)
    | st.integers(-200, 300)
    | st.floats(allow_nan=False)
    | st.booleans()
    | st.none()
    | st.text(max_size=4)
    | st.binary(max_size=3)
)
COLUMN = st.sampled_from(
    [
        st.integers(0, 200),
        st.integers(-(2**40), 2**40),
        st.integers(2**63 - 2, 2**63 + 2),
        st.floats(allow_nan=False),
        st.integers(0, 9) | st.floats(allow_nan=False),
        st.booleans(),
        st.none() | st.integers(0, 9),
        st.none(),
        st.text(max_size=5),
        st.sampled_from(["a name that is long", "another one, as long"]),
        st.sampled_from([b"some bytes that are long", b"others, as long"]),
        st.text("\0a", max_size=3),
        LEAVES,
    ]
)
NAMES = st.text(max_size=3) | st.sampled_from(["f0", "f1", "a b", "'", '"'])


@st.composite
def tables(draw: st.DrawFn) -> list[Any]:
    """Draw records that are alike, or nearly so."""
    columns = draw(st.lists(COLUMN, min_size=1, max_size=4))
    kind = draw(st.sampled_from([tuple, list, dict, None]))
    names = draw(st.lists(NAMES, min_size=len(columns), max_size=len(columns), unique=True))
    rows = draw(st.lists(st.tuples(*columns), max_size=12))
    if kind is dict:
        found: list[Any] = [dict(zip(names, row)) for row in rows]
        if draw(st.booleans()):
            for record in found:
                if draw(st.booleans()):
                    record.pop(names[0])
    elif kind is None:
        found = [row[0] for row in rows]
    else:
        found = [kind(row) for row in rows]
    if draw(st.integers(0, 9)) == 0:
        found += draw(st.lists(st.just(()) | st.just({}) | LEAVES, max_size=2))
    return found


def in_any_form(records: list[Any], form: str) -> bytes | None:
    """Return records as a file, None where they cannot be."""
    if form == "flat":
        return flat.dumps(records)
    if form == "pickle":
        return pickle.dumps(records)
    try:
        if form == "jsonl":
            return "".join(json.dumps(record) + "\n" for record in records).encode()
        text = io.StringIO()
        csv.writer(text).writerows(list(record) for record in records)
        return text.getvalue().encode()
    except (TypeError, UnicodeEncodeError, csv.Error):
        return None


@settings(
    deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(tables(), st.sampled_from(["flat", "pickle", "jsonl", "csv"]), st.booleans())
def test_every_recommended_call_runs(
    tmp_path_factory: pytest.TempPathFactory,
    capsys: pytest.CaptureFixture[str],
    records: list[Any],
    form: str,
    numbers: bool,
) -> None:
    data = in_any_form(records, form)
    if data is None:
        return
    folder = tmp_path_factory.mktemp("advice")
    path = folder / f"some records.{form}"
    path.write_bytes(data)
    options = ["--numbers", "--no-header"] if form == "csv" and numbers else []
    try:
        status = main(["advise", *options, str(path)])
    finally:
        told = capsys.readouterr()
    if status == 1:  # As a file of CSV with rows of several lengths.
        return
    run_all(told.out, path, capsys)
    os.unlink(path)


def test_records_that_are_alike_have_a_call(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    path = tmp_path / "a.flat"
    flat.dump([(at, at / 2, f"x{at}") for at in range(1000)], path)
    text = said(capsys, str(path))
    assert f"flat.columns('{path}', {{'f0': 'uint16'}}, into='numpy') takes " in text
    (columns,) = run_all(text, path, capsys)
    assert columns["f0"].dtype == "uint16"


@pytest.mark.parametrize(
    ("lines", "reason"),
    [
        ("{'a': 1, 'b': 2}\n{'a': 1}\n", "cannot read it: {path}: line 2, column "),
        ("1, 2\n", "cannot read it: {path}: line 1, column 2: expected "),
    ],
)
def test_what_columns_cannot_read_is_said(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, lines: str, reason: str
) -> None:
    path = tmp_path / "a.flat"
    path.write_text(lines)
    text = said(capsys, str(path))
    assert reason.format(path=path) in text
    assert "flat.columns(" not in text


def test_json_lines_are_converted_first(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    pytest.importorskip("pyarrow")
    path = tmp_path / "a.jsonl"
    path.write_text('{"a": true, "b": null, "c": "\\ud83d\\ude00"}\n' * 100)
    text = said(capsys, str(path))
    assert f"flat.columns('{path.with_suffix('.flat')}', into='arrow') takes " in text
    (table,) = run_all(text, path, capsys)
    assert table.to_pylist()[0] == {"a": True, "b": None, "c": "\U0001f600"}


def test_what_is_not_installed_is_not_recommended(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.flat"
    flat.dump([(None if at % 2 else at,) for at in range(100)], path)
    if importlib.util.find_spec("pyarrow"):
        assert "into='arrow'" in said(capsys, str(path))
    monkeypatch.setitem(__import__("sys").modules, "pyarrow", None)
    monkeypatch.delitem(__import__("sys").modules, "shoal.flat.arrow_table", raising=False)
    assert "flat.columns(" not in said(capsys, str(path))


def test_many_narrow_columns_are_not_named(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    path = tmp_path / "a.flat"
    flat.dump([tuple(range(20)) for _ in range(100)], path)
    text = said(capsys, str(path))
    assert f"flat.columns('{path}', into='array') takes" in text
    share = float(re.search(r"takes ([\d.]+) %", text)[1])  # type: ignore[index]
    assert share == pytest.approx(100 * 20 * 8 * 100 / advise(path).objects, abs=1)
