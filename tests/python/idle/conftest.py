"""What the tests of idle processes share: programs that run at the same time."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

OURS = ("LD_PRELOAD", "PYTHONMALLOC", "PYTHONDEVMODE", "SHOAL_STATS", "SHOAL_RELEASE", "SHOAL_HUGE")

PRELUDE = """
import os, time
def rounds(count=200_000, times=6):
    for _ in range(times):
        x = [[i] for i in range(count)]
        del x
def field(file, name):
    with open(f"/proc/self/{file}") as lines:
        return next(int(line.split()[1]) for line in lines if line.startswith(name + ":"))
rounds(1000, 1)
"""


class Programs:
    """Starts programs and ends those that are left, with their children."""

    def __init__(self, library: Path) -> None:
        self._library = library
        self._started: list[subprocess.Popen[str]] = []

    def start(self, code: str, how: str, *options: str) -> subprocess.Popen[str]:
        """Start Python code after `PRELUDE`: "preloaded", "installed" or "plain"."""
        environment = {name: value for name, value in os.environ.items() if name not in OURS}
        if how == "preloaded":
            environment["LD_PRELOAD"] = str(self._library)
        first = "import shoal\nshoal.install()\n" if how == "installed" else ""
        program = subprocess.Popen(
            [sys.executable, *options, "-c", first + PRELUDE + textwrap.dedent(code)],
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        self._started.append(program)
        return program

    def end(self) -> None:
        """End all, and wait until they have."""
        for program in self._started:
            with suppress(ProcessLookupError):
                os.killpg(program.pid, signal.SIGKILL)
            program.communicate()


@pytest.fixture(scope="module")
def programs(library: Path) -> Iterator[Programs]:
    """Return what starts programs; it leaves nothing behind."""
    started = Programs(library)
    yield started
    started.end()
