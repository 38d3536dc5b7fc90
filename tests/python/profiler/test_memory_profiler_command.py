"""``python -m shoal.memory_profiler``: its flags, and one clear line for what is wrong."""

from __future__ import annotations

import py_compile
import re
import shlex
import subprocess
import sys
import zipapp
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("psutil")

COMMAND = "shoal.memory_profiler"

GOOD = """\
@profile
def work():
    data = bytearray(40 << 20)
    return len(data)

work()
print("done")
"""


@pytest.fixture
def script(tmp_path: Path) -> Any:
    """Write a script and return its name."""

    def write(text: str = GOOD, name: str = "script.py") -> str:
        (tmp_path / name).write_text(text)
        return name

    return write


def test_version(plain: Any) -> None:
    assert plain("-m", COMMAND, "--version").stdout == "0.61.0\n"


def test_help_has_every_flag(plain: Any) -> None:
    text = plain("-m", COMMAND, "-h").stdout
    flags = "--version --pdb-mmem --precision -o --timestamp --include-children --backend"
    assert [flag for flag in flags.split() if flag not in text] == []


def test_precision(plain: Any, script: Any) -> None:
    done = plain("-m", COMMAND, "--precision", "1", script())
    assert re.search(r"MiB +40\.\d MiB", done.stdout)


def test_a_file_is_replaced_by_tables_and_extended_by_stamps(
    plain: Any, script: Any, tmp_path: Path
) -> None:
    (tmp_path / "out").write_text("old\n")
    for _ in range(2):
        assert plain("-m", COMMAND, "-o", "out", script()).stdout == "done\n"
    assert (tmp_path / "out").read_text().count("Filename:") == 1
    assert "old" not in (tmp_path / "out").read_text()
    (tmp_path / "out.dat").write_text("CMDLINE x\n")
    plain("-m", COMMAND, "--timestamp", "-o", "out.dat", script())
    lines = (tmp_path / "out.dat").read_text().splitlines()
    assert [line.split()[:2] for line in lines] == [["CMDLINE", "x"], ["FUNC", "__main__.work"]]


@pytest.mark.parametrize("backend", ["psutil_uss", "tracemalloc"])
def test_backends(plain: Any, script: Any, backend: str) -> None:
    done = plain("-m", COMMAND, "--backend", backend, script())
    assert re.search(r"3 +[\d.]+ MiB +(39\.9|40)[\d.]* MiB +1 ", done.stdout)


def test_the_backend_that_shares_pages_out(plain: Any, script: Any) -> None:
    """Others that come and go meanwhile change our part of what is mapped by all."""
    done = plain("-m", COMMAND, "--backend", "psutil_pss", script())
    found = re.search(r"3 +[\d.]+ MiB +([\d.]+) MiB +1 ", done.stdout)
    assert found
    assert 36 < float(found[1]) < 44


def test_children_are_included(plain: Any, script: Any) -> None:
    code = """
import subprocess, sys

@profile
def starts():
    child = subprocess.Popen([sys.executable, "-c", "x = bytearray(40<<20); print(1); input()"],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    child.stdout.readline()
    child.communicate(b"x")

starts()
"""
    text = plain("-m", COMMAND, "--include-children", script(code)).stdout
    line = next(line for line in text.splitlines() if "readline" in line)
    assert float(line.split()[3]) > 20


def test_the_table_comes_also_after_an_exception_and_sys_exit(plain: Any, script: Any) -> None:
    done = plain("-m", COMMAND, script(GOOD + "1 / 0\n"))
    assert done.returncode == 1
    assert "Filename: script.py" in done.stdout
    assert done.stderr.startswith('Traceback (most recent call last):\n  File "script.py", line 8')
    done = plain("-m", COMMAND, script(GOOD + "raise SystemExit(4)\n"))
    assert done.returncode == 4
    assert "Filename: script.py" in done.stdout


def test_the_table_has_what_threads_did(plain: Any, script: Any) -> None:
    code = GOOD.replace(
        "work()\nprint", "import threading\nthreading.Thread(target=work).start()\nprint"
    )
    assert "Filename: script.py" in plain("-m", COMMAND, script(code)).stdout


def test_the_script_is_main_as_it_always_is(plain: Any, script: Any) -> None:
    code = """
import pickle, sys
class Thing: pass
assert type(pickle.loads(pickle.dumps(Thing()))) is Thing
assert __name__ == "__main__" and sys.modules["__main__"].Thing is Thing
assert sys.argv == ["script.py", "--precision", "1"], sys.argv
assert profile
import helper
"""
    script("import builtins\nassert builtins.profile\n@profile\ndef f(): pass\nf()\n", "helper.py")
    done = plain("-m", COMMAND, script(code), "--precision", "1")
    assert (done.returncode, done.stderr) == (0, "")
    assert "helper.py" in done.stdout


def test_a_module(plain: Any, script: Any) -> None:
    script(name="module.py")
    done = plain("-m", COMMAND, "module")
    assert "module.py" in done.stdout
    assert done.stdout.startswith("done\n")


@pytest.fixture
def program(tmp_path: Path) -> Any:
    """Make a folder that can be run, and return a function that gives it in several forms."""
    folder = tmp_path / "folder"
    folder.mkdir()
    main = "import sys, inner\nassert sys.argv[1:] == ['-x'], sys.argv\n"
    main += "assert __file__.endswith('__main__.py') and not __package__\n"
    (folder / "__main__.py").write_text(main + GOOD)
    (folder / "inner.py").write_text("found = 1\n")

    def made(form: str) -> str:
        if form in ("folder", "./folder", "folder/"):
            return form
        zipapp.create_archive(folder, tmp_path / "app.pyz", interpreter="/usr/bin/env python3")
        if not form.endswith("app.pyz"):
            (tmp_path / "app.pyz").rename(tmp_path / form)
        return form

    return made


@pytest.mark.parametrize(
    "form", ["folder", "./folder", "folder/", "app.pyz", "./app.pyz", "app.zip", "app"]
)
def test_archives_and_folders_run_as_under_python(plain: Any, program: Any, form: str) -> None:
    name = program(form)
    assert "NameError: name 'profile'" in plain(name, "-x").stderr  # Python, too, runs it.
    done = plain("-m", COMMAND, name, "-x")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("done\n")
    assert "__main__.py" in done.stdout
    assert "bytearray" in done.stdout


def test_a_package_is_still_a_module(plain: Any, program: Any, tmp_path: Path) -> None:
    (tmp_path / "folder" / "__init__.py").write_text("")
    (tmp_path / "folder" / "__main__.py").write_text(f"from . import inner\n{GOOD}")
    assert plain("-m", COMMAND, "folder").stdout.startswith("done\n")


def test_compiled_scripts_run(plain: Any, script: Any, tmp_path: Path) -> None:
    py_compile.compile(str(tmp_path / script()), str(tmp_path / "script.pyc"))
    done = plain("-m", COMMAND, "script.pyc")
    assert (done.returncode, done.stderr) == (0, "")
    assert "bytearray" in done.stdout


def test_the_debugger_opens_above_the_limit(plain: Any, script: Any) -> None:
    done = plain("-m", COMMAND, "--pdb-mmem", "45", script(), input="p len(data)\nc\n")
    assert done.returncode == 0, done.stderr
    assert re.search(r"exceeds the limit of 45\.00 MiB before script\.py:4; stepping", done.stdout)
    assert "(Pdb) 41943040" in done.stdout
    assert done.stdout.endswith("done\n")
    assert "(Pdb)" not in plain("-m", COMMAND, "--pdb-mmem", "9999", script()).stdout


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["nowhere.py"], "cannot find the script nowhere.py"),
        (["no.such.module"], "cannot find the module no.such.module: "),
        (["broken.py"], "broken.py:2: "),
        (["folder"], "folder"),
        (["./folder"], "no __main__.py in ./folder"),
        (["broken.pyz"], "broken.pyz"),
        (["broken.pyc"], "broken.pyc: "),
        ([], "a program to run is missing; -h shows how"),
        (["--backend", "rss", "script.py"], "argument --backend: invalid choice: 'rss'"),
        (["--precision", "99", "script.py"], "--precision: expected 0 to 20 decimals, not 99"),
        (["-o", "nowhere/out", "script.py"], "cannot write nowhere/out: No such file"),
    ],
)
def test_what_is_wrong_is_one_line_and_status_2(
    plain: Any, script: Any, arguments: list[str], line: str, tmp_path: Path
) -> None:
    script()
    script("x = 1\ny = (\n", "broken.py")
    (tmp_path / "folder").mkdir()
    for ending in ("pyz", "pyc"):
        (tmp_path / f"broken.{ending}").write_bytes(b"PK\3\4\0\0")
    done = plain("-m", COMMAND, *arguments)
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.count("\n") == 1
    assert done.stderr.startswith("python -m shoal.memory_profiler: ")
    assert line in done.stderr


def test_a_script_that_cannot_be_read_is_one_line(plain: Any, script: Any, tmp_path: Path) -> None:
    path = tmp_path / script()
    path.chmod(0)
    try:
        path.read_text()
    except PermissionError:
        done = plain("-m", COMMAND, "script.py")
        assert done.returncode == 2
        assert done.stderr.endswith("cannot read script.py: Permission denied\n")
    else:
        pytest.skip("this user may read everything")


def test_a_source_that_changed_meanwhile_is_said(plain: Any, script: Any) -> None:
    done = plain("-m", COMMAND, script(GOOD + "open(__file__, 'a').write('# more')\n"))
    assert "script.py changed while it ran" in done.stderr
    assert "bytearray" in done.stdout


def test_a_reader_that_left_is_no_error(script: Any, tmp_path: Path) -> None:
    silent = script(GOOD.replace('print("done")', ""))
    command = f"{shlex.quote(sys.executable)} -m {COMMAND} {silent} | true"
    done = subprocess.run(command, shell=True, cwd=tmp_path, capture_output=True, text=True)
    assert "Traceback" not in done.stderr
