"""`shoal run`: the target sees what it sees without."""

import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest

SEEN = """
import json, os, sys
print(json.dumps({
    "argv": sys.argv, "flags": repr(sys.flags), "path": sys.path, "name": __name__,
    "file": globals().get("__file__"), "orig_argv": sys.orig_argv[1:],
    "environment": {k: v for k, v in os.environ.items() if k not in ("LD_PRELOAD", "_")},
    "package": __package__,
}))
"""


@pytest.fixture
def script(tmp_path):
    path = tmp_path / "seen.py"
    path.write_text(SEEN)
    return path


def same_seen(shoal, plain, *target, **options):
    ours, theirs = shoal("run", *target, **options), plain(*target, **options)
    assert (ours.returncode, ours.stderr) == (theirs.returncode, theirs.stderr) == (0, "")
    assert json.loads(ours.stdout) == json.loads(theirs.stdout)
    return json.loads(ours.stdout)


def test_script_with_options_that_look_like_ours(shoal, plain, script):
    rest = ["--stats", "-m", "x", "--", "-c", "--version", "-h", ""]
    assert same_seen(shoal, plain, "seen.py", *rest)["argv"] == ["seen.py", *rest]


@pytest.mark.parametrize("rest", [[], ["--stats"], ["--", "a b", "-m"]])
def test_module(shoal, plain, script, rest):
    assert same_seen(shoal, plain, "-m", "seen", *rest)["argv"][1:] == rest


def test_module_in_one_word(shoal, plain, script):
    assert same_seen(shoal, plain, "-mseen", "x")["argv"][1:] == ["x"]


def test_module_in_a_package(shoal, plain, tmp_path):
    (tmp_path / "outer").mkdir()
    (tmp_path / "outer/__init__.py").touch()
    (tmp_path / "outer/inner.py").write_text(SEEN)
    assert same_seen(shoal, plain, "-m", "outer.inner")["package"] == "outer"


@pytest.mark.parametrize("rest", [[], ["--stats", "-c"]])
def test_code(shoal, plain, rest):
    assert same_seen(shoal, plain, "-c", SEEN, *rest)["argv"] == ["-c", *rest]


def test_directory_with_main(shoal, plain, tmp_path):
    (tmp_path / "app").mkdir()
    (tmp_path / "app/__main__.py").write_text(SEEN)
    assert same_seen(shoal, plain, "app", "x")["argv"] == ["app", "x"]


def test_script_by_absolute_path(shoal, plain, script):
    assert same_seen(shoal, plain, str(script))["path"][0] == str(script.parent)


@pytest.mark.parametrize("value", [None, "", "C", "C.UTF-8"])
def test_the_interpreter_of_the_command_leaves_no_locale_behind(shoal, plain, value):
    environment = {"LC_ALL": "", "LANG": "C"}
    if value is not None:
        environment["LC_CTYPE"] = value
    found = [
        line.partition("=")[2]
        for line in shoal("run", "--", "env", env=environment).stdout.splitlines()
        if line.startswith("LC_CTYPE=")
    ]
    assert found == ([] if value is None else [value])


def test_standard_input_goes_to_the_target(shoal):
    echo = "import sys; print(sys.stdin.read().upper(), end='')"
    assert shoal("run", "-c", echo, input="one\ntwo\n").stdout == "ONE\nTWO\n"


def test_script_from_standard_input(shoal):
    done = shoal("run", "-", "x", input="import sys; print(sys.argv)")
    assert done.stdout == "['-', 'x']\n"


@pytest.mark.parametrize("status", [0, 1, 2, 77, 255])
def test_exit_status(shoal, status):
    assert shoal("run", "-c", f"raise SystemExit({status})").returncode == status


def test_exit_status_of_an_exception(shoal):
    done = shoal("run", "-c", "1 / 0")
    assert done.returncode == 1
    assert done.stderr.endswith("ZeroDivisionError: division by zero\n")


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGSEGV])
def test_death_by_signal(shoal, number):
    done = shoal("run", "-c", f"import os; os.kill(os.getpid(), {int(number)})")
    assert done.returncode == -number


def test_the_process_id_stays(tmp_path):
    command = [sys.executable, "-m", "shoal", "run", "-c", "import os; print(os.getpid())"]
    with subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, text=True) as process:
        assert int(process.stdout.read()) == process.pid


def test_interrupt_raises_keyboard_interrupt(shoal):
    done = shoal("run", "-c", "import os, signal; os.kill(os.getpid(), signal.SIGINT)")
    assert done.returncode == -signal.SIGINT
    assert "KeyboardInterrupt" in done.stderr


def test_a_program_finds_sigpipe_and_sigxfsz_as_they_were(shoal):
    ignored = shoal("run", "--", "grep", "SigIgn", "/proc/self/status").stdout.split()[1]
    bits = int(ignored, 16)
    assert not bits & 1 << signal.SIGPIPE - 1
    assert not bits & 1 << signal.SIGXFSZ - 1


def test_open_descriptors_are_inherited(tmp_path):
    (tmp_path / "file").write_text("here")
    with (tmp_path / "file").open() as file:
        code = f"import os; print(os.read({file.fileno()}, 9))"
        done = subprocess.run(
            [sys.executable, "-m", "shoal", "run", "-c", code],
            pass_fds=[file.fileno()],
            cwd=tmp_path,
            capture_output=True,
            text=True,
        )
    assert done.stdout == "b'here'\n"


def test_any_program_with_its_arguments(shoal):
    assert shoal("run", "--", "printf", "%s|", "a b", "--", "-m").stdout == "a b|--|-m|"


def test_another_interpreter_with_options_of_its_own(shoal):
    done = shoal("run", "--", sys.executable, "-O", "-c", "import sys; print(sys.flags.optimize)")
    assert done.stdout == "1\n"


def test_a_program_in_the_directory_by_relative_path(shoal, tmp_path):
    (tmp_path / "tool").write_text('#!/bin/sh\necho "$@"; exit 9\n')
    (tmp_path / "tool").chmod(0o755)
    done = shoal("run", "--", "./tool", "x", "y")
    assert (done.stdout, done.returncode) == ("x y\n", 9)


def test_the_target_and_its_children_are_on_shoal(shoal):
    code = (
        "import shoal, subprocess, sys\n"
        "print(shoal.is_active(), flush=True)\n"
        "subprocess.run([sys.executable, '-c', 'import shoal; print(shoal.is_active())'])\n"
    )
    assert shoal("run", "-c", code).stdout == "True\nTrue\n"


def test_a_plain_interpreter_is_not(plain):
    assert plain("-c", "import shoal; print(shoal.is_active())").stdout == "False\n"


def test_other_preloaded_libraries_stay(shoal):
    show = ["-c", "import os; print(os.environ['LD_PRELOAD'])"]
    first = shoal("run", *show).stdout.strip()
    assert Path(first).name == "libshoal.so"
    # Preloading what is loaded anyway changes nothing, and is there to be seen.
    other = next(
        line.split()[-1] for line in Path("/proc/self/maps").read_text().splitlines()
        if "libc.so" in line or "libc-" in line
    )  # fmt: skip
    assert shoal("run", *show, env={"LD_PRELOAD": other}).stdout.strip() == f"{first}:{other}"
    assert shoal("run", *show, env={"LD_PRELOAD": first}).stdout.strip() == first


def test_multiprocessing_children_work(shoal, tmp_path):
    (tmp_path / "pool.py").write_text(
        "import multiprocessing as m, shoal\n"
        "def f(n): return shoal.is_active() and sum(len(str(i)) for i in range(n))\n"
        "if __name__ == '__main__':\n"
        "    for method in ('fork', 'spawn', 'forkserver'):\n"
        "        with m.get_context(method).Pool(2) as pool:\n"
        "            print(pool.map(f, [10, 100, 1000]))\n"
    )
    done = shoal("run", "pool.py")
    assert done.stdout == "[10, 190, 2890]\n" * 3, done.stderr


def test_faulthandler_shows_where_it_crashed(shoal):
    code = "import ctypes, faulthandler\nfaulthandler.enable()\n"
    code += "def here():\n ctypes.string_at(0)\nhere()"
    done = shoal("run", "-c", code)
    assert done.returncode == -signal.SIGSEGV
    assert done.stderr.startswith("Fatal Python error: Segmentation fault\n")
    assert "in here\n" in done.stderr
