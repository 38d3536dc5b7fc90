"""`shoal top` finds the Python processes that there are, and no others."""

from __future__ import annotations

import getpass
import os
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from shoal.top import processes
from shoal.top.processes import Finder, Process, is_interpreter

WAIT = "import sys; print('up', flush=True); sys.stdin.read()"


@contextmanager
def running(*command: str, **options: object) -> Iterator[subprocess.Popen[str]]:
    """Run a program until the end of the block; it has said that it is up."""
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, **options
    ) as child:
        try:
            assert child.stdout.readline() == "up\n"
            yield child
        finally:
            child.kill()


def found(finder: Finder, pid: int) -> Process | None:
    return next((one for one in finder.find() if one.pid == pid), None)


@pytest.mark.parametrize(
    ("path", "python"),
    [
        ("/usr/bin/python3.11", True),
        ("/usr/bin/python3.9 (deleted)", True),
        ("/opt/python3.13t", True),
        ("/usr/bin/python3-dbg", True),
        ("/usr/bin/pypy3.10", True),
        ("python", True),
        ("/usr/bin/python2.7", True),
        ("/usr/bin/perl", False),
        ("/opt/python3.11/bin/node", False),
        ("/usr/bin/pythonic", False),
        ("/usr/bin/ipython3", False),
        ("", False),
    ],
)
def test_an_interpreter_is_known_by_its_name(path: str, python: bool) -> None:
    assert is_interpreter(path) is python


def test_a_python_is_found_and_described() -> None:
    with running(sys.executable, "-c", WAIT, "--port", "80") as child:
        process = found(Finder(), child.pid)
    assert process is not None
    assert process.user == getpass.getuser()
    assert process.command == f"{os.path.basename(sys.executable)} -c {WAIT} --port 80"
    assert process.rss > 2**20
    assert 0 <= process.age < 120


def test_a_process_that_ended_is_not_found_again() -> None:
    finder = Finder()
    with running(sys.executable, "-c", WAIT) as child:
        assert found(finder, child.pid)
    assert found(finder, child.pid) is None


def test_other_programs_are_left_out() -> None:
    with running("sh", "-c", "echo up; read line") as child:
        assert found(Finder(), child.pid) is None


def test_this_process_is_left_out() -> None:
    assert found(Finder(), os.getpid()) is None


def test_a_program_that_becomes_a_python_is_noticed_at_once() -> None:
    finder = Finder()
    script = 'echo up; read line; exec "$0" -c "$1"'
    with running("sh", "-c", script, sys.executable, WAIT) as child:
        assert found(finder, child.pid) is None
        child.stdin.write("go\n")
        child.stdin.flush()
        assert child.stdout.readline() == "up\n"
        assert found(finder, child.pid)


def test_a_python_under_another_name_is_known_by_what_it_has_mapped(tmp_path: Path) -> None:
    extensions = Path(sysconfig.get_config_var("DESTSHARED")).glob("_json.cpython-*.so")
    if not list(extensions):
        pytest.skip("this Python has its extension modules inside")
    program = tmp_path / "worker"
    shutil.copy(os.path.realpath(sys.executable), program)
    # What does not find its home by its own place is told it.
    environment = {**os.environ, "PYTHONHOME": f"{sys.base_prefix}:{sys.base_exec_prefix}"}
    with running(str(program), "-c", f"import _json; {WAIT}", env=environment) as child:
        assert found(Finder(), child.pid)


def test_where_links_may_not_be_read_the_command_line_decides(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(processes, "_executable", lambda pid: None)
    with running(sys.executable, "-c", WAIT) as child, running("sh", "-c", "echo up; read a") as sh:
        pids = [one.pid for one in Finder().find()]
    assert child.pid in pids
    assert sh.pid not in pids


def test_a_command_line_cannot_write_to_the_terminal() -> None:
    hostile = "\x1b[2J\x07\u202edrawkcab\r\nx"
    with running(sys.executable, "-c", WAIT, hostile) as child:
        process = found(Finder(), child.pid)
    assert process is not None
    assert process.command.endswith(" ?[2J??drawkcab x")


def test_a_program_is_looked_at_again_as_it_may_load_python_later(
    monkeypatch: pytest.MonkeyPatch, made_up: object
) -> None:
    clock = made_up.Clock()
    finder = Finder(clock)
    with running("sh", "-c", "echo up; read line") as child:
        assert found(finder, child.pid) is None
        monkeypatch.setattr(processes, "_is_python", lambda pid, executable: pid == child.pid)
        assert found(finder, child.pid) is None
        clock.now += processes.LOOK_AGAIN_SECONDS
        assert found(finder, child.pid)
