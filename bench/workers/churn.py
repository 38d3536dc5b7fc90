"""Run in the measured interpreter: allocates and frees 64 MB over and over.

    python -m bench.workers.churn SHAPE TIMES LIBRARY PYMALLOC

Prints the CPU seconds (user and system) that it took.
"""

import json
import sys
import time
from collections.abc import Callable

from bench.workers.proof import prove

MIB = 1024 * 1024


def small_blocks() -> None:
    """Make a million blocks of 64 bytes, and drop them."""
    [bytes(31) for _ in range(MIB)]


def one_block() -> None:
    """Make one block of 64 MB, write to all of it, and drop it."""
    b"x" * (64 * MIB)


def lists() -> None:
    """Make lists of 6 items: 120 bytes each with its items and its place in the outer list."""
    [[None] * 6 for _ in range(64 * MIB // 128)]


SHAPES: dict[str, Callable[[], None]] = {
    "small_blocks": small_blocks,
    "one_block": one_block,
    "lists": lists,
}


def main() -> None:
    """Do what the command line names."""
    shape, times, library, pymalloc = sys.argv[1:]
    prove(library, pymalloc)
    work = SHAPES[shape]
    work()
    start = time.process_time()
    for _ in range(int(times)):
        work()
    print(json.dumps({"cpu": time.process_time() - start}))


if __name__ == "__main__":
    main()
