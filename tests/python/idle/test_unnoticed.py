"""Giving back while nobody calls is nothing that a program notices."""

from __future__ import annotations

import json
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

SHOAL = ("preloaded", "installed")

# Seconds after the work: soon, and about when the reserve goes back.
MOMENTS = """
import json
def moments():
    for pause in (0, 0.02, 0.2, 1, 4.98, 5.05):
        rounds()
        time.sleep(pause)
        yield pause
"""
FORKS = """
answer = []
for _ in moments():
    r, w = os.pipe()
    child = os.fork()
    threads = field("status", "Threads")
    if not child:
        os.write(w, b"%d" % threads)
        os._exit(0)
    answer.append([threads, int(os.read(r, 9)), os.waitpid(child, 0)[1]])
print(json.dumps(answer))
"""
SPAWNS = """
import multiprocessing, subprocess
def work():
    rounds(100_000, 2)
context, answer = multiprocessing.get_context("fork"), []
for _ in moments():
    process = context.Process(target=work)
    process.start()
    process.join()
    spawned = os.posix_spawn("/bin/true", ["true"], os.environ)
    answer.append([
        process.exitcode,
        os.waitpid(spawned, 0)[1],
        subprocess.run(["true"], close_fds=True).returncode,
        subprocess.run(["true"], close_fds=False).returncode,
        os.system("true"),
    ])
print(json.dumps(answer))
"""
SIGNALS = """
import ctypes, signal
came = []
for number in signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP}:
    signal.signal(number, lambda number, frame: came.append(number))
libc = ctypes.CDLL(None, use_errno=True)
# One call that any signal would end: Python's own begin again.
answer = [libc.poll(None, 0, 100) for _ in moments()] + [libc.poll(None, 0, 7000)]
print(json.dumps([came, answer, ctypes.get_errno()]))
"""
# The kernel refuses it where a process has more than one thread.
UNSHARE = """
import ctypes, json
libc, newuser = ctypes.CDLL(None, use_errno=True), 0x10000000
rounds()
time.sleep({pause})
{before}
print(json.dumps([libc.unshare(newuser), ctypes.get_errno()]))
"""
PAUSES = (0, 0.2, 4.9, 5.2)
# Installed, Shoal cannot step aside by itself: docs/heap.md says so, and what to do.
BEFORE_UNSHARE = {"plain": "", "preloaded": "", "installed": "import shoal; shoal.trim()"}
EXITS = {
    "end": "rounds(); answer()",
    "exit": "import sys; rounds(); answer(); sys.exit()",
    "at once": "rounds(); answer(); os._exit(0)",
    "idle": "rounds(); time.sleep(6); answer()",
}
ANSWER = """
def answer():
    os.write(1, b"%.3f" % time.monotonic())
"""


@pytest.fixture(scope="module")
def ended(programs) -> dict[tuple[str, str], tuple[int, str, str, float]]:
    """Run all programs at the same time; status, output, errors and when it was seen to end."""
    codes = {name: ANSWER + code for name, code in EXITS.items()}
    runs: dict[tuple[str, str], tuple[str, ...]] = {
        (name, how): (MOMENTS + code,)
        for name, code in {"spawns": SPAWNS, "signals": SIGNALS}.items()
        for how in SHOAL
    }
    runs |= {("forks", how): (MOMENTS + FORKS, "-W", "error") for how in SHOAL}
    runs |= {
        (f"unshare {pause}", how): (UNSHARE.format(pause=pause, before=before),)
        for pause in PAUSES
        for how, before in BEFORE_UNSHARE.items()
    }
    runs |= {(name, how): (code,) for name, code in codes.items() for how in SHOAL}

    def run(name: str, how: str) -> tuple[int, str, str, float]:
        code, *options = runs[name, how]
        program = programs.start(code, how, *options)
        output, errors = program.communicate()
        return program.returncode, output, errors, time.monotonic()

    with ThreadPoolExecutor(len(runs)) as pool:
        return dict(zip(runs, pool.map(lambda key: run(*key), runs)))


def answer(ended, name: str, how: str) -> Any:
    """Return what a program printed, after checking that it ended well and in silence."""
    status, output, errors, _ = ended[name, how]
    assert (status, errors) == (0, "")
    return json.loads(output)


@pytest.mark.parametrize("how", SHOAL)
def test_fork_warns_of_no_thread_and_finds_none(ended, how):
    """Warnings are errors: from 3.12 on `os.fork` warns where there is more than one thread."""
    for parent, child, status in answer(ended, "forks", how):
        assert (parent, child, status) == (1, 1, 0)


@pytest.mark.parametrize("how", SHOAL)
def test_children_start_and_end_well(ended, how):
    assert not any(status for moment in answer(ended, "spawns", how) for status in moment)


@pytest.mark.parametrize("how", SHOAL)
def test_no_signal_comes(ended, how):
    came, polls, error = answer(ended, "signals", how)
    assert (came, set(polls), error) == ([], {0}, 0)


@pytest.mark.parametrize("how", SHOAL)
@pytest.mark.parametrize("pause", PAUSES)
def test_unshare_is_what_it_is_for_one_thread(ended, pause, how):
    plain = answer(ended, f"unshare {pause}", "plain")
    if plain[0]:
        pytest.skip("unshare(CLONE_NEWUSER) is not allowed here")
    assert answer(ended, f"unshare {pause}", how) == plain


@pytest.mark.parametrize("how", SHOAL)
@pytest.mark.parametrize("name", EXITS)
def test_the_end_does_not_wait(ended, name, how):
    """What gives back would wait for seconds: a program that waited for it would end after that."""
    last = answer(ended, name, how)
    assert ended[name, how][3] - last < 3
