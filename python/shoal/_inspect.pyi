"""Reads the heap of another Python process; all sizes in bytes, addresses as numbers."""

from typing import TypedDict

class Malloc(TypedDict):
    # What libc's malloc has, but for blocks with mappings of their own; resident.
    live_bytes: int
    live_blocks: int
    free_bytes: int
    page_free_bytes: int
    pool_kept_bytes: int  # Of page_free_bytes, what Shoal would keep about as much of.
    unread_bytes: int  # What contradicted itself: in none of these.

class Reading(TypedDict):
    pid: int
    python: str  # "3.11.7", or "" if unknown
    allocator: str  # "pymalloc" or "shoal"
    seconds: float
    frozen_seconds: float
    longest_stop_seconds: float
    stops: int
    pools_read: int
    pools_inconsistent: int
    arena_bytes: int
    pool_bytes: int
    # start, bytes, resident_bytes, pools, used_bytes, free_bytes, live_blocks, live_bytes,
    # page_free_bytes, reserve_bytes
    arenas: list[tuple[int, int, int, int, int, int, int, int, int, int]]
    # block_size, pools, live_blocks, free_blocks, live_bytes, held_bytes
    size_classes: list[tuple[int, int, int, int, int, int]]
    # name, kind, blocks, bytes; kind is "object", "gc" or "raw"
    types: list[tuple[str, str, int, int]]
    # name, kind, arenas, blocks, held_bytes
    pinning: list[tuple[str, str, int, int, int]]
    # One byte a pool: 0 to 100 per cent live, 255 never used or free.
    occupancy: bytes
    resident_bytes: int
    page_free_bytes: int
    reserve_bytes: int
    large_resident_bytes: int
    malloc: Malloc
    # start, bytes
    large: list[tuple[int, int]]
    ranges: list[tuple[int, int]]
    # start, bytes, owner; "libc", "stack", "reserve" or "records"
    owned: list[tuple[int, int, str]]

class NotPythonError(Exception): ...
class NoPoolsError(NotPythonError): ...  # its objects are not in pymalloc's pools

def agrees(minor: int) -> bool: ...
def read(pid: int, freeze: bool = False) -> Reading: ...

# start, bytes, owner; "pymalloc", "libc", "large" or "stack"
def owners(pid: int, minor: int, known: list[tuple[int, int]]) -> list[tuple[int, int, str]]: ...
def libraries(
    pid: int, ranges: list[tuple[int, int]], zeroed: list[tuple[int, int]]
) -> list[str]: ...
