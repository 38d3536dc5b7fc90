"""The kernel's account of a process's pages: this one's, unless another is named.

Light on purpose, so that reading it disturbs little of what it reads: no
import but `os`, and one small object a mapping.
"""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")

_TRIES = 5

_SMAPS_BYTES = 8192
"""Read at once: the kernel gives no more, and files have 128 KiB for it since 3.14."""

_ABSENT = bytes(range(128))


class Mapping:
    """One mapping of /proc/PID/smaps; `start`, `end` addresses, the rest bytes."""

    __slots__ = ("start", "end", "mode", "path", "rss", "pss", "lazy_free")

    def __init__(self, start: int, end: int, mode: bytes, path: bytes) -> None:
        self.start = start
        self.end = end
        self.mode = mode
        self.path = path
        self.rss = self.pss = self.lazy_free = 0


def read(pid: int | str = "self") -> list[Mapping]:
    """Return the mappings of a process, lowest address first.

    Raises
    ------
    OSError
        /proc/PID/smaps cannot be read.
    """
    for _ in range(_TRIES):
        with open(f"/proc/{pid}/smaps", "rb", _SMAPS_BYTES) as smaps:
            mappings = parse(smaps)
        if not _overlap(mappings):
            break
    return mappings


def _overlap(mappings: list[Mapping]) -> bool:
    """Say whether one was told twice: the kernel does so of one that grows meanwhile."""
    pairs = zip(mappings, mappings[1:])  # noqa: RUF007 - itertools would be another import
    return any(before.end > after.start for before, after in pairs)


def parse(smaps: Iterable[bytes]) -> list[Mapping]:
    """Return the mappings that the lines of a smaps file tell."""
    mappings: list[Mapping] = []
    for line in smaps:
        if line.startswith(b"Rss:"):
            mappings[-1].rss = _bytes(line)
        elif line.startswith(b"Pss:"):
            mappings[-1].pss = _bytes(line)
        elif line.startswith(b"LazyFree:"):
            mappings[-1].lazy_free = _bytes(line)
        elif b"-" in line and not line.split(None, 1)[0].endswith(b":"):
            mappings.append(_header(line))
    return mappings


def rollup() -> int:
    """Return the process's resident bytes: Pss less LazyFree, which may go at any time."""
    resident = 0
    with open("/proc/self/smaps_rollup", "rb", buffering=0) as lines:
        for line in lines.read().splitlines():
            if line.startswith(b"Pss:"):
                resident += _bytes(line)
            elif line.startswith(b"LazyFree:"):
                resident -= _bytes(line)
    return resident


def resident(start: int, end: int, pid: int | str = "self") -> int:
    """Return the resident bytes between two page boundaries, by /proc/PID/pagemap.

    For ranges that the kernel has merged with a neighbour's in smaps.
    """
    count = 0
    with open(f"/proc/{pid}/pagemap", "rb", buffering=0) as pagemap:
        pagemap.seek(start // PAGE_BYTES * 8)
        left = (end - start) // PAGE_BYTES * 8
        while left > 0:
            entries = pagemap.read(min(left, 1 << 16))
            if not entries:
                break
            # Bit 63 of each little-endian entry: the page is present.
            count += len(entries[7::8].translate(None, _ABSENT))
            left -= len(entries)
    return count * PAGE_BYTES


def stack_pointers(pid: int | str = "self") -> list[int]:
    """Return the stack pointers of the threads that wait in the kernel.

    A thread that is computing has none to show, nor has any where the kernel
    lacks /proc/PID/task/*/syscall.
    """
    pointers = []
    for thread in os.listdir(f"/proc/{pid}/task"):
        try:
            with open(f"/proc/{pid}/task/{thread}/syscall", "rb", buffering=0) as line:
                words = line.read().split()
        except OSError:
            continue  # It has ended, or the kernel does not say.
        if len(words) >= 3:
            pointers.append(int(words[-2], 16))
    return pointers


def _bytes(line: bytes) -> int:
    return int(line.split()[1]) * 1024


def _header(line: bytes) -> Mapping:
    """Parse ``7f00-7f10 rw-p 00000000 fe:01 1234    /usr/lib/libc.so.6``."""
    words = line.split(None, 5)
    start, end = words[0].split(b"-")
    path = words[5].rstrip(b"\n") if len(words) > 5 else b""
    return Mapping(int(start, 16), int(end, 16), words[1], path)
