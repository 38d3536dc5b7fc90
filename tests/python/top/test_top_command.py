"""`shoal top --once` for scripts, and what is said of a wrong command line."""

from __future__ import annotations

import csv
import importlib.util
import io
import json
import os
import subprocess
import sys
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
from shoal import cli
from shoal.top import processes
from shoal.top.command_line import main
from shoal.top.listing import CSV_COLUMNS

MIB = 2**20

Top = Callable[..., str]


@pytest.fixture
def top(
    made_up: SimpleNamespace,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Top:
    """Return what ``shoal top`` writes of three processes, and a fourth that ends."""
    found = [
        made_up.process(7, command="python -m gunicorn [app]"),
        made_up.process(11, user="eve"),
        made_up.process(12),
        made_up.process(123, rss=500 * MIB, age=90000.0, command='python "a",b'),
    ]
    monkeypatch.setattr(processes, "Finder", lambda: SimpleNamespace(find=lambda: found))

    def read(pid: int) -> dict[str, Any]:
        if pid == 11:
            raise PermissionError("11 belongs to another user (eve): needs CAP_SYS_PTRACE")
        if pid == 12:
            raise ProcessLookupError("process 12 ended while it was read")
        live = pid * 1024
        arenas = [(0, MIB, MIB, 64, MIB, 0, 9, live, 4096 * pid)]
        pages = 4096 * pid
        return made_up.heap(
            pid, arenas=arenas, resident_bytes=live + 5 * MIB, page_free_bytes=pages
        )

    def run(*arguments: str) -> str:
        assert main(list(arguments), read) == 0
        written = capsys.readouterr()
        assert written.err == ""
        return written.out

    return run


def test_once_is_an_aligned_table(top: Top) -> None:
    lines = top("--once").splitlines()
    assert [line.split()[0] for line in lines] == ["PID", "123", "7", "11", "TOTAL"]
    places = [lines[0].index(title) for title in ("USER", "ALLOCATOR", "COMMAND")]
    for line, starts in zip(
        lines[1:4],
        (
            ("ann", "pymalloc", 'python "a",b'),
            ("ann", "pymalloc", "python -m"),
            ("eve", "(other user)", "python app11.py"),
        ),
    ):
        for place, start in zip(places, starts):
            assert line[place:].startswith(start)
            assert line[place - 1] == " "
    assert lines[1].split()[8] == "1d01h"
    assert lines[2].split()[4:7] == ["7.00K", "5.00M", "28.0K"]
    assert lines[3].split()[4:7] == ["-", "-", "-"]
    assert lines[4].endswith("3 processes, 1 not read")


def test_what_is_piped_is_written_once(top: Top) -> None:
    assert top() == top("--once")


@pytest.mark.parametrize(
    ("arguments", "pids"),
    [
        (["--sort", "pid"], [7, 11, 123]),
        (["--sort", "pid", "--reverse"], [123, 11, 7]),
        (["--sort", "live"], [123, 7, 11]),
        (["--sort", "returnable", "--reverse"], [7, 123, 11]),
        (["--filter", "GUNICORN"], [7]),
        (["--filter", "eve"], [11]),
        (["--filter", "nothing has this"], []),
    ],
)
def test_order_and_filter(top: Top, arguments: list[str], pids: list[int]) -> None:
    found = json.loads(top("--json", *arguments))
    assert [process["pid"] for process in found["processes"]] == pids
    assert found["totals"]["processes"] == len(pids)
    rows = list(csv.DictReader(io.StringIO(top("--csv", *arguments))))
    assert [int(row["pid"]) for row in rows] == pids


def test_json_has_bytes_and_null(top: Top) -> None:
    found = json.loads(top("--json", "--sort", "pid"))
    assert found["shoal-top"] == 1
    first, refused, last = found["processes"]
    assert tuple(first) == CSV_COLUMNS
    assert (first["live"], first["held"], first["returnable"]) == (7168, 5 * MIB, 28672)
    assert (first["why"], first["allocator"], first["python"]) == (None, "pymalloc", "3.12.1")
    assert (last["rss"], last["age"], last["command"]) == (500 * MIB, 90000.0, 'python "a",b')
    assert (refused["live"], refused["allocator"], refused["why"]) == (None, None, "other user")
    assert "CAP_SYS_PTRACE" in refused["detail"]
    totals = found["totals"]
    assert (totals["rss"], totals["live"], totals["not_read"]) == (540 * MIB, 130 * 1024, 1)


def test_csv_has_the_same_fields(top: Top) -> None:
    rows = list(csv.DictReader(io.StringIO(top("--csv", "--sort", "pid"))))
    assert tuple(rows[0]) == CSV_COLUMNS
    assert rows[2]["command"] == 'python "a",b'
    assert (rows[1]["live"], rows[1]["why"]) == ("", "other user")


def test_lines_are_cut_to_a_terminal(top: Top, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    monkeypatch.setenv("COLUMNS", "60")
    assert max(map(len, top("--once").splitlines())) == 60


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--interval", "0"], "expected 1 to 3600 seconds, not '0'"),
        (["--interval", "nan"], "expected 1 to 3600 seconds, not 'nan'"),
        (["--interval", "soon"], "expected 1 to 3600 seconds, not 'soon'"),
        (["--interval", "-1"], "expected 1 to 3600 seconds, not '-1'"),
        (["--interval", "1e9"], "expected 1 to 3600 seconds, not '1e9'"),
        (["--sort", "size"], "invalid choice: 'size'"),
        (["--json", "--csv"], "not allowed with argument --json"),
        (["--frobnicate"], "--frobnicate"),
        (["17"], "17"),
    ],
)
def test_what_is_wrong_is_said_in_one_line(
    arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        cli.main(["top", *arguments])
    assert ended.value.code == 2
    written = capsys.readouterr()
    assert written.out == ""
    assert written.err.startswith("shoal top: ")
    assert said in written.err
    assert written.err.count("\n") == 1


def test_without_textual_the_live_table_says_what_to_install(
    made_up: SimpleNamespace,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(SystemExit) as ended:
        main([], made_up.heap)
    assert ended.value.code == 2
    said = capsys.readouterr().err
    assert "pip install 'shoal[top]'" in said
    assert "--once` works without" in said
    assert said.count("\n") == 1


ALONE = """
import sys
from shoal.top.command_line import main

def read(pid):
    raise PermissionError("no")

sys.modules["textual"] = None  # As where it is not installed.
sys.exit(main(sys.argv[1:], read))
"""


def test_once_works_without_textual() -> None:
    done = subprocess.run(
        [sys.executable, "-c", ALONE, "--once"], capture_output=True, text=True, timeout=60
    )
    assert (done.returncode, done.stderr) == (0, "")
    mine = [
        line.split() for line in done.stdout.splitlines() if line.split()[0] == f"{os.getpid()}"
    ]
    assert "(denied)" in mine[0]


def test_a_reader_that_has_enough_is_no_error() -> None:
    command = [sys.executable, "-c", ALONE, "--once"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as child:
        child.stdout.close()
        assert child.stderr.read() == b""
        assert child.wait(60) == 0


def test_output_that_cannot_be_written_is_said_in_one_line() -> None:
    with open("/dev/full", "w") as full:
        command = [sys.executable, "-c", ALONE, "--once"]
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, timeout=60)
    assert done.returncode == 2
    assert done.stderr == "shoal top: cannot write: No space left on device\n"


def test_a_machine_without_proc_is_said_in_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], made_up: SimpleNamespace
) -> None:
    monkeypatch.setattr("psutil.PROCFS_PATH", "/nowhere")
    with pytest.raises(SystemExit) as ended:
        main(["--once"], made_up.heap)
    assert ended.value.code == 2
    assert capsys.readouterr().err == "shoal top: cannot read /nowhere: No such file or directory\n"


def test_any_letter_can_be_written_in_any_locale() -> None:
    environment = {**os.environ, "LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    waiting = [sys.executable, "-c", "print(1, flush=True); input()", "\u00fc\u4e16"]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen(waiting, **pipes) as child:
        child.stdout.readline()
        done = subprocess.run(
            [sys.executable, "-c", ALONE, "--once"],
            env=environment,
            capture_output=True,
            text=True,
            timeout=60,
        )
        child.kill()
    assert (done.returncode, done.stderr) == (0, "")
    assert str(child.pid) in [line.split()[0] for line in done.stdout.splitlines()]


HOLDING = """
import sys
kept = [float(number) for number in range(1_000_000)]
del kept[:900_000]
print("up", flush=True)
sys.stdin.read()
"""


@pytest.mark.parametrize(
    ("how", "allocator"), [([], "pymalloc"), (["-m", "shoal", "run"], "shoal")]
)
def test_a_running_python_is_read(how: list[str], allocator: str) -> None:
    pytest.importorskip("shoal._inspect")
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen([sys.executable, *how, "-c", HOLDING], **pipes) as child:
        child.stdout.readline()
        command = [sys.executable, "-m", "shoal", "top", "--json", "--filter", str(child.pid)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60)
        child.kill()
    assert (done.returncode, done.stderr) == (0, "")
    processes = json.loads(done.stdout)["processes"]
    mine = next(process for process in processes if process["pid"] == child.pid)
    assert mine["allocator"] == allocator
    assert mine["python"] == "{}.{}.{}".format(*sys.version_info)
    floats = 100_000 * sys.getsizeof(1.0)
    assert floats < mine["live"] < floats + 12 * MIB
    assert mine["held"] > mine["returnable"] > 0
    assert mine["live"] + mine["held"] < mine["rss"]
    assert 0 < mine["pss"] <= mine["rss"] + MIB
