"""Shares the resident memory of another process out among its owners.

The reader knows where the objects' heap is; the rest is told by what the kernel
says of each mapping, as `shoal.usage` does it for the own process. Blocks that
libc gave mappings of their own are known by their heads: a size in whole pages
and the bit IS_MMAPPED, from one block to the next.
"""

from __future__ import annotations

import os
import struct
from contextlib import suppress

from shoal import _owners, _smaps
from shoal.inspect.snapshot import SPARSE, Arena, Residence

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from shoal._inspect import Reading
    from shoal._owners import Claim

    Range = tuple[int, int]
    """Start and end address."""

__all__ = ["split"]

_HEAD = struct.Struct("<QQ")
_IS_MMAPPED = 2
_FLAGS = 7
_MOST_HEADS = 1 << 16
"""Heads that are read at most: a process may lie about its blocks."""


def split(reading: Reading, arenas: Sequence[Arena]) -> Residence:
    """Return whose the resident memory of a process is.

    Parameters
    ----------
    reading : Reading
        What was just read of its heap.
    arenas : sequence of Arena
        Those of the reading.

    Raises
    ------
    OSError
        Its mappings cannot be read; ProcessLookupError if it has ended.
    """
    pid = reading["pid"]
    mappings = _smaps.read(pid)
    if not mappings:
        raise ProcessLookupError(f"process {pid} has ended")
    large = _merged(_pages(start, size) for start, size in reading["large"])
    heap = _without(_merged(_pages(start, size) for start, size in reading["ranges"]), large)
    claims: list[Claim] = [
        *((start, end, "large") for start, end in large),
        *((start, end, "heap") for start, end in heap),
        *_owners.bss_claims(mappings, f"/proc/{pid}/root".encode()),
    ]
    claims = _apart(claims)
    on_libc = reading["allocator"] != "shoal"
    if on_libc:
        claims = sorted([*claims, *_libc_blocks(pid, mappings, claims)])
    mapped = dict.fromkeys(("heap", "large", "libc", "file", "stack", "anonymous"), 0)
    rss = dict(mapped)
    for part in _owners.share(mappings, claims, libc_serves=on_libc, pid=pid):
        mapped[part.owner] += part.mapped
        rss[part.owner] += part.rss
    live, sparse, free_blocks, free_pools = _of_heap(arenas, rss["heap"])
    return Residence(
        total=sum(mapping.rss for mapping in mappings),
        pss=sum(mapping.pss for mapping in mappings),
        lazy_free=sum(mapping.lazy_free for mapping in mappings),
        live=live,
        sparse=sparse,
        free_blocks=free_blocks,
        free_pools=free_pools,
        large=rss["large"],
        large_mapped=mapped["large"],
        libc=rss["libc"],
        libc_mapped=mapped["libc"],
        file_backed=rss["file"],
        stacks=rss["stack"],
        other=rss["anonymous"],
    )


# ---- Ranges of addresses ------------------------------------------------------------


def _pages(start: int, size: int) -> Range:
    """Return the whole pages that a range touches."""
    page = _smaps.PAGE_BYTES
    return start // page * page, -(-(start + size) // page) * page


def _merged(ranges: Iterable[Range]) -> list[Range]:
    """Return ranges in order, those that touch as one."""
    merged: list[Range] = []
    for start, end in sorted(ranges):
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        elif start < end:
            merged.append((start, end))
    return merged


def _without(ranges: Iterable[Range], holes: Sequence[Range]) -> Iterator[Range]:
    """Yield what of ordered ranges is in none of the ordered holes."""
    first = 0
    for start, end in ranges:
        while first < len(holes) and holes[first][1] <= start:
            first += 1
        at = first
        while at < len(holes) and holes[at][0] < end:
            if start < holes[at][0]:
                yield start, holes[at][0]
            start = max(start, holes[at][1])
            at += 1
        if start < end:
            yield start, end


def _apart(claims: list[Claim]) -> list[Claim]:
    """Return claims in order of which none reaches into the next."""
    apart: list[Claim] = []
    reached = 0
    for start, end, owner in sorted(claims):
        start = max(start, reached)
        if start < end:
            apart.append((start, end, owner))
            reached = end
    return apart


# ---- Blocks of libc that have mappings of their own ---------------------------------


def _libc_blocks(
    pid: int, mappings: Sequence[_smaps.Mapping], claims: Sequence[Claim]
) -> Iterator[Claim]:
    """Claim the large blocks in what nobody claims of anonymous memory."""
    claimed = [(start, end) for start, end, _ in claims]
    with suppress(OSError):
        memory = os.open(f"/proc/{pid}/mem", os.O_RDONLY)
        try:
            reads = iter(range(_MOST_HEADS))
            reached = 0
            for start, end in sorted(_without(_stretches(mappings), claimed)):
                if start < reached:
                    continue
                reached = start + 1
                for block_end in _block_ends(memory, start, end, reads):
                    yield start, block_end, "large"
                    start = reached = block_end
        finally:
            os.close(memory)


def _stretches(mappings: Sequence[_smaps.Mapping]) -> list[Range]:
    """Return where each mapping of anonymous memory starts, and where its last neighbour ends.

    A block may lie in several: numpy asks for huge pages for all of an array but
    its head, which cuts the mapping in two.
    """
    stretches: list[Range] = []
    end = above = -1
    for mapping in reversed(mappings):
        if mapping.path or not mapping.mode.startswith(b"rw"):
            continue
        end = end if mapping.end == above else mapping.end
        above = mapping.start
        if mapping.rss:
            stretches.append((mapping.start, end))
    return stretches[::-1]


def _block_ends(memory: int, at: int, end: int, reads: Iterator[int]) -> Iterator[int]:
    """Yield where each of the blocks ends that follow each other from `at` on."""
    page = _smaps.PAGE_BYTES
    while at < end and next(reads, None) is not None:
        try:
            head = os.pread(memory, _HEAD.size, at)
        except (OSError, OverflowError):
            return
        if len(head) < _HEAD.size:
            return
        before, size = _HEAD.unpack(head)
        bare = size & ~_FLAGS
        if before or size & _FLAGS != _IS_MMAPPED or bare % page or not 0 < bare <= end - at:
            return
        at += bare
        yield at


# ---- The objects' heap --------------------------------------------------------------


def _of_heap(arenas: Sequence[Arena], resident: int) -> tuple[int, int, int, int]:
    """Return live, sparse, free_blocks and free_pools of `Residence`, which sum up to resident."""
    live = sparse = free_blocks = 0
    for arena in arenas:
        here = arena.resident_bytes
        alive = min(here, arena.live_bytes)
        live += alive
        if arena.fullness <= SPARSE:
            sparse += here - alive
        else:
            free_blocks += min(here, max(alive, arena.used_bytes)) - alive
    live = min(live, resident)
    sparse = min(sparse, resident - live)
    free_blocks = min(free_blocks, resident - live - sparse)
    return live, sparse, free_blocks, resident - live - sparse - free_blocks
