"""The files of mprof: read, listed, removed; what is broken in them is said, the rest kept."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pytest
from shoal.mprof import command, function_labels, get_profile_filenames, read_mprofile_file
from shoal.mprof.dat_file import Call, read_profile, write_sample

GOOD = """\
CMDLINE python script.py 'an argument'
MEM 10.000000 1000.0000
MEM 30.000000 1000.1000
CHLD 77 5.500000 1000.1000
MEM 20.000000 1000.2000
FUNC __main__.outer 10.5000 1000.0100 20.5000 1000.1900 0
FUNC __main__.inner 10.6000 1000.0200 31.5000 1000.0300 1
FUNC old.style 10.0 1000.0 10.0 1000.1
"""

OLD, NEW = "mprofile_20240102030405.dat", "mprofile_20250102030405.dat"


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a directory with two profiles, the current one."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / OLD).write_text(GOOD)
    (tmp_path / NEW).write_text(GOOD.replace("30.0", "50.0"))
    return tmp_path


def mprof(*words: str) -> int:
    """Run a command line and return its exit status."""
    try:
        return command.main(list(words))
    except SystemExit as stop:
        assert isinstance(stop.code, int)
        return stop.code


def test_every_kind_of_line_is_read(here: Path) -> None:
    profile = read_profile(OLD)
    assert profile.fault() == ""
    assert profile.command == "python script.py 'an argument'"
    assert profile.samples == [(10.0, 1000.0), (30.0, 1000.1), (20.0, 1000.2)]
    assert profile.children == {"77": [(5.5, 1000.1)]}
    assert profile.calls[0] == Call("__main__.outer", 10.5, 1000.01, 20.5, 1000.19, 0)
    assert [call.depth for call in profile.calls] == [0, 1, 0]


def test_what_is_written_is_read(tmp_path: Path) -> None:
    stream = io.StringIO()
    write_sample(stream, 3 << 19, 1234.56789, [(5, 1 << 20)])
    assert stream.getvalue() == "MEM 1.500000 1234.5679\nCHLD 5 1.000000 1234.5679\n"


def test_it_is_read_as_by_the_old_function(here: Path) -> None:
    found = read_mprofile_file(OLD)
    assert found["mem_usage"] == [10.0, 30.0, 20.0]
    assert found["timestamp"] == [1000.0, 1000.1, 1000.2]
    assert found["children"] == {"77": [(5.5, 1000.1)]}
    assert found["func_timestamp"]["__main__.inner"] == [[1000.02, 1000.03, 10.6, 31.5, 1]]
    assert (found["cmd_line"], found["filename"]) == ("python script.py 'an argument'", OLD)


@pytest.mark.parametrize(
    "line",
    ["", "garbage", "MEM 1", "MEM 1 2 3", "MEM x 2", "MEM nan 2", "MEM 1 inf", "CHLD 4 1",
     "FUNC f 1 2 3", "FUNC f 1 2 3 1", "FUNC f 1 2 3 4 -1", "FUNC f 1 2 3 4 x", "\x00\ufffd"],
)  # fmt: skip
def test_a_broken_line_is_named_and_the_rest_kept(
    here: Path, line: str, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = GOOD.splitlines(keepends=True)
    (here / "broken.dat").write_text("".join([*lines[:2], line + "\n", *lines[2:]]))
    assert read_profile("broken.dat").samples == read_profile(OLD).samples
    assert mprof("peak", "broken.dat") == 2
    out, err = capsys.readouterr()
    assert out.startswith("broken.dat\t30.000 MiB\n")
    assert err == f"mprof: broken.dat:3: not a line of a profile: {line!r}\n"


def test_a_line_that_is_cut_off_is_named(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (here / "cut.dat").write_text(GOOD + "MEM 40.0 10")
    assert mprof("peak", "cut.dat") == 2
    assert capsys.readouterr().err == "mprof: cut.dat:9: cut off: 'MEM 40.0 10'\n"


def test_many_broken_lines_are_one_message(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (here / "noise.dat").write_bytes(bytes(range(256)) * 20)
    assert mprof("plot", "noise.dat", "-o", "out.html") == 2
    assert capsys.readouterr().err.count("\n") == 1
    assert not (here / "out.html").exists()


def test_list(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert mprof("list") == 0
    assert capsys.readouterr().out == f"0 {OLD} 03:04:05 02/01/2024\n1 {NEW} 03:04:05 02/01/2025\n"


def test_peak(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert mprof("peak") == 0
    latest = f"Using last profile data.\n{NEW}\t50.000 MiB\n  Child 77\t\t\t5.500 MiB\n"
    assert capsys.readouterr().out == latest
    assert mprof("peak", "0", "-1", OLD) == 0
    assert capsys.readouterr().out.count("MiB") == 4
    assert mprof("peak", "0", "--func", "__main__.inner") == 0
    assert capsys.readouterr().out == f"{OLD}\t31.500 MiB\n"
    assert mprof("peak", "0", "--func", "nothing") == 0
    assert capsys.readouterr().out == f"{OLD}\tNaN MiB\n"


def test_rm(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (here / OLD.replace(".dat", "_ts.dat")).write_text(GOOD)
    (here / "mine.dat").write_text(GOOD)
    assert mprof("rm", "--dry-run", "0", "mine.dat") == 0
    assert capsys.readouterr().out.split("\n")[1:4] == [OLD, "mine.dat", OLD[:-4] + "_ts.dat"]
    assert len(list(here.iterdir())) == 4
    assert mprof("rm", "0", "mine.dat") == 0
    assert [path.name for path in here.iterdir()] == [NEW]
    assert mprof("rm", "-1") == 0
    assert list(here.iterdir()) == []


def test_clean(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (here / "mine.dat").write_text(GOOD)
    assert mprof("clean", "--dry-run") == 0
    assert capsys.readouterr().out == f"Files to be removed: \n{OLD}\n{NEW}\n"
    assert mprof("clean") == 0
    assert [path.name for path in here.iterdir()] == ["mine.dat"]


@pytest.mark.parametrize(
    ("command", "line"),
    [
        (["rm"], "the following arguments are required: numbers_or_filenames"),
        (["rm", "7"], "no profile number 7; there are 2 profiles here"),
        (["rm", "none.dat"], "no such file: none.dat"),
        (["rm", "."], ". is a directory"),
        (["peak", "none.dat"], "no such file: none.dat"),
        (["plot", "-w", "5"], "argument -w/--window: expected two numbers as 0,20.5, not 5"),
        (["plot", "-w", "5,2"], "argument -w/--window: expected the earlier time first, not 5,2"),
        (["draw"], "argument command: invalid choice: 'draw'"),
    ],
)
def test_what_is_wrong_is_one_line_and_status_2(
    here: Path, command: list[str], line: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert mprof(*command) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.count("\n") == 1
    assert line in err
    assert len(list(here.iterdir())) == 2


def test_no_profile_at_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert mprof("plot") == 2
    assert capsys.readouterr().err == "mprof: no mprofile_*.dat here; `mprof run` makes them\n"


def test_file_names_once_each(here: Path) -> None:
    assert get_profile_filenames("all") == [OLD, NEW]
    assert get_profile_filenames(["-1", NEW, "1", "0"]) == [NEW, OLD]
    with pytest.raises(ValueError, match="no profile number 9"):
        get_profile_filenames(["9"])


def test_labels_are_the_shortest_ends_that_tell_functions_apart() -> None:
    wanted: dict[str, Any] = {"a.f": "f", "a.g": "a.g", "b.g": "b.g", "x.b.h": "x.b.h"}
    wanted["y.b.h"] = "y.b.h"
    wanted["y.c.h"] = "c.h"
    assert function_labels(wanted) == wanted
    assert function_labels(["f", "m.f"]) == {"f": "f", "m.f": "m.f"}
