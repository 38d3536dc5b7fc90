"""The programs of examples/ and the demo that runs them, at tiny sizes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import shoal

EXAMPLES = Path(__file__).parents[2] / "examples"
MB = 1 << 20
COUNT = 20_000

LINES = {
    "deepcopy_list.py": ["x = list(range(count))", "y = copy.deepcopy(x)", "del x", "del y"],
    "build_tuples.py": [
        "records = [record() for _ in range(count)]",
        "pickle.dump(records, file)",
        "del records",
    ],
    "load_pickle.py": ["records = pickle.load(file)", "del records"],
    "write_lines.py": [
        "records = [record() for _ in range(count)]",
        "for r in records: file.write(repr(r))",
        "flat.dump(records, file)",
        "del records",
    ],
    "read_lines.py": [
        "records = flat.load(file)",
        "del records",
        "records = [eval(line) for line in file]",
        "del records",
    ],
    "small_objects.py": ["things = [Thing(i) for i in range(count)]", "del things"],
    "empty_dicts.py": ["dicts = [{} for _ in range(count)]", "del dicts"],
    "survivors.py": ["made", "kept"],
}
DATA = {
    "build_tuples.py": "records.pickle",
    "load_pickle.py": "records.pickle",
    "write_lines.py": "records.txt",
    "read_lines.py": "records.txt",
}
WRITERS = {"load_pickle.py": "build_tuples.py", "read_lines.py": "write_lines.py"}


def environment(side: str) -> dict[str, str]:
    variables = {k: v for k, v in os.environ.items() if k not in ("LD_PRELOAD", "PYTHONMALLOC")}
    if side == "shoal":
        variables["LD_PRELOAD"] = shoal.library_path()
    return variables


def run(program: str, *arguments: str, side: str = "own") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(EXAMPLES / program), *arguments],
        env=environment(side),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def data_arguments(program: str, folder: Path) -> list[str]:
    return ["--file", str(folder / DATA[program])] if program in DATA else []


def measure(program: str, folder: Path, side: str, *arguments: str) -> dict[str, Any]:
    if program in WRITERS:
        measure(WRITERS[program], folder, "own")
    path = folder / "document.json"
    options = ["--count", str(COUNT), "--json", str(path), *data_arguments(program, folder)]
    done = run(program, *options, *arguments, side=side)
    assert done.returncode == 0, done.stderr
    document: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return document


@pytest.mark.parametrize("side", ["own", "shoal"])
@pytest.mark.parametrize("program", sorted(LINES))
def test_every_line_is_measured(program: str, side: str, tmp_path: Path) -> None:
    document = measure(program, tmp_path, side)
    assert document["allocator"] == side
    assert document["count"] == COUNT
    assert [step["line"] for step in document["steps"]] == ["start", *LINES[program]]
    for step in document["steps"]:
        assert 2 * MB < step["resident"] < 200 * MB
        assert step["peak"] is None or step["resident"] <= step["peak"] < 200 * MB
        for figure in ("live", "held", "returned"):
            assert (step[figure] is None) == (side == "own")
    assert document["steps"][1]["resident"] > document["steps"][0]["resident"]


def test_live_is_what_the_lines_make_and_drop(tmp_path: Path) -> None:
    start, made, dropped = measure("small_objects.py", tmp_path, "shoal")["steps"]
    assert made["live"] - start["live"] > COUNT * 40
    assert dropped["live"] - start["live"] < COUNT * 4
    assert dropped["returned"] > made["returned"]


@pytest.mark.parametrize("kind", ["float", "str", "dict", "object"])
def test_survivors_are_the_same_on_both_sides(kind: str, tmp_path: Path) -> None:
    options = ("--kind", kind, "--keep", "0.1")
    own = measure("survivors.py", tmp_path, "own", *options)["facts"]
    ours = measure("survivors.py", tmp_path, "shoal", *options)["facts"]
    assert own == ours
    assert COUNT * 0.08 < own["survivors"] < COUNT * 0.12
    assert own["live_by_count"] > own["survivors"] * 24


def test_by_hand_a_program_prints_a_table(tmp_path: Path) -> None:
    done = run("deepcopy_list.py", "--count", "1000", side="shoal")
    head, columns, *rows = done.stdout.splitlines()
    assert "Shoal" in head and "count 1,000" in head
    assert columns.split() == ["resident", "peak", "live", "held", "returned"]
    assert len(rows) == 5


@pytest.mark.parametrize("text", ["0", "-3", "many", "1e3"])
def test_a_bad_count_is_one_line(text: str) -> None:
    done = run("empty_dicts.py", f"--count={text}")
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert text in done.stderr


def test_a_missing_file_is_one_line(tmp_path: Path) -> None:
    done = run("load_pickle.py", "--file", str(tmp_path / "none"))
    assert done.returncode == 2
    assert done.stderr == f"no file {tmp_path / 'none'}: run build_tuples.py first\n"


def test_demo_gives_everything_as_json() -> None:
    done = run("demo.py", "--size", "0.005", "--json")
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    document = json.loads(done.stdout)
    assert [one["letter"] for one in document["experiments"]] == list("ABCDEFG")
    for one in document["experiments"]:
        assert len(one["article_mb"]) == len(one["own"]["steps"]) == len(one["shoal"]["steps"])
        assert one["count"] == one["own"]["count"] == round(one["article_count"] * 0.005)
    assert len(document["survivors"]) == 12
    # At this size the start may have had more to spare than what is kept: below 0.
    assert all(-1 < row["ratio"] < 10 for row in document["survivors"])
    assert len(document["conclusion"]) == 2


def test_demo_runs_what_an_experiment_needs() -> None:
    done = run("demo.py", "--size", "0.002", "--only", "e", "--json")
    document = json.loads(done.stdout)
    assert [one["letter"] for one in document["experiments"]] == ["E"]
    assert document["experiments"][0]["own"]["facts"] == {"records": 2000}
    assert document["survivors"] == []


def test_demo_prints_plain_tables() -> None:
    pytest.importorskip("rich", reason="the tables need rich")
    done = run("demo.py", "--size", "0.002", "--only", "A,S")
    assert done.returncode == 0, done.stderr
    assert "\x1b" not in done.stdout
    assert "A. deepcopy of a list of ints" in done.stdout
    assert "Kept by a few survivors" in done.stdout


@pytest.mark.parametrize(
    ("option", "value"), [("--size", "huge"), ("--size", "0"), ("--size", "nan"), ("--only", "A,Q")]
)
def test_a_bad_option_of_the_demo_is_one_line(option: str, value: str) -> None:
    done = run("demo.py", option, value)
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.startswith("demo: ")
    assert done.stderr.count("\n") == 1
    assert value.split(",")[-1] in done.stderr


def test_the_demo_says_when_shoal_is_not_installed(tmp_path: Path) -> None:
    (tmp_path / "shoal.py").write_text("raise ImportError('not here')\n")
    variables = {**environment("own"), "PYTHONPATH": str(tmp_path)}
    command = [sys.executable, str(EXAMPLES / "demo.py"), "--json"]
    done = subprocess.run(command, env=variables, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr.startswith("demo: shoal is not installed for ")
    assert done.stderr.count("\n") == 1
