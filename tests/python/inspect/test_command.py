"""`shoal inspect`: what it writes where, and what is wrong in one line."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from shoal.inspect import occupancy_files
from shoal.inspect.occupancy_files import render_html
from shoal.inspect.snapshot import Snapshot
from shoal.inspect.snapshot_json import write_json

Run = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def files(fragmented: Snapshot, grown, tmp_path: Path) -> tuple[str, str]:
    """Write two looks at a process to a.json and b.json."""
    for name, snapshot in (("a.json", fragmented), ("b.json", grown(1))):
        with open(tmp_path / name, "w") as file:
            write_json(snapshot, file)
    return "a.json", "b.json"


def one_line(done: subprocess.CompletedProcess[str], line: str, status: int = 2) -> None:
    assert (done.returncode, done.stdout, done.stderr) == (status, "", f"shoal inspect: {line}\n")


def ended_child() -> int:
    child = subprocess.Popen([sys.executable, "-c", ""])
    child.wait()
    return child.pid


# ---- From files --------------------------------------------------------------------------


def test_the_screen_of_a_file(shoal: Run, files) -> None:
    done = shoal("inspect", "a.json")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith(
        "Process 4242: python app.py --fast\nCPython 3.12.4 on its own heap"
    )
    assert "\nFragmentation: 9.1 MiB are free and cannot go back to the system" in done.stdout


def test_rows_order_and_threshold(shoal: Run, files) -> None:
    done = shoal("inspect", "a.json", "--top", "2", "--by", "blocks", "--threshold", "60K")
    table = done.stdout.split("what belongs to them, by number")[1].splitlines()
    assert [line.split()[0] for line in table[2:5]] == ["app.models.Session", "dict", "2"]


def test_json_of_a_file_is_the_file(shoal: Run, files, tmp_path: Path) -> None:
    assert shoal("inspect", "a.json", "--json").stdout == (tmp_path / "a.json").read_text()
    done = shoal("inspect", "a.json", "--json", "-o", "c.json")
    assert (done.returncode, done.stdout) == (0, "")
    assert (tmp_path / "c.json").read_text() == (tmp_path / "a.json").read_text()


def test_diff(shoal: Run, files) -> None:
    done = shoal("inspect", "--diff", "a.json", "b.json")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("Steady: nothing grew by much.\n")
    assert re.search(r"^app.models.Session +1,150 +\+150 +575 KiB +\+75.0 KiB$", done.stdout, re.M)
    # What is older is known from the files.
    assert shoal("inspect", "--diff", "b.json", "a.json").stdout == done.stdout


def test_diff_leaves_out_small_changes(shoal: Run, files) -> None:
    done = shoal("inspect", "--diff", "a.json", "b.json", "--threshold", "75K")
    assert "more or fewer objects: 1\n" in done.stdout
    done = shoal("inspect", "--diff", "a.json", "b.json", "--threshold", "76K")
    assert "more or fewer objects: 0\n" in done.stdout


def test_diff_as_json(shoal: Run, files) -> None:
    found = json.loads(shoal("inspect", "--diff", "a.json", "b.json", "--json").stdout)
    assert found["shoal-inspect-changes"] == 1
    assert found["seconds"] == 10
    assert found["verdict"] == {"word": "steady", "sentence": "nothing grew by much."}
    assert found["types"] == [
        {
            "name": "app.models.Session",
            "blocks": 1150,
            "blocks_grew": 150,
            "bytes": 588_800,
            "bytes_grew": 76_800,
            "held": 0,
            "held_grew": 0,
        }
    ]


# ---- The map -----------------------------------------------------------------------------


def test_the_map_on_a_terminal(shoal: Run, files) -> None:
    done = shoal("inspect", "a.json", "--map", env={"PYTHONIOENCODING": "utf-8"})
    assert done.returncode == 0
    assert "\n0x7f0000100000  1.6 %  ░░░░" in done.stdout


def test_the_map_as_a_page(shoal: Run, files, tmp_path: Path) -> None:
    assert shoal("inspect", "a.json", "--map", "-o", "map.html").returncode == 0
    page = (tmp_path / "map.html").read_text()
    assert "<title>Process 4242: python app.py --fast</title>" in page
    assert not re.search(r"(?:src|href)=|https?://|@@", page)  # It needs nothing else.


def test_a_page_is_not_what_its_process_says(fragmented: Snapshot) -> None:
    hostile = replace(
        fragmented,
        command=("</title><script>alert(1)</script>", "@@DATA@@", "&"),
        pinning=(replace(fragmented.pinning[0], name="<img src=x>", kind="gc"),),
    )
    page = render_html(hostile)
    assert "<script>alert" not in page
    assert "<img" not in page
    assert "&lt;img src=x&gt;" in page
    assert "&lt;/title&gt;&lt;script&gt;alert(1)" in page
    data = page.split('id="data">')[1].split("</script>")[0]
    found = json.loads(data)
    assert len(found["arenas"]) == 10
    assert found["arenas"][1] == ["0x7f0000100000", 64, 16384, 2**20]


def test_the_map_as_a_picture(shoal: Run, files, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    done = shoal("inspect", "a.json", "--map", "-o", "map.png")
    assert (done.returncode, done.stderr) == (0, "")
    assert (tmp_path / "map.png").read_bytes().startswith(b"\x89PNG")


def test_a_picture_of_odd_titles_and_of_nothing(fragmented: Snapshot, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    for snapshot in (
        replace(fragmented, command=("$x_", "\\frac{", "\udcff")),
        replace(fragmented, arenas=(), occupancy=b""),
    ):
        occupancy_files.write(snapshot, str(tmp_path / "map.png"))


def test_a_picture_shows_each_pool(fragmented: Snapshot) -> None:
    numpy = pytest.importorskip("numpy")
    picture = occupancy_files._picture(fragmented)
    assert numpy.count_nonzero(picture == 75) == 64
    assert numpy.count_nonzero(picture == 2) == 9 * 40


# ---- What is wrong -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        ([], "which process? give its id, or --diff A B"),
        (["99999999"], "no such process: 99999999"),
        (["0"], "no such process: 0"),
        (["99999999999999999999"], "no such process: 99999999999999999999"),
        (["-1"], "neither a process id nor a file: -1"),
        (["nosuch"], "neither a process id nor a file: nosuch"),
        (["nosuch", "--watch", "1"], "not a process id: nosuch"),
        (["a.json", "--freeze"], "not a process id: a.json"),
        (["."], "cannot read .: Is a directory"),
        (["bad.json"], "bad.json: not JSON: Expecting value in line 1, column 1"),
        (["--diff", "a.json"], "argument --diff: expected 2 arguments"),
        (["--diff", "a.json", "none.json"], "neither a process id nor a file: none.json"),
        (
            ["--diff", "a.json", "bad.json"],
            "bad.json: not JSON: Expecting value in line 1, column 1",
        ),
        (["1", "--diff", "a.json", "b.json"], "--diff does not go with a process"),
        (["--diff", "a.json", "b.json", "--map"], "--diff does not go with --map"),
        (["--diff", "a.json", "b.json", "--watch", "1"], "--diff does not go with --watch"),
        (["1", "--map", "--json"], "argument --json: not allowed with argument --map"),
        (["1", "--map", "--watch", "1"], "--watch does not go with --map"),
        (["1", "--count", "3"], "--count is for --watch"),
        (["1", "-o", "x"], "-o is for --json and --map"),
        (
            ["a.json", "--map", "-o", "map.gif"],
            "cannot draw to map.gif: its name must end in .png or .html",
        ),
        (["a.json", "--json", "-o", "no/x"], "cannot write no/x: No such file or directory"),
        (
            ["a.json", "--map", "-o", "no/x.html"],
            "cannot write no/x.html: No such file or directory",
        ),
        (["1", "--watch", "0"], "argument --watch: expected seconds, at least 0.01, not '0'"),
        (["1", "--watch", "nan"], "argument --watch: expected seconds, at least 0.01, not 'nan'"),
        (["1", "--top", "0"], "argument --top: expected a whole number, at least 1, not '0'"),
        (
            ["1", "--threshold", "much"],
            "argument --threshold: expected bytes, such as 4096, 64K or 1.5M, not 'much'",
        ),
        (["1", "--nosuch"], "unrecognized arguments: --nosuch"),
        (["1", "2"], "unrecognized arguments: 2"),
    ],
)
def test_wrong_command_line(shoal: Run, files, tmp_path: Path, arguments, line) -> None:
    (tmp_path / "bad.json").touch()
    one_line(shoal("inspect", *arguments), line)


def test_a_process_that_has_ended(shoal: Run) -> None:
    pid = ended_child()
    one_line(shoal("inspect", str(pid)), f"no such process: {pid}")


def test_nothing_is_written_where_nothing_was_read(shoal: Run, files, tmp_path: Path) -> None:
    (tmp_path / "c.json").write_text("precious")
    one_line(shoal("inspect", "99999999", "--json", "-o", "c.json"), "no such process: 99999999")
    assert (tmp_path / "c.json").read_text() == "precious"
    shoal("inspect", "99999999", "--map", "-o", "d.html")
    assert not (tmp_path / "d.html").exists()


@pytest.mark.parametrize("how", [[], ["--json"], ["--map"], ["--top", "1"]])
def test_a_reader_that_has_enough(tmp_path: Path, files, how: list[str]) -> None:
    command = [sys.executable, "-m", "shoal", "inspect", "a.json", *how]
    with open("/dev/full", "w") as full:
        done = subprocess.run(command, cwd=tmp_path, stdout=full, stderr=subprocess.PIPE, text=True)
    assert (done.returncode, done.stderr) == (
        2,
        "shoal inspect: cannot write: No space left on device\n",
    )
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run(command, cwd=tmp_path, stdout=writing, stderr=subprocess.PIPE, text=True)
    os.close(writing)
    assert (done.returncode, done.stderr) == (1, "")


def test_help(shoal: Run) -> None:
    done = shoal("inspect", "--help")
    assert done.returncode == 0
    assert done.stdout.startswith("usage: shoal inspect PID [options]\n")
    assert "inspect" in shoal("--help").stdout
