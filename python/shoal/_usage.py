"""What `shoal.usage` returns: the heap's counts and the process's memory, in bytes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from shoal._rss import SOURCES

TYPE_CHECKING = False
if TYPE_CHECKING:
    from shoal._heap import Counts

__all__ = ["ClassUsage", "Rss", "Usage", "describe"]


@dataclass(frozen=True)
class ClassUsage:
    """The pools of one size class.

    Attributes
    ----------
    block_size : int
        Bytes of each block.
    pools : int
        How many pools there are.
    live_blocks : int
        Blocks handed out.
    live : int
        Bytes in them: ``block_size * live_blocks``.
    held : int
        Bytes that are resident in these pools and not live.
    """

    block_size: int
    pools: int
    live_blocks: int
    live: int
    held: int


@dataclass(frozen=True)
class Rss:
    """The process's resident memory in bytes, and whose it is.

    ``shoal_live + shoal_held + shoal_metadata + pymalloc + libc + file_backed +
    stacks + libraries + unexplained == total``, exactly: `unexplained` is the remainder,
    never below zero. ``sources`` says for each name where its figure is from.

    Attributes
    ----------
    total : int
        Resident bytes (Rss) of all mappings.
    shoal_live, shoal_held, shoal_metadata : int
        Of Shoal's heap: in blocks handed out, resident but used by no block,
        records.
    pymalloc : int
        Arenas of the interpreter's own allocator.
    libc : int
        The C library's heap.
    file_backed : int
        Program, libraries, mapped files, shared memory.
    stacks : int
        Stacks of all threads, and the interpreter's frames.
    libraries : int
        What libraries have mapped themselves, by `mapped_by`.
    unexplained : int
        Everything else.
    pss : int
        As `total`, but a page shared with n processes counts 1/n.
    lazy_free : int
        Part of `total` that the kernel may take away at any time.
    mapped_by : dict of str to int
        What each library has mapped itself, by its file's name.
    sources : dict of str to str
        For each figure, where it is from.
    """

    total: int
    shoal_live: int
    shoal_held: int
    shoal_metadata: int
    pymalloc: int
    libc: int
    file_backed: int
    stacks: int
    libraries: int
    unexplained: int
    pss: int
    lazy_free: int
    mapped_by: Mapping[str, int] = field(repr=False, compare=False)
    sources: Mapping[str, str] = field(repr=False, compare=False)


@dataclass(frozen=True)
class Usage:
    """Where the memory is; every figure in bytes, for the whole process.

    Attributes
    ----------
    live : int
        In blocks handed out, as rounded up by the heap.
    held : int
        Resident, kept by the heap, used by no block: ``pinned + reserve``.
    pinned : int
        Of held: free blocks in pages that a pool with a live block keeps, or
        that the heap is allocating from.
    reserve : int
        Of held: whole free pages kept for the next requests.
    returned : int
        Given back to the operating system since the start.
    metadata : int
        The heap's records of its pools, resident.
    large : int
        Of live: blocks too large for a pool.
    peak : int
        The most that live + held + metadata have been.
    huge : int
        Of live and held: in regions of 2 MiB that came as one huge page each, and of
        which nothing has gone back. Only large heaps have them.
    classes : tuple of ClassUsage
        By size class, smallest block size first; only those that have pools.
    rss : Rss
        All resident memory of the process, and whose it is.
    """

    live: int
    held: int
    pinned: int
    reserve: int
    returned: int
    metadata: int
    large: int
    peak: int
    huge: int
    classes: tuple[ClassUsage, ...]
    rss: Rss


def describe(
    counts: Counts,
    classes: list[tuple[int, int, int, int, int]],
    rss: dict[str, int],
    mapped_by: dict[str, int],
) -> Usage:
    """Dress the figures that were taken before this module was imported."""
    used = tuple(ClassUsage(*figures) for figures in classes if figures[1])
    return Usage(
        **counts, classes=used, rss=Rss(**rss, mapped_by=mapped_by, sources=SOURCES.copy())
    )
