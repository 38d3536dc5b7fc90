"""``shoal flat`` and ``shoal advise``: what they write, and what they say when they cannot."""

from __future__ import annotations

import ast
import errno
import gzip
import io
import json
import os
import pickle
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from shoal import flat
from shoal.flat import advise_command
from shoal.flat.command import main as flat_main

RECORDS: list[Any] = [
    (1, "one", None, 1.5),
    [True, b"\xff", {"k": (1, 2)}],
    {"a": {1, 2}, 3: frozenset(), "c": 2j},
    "é\n",
    -(10**40),
    ...,
]
LINES = flat.dumps(RECORDS)

Command = Callable[..., "subprocess.CompletedProcess[str]"]


class Output:
    """A standard stream with a buffer below, as real ones have."""

    def __init__(self) -> None:
        self.stream = io.TextIOWrapper(io.BytesIO(), "utf-8", write_through=True)

    def __str__(self) -> str:
        self.stream.flush()
        buffer = self.stream.buffer
        assert isinstance(buffer, io.BytesIO)
        return buffer.getvalue().decode()


@pytest.fixture
def command(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Command:
    """Run a command in an empty folder, in this process."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments: str, stdin: bytes = b"") -> subprocess.CompletedProcess[str]:
        out, err = Output(), Output()
        monkeypatch.setattr(sys, "stdout", out.stream)
        monkeypatch.setattr(sys, "stderr", err.stream)
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin)))
        main = {"flat": flat_main, "advise": advise_command.main}[arguments[0]]
        try:
            status = main(list(arguments[1:]))
        except SystemExit as end:
            status = int(str(end.code))
        return subprocess.CompletedProcess(arguments, status, str(out), str(err))

    return run


def write(name: str, data: bytes = LINES) -> str:
    Path(name).write_bytes(data)
    return name


# ---- head and count -----------------------------------------------------------------


def test_head_shows_the_first_records(command: Command) -> None:
    done = command("flat", "head", "-n", "2", write("a.flat"))
    assert (done.returncode, done.stdout) == (0, "".join(f"{r!r}\n" for r in RECORDS[:2]))
    assert command("flat", "head", "-n", "99", "a.flat").stdout.encode() == LINES
    assert command("flat", "head", "-", stdin=LINES).stdout.encode() == LINES


def test_head_of_other_formats(command: Command) -> None:
    write("a.csv.gz", gzip.compress(b"x,y\n1,a\n"))
    assert command("flat", "head", "a.csv.gz").stdout == "{'x': '1', 'y': 'a'}\n"
    done = command("flat", "head", "--json", "--numbers", "a.csv.gz")
    assert done.stdout == '{"x": 1, "y": "a"}\n'


def test_head_names_a_bad_line(command: Command) -> None:
    done = command("flat", "head", write("a.flat", b"1\n(2\n"))
    assert done.returncode == 1
    assert done.stderr.startswith("shoal flat head: a.flat:2:3: expected ")
    assert done.stdout == "1\n"


def test_count(command: Command) -> None:
    write("a.flat", b"# a comment\n\n" + LINES)
    write("b.jsonl", b"1\n[2]\n\n")
    write("c.pickle", pickle.dumps([1, 2, 3]))
    assert command("flat", "count", "a.flat").stdout == "6\n"
    counts = command("flat", "count", "a.flat", "b.jsonl", "c.pickle").stdout
    assert [line.split() for line in counts.splitlines()] == [
        ["6", "a.flat"],
        ["2", "b.jsonl"],
        ["3", "c.pickle"],
    ]
    done = command("flat", "count", "--json", "a.flat")
    assert json.loads(done.stdout) == {"file": "a.flat", "records": 6}


# ---- check --------------------------------------------------------------------------


def test_check_is_silent_where_all_is_well(command: Command) -> None:
    done = command("flat", "check", write("a.flat"))
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_check_names_every_bad_line(command: Command) -> None:
    write("a.flat", b"1\n(2,\n3\nimport os\n\xff\n4\n")
    write("b.flat", b"1\n'x\n")
    done = command("flat", "check", "a.flat", "b.flat")
    assert (done.returncode, done.stderr) == (1, "")
    places = [line.split(" ")[0] for line in done.stdout.splitlines()]
    assert places == ["a.flat:2:4:", "a.flat:4:1:", "a.flat:5:1:", "b.flat:2:3:"]
    assert all(": expected " in line and ", found " in line for line in done.stdout.splitlines())


def test_check_as_json(command: Command) -> None:
    done = command("flat", "check", "--json", write("a.flat", b"1\n(2,\n3\n"))
    bad, summary = map(json.loads, done.stdout.splitlines())
    assert (bad["file"], bad["line"], bad["column"]) == ("a.flat", 2, 4)
    assert bad["expected"]
    assert bad["found"] == "the end of the line"
    assert summary == {"file": "a.flat", "records": 2, "bad": 1}


def test_check_ends_after_so_many(command: Command) -> None:
    done = command("flat", "check", "--most", "2", write("a.flat", b"x\n" * 9))
    assert len(done.stdout.splitlines()) == 2


def test_check_has_bounds(command: Command) -> None:
    write("a.flat", b"[[[1]]]\n" + b"1" * 30 + b"\n")
    assert command("flat", "check", "a.flat").returncode == 0
    for bound, line in (("--max-depth=2", 1), ("--max-digits=20", 2), ("--max-line=20", 2)):
        done = command("flat", "check", bound, "a.flat")
        assert done.returncode == 1
        assert done.stdout.startswith(f"a.flat:{line}:")


@pytest.mark.parametrize(
    ("name", "data", "said"),
    [
        ("a.jsonl", b"1\n{\n", "a.jsonl:2:2: no JSON: "),
        ("a.jsonl", b"\xff\n", "a.jsonl:1: no UTF-8: byte 1"),
        ("a.jsonl", b"[" * 200_000 + b"\n", "a.jsonl:1: no JSON: "),
        ("a.csv", b'x,y\n1,"a\n', "a.csv:2: no CSV: "),
        ("a.csv", b"x,y\n1\n", "a.csv:2: expected 2 cells, found 1"),
        ("a.csv", b"x,x\n1,2\n", "a.csv:1: a column's name occurs twice: x, x"),
        ("a.csv", b"x,y\n1,\xff\n", "a.csv:"),
        ("a.pickle", pickle.dumps([Path])[:-3], "a.pickle: pickle 1: "),
        ("a.pickle", b"hello", "a.pickle: pickle 1: "),
    ],
)
def test_other_formats_name_what_is_wrong(
    command: Command, name: str, data: bytes, said: str
) -> None:
    write(name, data)
    done = command("flat", "check", name)
    assert done.returncode == 1
    assert done.stdout.startswith(said)
    done = command("flat", "convert", name)
    assert done.returncode == 1
    assert done.stderr.startswith(f"shoal flat convert: {said}")
    assert len(done.stderr.splitlines()) == 1


# ---- convert ------------------------------------------------------------------------


@pytest.mark.parametrize("suffix", ["", ".gz", ".xz", ".bz2"])
@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_pickles_come_and_go(command: Command, suffix: str, protocol: int) -> None:
    records = RECORDS[:1] + RECORDS[2:5] if protocol >= 3 else [(1, "a", 2.5), {"x": 2j}, {1, 2}]
    write("a.pickle", pickle.dumps(records, protocol))
    done = command("flat", "convert", "a.pickle", f"b.flat{suffix}")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert flat.load(f"b.flat{suffix}") == records
    assert command("flat", "convert", f"b.flat{suffix}", "c.pkl").returncode == 0
    assert pickle.loads(Path("c.pkl").read_bytes()) == records


def test_several_pickles_are_a_record_each(command: Command) -> None:
    write("a.pickle", b"".join(pickle.dumps(record) for record in ([1], [2], 3)))
    assert command("flat", "convert", "a.pickle").stdout == "[1]\n[2]\n3\n"
    write("b.pickle", pickle.dumps({"x": 1}))
    assert command("flat", "convert", "b.pickle").stdout == "{'x': 1}\n"


class Boom:
    def __reduce__(self) -> Any:
        return os.system, ("touch boom",)


def test_nothing_in_a_pickle_is_run(command: Command) -> None:
    for bad in ([Boom()], [Path("x")], [print]):
        done = command("flat", "convert", write("a.pickle", pickle.dumps(bad)), "b.flat")
        assert done.returncode == 1
        assert done.stderr.startswith("shoal flat convert: a.pickle: pickle 1: ")
        assert sorted(os.listdir()) == ["a.pickle"]


def test_json_lines(command: Command) -> None:
    write("a.flat", flat.dumps([[1, "é", None, True, 1.5], {"k": {"n": []}}, "\ud800"]))
    done = command("flat", "convert", "a.flat", "b.jsonl")
    assert (done.returncode, done.stderr) == (0, "")
    lines = Path("b.jsonl").read_text().splitlines()
    assert lines == ['[1, "é", null, true, 1.5]', '{"k": {"n": []}}', '"\\ud800"']
    assert command("flat", "convert", "b.jsonl").stdout.encode() == Path("a.flat").read_bytes()


def test_what_does_not_survive_is_named(command: Command) -> None:
    write("a.flat", b"(1, (2, 3))\n[4]\n")
    done = command("flat", "convert", "a.flat", "-", "--to", "jsonl")
    assert done.stdout == "[1, [2, 3]]\n[4]\n"
    assert done.stderr == "shoal flat convert: in jsonl, tuples become lists: 2\n"
    done = command("flat", "convert", "a.flat", "b.jsonl", "--strict")
    assert done.returncode == 1
    assert done.stderr == "shoal flat convert: record 0: tuples become lists (--strict)\n"
    assert not Path("b.jsonl").exists()
    done = command("flat", "convert", "a.flat", "b.jsonl", "--json")
    assert json.loads(done.stderr) == {"records": 2, "lost": {"tuples become lists": 2}}


@pytest.mark.parametrize(
    ("record", "to", "said"),
    [
        ({"a": [0, {2: 1}]}, "jsonl", "record 1, ['a'][1]: JSON has no key 2: only str"),
        ([{1, 2}], "jsonl", "record 1, [0]: JSON has no set"),
        (b"x", "jsonl", "record 1: JSON has no bytes"),
        ([1e999], "jsonl", "record 1, [0]: JSON has no inf"),
        (["a", [1]], "csv", "record 1, [1]: CSV has no list"),
        ({"a": 1}, "csv", "record 1: expected a tuple or list, as before, not a dict"),
        (["\ud800"], "csv", "record 1: CSV has no lone surrogates"),
    ],
)
def test_what_cannot_be_written_is_named(
    command: Command, record: object, to: str, said: str
) -> None:
    write("a.flat", flat.dumps([["x"], record]))
    write("out", b"old")
    done = command("flat", "convert", "a.flat", "out", "--to", to)
    assert done.returncode == 1
    assert done.stderr == f"shoal flat convert: {said}\n"
    assert Path("out").read_bytes() == b"old"
    assert sorted(os.listdir()) == ["a.flat", "out"]


def test_csv(command: Command) -> None:
    records = [{"name": "é,\n", "n": 1, "x": 0.5}, {"x": -1e300, "n": -2, "name": ""}]
    done = command("flat", "convert", write("a.flat", flat.dumps(records)), "b.csv")
    assert done.stderr.splitlines() == [
        "shoal flat convert: in csv, int becomes text: 2",
        "shoal flat convert: in csv, float becomes text: 2",
    ]
    assert Path("b.csv").read_text() == 'name,n,x\n"é,\n",1,0.5\n,-2,-1e+300\n'
    back = command("flat", "convert", "b.csv", "--numbers").stdout
    assert [ast.literal_eval(line) for line in back.splitlines()] == records
    text = command("flat", "convert", "b.csv").stdout
    assert ast.literal_eval(text.splitlines()[1]) == {"name": "", "n": "-2", "x": "-1e+300"}


def test_only_what_python_writes_is_a_number(command: Command) -> None:
    write("a.csv", b"007,1_0,1.50,+1, 1,inf,1e5,0.1,-3,12345678901234567890123\n")
    done = command("flat", "convert", "a.csv", "--no-header", "--numbers")
    assert ast.literal_eval(done.stdout.replace("1e999", "'inf'")) == [
        *("007", "1_0", "1.50", "+1", " 1", "inf", "1e5"),
        *(0.1, -3, 12345678901234567890123),
    ]


def test_csv_whose_records_are_not_alike(command: Command) -> None:
    write("a.flat", b"{'a': 1, 'b': 2}\n{'a': 1}\n")
    done = command("flat", "convert", "a.flat", "-", "--to", "csv")
    assert done.returncode == 1
    assert "record 1: expected a dict with the keys a, b, as before\n" in done.stderr


# ---- What goes wrong ----------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("flat", "head", "none"), "shoal flat head: none: No such file or directory\n"),
        (("flat", "head", "."), "shoal flat head: .: Is a directory\n"),
        (("flat", "head", "-n", "0", "a"), "argument -n: expected a whole number, at least 1"),
        (("flat", "check"), "shoal flat check: the following arguments are required: FILE"),
        (("flat", "convert", "a", "b", "--to", "xml"), "argument --to: invalid choice: 'xml'"),
        (("flat", "turn", "a"), "invalid choice: 'turn'"),
        (("advise", "none"), "shoal advise: none: No such file or directory\n"),
        (("advise",), "shoal advise: the following arguments are required: FILE"),
    ],
)
def test_wrong_use_is_one_line(command: Command, arguments: tuple[str, ...], said: str) -> None:
    done = command(*arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert said in done.stderr
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.parametrize("suffix", ["gz", "bz2", "xz"])
@pytest.mark.parametrize("verb", ["head", "count", "check", "convert"])
def test_a_file_that_is_cut_off_is_named(command: Command, suffix: str, verb: str) -> None:
    flat.dump([os.urandom(100) for _ in range(100)], f"a.flat.{suffix}")
    os.truncate(f"a.flat.{suffix}", 5000)
    done = command("flat", verb, f"a.flat.{suffix}", *(("-n", "1000") if verb == "head" else ()))
    assert done.returncode == 2
    assert done.stderr.startswith(f"shoal flat {verb}: a.flat.{suffix}: ")
    assert len(done.stderr.splitlines()) == 1


def test_a_full_disk_is_one_line(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    write("a.flat")
    monkeypatch.setattr(os, "replace", full)
    done = command("flat", "convert", "a.flat", "b.flat")
    assert done.returncode == 2
    assert done.stderr == "shoal flat convert: cannot write: No space left on device\n"
    assert os.listdir() == ["a.flat"]


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no /dev/full")
@pytest.mark.parametrize("arguments", [("flat", "head"), ("flat", "convert"), ("flat", "check")])
def test_a_full_output_is_one_line(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    (tmp_path / "a.flat").write_bytes(b"1\nx\n" if "check" in arguments else b"1\n" * 10)
    with open("/dev/full", "wb") as full:
        done = subprocess.run(
            [sys.executable, "-m", "shoal", *arguments, "a.flat"],
            stdout=full,
            stderr=subprocess.PIPE,
            cwd=tmp_path,
            text=True,
            timeout=60,
        )
    assert done.returncode == 2
    assert done.stderr == f"shoal {' '.join(arguments)}: cannot write: No space left on device\n"


@pytest.mark.parametrize("arguments", [("flat", "convert"), ("flat", "check"), ("advise",)])
def test_who_reads_may_have_enough(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    (tmp_path / "a.flat").write_bytes((b"x\n" if "check" in arguments else b"1\n") * 100_000)
    reading, writing = os.pipe()
    os.close(reading)
    with open(writing, "wb") as closed:
        done = subprocess.run(
            [sys.executable, "-m", "shoal", *arguments, "a.flat"],
            stdout=closed,
            stderr=subprocess.PIPE,
            cwd=tmp_path,
            timeout=60,
        )
    assert (done.returncode, done.stderr) == (0, b"")


def test_help_teaches(command: Command) -> None:
    for arguments in (("flat", "--help"), ("flat", "convert", "--help"), ("advise", "--help")):
        done = command(*arguments)
        assert done.returncode == 0
        assert "usage: shoal" in done.stdout
    assert "examples:" in command("flat", "--help").stdout
    done = command("flat")
    assert (done.returncode, done.stdout) == (2, "")
    assert "examples:" in done.stderr


def test_the_commands_are_in_the_table(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "shoal", "--help"], capture_output=True, text=True, timeout=60
    )
    assert "  flat " in done.stdout
    assert "  advise " in done.stdout


@pytest.mark.parametrize("name", ["x.parquet", "x.json", "x.parquet.gz", "folder.d/x.feather"])
def test_an_unknown_ending_is_one_line_that_names_the_formats(
    shoal: Callable[..., Any], tmp_path: Path, name: str
) -> None:
    (tmp_path / "a.flat").write_text("(1, 2)\n")
    (tmp_path / "folder.d").mkdir()
    done = shoal("flat", "convert", "a.flat", name)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == (
        f"shoal flat convert: {name}: no format is known by this ending: use .flat, .txt, "
        ".pickle, .pkl, .jsonl, .ndjson, .csv, or --to\n"
    )
    assert not (tmp_path / name).exists()
    assert shoal("flat", "convert", "a.flat", name, "--to", "jsonl").returncode == 0


def test_a_name_without_ending_is_a_flat_file(shoal: Callable[..., Any], tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("1\n")
    (tmp_path / "folder.d").mkdir()
    for name in ("out", "out.gz", "folder.d/out", ".hidden"):
        assert shoal("flat", "convert", "--no-header", "a.csv", name).returncode == 0
    assert (tmp_path / "out").read_text() == "['1']\n"
