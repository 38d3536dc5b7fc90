"""What a process occupies, read in the ways that memory_profiler calls backends.

=============  ==========================================================
psutil         resident memory (RSS)
psutil_pss     the same, pages shared with others counted in part (PSS)
psutil_uss     what would be free if the process ended (USS)
posix          RSS as the command ``ps`` tells it, for want of psutil
tracemalloc    bytes of the Python objects of this process made since
               tracemalloc was started, which is done if it was not
=============  ==========================================================
"""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, Protocol

    class Meter(Protocol):
        """Reads what one process occupies."""

        def read(self) -> int:
            """Return bytes; raise as `meter` does once the process is gone."""

        def children(self) -> dict[int, int]:
            """Return the bytes of every living descendant, by process id."""


__all__ = ["BACKENDS", "MIB", "choose_backend", "meter", "own_reading", "reading_errors"]

MIB = 1 << 20

BACKENDS = ("psutil", "psutil_pss", "psutil_uss", "posix", "tracemalloc")
"""By preference: what is missing is replaced by the first that is there."""


def choose_backend(new_backend: str | None = None) -> str:
    """Return the backend to use.

    Parameters
    ----------
    new_backend : str, optional
        The one that is asked for; "psutil" by default.

    Returns
    -------
    str
        It, or, with a warning, the first of `BACKENDS` that works here.

    Raises
    ------
    ValueError
        There is no such backend.
    """
    wanted = new_backend or BACKENDS[0]
    if wanted not in BACKENDS:
        raise ValueError(f"backend: expected one of {', '.join(BACKENDS)}, not {wanted!r}")
    if _works(wanted):
        return wanted
    chosen = next(filter(_works, BACKENDS))
    import warnings

    warnings.warn(f"{wanted} can not be used, {chosen} used instead", stacklevel=2)
    return chosen


def _works(backend: str) -> bool:
    if backend.startswith("psutil"):
        from importlib.util import find_spec

        return find_spec("psutil") is not None
    return backend != "posix" or os.name == "posix"


def meter(pid: int, backend: str) -> Meter:
    """Return what reads the memory of a process.

    Parameters
    ----------
    pid : int
        Of the process; -1 for this one.
    backend : str
        One of `BACKENDS`.

    Raises
    ------
    psutil.NoSuchProcess, ProcessLookupError
        There is no such process; also later, by its methods.
    psutil.AccessDenied
        It may not be read; by its methods.
    NotImplementedError
        This system does not tell it; by its methods.
    ValueError
        tracemalloc was asked for and this is not the process.
    """
    own = os.getpid()
    pid = own if pid == -1 else pid
    if backend == "tracemalloc":
        if pid != own:
            raise ValueError("backend: tracemalloc knows this process only, not another")
        return _Tracemalloc()
    if backend == "posix":
        return _Ps(pid)
    return _Psutil(pid, {"psutil_pss": "pss", "psutil_uss": "uss"}.get(backend, "rss"))


def reading_errors() -> tuple[type[Exception], ...]:
    """Return what reading a process raises that is gone or not ours."""
    try:
        import psutil
    except ImportError:
        return (ProcessLookupError, PermissionError)
    return (ProcessLookupError, PermissionError, psutil.Error)


def own_reading(backend: str, include_children: bool = False) -> Callable[[], int]:
    """Return a function that returns what this process occupies, in bytes.

    In a child of a fork it is the child that is read.

    Parameters
    ----------
    backend : str
        One of `BACKENDS`.
    include_children : bool
        Add what its descendants occupy.
    """
    pid = os.getpid()
    mine = meter(pid, backend)

    def read() -> int:
        nonlocal pid, mine
        if pid != os.getpid():
            pid = os.getpid()
            mine = meter(pid, backend)
        occupied = mine.read()
        return occupied + sum(mine.children().values()) if include_children else occupied

    return read


class _Psutil:
    def __init__(self, pid: int, figure: str) -> None:
        import psutil

        self._figure = figure
        self._process = psutil.Process(pid)

    def read(self) -> int:
        import psutil

        occupied = self._of(self._process)
        if not occupied:  # A zombie, or the kernel is taking it apart.
            raise psutil.NoSuchProcess(self._process.pid)
        return occupied

    def children(self) -> dict[int, int]:
        import psutil

        found: dict[int, int] = {}
        for child in self._process.children(recursive=True):
            try:
                found[child.pid] = self._of(child)
            except (psutil.NoSuchProcess, psutil.AccessDenied):
                continue  # It ended meanwhile, or is not ours.
        return found

    def _of(self, process: Any) -> int:
        if self._figure == "rss":
            return int(process.memory_info().rss)
        figures = process.memory_full_info()
        if not hasattr(figures, self._figure):
            raise NotImplementedError(f"backend: this system does not tell {self._figure.upper()}")
        return int(getattr(figures, self._figure))


class _Ps:
    def __init__(self, pid: int) -> None:
        self._pid = pid
        self.read()

    def read(self) -> int:
        told = _ps("-p", str(self._pid), "-o", "rss=")[1].split()
        if not told or told[0] == "0":
            raise ProcessLookupError(f"process no longer exists (pid={self._pid})")
        return int(told[0]) * 1024

    def children(self) -> dict[int, int]:
        ps, told = _ps("-A", "-o", "pid=,ppid=,rss=")
        rows = [tuple(map(int, line.split())) for line in told.splitlines()]
        found: dict[int, int] = {}
        parents = {self._pid}
        while parents:
            born = {pid: rss * 1024 for pid, parent, rss in rows if parent in parents and pid != ps}
            parents = born.keys() - found.keys()
            found.update(born)
        return found


def _ps(*arguments: str) -> tuple[int, str]:
    """Run ps and return its process id and what it tells."""
    import subprocess

    command = ["ps", *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        told, _ = process.communicate()
    return process.pid, told


class _Tracemalloc:
    def __init__(self) -> None:
        import tracemalloc

        if not tracemalloc.is_tracing():
            tracemalloc.start()
        self._traced = tracemalloc.get_traced_memory

    def read(self) -> int:
        return self._traced()[0]

    def children(self) -> dict[int, int]:
        return {}  # Nobody can trace another process's.
