"""`shoal preload`: the library's path, a link to it, and whether a process runs on it."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
import shoal as package

LIBRARY = package.library_path()


def is_said(done, line, status=0):
    assert (done.returncode, done.stdout, done.stderr) == (status, line + "\n", "")


def is_refused(done, line):
    assert (done.returncode, done.stdout, done.stderr) == (2, "", f"shoal preload: {line}\n")


def test_the_path_serves_as_ld_preload(shoal, plain):
    path = shoal("preload").stdout.strip()
    assert path == LIBRARY
    done = plain("-c", "import shoal; print(shoal._heap.serves_malloc())", env={"LD_PRELOAD": path})
    assert (done.stdout, done.stderr) == ("True\n", "")


def test_a_library_that_is_gone(shoal, tmp_path):
    code = "import shoal\nshoal.library_path = lambda: '/gone/libshoal.so'\n"
    code += "from shoal import _run, cli\n_run.library_path = shoal.library_path\n"
    for arguments in ([], ["--link", "x.so"]):
        done = subprocess.run(
            [sys.executable, "-c", f"{code}cli.main({['preload', *arguments]!r})"],
            capture_output=True,
            text=True,
            cwd=tmp_path,
        )
        is_refused(done, "/gone/libshoal.so is missing: install the package again")


# ---- --link ----------------------------------------------------------------------


def test_a_link_serves_as_ld_preload_and_is_one_library_with_the_package(shoal, plain, tmp_path):
    link = str(tmp_path / "libshoal.so")
    is_said(shoal("preload", "--link", "libshoal.so"), link)
    assert os.readlink(link) == LIBRARY
    code = "import shoal\nassert shoal._heap.serves_malloc()\n"
    code += "maps = open('/proc/self/maps').read().split()\n"
    code += "print({name for name in maps if 'libshoal' in name})"
    done = plain("-c", code, env={"LD_PRELOAD": link})
    assert (done.stdout, done.stderr) == (f"{{'{os.path.realpath(LIBRARY)}'}}\n", "")


def test_a_link_that_is_there_is_replaced(shoal, tmp_path):
    link = tmp_path / "libshoal.so"
    link.symlink_to("/nowhere")
    for _ in range(2):
        is_said(shoal("preload", "--link", str(link)), str(link))
        assert os.readlink(link) == LIBRARY
    assert [path.name for path in tmp_path.iterdir()] == ["libshoal.so"]


def test_what_is_no_link_is_left_alone(shoal, tmp_path):
    (tmp_path / "mine.so").write_text("mine")
    is_refused(
        shoal("preload", "--link", "mine.so"),
        "mine.so is a file, and no link: name a path for the link",
    )
    assert (tmp_path / "mine.so").read_text() == "mine"
    is_refused(shoal("preload", "--link", "."), ". is a directory: name a path for the link")


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["--link"], "argument --link: expected one argument"),
        (["--link", ""], "argument --link: a path is expected"),
        (
            ["--link", "none/x.so"],
            "cannot put a link at none/x.so: No such file or directory",
        ),
        (["--link", "/proc/x.so"], "cannot put a link at /proc/x.so: No such file or directory"),
        (
            ["--link", "/tmp/a b.so"],
            "LD_PRELOAD cannot name a path with a space or a colon: /tmp/a b.so",
        ),
        (["--link", "x.so", "--check"], "argument --check: not allowed with argument --link"),
        (["--check", "x"], "argument --check: no process id: x"),
        (["--check", "0"], "argument --check: no process id: 0"),
        (["--check", "-4"], "argument --check: no process id: -4"),
        (["--check", str(1 << 31)], f"argument --check: no process id: {1 << 31}"),
        (["--check", "999999999"], "no such process: 999999999"),
        (["x"], "unrecognized arguments: x"),
    ],
)
def test_wrong_command_line(shoal, arguments, line):
    is_refused(shoal("preload", *arguments), line)


# ---- --check ---------------------------------------------------------------------


def test_this_process_runs_on_it(shoal):
    is_said(shoal("preload", "--check", env={"LD_PRELOAD": LIBRARY}), "this process runs on Shoal")


@pytest.mark.parametrize(
    ("environment", "reason"),
    [
        ({}, "LD_PRELOAD is not set"),
        ({"LD_PRELOAD": "libm.so.6"}, "LD_PRELOAD=libm.so.6 does not name libshoal.so"),
        (
            {"LD_PRELOAD": LIBRARY, "PYTHONMALLOC": "pymalloc"},
            "PYTHONMALLOC=pymalloc keeps its objects elsewhere",
        ),
        (
            {"LD_PRELOAD": LIBRARY, "PYTHONDEVMODE": "1"},
            "libshoal.so is preloaded, and its objects are elsewhere",
        ),
    ],
)
def test_this_process_does_not(shoal, environment, reason):
    done = shoal("preload", "--check", env=environment)
    is_said(done, f"this process does not run on Shoal: {reason}", status=1)


def test_a_link_that_leads_nowhere_is_named(shoal, tmp_path):
    done = shoal("preload", "--check", env={"LD_PRELOAD": f"{tmp_path}/libshoal.so"})
    assert done.returncode == 1
    assert done.stdout == (
        "this process does not run on Shoal: "
        f"LD_PRELOAD names {tmp_path}/libshoal.so, which is not there\n"
    )


@pytest.fixture
def waiting():
    """Start Pythons that wait until they are told to end, and return their process ids."""
    started = []

    def start(code="", **environment):
        kept = {k: v for k, v in os.environ.items() if k not in ("LD_PRELOAD", "PYTHONMALLOC")}
        process = subprocess.Popen(
            [sys.executable, "-c", f"{code}\nprint(flush=True)\ninput()"],
            env={**kept, **environment},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        started.append(process)
        process.stdout.readline()
        return str(process.pid)

    yield start
    for process in started:
        process.communicate(b"\n")


def test_another_process_runs_on_it(shoal, waiting):
    preloaded, installed = waiting(LD_PRELOAD=LIBRARY), waiting("import shoal; shoal.install()")
    for pid in (preloaded, installed):
        is_said(shoal("preload", "--check", pid), f"process {pid} runs on Shoal")


@pytest.mark.parametrize(
    ("code", "environment", "reason"),
    [
        ("", {}, "libshoal.so is not loaded"),
        ("import shoal", {}, "libshoal.so is loaded, and its objects are elsewhere"),
        (
            "",
            {"LD_PRELOAD": LIBRARY, "PYTHONMALLOC": "pymalloc"},
            "PYTHONMALLOC=pymalloc keeps its objects elsewhere",
        ),
    ],
)
def test_another_process_does_not(shoal, waiting, code, environment, reason):
    pid = waiting(code, **environment)
    done = shoal("preload", "--check", pid)
    is_said(done, f"process {pid} does not run on Shoal: {reason}", status=1)


def test_a_program_that_is_no_python_runs_on_it(shoal):
    environment = {**os.environ, "LD_PRELOAD": LIBRARY}
    with subprocess.Popen(["/bin/sleep", "60"], env=environment) as process:
        while "sleep" not in Path(f"/proc/{process.pid}/comm").read_text():
            time.sleep(0.01)
        time.sleep(0.1)
        done = shoal("preload", "--check", str(process.pid))
        process.kill()
    is_said(done, f"process {process.pid} runs on Shoal")
