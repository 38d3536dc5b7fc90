"""Writes the first inputs of the fuzz corpus: operations worth starting from.

Each file of ``fuzz/corpus/heap_ops`` and of ``fuzz/corpus/mover`` is a sequence of
four-byte operations (see ``tests/support/heap_ops.h`` and ``mover_ops.h``) with a story
that uniform bytes hardly ever tell. Run it again after changing a scenario; inputs that a
fuzzer found are not touched.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

CORPUS = Path(__file__).resolve().parent / "corpus"

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


# ---- The mover ------------------------------------------------------------------------------

MAKE, DROP, LINK, SECRET, HIDE, NUMBER, INSIDE, MAKE_MANY, DROP_MANY, MOVE = range(10)
PLAIN, OWNER, TELLER, SILENT, NUMBERED, CODE = range(6)
SIZES = range(6)
STRESS = 1


def act(code: int, thing: int = 0, other: int = 0, last: int = 0) -> bytes:
    """Return one operation of the mover's world."""
    return bytes([code, thing, other, last])


def survivors_of_every_size() -> Iterator[bytes]:
    """Keep every fourth thing of each size, and move them, also where pools are shared."""
    for size in SIZES:
        yield act(MAKE_MANY, 0, size, 255)
        for first in range(3):
            yield act(DROP_MANY, first, 3, 250)
        yield act(MOVE, 0, size)
        yield act(DROP_MANY, 0, 0, 255)
        yield act(MOVE, STRESS)


def links_of_every_kind() -> Iterator[bytes]:
    """Let each kind of thing refer to others, and to itself, through many moves."""
    for i in range(120):
        yield act(MAKE, i, i % 4, i % 6)
    for i in range(120):
        for slot in range(4):
            yield act(LINK, i, (i * 7 + slot * 31) % 120, slot)
        yield act(LINK, i, i, 3)
        if i % 30 == 29:
            yield act(MOVE, i % 4 == 1)
    for move in range(6):
        yield act(MOVE, move)


def what_keeps_things() -> Iterator[bytes]:
    """Hide references, keep addresses in every way there is, and let go of them."""
    for i in range(200):
        yield act(MAKE, i, 0, (PLAIN, OWNER, NUMBERED, CODE)[i % 4])
    for i in range(0, 200, 3):
        yield act(NUMBER, i | 2, i + 1)
        yield act(SECRET, i, i, i % 8 | (8 if i % 2 else 0))
        yield act(INSIDE, i + 1, 24, i % 8)
        yield act(HIDE, i) if i % 9 == 0 else b""
        yield act(MOVE, STRESS) if i % 30 == 0 else b""
    for i in range(0, 200, 2):
        yield act(DROP, i)
    for shared in range(4):
        yield act(MOVE, 0, shared)
        yield act(MOVE, STRESS, shared)


def shared_pools_are_left_alone() -> Iterator[bytes]:
    """Empty pools beside shared ones that have room, then drop and make anew."""
    for shared in (2, 3, 5, 7):
        yield act(MAKE_MANY, 0, 1, 255)
        yield act(DROP_MANY, 0, 1, 255)
        yield act(MOVE, 0, shared)
        yield act(DROP_MANY, 1, 3, 255)
        yield act(MOVE, 0, shared)
        yield act(DROP_MANY, 0, 0, 255)
        yield act(MAKE_MANY, 0, 1, 200)


MOVER_SCENARIOS = (
    survivors_of_every_size,
    links_of_every_kind,
    what_keeps_things,
    shared_pools_are_left_alone,
)


def main() -> None:
    """Write one file for each scenario."""
    for folder, scenarios in (("heap_ops", SCENARIOS), ("mover", MOVER_SCENARIOS)):
        (CORPUS / folder).mkdir(parents=True, exist_ok=True)
        for scenario in scenarios:
            name = scenario.__name__.replace("_", "-")
            (CORPUS / folder / name).write_bytes(b"".join(scenario()))


if __name__ == "__main__":
    main()
