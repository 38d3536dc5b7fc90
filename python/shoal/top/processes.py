"""Finds the Python processes of the machine in /proc, those in containers too.

A process is a Python if its executable is named like one, or if it has
libpython or an extension module mapped. Where the links of another user's
process cannot be read, its command line has to do.
"""

from __future__ import annotations

import os
import re
import time
from dataclasses import dataclass

import psutil

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Finder", "Process", "is_interpreter"]

LOOK_AGAIN_SECONDS = 30.0
"""How long a program counts as not a Python before its mappings are read again."""

_COMMAND_CHARACTERS = 2000

_INTERPRETER = re.compile(r"(python|pypy)\d*(\.\d+)?[dmtu]*(-\w+)?")
_MAPPED = re.compile(r"/lib(python|pypy)\d[\w.-]*\.so|\.cpython-3\d+[\w-]*\.so")


@dataclass(frozen=True)
class Process:
    """A Python process as the system describes it."""

    pid: int
    started: float  # Seconds since the epoch; with `pid` it names a process for good.
    user: str
    command: str
    rss: int  # Resident bytes, shared ones included.
    age: float  # Seconds since it was started.


@dataclass
class _Known:
    """What was found out about a process id."""

    executable: str | None  # None: the link may not be read.
    python: bool
    looked: float
    handle: psutil.Process | None = None
    user: str = ""


def is_interpreter(path: str) -> bool:
    """Say whether an executable is named like a Python, such as ``/usr/bin/python3.11``."""
    name = os.path.basename(path.removesuffix(" (deleted)"))
    return _INTERPRETER.fullmatch(name) is not None


class Finder:
    """Finds the Python processes, again and again; `find` is cheap after its first call.

    This process is left out: what it holds is the measuring.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._known: dict[int, _Known] = {}

    def find(self) -> list[Process]:
        """Return the Python processes that there are now, by process id."""
        pids = [pid for pid in psutil.pids() if pid != os.getpid()]
        self._known = {pid: self._known[pid] for pid in pids if pid in self._known}
        found = []
        for pid in pids:
            try:
                known = self._look(pid)
                if known.python:
                    found.append(_describe(pid, known))
            except (psutil.Error, OSError):
                self._known.pop(pid, None)  # It has ended meanwhile, or is a kernel thread.
        return found

    def _look(self, pid: int) -> _Known:
        """Return what is known of a process, found out anew where it may have changed."""
        now = self._clock()
        executable = _executable(pid)
        known = self._known.get(pid)
        if known is not None and known.executable == executable:
            if known.handle is not None and known.handle.is_running():
                return known
            if not known.python and now < known.looked + LOOK_AGAIN_SECONDS:
                return known
        known = _Known(executable, _is_python(pid, executable), now)
        if known.python:
            known.handle = psutil.Process(pid)
            known.user = known.handle.username()
        self._known[pid] = known
        return known


def _executable(pid: int) -> str | None:
    try:
        return os.readlink(f"{psutil.PROCFS_PATH}/{pid}/exe")
    except PermissionError:
        return None


def _is_python(pid: int, executable: str | None) -> bool:
    if executable is None:
        words = psutil.Process(pid).cmdline()
        return bool(words) and is_interpreter(words[0])
    if is_interpreter(executable):
        return True
    try:
        with open(f"{psutil.PROCFS_PATH}/{pid}/maps", encoding="utf-8", errors="replace") as maps:
            return any(_MAPPED.search(line) for line in maps)
    except PermissionError:
        return False


def _describe(pid: int, known: _Known) -> Process:
    handle = known.handle
    assert handle is not None
    return Process(
        pid=pid,
        started=handle.create_time(),
        user=known.user,
        command=_command(handle),
        rss=handle.memory_info().rss,
        age=max(0.0, time.time() - handle.create_time()),
    )


def _command(handle: psutil.Process) -> str:
    """Return the command line on one line, with nothing in it that a terminal would obey."""
    words = handle.cmdline()
    if not words:
        return f"[{_printable(handle.name())}]"
    if is_interpreter(words[0]):
        words[0] = os.path.basename(words[0])
    return _printable(" ".join(words)[:_COMMAND_CHARACTERS])


def _printable(text: str) -> str:
    return "".join(one if one.isprintable() else "?" for one in " ".join(text.split()))
