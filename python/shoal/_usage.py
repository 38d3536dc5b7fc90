"""What `shoal.usage` returns: the heap's counts and the process's memory, in bytes."""

from __future__ import annotations

from dataclasses import dataclass

from shoal import _heap
from shoal._rss import Rss, reconcile

__all__ = ["ClassUsage", "Rss", "Usage", "measure"]


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
    classes: tuple[ClassUsage, ...]
    rss: Rss


def measure() -> Usage:
    """Take all figures, the heap's own first: nothing here disturbs those."""
    counts = _heap.usage()
    rss = reconcile(counts)
    classes = tuple(ClassUsage(*figures) for figures in _heap.class_usage() if figures[1])
    return Usage(**counts, classes=classes, rss=rss)
