"""One process read: its proportional memory, its heap, or in a word why not."""

from __future__ import annotations

import time
from dataclasses import dataclass

import psutil

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from shoal import _inspect

    Read = Callable[[int], _inspect.Reading]

__all__ = ["GONE", "Heap", "Reading", "heap_of", "take_reading"]

GONE = "gone"
"""The word for a process that ended before it was read."""


@dataclass(frozen=True)
class Heap:
    """The figures of one heap, in bytes."""

    allocator: str
    python: str  # Its version; "" where that is not known.
    live: int  # In blocks handed out, by malloc too.
    held: int  # Kept by these heaps, and in no block.
    returnable: int  # Of `held`: in whole 4 KiB pages without a live block.


@dataclass(frozen=True)
class Reading:
    """What reading a process gave."""

    at: float  # When it was done, by the clock of the pace.
    seconds: float  # How long it took.
    pss: int | None = None
    heap: Heap | None = None
    why: str = ""  # A word or two, where there is no heap.
    detail: str = ""  # The same in a sentence.


def take_reading(pid: int, read: Read, clock: Callable[[], float] = time.monotonic) -> Reading:
    """Read one process; never fails, whatever its memory says.

    Parameters
    ----------
    pid : int
    read : callable
        ``_inspect.read`` or one like it.
    clock : callable
        Seconds, from any beginning.
    """
    begun = clock()
    heap, why, detail = None, "", ""
    try:
        heap = heap_of(read(pid))
        if heap is None:
            why = detail = "no pymalloc"
    except Exception as error:
        why, detail = _why(error), str(error) or type(error).__name__
    pss = _proportional(pid)
    now = clock()
    return Reading(now, now - begun, pss, heap, why, " ".join(detail.split()))


def heap_of(read: _inspect.Reading) -> Heap | None:
    """Return the figures of what ``_inspect.read`` returned; None if it found no heap.

    Blocks of libc's malloc and large ones count as those of the heap: Python's larger
    objects are there. Held is what is resident and in no block: what was never used takes
    no memory yet. Of it whole pages could be returned: live blocks pin the others.
    """
    allocator = read["allocator"]
    if allocator == "none":
        return None
    malloc = read["malloc"]
    live = sum(arena[7] for arena in read["arenas"])
    held = max(0, read["resident_bytes"] - live) + malloc["free_bytes"]
    live += read["large_resident_bytes"] + malloc["live_bytes"]
    free = read["page_free_bytes"] + malloc["page_free_bytes"]
    return Heap(allocator, read["python"], live, held, min(held, free))


_WORDS = (
    (PermissionError, "ptrace scope", "ptrace scope"),
    (PermissionError, "ptrace_scope", "ptrace scope"),
    (PermissionError, "another user", "other user"),
    (PermissionError, "CAP_SYS_PTRACE", "no ptrace"),
    (PermissionError, "", "denied"),
    (ProcessLookupError, "", GONE),
    (Exception, "PyPy", "PyPy"),
    (Exception, "no CPython from", "version"),
    (Exception, "not a Python", "not Python"),
    (Exception, "pymalloc", "no pymalloc"),
)
"""For an error of a kind whose message says so: the word for it."""


def _why(error: Exception) -> str:
    for kind, said, word in _WORDS:
        if isinstance(error, kind) and said in str(error):
            return word
    return "unreadable"


def _proportional(pid: int) -> int | None:
    """Return the process's PSS; None where it may not be known."""
    try:
        pss: int = psutil.Process(pid).memory_full_info().pss
    except (psutil.Error, OSError, AttributeError):
        return None
    return pss
