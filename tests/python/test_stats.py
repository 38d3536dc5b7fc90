"""`shoal run --stats`: one report, on standard error, when the target ends."""

import pytest

CHILD = "import subprocess, sys; subprocess.run([sys.executable, '-c', 'print(1)'], check=True)"
FORK = "import os\nif os.fork() == 0: os._exit(0)\nos.wait()\nprint(1)"
EXITING_FORK = "import os, sys\nif os.fork() == 0: sys.exit(0)\nos.wait()\nprint(1)"
WORDS = ("live", "held", "returned", "metadata", "peak")


def reports(text):
    """Return how many reports `text` holds: each has one line about the peak."""
    return sum("peak" in line for line in text.splitlines())


def test_the_report_says_where_the_memory_was(shoal):
    done = shoal("run", "--stats", "-c", "made = [str(i) for i in range(300_000)]; print(2)")
    assert (done.returncode, done.stdout) == (0, "2\n")
    for word in WORDS:
        assert word in done.stderr
    assert reports(done.stderr) == 1


@pytest.mark.parametrize("code", [CHILD, FORK, EXITING_FORK])
def test_only_the_main_process_reports(shoal, code):
    done = shoal("run", "--stats", "-c", code)
    assert done.stdout == "1\n"
    assert reports(done.stderr) == 1


def test_all_report_when_asked(shoal):
    done = shoal("run", "-c", CHILD, env={"SHOAL_STATS": "all"})
    assert done.stdout == "1\n"
    assert reports(done.stderr) == 2


def test_without_the_option_there_is_no_report(shoal):
    assert shoal("run", "-c", CHILD).stderr == ""


def test_any_program_reports(shoal):
    done = shoal("run", "--stats", "--", "ls", "/")
    assert "tmp\n" in done.stdout
    assert reports(done.stderr) == 1


def test_the_exit_status_stays(shoal):
    assert shoal("run", "--stats", "-c", "raise SystemExit(7)").returncode == 7


def test_standard_error_closed(shoal):
    code = "import os; os.close(2)"
    assert shoal("run", "--stats", "-c", code).returncode == 0


def live_kib(text):
    """Return what a report says is live, in KiB."""
    line = next(line for line in text.splitlines() if line.split()[:1] == ["live"])
    return float(line.split()[1])


HOLDS = "import sys\nmade = [str(i) * 9 for i in range(300_000)]\n"


@pytest.mark.parametrize(
    "ending",
    ["", "raise SystemExit(3)", "raise ValueError", "import atexit; atexit.register(made.clear)"],
)
def test_the_figures_are_of_the_program_not_of_its_ruins(shoal, ending):
    done = shoal("run", "--stats", "-c", HOLDS + ending)
    held = live_kib(done.stderr)
    # What the program itself lets go of in its last functions is gone.
    assert (held > 30_000) is ("clear" not in ending)
    assert held > 1_000


def test_scripts_and_modules_are_told_of_likewise(shoal, tmp_path):
    (tmp_path / "holds.py").write_text(HOLDS)
    assert live_kib(shoal("run", "--stats", str(tmp_path / "holds.py")).stderr) > 30_000
    module = shoal("run", "--stats", "-m", "holds")
    assert live_kib(module.stderr) > 30_000
