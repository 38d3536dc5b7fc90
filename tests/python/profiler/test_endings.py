"""Processes that end in unusual ways write their tables all the same."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

WORK = """\
from shoal import profile

@profile
def work(count):
    made = [0] * count
    return len(made)

"""
WORKERS = (
    WORK
    + """\
import multiprocessing

if __name__ == "__main__":
    context = multiprocessing.get_context("{method}")
    for number in range(2):
        worker = context.Process(target=work, args=(1000,))
        worker.start()
        worker.join()
"""
)


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_workers_of_multiprocessing_have_a_table_each(
    plain: Any, tmp_path: Path, method: str
) -> None:
    (tmp_path / "program.py").write_text(WORKERS.replace("{method}", method))
    done = plain("program.py")
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("Function: work, called once") == 2


def test_a_worker_that_decorates_late(plain: Any, tmp_path: Path) -> None:
    (tmp_path / "late.py").write_text(WORK)
    (tmp_path / "program.py").write_text(
        "import multiprocessing\n"
        "def begin():\n    import late\n    late.work(10)\n"
        "if __name__ == '__main__':\n"
        "    context = multiprocessing.get_context('forkserver')\n"
        "    worker = context.Process(target=begin)\n"
        "    worker.start()\n    worker.join()\n"
    )
    done = plain("program.py")
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("Function: work, called once") == 1


FULL = """\
import sys
work(10)
print("ready", file=sys.stderr, flush=True)
sys.stdout.write("x" * 3_000_000 + "\\n")
sys.stdout.flush()
"""


@pytest.mark.parametrize("before", [(), ("-m", "shoal", "profile", "--allocator", "pymalloc")])
def test_sigterm_while_standard_output_is_flushed(tmp_path: Path, before: tuple[str, ...]) -> None:
    """Its lock is held by what the signal has interrupted."""
    (tmp_path / "program.py").write_text(WORK + FULL)
    child = subprocess.Popen(
        [sys.executable, *before, "program.py"], cwd=tmp_path, env={**os.environ},
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    assert child.stderr is not None
    while b"ready" not in (line := child.stderr.readline()):
        assert line, "it ended"
    time.sleep(0.5)  # Nobody reads: it waits within flush().
    child.send_signal(signal.SIGTERM)
    out, err = child.communicate(timeout=60)
    assert child.returncode == -signal.SIGTERM
    assert out.count(b"Function: work, called once") == 1
    assert b"reentrant" not in err
