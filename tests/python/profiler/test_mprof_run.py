"""``mprof run`` and ``mprof attach``, with all their flags."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
import zipfile
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("psutil")

from shoal.mprof import find_first_process, get_cmd_line
from shoal.mprof.dat_file import Profile, read_profile

QUICK = ("-T", "0.02", "-o", "out.dat")

PARENT = """\
import subprocess, sys
code = "import time; data = bytearray({} << 20); time.sleep(0.5)"
made = [subprocess.Popen([sys.executable, "-c", code.format(size)]) for size in (20, 40)]
for child in made:
    child.wait()
"""

STAMPED = """\
import time

@profile
def work():
    time.sleep(0.1)

work()
"""


@pytest.fixture
def mprof(plain: Any, tmp_path: Path) -> Any:
    """Run ``mprof`` in a directory with two scripts; return how it ended and its file."""
    (tmp_path / "parent.py").write_text(PARENT)
    (tmp_path / "stamped.py").write_text(STAMPED)

    def run(*arguments: str, status: int = 0) -> tuple[Any, Profile]:
        done = plain("-m", "shoal.mprof", *arguments)
        assert done.returncode == status, done.stderr
        path = tmp_path / "out.dat"
        return done, read_profile(str(path)) if path.exists() else Profile("none")

    return run


def highest(samples: list[tuple[float, float]]) -> float:
    return max(memory for memory, _ in samples)


def test_a_program_is_sampled_at_the_interval(mprof: Any) -> None:
    code = "import time; time.sleep(0.5)"
    done, profile = mprof("run", *QUICK, sys.executable, "-c", code)
    assert profile.command == f"{sys.executable} -c '{code}'"
    assert 8 < len(profile.samples) < 60
    assert profile.fault() == ""
    assert done.stdout.splitlines() == [
        "mprof: Sampling memory every 0.02s",
        "running new process",
    ]


def test_the_file_has_the_time_for_a_name(mprof: Any, tmp_path: Path) -> None:
    for _ in range(2):
        mprof("run", sys.executable, "-c", "")
    assert len(list(tmp_path.glob("mprofile_??????????????.dat"))) == 2


def test_a_file_that_is_there_is_replaced(mprof: Any, tmp_path: Path) -> None:
    (tmp_path / "out.dat").write_text("MEM 9999 1\n")
    _, profile = mprof("run", *QUICK, sys.executable, "-c", "import time; time.sleep(0.1)")
    assert highest(profile.samples) < 9999


@pytest.mark.parametrize(
    "program",
    [
        ["stamped.py"],
        ["--python", sys.executable, "stamped.py"],
        ["--python", sys.executable, "-X", "dev", "-m", "stamped"],
        ["--python", "stamped"],
        ["--include-children", "stamped.py"],
    ],
)
def test_functions_of_a_python_program_are_stamped(mprof: Any, program: list[str]) -> None:
    done, profile = mprof("run", *QUICK, *program)
    assert "running as a Python program..." in done.stdout
    (call,) = profile.calls
    assert call.name == "__main__.work"
    assert call.ended - call.began >= 0.09
    assert highest(profile.samples) > 5
    assert profile.fault() == ""


def test_an_application_in_a_zip_is_python(mprof: Any, tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "app.pyz", "w") as app:
        app.writestr("__main__.py", STAMPED)
    _, profile = mprof("run", *QUICK, "app.pyz")
    assert [call.name for call in profile.calls] == ["__main__.work"]


def test_nopython_runs_a_script_as_it_is(mprof: Any, tmp_path: Path) -> None:
    script = tmp_path / "self.py"
    script.write_text(f"#!{sys.executable}\nimport time; time.sleep(0.1)\n")
    script.chmod(0o755)
    done, profile = mprof("run", *QUICK, "--nopython", "./self.py")
    assert "Python program" not in done.stdout
    assert profile.command == "./self.py"


def test_children_are_told_one_by_one_or_added(mprof: Any) -> None:
    _, apart = mprof("run", *QUICK, "--multiprocess", "parent.py")
    assert sorted(highest(child) // 20 for child in apart.children.values()) == [1, 2]
    assert highest(apart.samples) < 40
    _, added = mprof("run", *QUICK, "-C", "--nopython", sys.executable, "parent.py")
    assert highest(added.samples) > 70
    assert not added.children


def test_exit_codes(mprof: Any) -> None:
    fails = [sys.executable, "-c", "raise SystemExit(3)"]
    mprof("run", *QUICK, *fails)
    done, _ = mprof("run", *QUICK, "-E", *fails, status=3)
    assert done.stderr.endswith("mprof: the program ended with exit status 3\n")
    killed = "import os, time; time.sleep(0.1); os.kill(os.getpid(), 9)"
    done, _ = mprof("run", *QUICK, "--exit-code", sys.executable, "-c", killed, status=137)
    assert "by signal 9" in done.stderr


def test_a_program_whose_memory_is_gone_is_waited_for(mprof: Any) -> None:
    """One that ends, for a moment; here for longer, by a main thread that ends first."""
    code = (
        "import ctypes, os, threading, time\n"
        "threading.Thread(target=lambda: (time.sleep(0.4), os._exit(3))).start()\n"
        "time.sleep(0.1)\n"
        "ctypes.CDLL(None).pthread_exit(None)"
    )
    for timeout in ((), ("--timeout", "30")):
        program = (sys.executable, "-c", code)
        done, profile = mprof("run", *QUICK, "--exit-code", *timeout, *program, status=3)
        assert done.stderr == "mprof: the program ended with exit status 3\n"
        assert min(memory for memory, _ in profile.samples) > 0


def test_a_timeout_ends_the_sampling_and_not_the_program(mprof: Any, tmp_path: Path) -> None:
    code = "import time, pathlib; time.sleep(1); pathlib.Path('lived').touch()"
    done, profile = mprof("run", *QUICK, "--timeout", "0.2", sys.executable, "-c", code)
    assert "but still running: process " in done.stderr
    assert 4 < len(profile.samples) <= 11
    deadline = time.monotonic() + 20
    while not (tmp_path / "lived").exists():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_ctrl_c_waits_for_what_the_program_has_to_write(mprof: Any, tmp_path: Path) -> None:
    (tmp_path / "long.py").write_text(STAMPED.replace("0.1)", "0.1); print('on', flush=True)") + (
        "try:\n    time.sleep(60)\nexcept KeyboardInterrupt:\n    pass\n"
    ))  # fmt: skip
    running = subprocess.Popen(
        [sys.executable, "-m", "shoal.mprof", "run", *QUICK, "long.py"],
        cwd=tmp_path, stdout=subprocess.PIPE, start_new_session=True,
    )  # fmt: skip
    assert running.stdout
    while running.stdout.readline() not in (b"on\n", b""):
        pass
    time.sleep(0.3)
    os.killpg(running.pid, signal.SIGINT)
    running.communicate(timeout=30)
    assert running.returncode == 130
    profile = read_profile(str(tmp_path / "out.dat"))
    assert profile.fault() == ""
    assert len(profile.calls) == 1


def test_attach_by_process_id_until_it_ends(mprof: Any, tmp_path: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(1.5)"]) as child:
        done, profile = mprof("attach", *QUICK, str(child.pid))
    assert f"using hint: {child.pid}" in done.stdout
    assert profile.command.startswith(sys.executable)
    assert len(profile.samples) > 3


def test_attach_by_name_with_a_timeout(mprof: Any, tmp_path: Path) -> None:
    name = f"find{os.getpid()}me"
    program = tmp_path / name
    program.write_text("#!/bin/sh\nread line\n")
    program.chmod(0o755)
    with subprocess.Popen([str(program)], stdin=subprocess.PIPE) as child:
        _, profile = mprof("run", "--attach", "-t", "0.1", *QUICK, name[:-1])
        assert child.poll() is None
        found = find_first_process(name)
        assert found and found.pid == child.pid
        child.communicate(b"\n")
    assert len(profile.samples) == 5
    assert find_first_process(name) is None


def gone() -> str:
    child = subprocess.Popen([sys.executable, "-c", ""])
    child.wait()
    return str(child.pid)


@pytest.mark.parametrize(
    ("command", "line"),
    [
        (["attach", *QUICK, "GONE"], "process GONE is gone"),
        (["attach", *QUICK, "99999999999999999999"], "process 99999999999999999999 is gone"),
        (["attach", *QUICK, "no-such-name"], "no process has no-such-name in its name"),
        (["run"], "a program to run is missing; `mprof run -h` shows how"),
        (["run", *QUICK, "no-such-program"], "cannot run no-such-program: No such file"),
        (["run", *QUICK, "nowhere.py"], "cannot find the script nowhere.py"),
        (["run", *QUICK, "--python", sys.executable, "-c", "1"], "--python needs a script or a mo"),
        (["run", "-T", "0", "x"], "argument -T/--interval: expected seconds above 0, not 0"),
        (["run", "-T", "soon", "x"], "argument -T/--interval: invalid _seconds value: 'soon'"),
        (["run", "-o", "nowhere/out", "true"], "cannot write nowhere/out: No such file"),
        (["run", "--backend", "tracemalloc", "true"], "tracemalloc can read no other process"),
    ],
)
def test_what_is_wrong_is_one_line_and_status_2(
    mprof: Any, command: list[str], line: str, tmp_path: Path
) -> None:
    pid = gone()
    done, _ = mprof(*[part.replace("GONE", pid) for part in command], status=2)
    assert done.stderr.count("\n") == 1
    assert line.replace("GONE", pid) in done.stderr
    assert not (tmp_path / "out.dat").exists()


def test_a_process_that_may_not_be_read_is_one_line(plain: Any, tmp_path: Path) -> None:
    done = plain(
        "-m", "shoal.mprof", "attach", "--backend", "psutil_pss", "-t", "0.05", *QUICK, "1"
    )
    if done.returncode == 0:
        pytest.skip("this user may read everything")
    assert done.returncode == 2
    assert done.stderr == "mprof: process 1 is not ours: its memory cannot be read\n"
    assert not (tmp_path / "out.dat").exists()


def test_help_has_every_flag(mprof: Any) -> None:
    wanted = {
        "run": "--version --python --nopython --interval -T --include-children -C --multiprocess "
        "-M --exit-code -E --attach -a --timeout -t --output -o --backend",
        "rm": "--version --dry-run",
        "clean": "--version --dry-run",
        "list": "--version",
        "plot": "--version --title -t --no-function-ts -n --output -o --window -w --flame -f "
        "--slope -s --backend -b",
        "peak": "--func",
    }
    for command, flags in wanted.items():
        text = mprof(command, "-h")[0].stdout
        assert [flag for flag in flags.split() if flag not in text] == []


def test_a_command_line_is_quoted_where_it_has_blanks() -> None:
    assert get_cmd_line(["a", "b c", "d\te"]) == "a 'b c' 'd\te'"


IMPORTS = {
    "memory_profiler": "from shoal.memory_profiler import profile",
    "with_options": "from shoal.memory_profiler import profile\nprofile = profile(precision=4)",
    "shoal": "from shoal import profile",
}


@pytest.mark.parametrize("how", IMPORTS)
@pytest.mark.parametrize("flags", [(), ("-M",)])
def test_a_profile_that_is_imported_stamps(
    mprof: Any, tmp_path: Path, how: str, flags: tuple[str, ...]
) -> None:
    (tmp_path / "stamped.py").write_text(f"{IMPORTS[how]}\n{STAMPED}")
    _, profile = mprof("run", *QUICK, *flags, "stamped.py")
    assert [call.name for call in profile.calls] == ["__main__.work"]
    assert profile.samples
