"""Shares the resident memory of another process out among its owners.

The reader knows where the heaps, their records, large blocks and the interpreter's
frames are; the rest is told by what the kernel says of each mapping, as `shoal.usage`
does it for the own process.
"""

from __future__ import annotations

from shoal import _owners, _smaps
from shoal.inspect.snapshot import SPARSE, Arena, MappedBy, Residence

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from shoal._inspect import Reading
    from shoal._owners import Claim, Range
    from shoal._smaps import Mapping

__all__ = ["mappings", "split"]

_OWNERS = ("heap", "large", "libc", "reserve", "records", "file", "mapped", "stack", "anonymous")


def mappings(pid: int) -> list[Mapping]:
    """Return those that a process has now; none if the system does not say."""
    try:
        return _smaps.read(pid)
    except OSError:
        return []  # The reader says why, in its words.


def split(reading: Reading, arenas: Sequence[Arena], before: Sequence[Mapping] = ()) -> Residence:
    """Return whose the resident memory of a process is.

    A process that grows has mappings afterwards that were not there when its heap was
    read. What is told is of that moment of which more is known.

    Parameters
    ----------
    reading : Reading
        What was just read of its heap.
    arenas : sequence of Arena
        Those of the reading.
    before : sequence of Mapping
        What the process had mapped before the reading.

    Raises
    ------
    OSError
        Its mappings cannot be read; ProcessLookupError if it has ended.
    """
    pid = reading["pid"]
    after = _smaps.read(pid)
    if not after:
        raise ProcessLookupError(f"process {pid} has ended")
    shared = _Shared(reading, after)
    if before and 200 * shared.rss["anonymous"] > sum(mapping.rss for mapping in after):
        shared = min(shared, _Shared(reading, before), key=lambda one: one.rss["anonymous"])
    mapped, rss = shared.mapped, shared.rss
    named = _owners.mapped_by(shared.rest, shared.bss, pid)
    other = named.pop("", 0)
    own = named.pop("libshoal.so", 0)
    reserve = min(reading["reserve_bytes"], rss["reserve"] + rss["heap"])
    pooled = rss["heap"] - max(0, reserve - rss["reserve"])
    live, sparse, free_blocks, free_pools = _of_heap(arenas, pooled)
    libc_free = min(rss["libc"], reading["malloc"]["free_bytes"])
    by_size = sorted(named.items(), key=lambda item: (-item[1], item[0]))
    return Residence(
        total=sum(mapping.rss for mapping in shared.mappings),
        pss=sum(mapping.pss for mapping in shared.mappings),
        lazy_free=sum(mapping.lazy_free for mapping in shared.mappings),
        live=live,
        sparse=sparse,
        free_blocks=free_blocks,
        free_pools=free_pools,
        reserve=max(reserve, rss["reserve"]),
        large=rss["large"],
        large_mapped=mapped["large"],
        libc=rss["libc"] - libc_free,
        libc_free=libc_free,
        libc_mapped=mapped["libc"],
        records=rss["records"] + own,
        file_backed=rss["file"],
        mapped_files=rss["mapped"],
        stacks=rss["stack"],
        libraries=sum(named.values()),
        other=other,
        mapped_by=tuple(MappedBy(name, amount) for name, amount in by_size),
    )


class _Shared:
    """Mappings as they are shared out: bytes of address space and resident, by owner."""

    def __init__(self, reading: Reading, mappings: Sequence[Mapping]) -> None:
        pid = reading["pid"]
        self.mappings = mappings
        self.bss = list(_owners.bss_claims(mappings, f"/proc/{pid}/root".encode()))
        self.mapped = dict.fromkeys(_OWNERS, 0)
        self.rss = dict(self.mapped)
        self.rest = []
        for part in _owners.share(mappings, _claims(reading, self.bss), pid):
            self.mapped[part.owner] += part.mapped
            self.rss[part.owner] += part.rss
            if part.owner == "anonymous" and part.rss:
                self.rest.append(part)


def _claims(reading: Reading, bss: list[Claim]) -> list[Claim]:
    """Return what the reader knows, by address: large blocks lie in arenas too."""
    large = _merged(_pages(start, size) for start, size in reading["large"])
    heap = _without(_merged(_pages(start, size) for start, size in reading["ranges"]), large)
    owned = ((*_pages(start, size), owner) for start, size, owner in reading["owned"])
    return _owners.apart(
        [
            *((start, end, "large") for start, end in large),
            *((start, end, "heap") for start, end in heap),
            *owned,
            *bss,
        ]
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


# ---- The objects' heap --------------------------------------------------------------


def _of_heap(arenas: Sequence[Arena], resident: int) -> tuple[int, int, int, int]:
    """Return live, sparse, free_blocks and free_pools of `Residence`, which sum up to resident."""
    live = sparse = free_blocks = 0
    for arena in arenas:
        here = max(0, arena.resident_bytes - arena.reserve_bytes)
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
