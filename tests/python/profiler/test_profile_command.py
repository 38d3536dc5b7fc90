"""``shoal profile``: runs a program as ``python`` does, and shows what its lines did."""

from __future__ import annotations

import csv
import os
import pty
import re
import signal
import subprocess
import sys
import zipfile
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from shoal.profiler import export
from shoal.profiler.model import Function, Report

Write = Callable[..., Path]

WORK = """\
from shoal import profile

@profile
def work():
    data = bytes(5_000_000)
    return len(data)

"""


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Write a script, by default one whose `work` makes 5 MB, with more below."""

    def write_one(more: str = "work()\n", name: str = "script.py", before: str = WORK) -> Path:
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True, parents=True)
        path.write_text(before + more)
        return path

    return write_one


def functions(path: Path) -> dict[str, Function]:
    """Return the functions of a JSON file that ran, by name."""
    report = export.load(path)
    return {one.name: one for one in report.functions if any(line.hits for line in one.lines)}


# ---- As under python ----------------------------------------------------------------

LOOKS = """
import json, os, sys
import beside
names = sorted(set(globals()) - {"json", "os", "sys", "beside"})
main = sys.modules["__main__"]
if __name__ == "__main__":
    print(json.dumps([
        sys.argv, sys.path[:1], names, __name__, __package__, main is not None,
        main.__dict__ is globals(), globals().get("__file__"), __doc__,
        getattr(__spec__, "name", None), type(__loader__).__name__, beside.HERE,
        (lambda: 0).__code__.co_filename, __builtins__ is __import__("builtins"),
    ]))
"""


@pytest.mark.parametrize(
    ("how", "target"),
    [
        ("script", ["inner/script.py", "-x", "--all"]),
        ("linked", ["link.py"]),
        ("directory", ["inner", "1"]),
        ("zip", ["packed.zip", "1"]),
        ("module", ["-m", "package", "--help"]),
        ("submodule", ["-mpackage.part", "x"]),
        ("code", ["-c", LOOKS, "-c", "x"]),
    ],
)
def test_what_a_program_finds(
    shoal: Any, plain: Any, write: Write, tmp_path: Path, how: str, target: list[str]
) -> None:
    write(LOOKS, "inner/script.py", "'''Doc.'''")
    write(LOOKS, "inner/__main__.py", "")
    for folder in ("inner", "."):
        write("", f"{folder}/beside.py", f"HERE = {folder!r}")
    for name in ("__init__", "__main__", "part"):
        write("" if name == "__init__" else LOOKS, f"package/{name}.py", "")
    os.symlink("inner/script.py", tmp_path / "link.py")
    with zipfile.ZipFile(tmp_path / "packed.zip", "w") as archive:
        archive.writestr("__main__.py", LOOKS)
        archive.writestr("beside.py", "HERE = 'zip'")
    found = shoal("profile", *target)
    expected = plain(*target)
    assert expected.returncode == 0, expected.stderr
    assert found.stdout.splitlines()[0] == expected.stdout.splitlines()[0]


@pytest.mark.parametrize(
    ("ending", "status"),
    [
        ("", 0),
        ("sys.exit()", 0),
        ("sys.exit(7)", 7),
        ("sys.exit('gone')", 1),
        ("raise KeyError('lost')", 1),
        ("raise KeyboardInterrupt", -signal.SIGINT),
        ("os.kill(os.getpid(), signal.SIGINT); time.sleep(9)", -signal.SIGINT),
        ("os.kill(os.getpid(), signal.SIGTERM); time.sleep(9)", -signal.SIGTERM),
        ("atexit.register(work)", 0),
        ("raise BaseExceptionGroup('both', [KeyError(1), SystemExit(3)])", 1),
    ],
)
def test_however_it_ends_there_is_a_table_and_its_own_status(
    shoal: Any, plain: Any, write: Write, ending: str, status: int
) -> None:
    write(f"import atexit, os, signal, sys, time\nwork()\n{ending}\n")
    done, expected = shoal("profile", "script.py"), plain("script.py")
    assert (done.returncode, expected.returncode) == (status, status)
    assert done.stderr == expected.stderr
    assert done.stdout.count("Function: work, called") == 1
    assert "4.8 MiB" in done.stdout


def test_tracebacks_are_the_programs_own(shoal: Any, plain: Any, write: Write) -> None:
    write(
        "def deep():\n    try:\n        {}[1]\n"
        "    except KeyError:\n        raise ValueError('x')\n"
        "work()\ndeep()\n"
    )
    for target in (["script.py"], ["-m", "script"]):
        done = shoal("profile", *target)
        assert done.returncode == 1
        assert done.stderr == plain("script.py").stderr


def test_a_hook_of_the_program_sees_its_frames_alone(shoal: Any, plain: Any, write: Write) -> None:
    write(
        "import sys, traceback\n"
        "sys.excepthook = lambda *error: traceback.print_exception(*error, file=sys.stdout)\n"
        "1 / 0\n",
        before="",
    )
    assert shoal("profile", "script.py").stdout == plain("script.py").stdout


def test_every_thread_is_profiled_and_waited_for(shoal: Any, write: Write, tmp_path: Path) -> None:
    write(
        "import threading, time\n"
        "def late():\n    time.sleep(0.2)\n    work()\n"
        "threads = [threading.Thread(target=late) for _ in range(3)]\n"
        "for thread in threads: thread.start()\n"
    )
    assert shoal("profile", "--json", "out.json", "script.py").returncode == 0
    assert functions(tmp_path / "out.json")["work"].calls == 3


def test_sigterm_while_threads_run(write: Write, tmp_path: Path) -> None:
    write(
        "import threading, time\n"
        "threading.Thread(target=time.sleep, args=(60,), daemon=True).start()\n"
        "work()\nprint('ready', flush=True)\n"
        "while True: time.sleep(0.1)\n"  # Since 3.14 a signal waits for a sleep that it precedes.
    )
    child = subprocess.Popen(
        [sys.executable, "-m", "shoal", "profile", "script.py"],
        cwd=tmp_path, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert child.stdout is not None
    assert child.stdout.readline() == "ready\n"
    child.terminate()
    rest, _ = child.communicate(timeout=30)
    assert child.returncode == -signal.SIGTERM
    assert "Function: work, called once" in rest


# ---- What is profiled ---------------------------------------------------------------

MANY = """\
import helping

class Tree:
    data: list

    def insert(self) -> list:
        self.data = [helping.help_out(n) for n in range(3)]
        return (lambda: self.data)()

def alone():
    return sorted([3, 1], key=lambda n: -n)

def never():
    pass

class Made:
    exec("def from_string():\\n    return 1")

Tree().insert()
alone()
Made.from_string()
assert Tree.__annotations__ and Tree.insert.__annotations__
"""
HELPING = "def help_out(n):\n    return bytes(n)\n"


@pytest.fixture
def many(write: Write) -> None:
    """Write a script of many functions, none of them decorated."""
    write(MANY, before="")
    write(HELPING, "helping.py", "import json\njson.dumps({})\n")


ALL = {"<module>", "Tree.insert", "alone", "help_out"}


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (["--all"], ALL),
        (["--only", "*"], ALL),
        (["--only", "Tree.*"], {"Tree.insert"}),
        (["--only", "alone", "--only=help*"], {"alone", "help_out"}),
        (["--only", "helping.py"], {"help_out"}),
        (["--only", "*/helping.py"], {"help_out"}),
        (["--only", "<module>"], {"<module>"}),
    ],
)
def test_which_functions(
    shoal: Any, many: None, tmp_path: Path, options: list[str], expected: set[str]
) -> None:
    done = shoal("profile", *options, "--json", "out.json", "script.py")
    assert (done.returncode, done.stderr) == (0, "")
    assert set(functions(tmp_path / "out.json")) == expected


def test_what_makes_annotations_is_nobodys_function(
    shoal: Any, write: Write, tmp_path: Path
) -> None:
    text = (
        "class Tree:\n    left: Tree\n"
        "def work(n: int) -> bytes:\n    return bytes(n)\n"
        "Tree.__annotations__, work.__annotations__, work(9)\n"
    )
    write("from __future__ import annotations\n" * (sys.version_info < (3, 14)) + text, before="")
    assert shoal("profile", "--all", "--json", "out.json", "script.py").returncode == 0
    assert set(functions(tmp_path / "out.json")) == {"<module>", "work"}


def test_a_pattern_may_name_files_of_others(shoal: Any, many: None, tmp_path: Path) -> None:
    done = shoal("profile", "--only", "*/json/__init__.py", "--json", "out.json", "script.py")
    assert done.returncode == 0
    assert "dumps" in functions(tmp_path / "out.json")


def test_all_of_code_and_of_modules(shoal: Any, many: None, tmp_path: Path) -> None:
    code = "import helping\ndef mine():\n    return helping.help_out(100_000)\nkept = mine()\n"
    assert shoal("profile", "--all", "--json", "out.json", "-c", code).returncode == 0
    found = functions(tmp_path / "out.json")
    assert set(found) == {"<module>", "mine", "help_out"}
    assert found["mine"].lines[1].text == "    return helping.help_out(100_000)"
    assert shoal("profile", "--all", "--json", "out.json", "-m", "script").returncode == 0
    assert set(functions(tmp_path / "out.json")) == ALL


def test_every_call_is_counted_from_the_first(shoal: Any, many: None, tmp_path: Path) -> None:
    shoal("profile", "--all", "--json", "out.json", "script.py")
    found = functions(tmp_path / "out.json")
    assert found["help_out"].calls == 3
    assert found["help_out"].lines[1].hits == 3
    assert found["Tree.insert"].calls == 1
    (call,) = (line for line in found["<module>"].lines if line.text == "alone()")
    assert call.hits == 1


def test_profile_is_among_the_builtins(shoal: Any, write: Write, tmp_path: Path) -> None:
    write("@profile\ndef mine():\n    return bytes(10)\nmine()\n", before="")
    assert shoal("profile", "--json", "out.json", "script.py").returncode == 0
    assert list(functions(tmp_path / "out.json")) == ["mine"]


def test_nothing_to_profile_is_said(shoal: Any, write: Write) -> None:
    write("print('done')\n", before="")
    done = shoal("profile", "script.py")
    assert (done.returncode, done.stdout) == (0, "done\n")
    assert done.stderr == (
        "shoal profile: nothing was profiled: decorate functions with @profile, or use --all\n"
    )


def test_patterns_that_match_nothing_are_named(shoal: Any, write: Write) -> None:
    write()
    done = shoal("profile", "--only", "None.*", "--only", "no/*.py", "-c", "print('done')")
    assert (done.returncode, done.stdout) == (0, "done\n")
    assert done.stderr == (
        "shoal profile: nothing was profiled: nothing that matches None.* or no/*.py ran\n"
    )


# ---- On which heap -------------------------------------------------------------------


@pytest.mark.parametrize("heap", ["shoal", "pymalloc"])
def test_the_heap(shoal: Any, write: Write, tmp_path: Path, heap: str) -> None:
    write("import shoal\nprint(shoal.is_active())\nwork()\n")
    done = shoal("profile", "--allocator", heap, "--json", "out.json", "script.py")
    assert done.stdout.splitlines()[0] == str(heap == "shoal")
    report: Report = export.load(tmp_path / "out.json")
    assert report.allocator == heap
    line = functions(tmp_path / "out.json")["work"].lines[2]
    assert line.peak >= 5_000_000 + sys.getsizeof(b"")
    assert line.peak < 5_001_000


def test_pymalloc_is_refused_on_shoals_heap(shoal: Any, write: Write) -> None:
    write()
    words = ["-m", "shoal", "profile", "--allocator", "pymalloc", "script.py"]
    done = shoal("run", *words)
    assert done.returncode == 2
    assert done.stderr == (
        "shoal profile: this process runs on Shoal's heap already, not on pymalloc\n"
    )


# ---- Results -------------------------------------------------------------------------


def test_results_in_files(shoal: Any, write: Write, tmp_path: Path) -> None:
    write("import os\nos.chdir('/')\nwork()\n")
    done = shoal(
        "profile", "-o", "table", "--json", "out.json", "--csv", "out.csv", "script.py"
    )  # fmt: skip
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert "Function: work, called once" in (tmp_path / "table").read_text()
    with open(tmp_path / "out.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["function"] for row in rows] == ["work"] * 4
    assert [row["hits"] for row in rows] == ["0", "0", "1", "1"]
    assert export.load(tmp_path / "out.json").command[-1] == "script.py"


def test_results_on_standard_output_instead_of_the_table(shoal: Any, write: Write) -> None:
    write()
    report = export.from_json(shoal("profile", "--json", "-", "script.py").stdout)
    assert [one.name for one in report.functions] == ["work"]
    assert shoal("profile", "--csv", "-", "script.py").stdout.startswith("filename,function,")


def test_a_file_that_was_there_is_replaced(shoal: Any, write: Write, tmp_path: Path) -> None:
    write()
    (tmp_path / "table").write_text("old\n" * 1000)
    shoal("profile", "-o", "table", "script.py")
    assert "old" not in (tmp_path / "table").read_text()


def test_precision_and_compat(shoal: Any, write: Write) -> None:
    write()
    assert "4.76840 MiB" in shoal("profile", "--precision", "5", "script.py").stdout
    lines = shoal("profile", "--compat", "--precision=2", "script.py").stdout.splitlines()
    assert lines[2] == "Line #    Mem usage    Increment  Occurrences   Line Contents"
    assert lines[4].split()[:1] + lines[4].split()[2:3] == ["3", "MiB"]
    assert lines[6].endswith("        1       data = bytes(5_000_000)")


COMPARED = """\
import copy

@profile
def work(n):
    data = [0.5] * n
    for i in range(2):
        more = bytearray(n)
    if not data:
        return None
    text = '''a
    b'''
    del data
    return len(
        more,
    )

class Tool:
    @staticmethod
    @profile
    def use():
        return 1

@profile
def never():
    pass

work(5_000_000)
Tool.use()
"""


@pytest.mark.skipif(not find_spec("memory_profiler"), reason="memory_profiler is not installed")
def test_compat_is_memory_profilers_table(shoal: Any, plain: Any, write: Write) -> None:
    write(COMPARED, before="")

    def shape(text: str) -> list[str]:
        # Of the two columns of figures only whether and where they are.
        return [
            re.sub(r" *-?\d+\.\d{2} MiB", lambda found: "m" * len(found[0]), line)
            for line in text.splitlines()
            if not line.startswith("Filename: ")
        ]

    ours = shoal("profile", "--compat", "--precision", "2", "script.py").stdout
    theirs = plain("-m", "memory_profiler", "--precision", "2", "script.py").stdout
    assert shape(ours) == shape(theirs)
    assert "38.1" in ours.splitlines()[6]
    assert "38.1" in theirs.splitlines()[6]


def test_without_rss(shoal: Any, write: Write, tmp_path: Path) -> None:
    write()
    done = shoal("profile", "--no-rss", "--json", "out.json", "script.py")
    assert "Mem usage" not in done.stdout
    assert functions(tmp_path / "out.json")["work"].lines[2].rss is None


def test_standard_output_that_the_program_closed_or_replaced(
    shoal: Any, write: Write, tmp_path: Path
) -> None:
    write("import io, sys\nwork()\nsys.stdout = io.StringIO()\n")
    assert "Function: work" in shoal("profile", "script.py").stdout
    write("import sys\nwork()\nsys.stdout.close()\n")
    done = shoal("profile", "--json", "out.json", "script.py")
    assert "cannot write the table to standard output: it is closed" in done.stderr
    assert list(functions(tmp_path / "out.json")) == ["work"]


# ---- The progress line -----------------------------------------------------------------


def on_a_terminal(tmp_path: Path, seconds: float) -> tuple[str, str]:
    """Return what a run of so many seconds writes on its terminal, and on standard output."""
    (tmp_path / "script.py").write_text(
        f"import os, threading, time\ntime.sleep({seconds})\n"
        "try: os.wait()\nexcept ChildProcessError: print('no child')\n"
        "print(threading.active_count(), os.open('.', 0))\n"
        "try: 1 / 0\nfinally: pass\n"
    )
    ours, its = pty.openpty()
    child = subprocess.Popen(
        [sys.executable, "-m", "shoal", "profile", "--all", "script.py"],
        cwd=tmp_path, stdout=subprocess.PIPE, stderr=its, text=True,
        env={**os.environ, "TERM": "xterm"},
    )  # fmt: skip
    os.close(its)
    seen = b""
    try:
        while chunk := os.read(ours, 65536):
            seen += chunk
    except OSError:  # The terminal is nobody's any more.
        pass
    os.close(ours)
    output, _ = child.communicate(timeout=30)
    return seen.decode(), output


def test_a_long_run_shows_that_it_goes_on(tmp_path: Path) -> None:
    seen, output = on_a_terminal(tmp_path, 4)
    assert re.search(r"profiling: [2-4] s, \d+\.\d MiB resident", seen)
    assert "\x1b[2K" in seen[seen.rindex("profiling") :]  # wiped out in the end
    assert "ZeroDivisionError" in seen
    assert output.startswith("no child\n1 3\n")
    assert "Function: <module>" in output


def test_a_short_run_shows_nothing(tmp_path: Path) -> None:
    seen, output = on_a_terminal(tmp_path, 0)
    assert "profiling" not in seen
    assert output.startswith("no child\n1 3\n")


# ---- What cannot be run ---------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([], "nothing to run: give a script, -m module or -c code"),
        (["nowhere.py"], "no such script: nowhere.py"),
        (["empty"], "no __main__.py in the directory: empty"),
        (["broken.py"], "does not parse: {here}/broken.py, line 3: invalid syntax"),
        (["coded.py"], "does not parse: {here}/coded.py: unknown encoding: nonsense"),
        (["-m", "broken"], "does not parse: {here}/broken.py, line 3: invalid syntax"),
        (["-c", "a b"], "does not parse: <string>, line 1: invalid syntax"),
        (["-m", "no_such_module"], "no such module: no_such_module"),
        (["-m", "json.nothing"], "cannot run the module: No module named json.nothing"),
        (["-m"], "argument expected for the -m option"),
        (["-"], "a script from standard input cannot be profiled: give a file"),
        (["--nothing", "x.py"], "unrecognized arguments: --nothing"),
        (["--json"], "argument --json: expected one argument"),
        (["--json", "no/where", "good.py"], "cannot write no/where: No such file or directory"),
        (["--csv", "empty", "good.py"], "cannot write empty: Is a directory"),
        (["-o", "/proc/x", "good.py"], "cannot write /proc/x: No such file or directory"),
        (
            ["--precision", "x", "good.py"],
            "argument --precision: expected a number of decimals, not x",
        ),
        (
            ["--compat", "--no-rss", "good.py"],
            "--compat shows resident memory, which --no-rss does not read",
        ),
    ],
)
def test_what_is_wrong_is_one_line(
    shoal: Any, write: Write, tmp_path: Path, words: list[str], message: str
) -> None:
    write("a = 1\n\nb = = 2\n", "broken.py", "")
    write("x = 1\n", "coded.py", "# coding: nonsense\n")
    write("print('ran')\n", "good.py", "")
    (tmp_path / "empty").mkdir()
    done = shoal("profile", *words)
    here = os.path.realpath(tmp_path)
    assert done.stderr == f"shoal profile: {message.format(here=here)}\n"
    assert (done.returncode, done.stdout) == (2, "")


@pytest.mark.skipif(os.geteuid() == 0, reason="root can read everything")
def test_a_script_that_is_not_readable(shoal: Any, write: Write) -> None:
    write().chmod(0)
    done = shoal("profile", "script.py")
    assert done.returncode == 2
    assert done.stderr == ("shoal profile: cannot read the script: script.py: Permission denied\n")


def test_a_file_that_cannot_be_written_any_more(shoal: Any, write: Write, tmp_path: Path) -> None:
    write("import os\nwork()\nos.remove('out.json'); os.mkdir('out.json')\n")
    done = shoal("profile", "--json", "out.json", "script.py")
    assert "Function: work" in done.stdout  # the table is there all the same
    where = os.path.realpath(tmp_path / "out.json")
    assert done.stderr == f"shoal profile: cannot write JSON to {where}: Is a directory\n"


# ---- The command line around it --------------------------------------------------------


def test_mprof_is_a_command_too(shoal: Any) -> None:
    pytest.importorskip("psutil")
    assert shoal("mprof", "list").returncode == 0
    assert "mprof run" in shoal("mprof", "run", "--help").stdout


def test_help_shows_examples(shoal: Any) -> None:
    assert "shoal profile --all script.py" in shoal("--help").stdout
    assert "--only 'Tree.*'" in shoal("profile", "--help").stdout


def test_running_programs_imports_nothing_of_the_profiler(plain: Any) -> None:
    code = "import sys, shoal.cli; print([m for m in sys.modules if 'profile' in m])"
    assert plain("-c", code).stdout == "[]\n"
