"""What a running Python process holds, read from outside.

``shoal inspect PID`` shows it on one screen; `take` returns the figures. The
process need not have been started by anybody in particular, nothing is put
into it, and it goes on while it is read.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from shoal.inspect.snapshot import Snapshot

__all__ = ["take"]


def take(pid: int, *, freeze: bool = False) -> Snapshot:
    """Look at a process.

    Parameters
    ----------
    pid : int
        Process id. It is a CPython of version 3.9 to 3.15.
    freeze : bool
        Stop the process while its heap is read, 32 MiB at a time, so that no pool
        changes while it is read. By default it goes on, and pools that change
        meanwhile are left out and counted.

    Raises
    ------
    ProcessLookupError
        There is no such process, or it ended while it was read.
    PermissionError
        It may not be read; the message says which right is missing.
    shoal._inspect.NotPythonError
        It is no Python, or none that can be read; the message says what it is.
    OSError
        What the system says of it cannot be read.
    """
    import time

    from shoal import _inspect
    from shoal.inspect import rss
    from shoal.inspect.snapshot import Arena, Pinning, SizeClass, Snapshot, TypeUse

    taken = time.time()
    before = rss.mappings(pid)
    reading = _inspect.read(pid, freeze)
    arenas = tuple(Arena(*arena) for arena in reading["arenas"])
    types = sorted(reading["types"], key=lambda used: (-used[3], -used[2], used[0]))
    pinning = sorted(reading["pinning"], key=lambda pins: (-pins[4], -pins[2], pins[0]))
    return Snapshot(
        pid=reading["pid"],
        command=_command(pid),
        python=reading["python"],
        allocator=reading["allocator"],
        taken=taken,
        seconds=reading["seconds"],
        frozen_seconds=reading["frozen_seconds"],
        longest_stop_seconds=reading["longest_stop_seconds"],
        stops=reading["stops"],
        pools_read=reading["pools_read"],
        pools_inconsistent=reading["pools_inconsistent"],
        arena_bytes=reading["arena_bytes"],
        pool_bytes=reading["pool_bytes"],
        page_free_bytes=reading["page_free_bytes"] + reading["malloc"]["page_free_bytes"],
        malloc_unread_bytes=reading["malloc"]["unread_bytes"],
        pool_kept_bytes=reading["malloc"]["pool_kept_bytes"],
        resident=rss.split(reading, arenas, before),
        arenas=arenas,
        size_classes=tuple(SizeClass(*used) for used in sorted(reading["size_classes"])),
        types=tuple(TypeUse(*used) for used in types),
        pinning=tuple(Pinning(*pins) for pins in pinning if pins[2]),
        occupancy=reading["occupancy"] or b"",
    )


def _command(pid: int) -> tuple[str, ...]:
    import os

    try:
        with open(f"/proc/{pid}/cmdline", "rb") as file:
            words = file.read(1 << 16).split(b"\0")
    except OSError:
        return ()
    return tuple(os.fsdecode(word) for word in words[:-1])
