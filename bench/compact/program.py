"""Run in the measured interpreter: makes much, keeps little, and compacts where it can.

    python -m bench.compact.program PROGRAM KIND SHARE SIZE LIBRARY PYMALLOC WAY

PROGRAM is keep (objects of one kind, a random share is kept), burst (one of bench/workloads) or
sessions (a cache in a dict, ordered or lru). Stops for its memory to be read: before, with all
that was made, when it was dropped, and when compact() has been called (WAY is compact) or nothing
more was done (WAY is leave). Prints what compact() took. WAY is trace: prints instead how many
bytes are alive at the end, as tracemalloc counts them.
"""

from __future__ import annotations

import gc
import importlib
import json
import random
import sys
import time
import tracemalloc
from collections.abc import Callable
from typing import Any

from bench.compact.sessions import CACHES, Cache
from bench.workers import stop
from bench.workers.proof import prove


class Record:
    """A small object as programs have them by the million."""

    def __init__(self, number: int) -> None:
        self.number = number + 1000
        self.text = f"text {number}"


MAKERS: dict[str, Callable[[int], Any]] = {
    "float": float,
    "str": lambda number: f"the word number {number}",
    "tuple": lambda number: (number + 1000, float(number)),
    "dict": lambda number: {"number": number + 1000, "value": float(number)},
    "object": Record,
    "json": lambda number: json.loads(
        f'{{"id": {number}, "name": "user {number}", "tags": ["a{number % 7}", "b{number}"], '
        f'"price": {number / 7}, "of": {{"city": "town {number % 999}", "code": {number * 3}}}}}'
    ),
}
COUNTS = {
    "float": 3_000_000, "str": 1_200_000, "tuple": 900_000, "dict": 350_000, "object": 500_000,
    "json": 130_000,
}  # fmt: skip
"""About 100 MB each."""

REQUESTS = 120_000
"""Of the sessions; one in 20 is kept."""


def made(program: str, kind: str, share: float, size: float) -> Callable[[], Any]:
    """Make what the program makes, and return a function that drops what it does not keep."""
    if program == "burst":
        kept = importlib.import_module(f"bench.workloads.{kind}").burst(size)
        return lambda: kept
    if program == "sessions":
        cache: Cache = CACHES[kind]()
        cache.work(round(REQUESTS * size))
        return cache.drop
    make, chance = MAKERS[kind], random.Random(1).random
    things = [make(number) for number in range(round(COUNTS[kind] * size))]

    def keep() -> list[Any]:
        kept = [thing for thing in things if chance() < share]
        things.clear()
        return kept

    return keep


def compacted(*, is_dense: bool = False) -> dict[str, float]:
    """Compact, and return what it took; what is dense is looked at all the same, in a dry run."""
    import shoal

    began = time.thread_time()
    report = shoal.compact(least=0, dry_run=is_dense)
    return {
        "seconds": time.thread_time() - began,
        "pools": report.resident,
        "live": report.live,
    }


def main() -> None:
    """Make, drop and compact what the command line says."""
    program, kind, share, size, library, pymalloc, way = sys.argv[1:]
    prove(library, pymalloc)
    if program == "burst":
        made(program, kind, 0, 0.02)()  # fills the caches that the libraries keep anyway
    gc.collect()
    if way == "trace":
        tracemalloc.start()
        kept = made(program, kind, float(share), float(size))()
        gc.collect()
        print(json.dumps({"live": tracemalloc.get_traced_memory()[0]}))
        return
    found: dict[str, float] = {}
    if way == "compact":
        compacted()  # imports what it needs
    stop.here()
    drop = made(program, kind, float(share), float(size))
    stop.here()
    kept = drop()
    gc.collect()
    stop.here()
    if way == "compact":
        found = compacted(is_dense=share == "1")
    stop.here()
    print(json.dumps(found))
    del kept


if __name__ == "__main__":
    main()
