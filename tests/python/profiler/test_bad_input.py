"""Source that cannot be shown, tables that cannot be written: what was measured is kept."""

from __future__ import annotations

import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

BEFORE = """\
from shoal import profile
kept = []
@profile
def good():
    kept.append(bytes(1000))
good()
"""


def _run(plain: Any, folder: Path, code: str) -> tuple[int, str, list[str]]:
    (folder / "program.py").write_text(BEFORE + code, encoding="utf-8")
    done = plain("program.py")
    table = done.stdout
    assert "Function: good, called once" in table
    assert "1,065 B" in table  # 1000 bytes, 33 around them, 32 of the list
    return done.returncode, table, done.stderr.splitlines()


def test_made_by_exec(plain: Any, tmp_path: Path) -> None:
    code = (
        "names = {}\nexec('def made():\\n    return [1] * 500', names)\nprofile(names['made'])()\n"
    )
    status, table, errors = _run(plain, tmp_path, code)
    assert status == 0
    assert "Function: made, called once" in table
    # Its figures are there, the text is not: two lists, of which one was for the other.
    assert "4,120 B" in table
    assert errors == ["shoal: no source of made: it was made from a string (<string>)"]


def test_frozen(plain: Any, tmp_path: Path) -> None:
    code = "import posixpath\nprofile(posixpath.join)('a', 'b')\n"
    status, table, errors = _run(plain, tmp_path, code)
    assert status == 0
    assert "Function: join, called once" in table
    assert errors == ["shoal: no source of join: its module is frozen into the interpreter"]


def test_written_in_c(plain: Any, tmp_path: Path) -> None:
    status, _, errors = _run(plain, tmp_path, "profile(len)\n")
    assert status == 1
    assert errors[-1].endswith("NoSourceError: no source of len: it is not written in Python")


def test_no_function(plain: Any, tmp_path: Path) -> None:
    status, _, errors = _run(plain, tmp_path, "profile(3)\n")
    assert status == 1
    assert errors[-1].endswith("NoSourceError: no source of int: it is not a function")


def test_a_file_that_changes_while_it_runs(plain: Any, tmp_path: Path) -> None:
    code = "text = open(__file__).read()\nopen(__file__, 'w').write('# changed\\n' + text)\n"
    status, table, errors = _run(plain, tmp_path, code)
    assert status == 0
    assert "5 " in next(line for line in table.splitlines() if "kept.append" in line)[:10]
    (line,) = errors
    assert line.endswith(
        "changed while it ran: the lines shown are those from when profiling began"
    )
    assert "program.py" in line


def test_a_file_that_is_removed_while_it_runs(plain: Any, tmp_path: Path) -> None:
    status, table, errors = _run(plain, tmp_path, "import os\nos.remove(__file__)\n")
    assert status == 0
    assert "kept.append(bytes(1000))" in table
    assert len(errors) == 1
    assert "program.py" in errors[0]


@pytest.mark.parametrize(
    ("where", "reason"),
    [(">&-", "there is no standard output"), (">/dev/full", "No space left on device")],
)
def test_a_table_that_cannot_be_written_follows_on_standard_error(
    tmp_path: Path, where: str, reason: str
) -> None:
    (tmp_path / "program.py").write_text(BEFORE, encoding="utf-8")
    command = f"exec {shlex.quote(sys.executable)} program.py {where}"
    done = subprocess.run(command, shell=True, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0
    assert done.stderr.splitlines()[0].startswith("shoal: cannot write the table: ")
    assert reason in done.stderr.splitlines()[0]
    assert "Function: good, called once" in done.stderr


def test_a_reader_that_left_is_no_error(tmp_path: Path) -> None:
    (tmp_path / "program.py").write_text(BEFORE, encoding="utf-8")
    command = f"{shlex.quote(sys.executable)} program.py | true"
    done = subprocess.run(command, shell=True, cwd=tmp_path, capture_output=True, text=True)
    assert done.stderr == ""
