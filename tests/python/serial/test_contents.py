"""python -m shoal.pickle: sizes by opcode and type, and nothing is executed."""

from __future__ import annotations

import io
import json
import pickle
import subprocess
import sys

import pytest
from shoal.pickle.contents import read_contents


class Bomb:
    def __reduce__(self):
        return exec, ("raise SystemExit('executed')",)


def run(*arguments):
    command = [sys.executable, "-m", "shoal.pickle", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True)


@pytest.mark.parametrize("protocol", range(6))
def test_sizes_add_up(protocol):
    value = [1.5, "text", b"bytes", (1, 2), {3: {4}}, len, Bomb(), bytearray(b"x"), True, None]
    stream = pickle.dumps(value, protocol)
    contents = read_contents(io.BytesIO(stream * 3))
    assert contents.pickles == 3
    assert contents.protocol == (protocol if protocol >= 2 else 0)
    assert contents.size == 3 * len(stream)
    assert sum(size for _, _, size in contents.by_opcode()) == 3 * len(stream)
    assert sum(size for _, _, size in contents.by_type()) == 3 * len(stream)


def test_exact_sizes_of_a_small_pickle():
    contents = read_contents(io.BytesIO(b"\x80\x04\x8c\x03abcK\x01\x86\x94."))
    assert contents.by_opcode() == [
        ("SHORT_BINUNICODE", 1, 5),
        ("PROTO", 1, 2),
        ("BININT1", 1, 2),
        ("TUPLE2", 1, 1),
        ("MEMOIZE", 1, 1),
        ("STOP", 1, 1),
    ]
    assert ("str", 1, 5) in contents.by_type()
    assert contents.memorized == 1


@pytest.mark.parametrize("protocol", range(6))
def test_globals_by_name(protocol):
    contents = read_contents(io.BytesIO(pickle.dumps([len, [max, max], Bomb()], protocol)))
    module = "__builtin__" if protocol < 3 else "builtins"
    assert contents.globals == {f"{module}.{name}": 1 for name in ("len", "max", "exec")}


def test_the_command_executes_nothing(tmp_path):
    path = tmp_path / "bomb"
    path.write_bytes(pickle.dumps(Bomb()))
    done = run(path)
    assert done.returncode == 0, done.stderr
    assert "builtins.exec" in done.stdout
    assert "executed" not in done.stderr


def test_what_is_no_pickle(tmp_path):
    for content in (b"", b"hello", b"\x80\x04K", b"]."[:1]):
        path = tmp_path / "file"
        path.write_bytes(content)
        done = run(path)
        assert done.returncode == 2
        assert done.stderr.startswith(f"shoal.pickle: {path}: not a pickle: ")
        assert done.stderr.count("\n") == 1


def test_what_is_not_there(tmp_path):
    done = run(tmp_path / "nothing")
    assert done.returncode == 2
    assert done.stderr == f"shoal.pickle: {tmp_path / 'nothing'}: No such file or directory\n"


def test_a_pipe():
    done = subprocess.run(
        [sys.executable, "-m", "shoal.pickle", "/dev/stdin"],
        input=pickle.dumps([1]) + pickle.dumps({2}),
        capture_output=True,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(b"2 pickles, ")


@pytest.mark.parametrize(
    "stream",
    [
        b"\x80\x04\x8e" + (1 << 62).to_bytes(8, "little") + b"abc.",
        b"\x80\x04\x8e" + (1 << 35).to_bytes(8, "little") + b"abc.",
        b"\x80\x05\x96" + (1 << 40).to_bytes(8, "little") + b"abc.",
        b"\x80\x02\x8b" + (-5).to_bytes(4, "little", signed=True),
        b"\x80\x04X\x02\0\0\0\xff\xfe.",
        b"L" + b"9" * 5000 + b"L\n.",
    ],
)
def test_lengths_that_lie(tmp_path, stream):
    path = tmp_path / "file"
    path.write_bytes(stream)
    done = run(path)
    assert done.returncode == 2
    assert done.stderr.startswith(f"shoal.pickle: {path}: not a pickle: ")
    assert done.stderr.count("\n") == 1


def test_names_cannot_command_the_terminal(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(b"c\x1b[2Jmodule\nname\x07\n.")
    done = run(path)
    assert done.returncode == 0
    assert "\x1b" not in done.stdout
    assert "\\x1b[2Jmodule.name\\x07" in done.stdout


def test_json(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(pickle.dumps([len, "text"], 4))
    done = run("--json", path)
    found = json.loads(done.stdout)
    assert found["pickles"] == 1
    assert found["protocol"] == 4
    assert found["bytes"] == path.stat().st_size
    assert found["globals"] == {"builtins.len": 1}
    assert sum(one["bytes"] for one in found["opcodes"].values()) == found["bytes"]
    assert sum(one["bytes"] for one in found["types"].values()) == found["bytes"]


def test_help_teaches():
    done = run("--help")
    assert done.returncode == 0
    assert "python -m shoal.pickle --json" in done.stdout


def test_a_full_standard_output(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(pickle.dumps(1))
    with open("/dev/full", "wb") as full:
        command = [sys.executable, "-m", "shoal.pickle", str(path)]
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True)
    assert done.returncode == 2
    assert done.stderr == "shoal.pickle: standard output: No space left on device\n"
