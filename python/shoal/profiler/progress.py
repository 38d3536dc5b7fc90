"""A line on the terminal while a long run is profiled: how long it is, and how large.

A process of its own writes it, started before the program and no child of it:
so the program finds no thread, no child to wait for and no signal that it did
not make, and the memory that rich needs is not in its figures.
"""

from __future__ import annotations

import os
import select
import sys

__all__ = ["Progress", "start"]

QUIET = 2.0
"""Seconds: of shorter runs nothing is shown."""

_OUT_OF_THE_WAY = 100
"""File descriptors from here on, so that the program's have the numbers that they always have."""


class Progress:
    """The line of a run; made by `start`."""

    def __init__(self, tell: int, ended: int) -> None:
        self._tell = tell
        self._ended = ended
        self._pid = os.getpid()

    def stop(self) -> None:
        """Take the line away; in the process that started it, and once."""
        if self._pid != os.getpid():
            return
        self._pid = -1
        try:
            # Readable: its process has ended, and nobody would read what it is told.
            if not select.select([self._ended], [], [], 0)[0]:
                os.write(self._tell, b".")
                os.read(self._ended, 1)
        except OSError:
            pass  # The program has closed what is not its own.


def start() -> Progress | None:
    """Show the line from now on, if standard error is a terminal."""
    try:
        if sys.stderr is None or not sys.stderr.isatty():
            return None
        return _spawned()
    except (OSError, ValueError):
        return None  # It is not worth failing for.


def _spawned() -> Progress:
    import fcntl

    told, tell = os.pipe()
    ended, ending = os.pipe()
    os.set_inheritable(told, True)
    os.set_inheritable(ending, True)
    environment = {key: value for key, value in os.environ.items() if key != "LD_PRELOAD"}
    words = [sys.executable, "-m", __name__, str(os.getpid()), str(told)]
    child = os.posix_spawn(sys.executable, words, environment, setsid=True)
    os.close(told)
    os.close(ending)
    os.waitpid(child, 0)  # It has a child that goes on, which is nobody's then.
    above = [fcntl.fcntl(end, fcntl.F_DUPFD_CLOEXEC, _OUT_OF_THE_WAY) for end in (tell, ended)]
    os.close(tell)
    os.close(ended)
    return Progress(*above)


# ---- In its process -----------------------------------------------------------------------


def _resident(pid: int) -> int:
    """Return a process's resident bytes, 0 if it has ended."""
    try:
        with open(f"/proc/{pid}/statm", "rb", 0) as file:
            return int(file.read(200).split()[1]) * os.sysconf("SC_PAGESIZE")
    except OSError:
        return 0


def _show(pid: int, told: int) -> None:
    import time

    started = time.monotonic()

    def is_over(wait: float) -> bool:
        return bool(select.select([told], [], [], wait)[0]) or not _resident(pid)

    if is_over(QUIET):
        return
    from rich.console import Console

    from shoal.profiler.units import format_bytes

    with Console(stderr=True).status("") as status:
        while not is_over(0.25):
            seconds = int(time.monotonic() - started)
            status.update(f"profiling: {seconds} s, {format_bytes(_resident(pid))} resident")


if __name__ == "__main__" and not os.fork():
    _show(int(sys.argv[1]), int(sys.argv[2]))
