"""Writes the first inputs of the fuzz corpus: heap operations worth starting from.

Each file of ``fuzz/corpus/heap_ops`` is a sequence of four-byte operations (see
``tests/support/heap_ops.h``) with a story that uniform bytes hardly ever tell.
Run it again after changing a scenario; inputs that a fuzzer found are not touched.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

CORPUS = Path(__file__).resolve().parent / "corpus" / "heap_ops"

MALLOC, FREE, REALLOC, CALLOC, ALIGNED, BURST_MALLOC, BURST_FREE, RARE = range(8)
TRIM, FREE_IN_THREAD, THREAD_EXITS, FREE_ALL = 0, 2, 3, 4
SMALL, PAGE, POOLED, LARGE = range(4)
"""Scales of a size: up to 512 bytes, 4200, 40000, and sixteen times the number."""


def op(code: int, slot: int = 0, size: int = 0, scale: int = PAGE) -> bytes:
    """Return one operation on ``slot`` (0 to 1023)."""
    return bytes([code | scale << 3 | (slot & 3) << 5, slot >> 2, size & 255, size >> 8 & 255])


def rare(what: int, slot: int = 0) -> bytes:
    """Return one of the rare operations."""
    return op(RARE, slot, what, SMALL)


def burst(slot: int, count: int, step: int = 1) -> bytes:
    """Return a burst that frees ``count`` slots, every ``step``-th from ``slot`` on."""
    return op(BURST_FREE, slot, count << 8 | (step - 1), SMALL)


def fill(size: int, slots: int = 1024) -> Iterator[bytes]:
    """Yield operations that put a block of ``size`` bytes into each slot."""
    for slot in range(slots):
        yield op(MALLOC, slot, size, POOLED)


def fill_and_drop() -> Iterator[bytes]:
    """Fill pools of many classes, drop everything, and again."""
    for size in (1, 16, 64, 512, 513, 1000, 4096, 10000):
        yield from fill(size, 300)
        yield rare(FREE_ALL)
        yield from fill(size, 100)


def keep_a_few() -> Iterator[bytes]:
    """Keep one block in four, so that hardly a page goes, then drop those."""
    yield from fill(48)
    for slot in range(0, 1024, 64):
        yield burst(slot, 16, 4)
        yield burst(slot + 1, 16, 4)
        yield burst(slot + 2, 16, 4)
    yield rare(TRIM)
    yield from fill(48, 512)
    yield rare(FREE_ALL)


def walk_sizes() -> Iterator[bytes]:
    """Resize one block over every size class, up and down, between neighbours."""
    sizes = [*range(0, 560, 8), *range(600, 34000, 500), 36000, 39000]
    yield from fill(100, 50)
    for size in [*sizes, *reversed(sizes)]:
        yield op(REALLOC, 20, size, POOLED)
        yield op(REALLOC, 21, size // 2 + 1, POOLED)


def large_runs() -> Iterator[bytes]:
    """Cut, join and grow runs of pages of many lengths."""
    for i in range(200):
        yield op((MALLOC, CALLOC, ALIGNED, REALLOC)[i % 4], i * 7 % 64, 2048 + i * 331, LARGE)
        if i % 5 == 0:
            yield op(FREE, i * 3 % 64)
        if i % 40 == 39:
            yield rare(TRIM)


def threads() -> Iterator[bytes]:
    """Free from other threads, and let threads end with blocks alive."""
    for i in range(12):
        yield from fill(40 + i * 60, 200)
        yield rare(FREE_IN_THREAD, i * 16)
        yield rare(THREAD_EXITS, 300 + i * 50)
        yield burst(i * 80, 100)
        if i % 4 == 3:
            yield rare(TRIM)


def zeros() -> Iterator[bytes]:
    """Ask for cleared memory where something else has just been."""
    for size in (16, 200, 500, 3000, 4000):
        yield from fill(size, 200)
        yield rare(FREE_ALL)
        for slot in range(200):
            yield op(CALLOC, slot, size, PAGE)
        yield rare(TRIM)


SCENARIOS = (fill_and_drop, keep_a_few, walk_sizes, large_runs, threads, zeros)


def main() -> None:
    """Write one file for each scenario."""
    CORPUS.mkdir(parents=True, exist_ok=True)
    for scenario in SCENARIOS:
        (CORPUS / scenario.__name__.replace("_", "-")).write_bytes(b"".join(scenario()))


if __name__ == "__main__":
    main()
