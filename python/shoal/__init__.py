"""Shoal: a heap for CPython that gives back what nothing uses.

Run a whole program on it with ``shoal run script.py``, or call `install` in a
running interpreter. `usage` says where the memory is, `trim` gives back what
can be given, `compact` moves objects so that more can.

Importing this package changes nothing but one thing: where Shoal already
serves the interpreter, full garbage collections begin to give the heap's
reserve back; see `release_after_gc`.
"""

from __future__ import annotations

import gc
import os
import sys

try:
    from shoal import _heap
except ImportError as _error:
    from shoal._static_tls import explained

    raise explained(_error, "Shoal", "import shoal before them, use `shoal run`") from None

TYPE_CHECKING = False
if TYPE_CHECKING:
    from shoal._usage import ClassUsage as ClassUsage
    from shoal._usage import Rss as Rss
    from shoal._usage import Usage as Usage
    from shoal.compacting import CompactReport as CompactReport
    from shoal.compacting import compact as compact
    from shoal.profiler import profile as profile

    __version__: str

__all__ = [
    "ClassUsage",
    "CompactReport",
    "Rss",
    "Usage",
    "compact",
    "install",
    "is_active",
    "library_path",
    "profile",
    "release_after_gc",
    "trim",
    "usage",
]


def __getattr__(name: str) -> object:
    # dataclasses weigh more than all the rest, so they wait for the first use.
    if name in ("ClassUsage", "Rss", "Usage"):
        from shoal import _usage

        return getattr(_usage, name)
    if name in ("compact", "CompactReport"):
        from shoal import compacting

        return getattr(compacting, name)
    if name == "profile":
        from shoal.profiler import profile, require

        require()
        return profile
    if name == "__version__":
        return _heap.version()
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def install() -> None:
    """Serve this interpreter's objects from Shoal from now on.

    Covers the OBJ and MEM domains of every interpreter in the process; malloc
    itself stays libc's unless libshoal.so was preloaded. Blocks made before go
    back to the allocator they came from when they are freed. Also turns
    `release_after_gc` on. Calling it again changes nothing.

    Raises
    ------
    RuntimeError
        The interpreter is free-threaded, tracemalloc is tracing, lines are
        profiled on the interpreter's own heap, Python's debug allocator serves
        while libshoal.so is preloaded, or there is no address space; nothing
        has changed.

    Notes
    -----
    tracemalloc, when it stops, puts back the allocators that it found when it
    started. So stop it, install, and start it again; so too with other tools
    that wrap the allocators. A program that embeds Python and calls
    Py_Initialize more than once installs again each time (3.12 and later);
    where libshoal.so is preloaded, every life is on Shoal from the start.
    """
    if not is_active():
        if _is_traced():
            raise RuntimeError(
                "Shoal cannot be installed while tracemalloc traces: "
                "stop it, install, and start it again"
            )
        if _is_profiled():
            raise RuntimeError(
                "Shoal cannot be installed once lines are profiled on another heap: "
                "install it first"
            )
        _heap.install()
        release_after_gc()


def _is_traced() -> bool:
    # PYTHONTRACEMALLOC starts it without importing it, so looking in sys.modules is no answer.
    try:
        from _tracemalloc import is_tracing
    except (ImportError, RuntimeError):
        return False  # RuntimeError: it went with an earlier life of the interpreter (3.11).
    return is_tracing()


def _is_profiled() -> bool:
    profiling = sys.modules.get("shoal._profile")
    return profiling is not None and bool(profiling.is_started())


def is_active() -> bool:
    """Say whether the interpreter's objects come from Shoal now.

    It is tried with one block, so it is right even where PYTHONMALLOC or
    ``-X dev`` has put another allocator back.
    """
    return _heap.state() == 1


def usage() -> Usage:
    """Say where this process's memory is.

    Returns
    -------
    Usage
        The heap's own counts, by size class too, and the reconciliation of the
        process's resident memory (``.rss``), all in bytes. The counts are
        exact when no other thread is inside the heap during the call.

    Raises
    ------
    OSError
        /proc is not mounted or not readable.

    Notes
    -----
    Sources: the heap's counters, /proc/self/smaps, and those that
    ``usage().rss.sources`` names. Cost: the kernel walks the process's pages
    for smaps, some 10 ms a gigabyte; finding the heaps of others takes some 10 ms.
    Taking the figures needs about 0.5 MB, and happens before the first call imports
    dataclasses to dress them, which adds about 2 MB to the process from then on.
    """
    from shoal import _rss

    counts = _heap.usage()
    classes = _heap.class_usage()
    rss, mapped_by = _rss.reconcile()
    from shoal import _usage

    return _usage.describe(counts, classes, rss, mapped_by)


def trim() -> int:
    """Give back to the operating system all that can be given.

    In this order: a full garbage collection, which also empties the
    interpreter's own free lists; every whole free page of Shoal's heap, of
    all threads, whoever freed it; and,
    where libc serves malloc, the free pages of its heaps (malloc_trim(3)).

    Returns
    -------
    int
        Bytes given back: what the heap's exact count of returned bytes grew
        by, plus, where libc serves malloc, what the process's resident memory
        (Pss less LazyFree) fell by during malloc_trim. Not in it: arenas that
        pymalloc frees when the collection empties them.

    Notes
    -----
    Any thread may call it. The interpreter lock is held throughout. The heaps of
    other threads keep the pages they are allocating from: at most .7 MB a thread.
    """
    before = _heap.usage()["returned"]
    gc.collect()
    _heap.trim()
    given = _heap.usage()["returned"] - before
    if not _heap.serves_malloc():
        from shoal import _smaps

        resident = _smaps.rollup()
        if _heap.libc_trim():
            given += max(0, resident - _smaps.rollup())
    return given


def release_after_gc(enabled: bool = True) -> None:
    """Choose whether full garbage collections give the heap's reserve back.

    Frees give memory back by themselves but keep a small reserve of free pages
    for the next requests. An entry in `gc.callbacks` returns that reserve after
    each collection of generation 2, the moment when most has just been freed.
    It is added when this package is imported while Shoal is active, and by
    `install`; other interpreters of the process have their own.

    Parameters
    ----------
    enabled : bool
        False takes the entry away.

    Notes
    -----
    Cost: below a microsecond for a collection of a younger generation; for a
    full one, that of returning the reserve's pages and touching them again
    (about 2 us a page).
    """
    listed = _heap.trim_after_gc in gc.callbacks
    if enabled and not listed:
        gc.callbacks.append(_heap.trim_after_gc)
    elif listed and not enabled:
        gc.callbacks.remove(_heap.trim_after_gc)


def library_path() -> str:
    """Return the path of libshoal.so, for LD_PRELOAD or for linking."""
    return os.path.join(os.path.dirname(os.path.abspath(__file__)), "libshoal.so")


if is_active():
    release_after_gc()
