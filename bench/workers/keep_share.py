"""Run in the measured interpreter: makes many objects, keeps a random share, drops the rest.

    python -m bench.workers.keep_share KIND COUNT SHARE LIBRARY PYMALLOC

Stops five times for its memory to be read: before, with all objects, with the share (at once), a
second later, and when it has been at work again (some allocators give back only when they are
called). Then prints how many 4 KiB pages the kept objects lie on: with pages as the unit of
release nobody who put the objects there can hold less.
"""

import json
import random
import sys
import time
from collections.abc import Callable, Iterator
from ctypes import c_size_t, c_ubyte
from typing import Any

from bench.workers import stop
from bench.workers.proof import prove

PAGE = 4096
Block = tuple[int, int]  # address, bytes


class Record:
    """A small object as programs have them by the million."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.next = None


MAKERS: dict[str, Callable[[int], Any]] = {
    "float": float,
    "str": lambda number: f"the word number {number}",
    "dict": lambda number: {"number": number},
    "object": Record,
}


def pointer(address: int) -> int:
    """Return the pointer stored at an address."""
    return c_size_t.from_address(address).value


def blocks(thing: Any) -> Iterator[Block]:
    """Yield the blocks of memory of one object, as CPython 3.11 to 3.13 lay it out."""
    if isinstance(thing, dict):
        yield id(thing) - 16, 16 + dict.__basicsize__
        yield pointer(id(thing) + 32), thing.__sizeof__() - dict.__basicsize__
        yield from blocks(thing["number"])
    elif isinstance(thing, Record):
        inline_values = 24 if sys.version_info >= (3, 13) else 0
        yield id(thing) - 32, 32 + object.__basicsize__ + inline_values
        if sys.version_info < (3, 13):
            values = pointer(id(thing) - (32 if sys.version_info < (3, 12) else 24)) & ~1
            prefix = c_ubyte.from_address(values - 1).value
            yield values - prefix, prefix + 16
        yield from blocks(thing.number)
    else:
        yield id(thing), sys.getsizeof(thing)


def pages(things: list[Any]) -> int:
    """Return on how many pages these objects and the list itself lie."""
    found: set[int] = set()
    for thing in things:
        for start, size in blocks(thing):
            found.update(range(start // PAGE, (start + size - 1) // PAGE + 1))
    return len(found) + sys.getsizeof(things) // PAGE


def work_on() -> None:
    """Be a program that has a little to do for half a second."""
    for _ in range(25):
        [bytes(size) for size in range(0, 1024, 4)]
        time.sleep(0.02)


def main() -> None:
    """Make, keep and drop what the command line says."""
    kind, count, share, library, pymalloc = sys.argv[1:]
    prove(library, pymalloc)
    make, numbers, kept_share = MAKERS[kind], range(int(count)), float(share)
    chance = random.Random(1).random

    stop.here()
    made = [make(number) for number in numbers]
    stop.here()
    kept = [thing for thing in made if chance() < kept_share]
    del made
    stop.here()
    time.sleep(1)
    stop.here()
    work_on()
    stop.here()
    print(json.dumps({"kept": len(kept), "pages": pages(kept)}))


if __name__ == "__main__":
    main()
