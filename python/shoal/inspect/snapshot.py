"""What a look at another process finds: plain figures, with no way of getting or showing them.

Bytes are whole numbers. "Resident" is what the operating system counts as RSS;
"held" is resident, kept by the allocator, and used by no block. What a field
means is said here and nowhere else.
"""

from __future__ import annotations

from dataclasses import dataclass

__all__ = [
    "FREE_POOL",
    "PAGE_BYTES",
    "SPARSE",
    "Arena",
    "MappedBy",
    "Pinning",
    "Residence",
    "SizeClass",
    "Snapshot",
    "TypeUse",
]

PAGE_BYTES = 4096
"""The unit in which an allocator could give memory back at best."""

SPARSE = 0.25
"""Arenas with no more of their bytes live than this share are kept by few blocks."""

FREE_POOL = 255
"""In `Snapshot.occupancy`: a pool that was never used or is free."""


@dataclass(frozen=True)
class Arena:
    """One arena; on Shoal, 1 MiB of address space that has pools.

    Attributes
    ----------
    start : int
        Address.
    bytes : int
        From there to its end.
    resident_bytes : int
        What of it is resident; on Shoal without the large blocks that lie there.
    pools, used_bytes : int
        How many of its pools have a live block, and the bytes of these pools.
    free_bytes : int
        In pools that have none any more, on Shoal in free pages; what was never used
        is in neither.
    live_blocks, live_bytes : int
        Blocks in use.
    page_free_bytes : int
        In resident pages of 4 KiB that no live block touches.
    reserve_bytes : int
        Of `resident_bytes`, what Shoal keeps for the next request.
    """

    start: int
    bytes: int
    resident_bytes: int
    pools: int
    used_bytes: int
    free_bytes: int
    live_blocks: int
    live_bytes: int
    page_free_bytes: int
    reserve_bytes: int = 0

    @property
    def fullness(self) -> float:
        """The share of its bytes that is live, 0 to 1."""
        return min(1.0, self.live_bytes / self.bytes) if self.bytes else 0.0

    def places(self, pool_bytes: int) -> int:
        """Return how many pools have room in it; they lie at multiples of their size."""
        if pool_bytes <= 0:
            return 0
        first = -(-self.start // pool_bytes)
        return max(0, (self.start + self.bytes) // pool_bytes - first)


@dataclass(frozen=True)
class SizeClass:
    """The blocks of one size.

    Attributes
    ----------
    block_bytes : int
        The size, as the allocator rounds requests up.
    pools : int
        How many pools such blocks are in.
    live_blocks, free_blocks : int
        In these pools: blocks in use, and blocks that are free.
    live_bytes, held_bytes : int
        Bytes of the blocks in use, and of all else in these pools.
    """

    block_bytes: int
    pools: int
    live_blocks: int
    free_blocks: int
    live_bytes: int
    held_bytes: int


@dataclass(frozen=True)
class TypeUse:
    """The objects of one type.

    Attributes
    ----------
    name : str
        Of the type, with its module where it has one: ``app.models.Session``.
        In brackets what is no object: ``(not Python objects)``.
    kind : str
        ``"gc"``: objects that the garbage collector follows; ``"object"``:
        other objects; ``"raw"``: blocks that are no objects and belong to none.
    blocks : int
        How many objects; of ``"raw"`` how many blocks.
    bytes : int
        Theirs, as allocators round them up, with what belongs to them: the keys
        of a dict, the items of a list, the values of an instance, the data of an
        array. Of large blocks what is resident.
    """

    name: str
    kind: str
    blocks: int
    bytes: int


@dataclass(frozen=True)
class Pinning:
    """What a type's blocks keep from being returned.

    Attributes
    ----------
    name, kind : str
        As in `TypeUse`.
    arenas : int
        How many of the emptiest arenas it has live blocks in.
    blocks : int
        How many blocks these are.
    held_bytes : int
        What is held in these arenas, shared out among the types by their blocks.
    """

    name: str
    kind: str
    arenas: int
    blocks: int
    held_bytes: int


@dataclass(frozen=True)
class MappedBy:
    """What a library has mapped itself, without malloc.

    Attributes
    ----------
    name : str
        Of its file, such as ``"libarrow.so.2100"``; or what the mapping says.
    bytes : int
        Resident.
    """

    name: str
    bytes: int


@dataclass(frozen=True)
class Residence:
    """Whose the resident memory of a process is, every page counted once.

    All but `pss`, `lazy_free`, those in address space and `mapped_by` sum up to `total`.

    Attributes
    ----------
    total, pss : int
        RSS of all mappings, and PSS: pages shared with n processes count 1/n.
    lazy_free : int
        The part of `total` that the system may take at any time.
    live : int
        Live blocks of the objects' heap.
    sparse : int
        Held in arenas that are no fuller than `SPARSE`.
    free_blocks : int
        Held in the pools in use of all other arenas: free blocks, and what
        the pools' own records and rounding take.
    free_pools : int
        Held in the free pools of all other arenas.
    large : int
        Blocks that have mappings of their own, or on Shoal their own pages.
    large_mapped : int
        Their address space.
    libc : int
        Blocks that libc's malloc has handed out besides: in [heap], and in the
        heaps of threads.
    libc_mapped : int
        Address space of these heaps.
    file_backed : int
        The program and its libraries.
    stacks : int
        Stacks of threads, and the frames of Python's functions.
    other : int
        Mappings that none of these claims.
    libc_free : int
        What is free in libc's heaps.
    reserve : int
        Whole free pages, and mappings, that Shoal keeps for the next request.
    records : int
        Shoal's own records.
    mapped_files : int
        Other files that are mapped, and shared memory.
    libraries : int
        What libraries have mapped themselves.
    mapped_by : tuple of MappedBy
        Which of them: those with most first.
    """

    total: int
    pss: int
    lazy_free: int
    live: int
    sparse: int
    free_blocks: int
    free_pools: int
    large: int
    large_mapped: int
    libc: int
    libc_mapped: int
    file_backed: int
    stacks: int
    other: int
    libc_free: int = 0
    reserve: int = 0
    records: int = 0
    mapped_files: int = 0
    libraries: int = 0
    mapped_by: tuple[MappedBy, ...] = ()

    @property
    def pinned(self) -> int:
        """What heaps keep though no block uses it, as blocks in use lie beside it."""
        return self.sparse + self.free_blocks + self.free_pools + self.libc_free

    @property
    def held(self) -> int:
        """What heaps keep though no block uses it: pinned, and Shoal's reserve."""
        return self.pinned + self.reserve

    @property
    def used(self) -> int:
        """Blocks that heaps have handed out."""
        return self.live + self.large + self.libc

    @property
    def heap(self) -> int:
        """What heaps have but for large blocks: in use, and held."""
        return self.live + self.libc + self.held


@dataclass(frozen=True)
class Snapshot:
    """A process as it was when it was looked at.

    Attributes
    ----------
    pid : int
        Process id.
    command : tuple of str
        The command line.
    python : str
        Version of its interpreter, such as ``"3.12.4"``; "" if unknown.
    allocator : str
        ``"pymalloc"`` or ``"shoal"``: which heap its objects are in.
    taken : float
        When, in seconds since 1970 (UTC).
    seconds : float
        How long reading took.
    frozen_seconds : float
        How long the process was stopped for it, all in all; 0 if it was not.
    longest_stop_seconds : float
        The longest time that it was stopped at once.
    stops : int
        How often it was stopped.
    pools_read, pools_inconsistent : int
        How many pools were read, and how many of them changed meanwhile, so
        that their figures are left out.
    arena_bytes, pool_bytes : int
        Of one arena (0 on Shoal, which has none of one size), and of one pool.
    page_free_bytes : int
        In resident pages of 4 KiB that no live block touches, in all arenas and
        in libc's heaps.
    resident : Residence
        Whose the resident memory is.
    arenas : tuple of Arena
        In the order of their addresses.
    size_classes : tuple of SizeClass
        In the order of their sizes; only those in use.
    types : tuple of TypeUse
        Those with the most bytes first.
    pinning : tuple of Pinning
        Of the emptiest arenas: those that hold most first.
    malloc_unread_bytes : int
        Of libc's heaps, what changed while it was read: nothing is known of it.
    pool_kept_bytes : int
        Of `page_free_bytes`, about as much Shoal would keep in place of libc's
        malloc: it gives back pools, and those of blocks of more than 512 bytes have
        several pages.
    occupancy : bytes
        One for each place for a pool, in the order of `arenas`: per cent that
        is live, or `FREE_POOL`.
    """

    pid: int
    command: tuple[str, ...]
    python: str
    allocator: str
    taken: float
    seconds: float
    frozen_seconds: float
    longest_stop_seconds: float
    stops: int
    pools_read: int
    pools_inconsistent: int
    arena_bytes: int
    pool_bytes: int
    page_free_bytes: int
    resident: Residence
    arenas: tuple[Arena, ...]
    size_classes: tuple[SizeClass, ...]
    types: tuple[TypeUse, ...]
    pinning: tuple[Pinning, ...]
    occupancy: bytes
    malloc_unread_bytes: int = 0
    pool_kept_bytes: int = 0

    @property
    def live_bytes(self) -> int:
        """Bytes of all live blocks in arenas, resident or not."""
        return sum(arena.live_bytes for arena in self.arenas)

    @property
    def live_blocks(self) -> int:
        """How many blocks in arenas are live."""
        return sum(arena.live_blocks for arena in self.arenas)

    @property
    def objects(self) -> int:
        """How many objects there are."""
        return sum(used.blocks for used in self.types if used.kind != "raw")

    @property
    def needed(self) -> int:
        """What of the heaps would be resident on Shoal, once `shoal.trim()` is called."""
        if self.allocator == "shoal":
            return self.resident.heap - self.resident.reserve
        return self.resident.heap - max(0, self.returnable - self.pool_kept_bytes)

    @property
    def returnable(self) -> int:
        """What a release of whole pages of 4 KiB would give back."""
        return min(self.page_free_bytes, self.resident.held)

    @property
    def compactable(self) -> int:
        """What `shoal.compact()` would give back besides, if all that lives could move.

        0 where it refuses: on versions that it does not know.
        """
        if not _compacts(self.python):
            return 0
        least = self.resident.live + self.resident.libc + self.resident.libc_free
        return max(0, self.needed - least)


def _compacts(version: str) -> bool:
    numbers = [int(part) for part in version.split(".")[:3] if part.isdecimal()]
    return [3, 11] <= numbers < [3, 16] and not [3, 14] <= numbers < [3, 14, 5]
