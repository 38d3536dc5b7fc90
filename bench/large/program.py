"""Run in the measured interpreter: makes a large heap, works in it, and drops it.

    python -m bench.large.program PROGRAM COUNT LIBRARY PYMALLOC [trace]

PROGRAM is one of heaps.py. Stops for its memory to be read: before, with all that was made, when
all but a random 2 % was dropped, and when nothing is left. Prints the CPU seconds of each step.
With `trace` it does not stop: it prints how many bytes are alive when all is made, as tracemalloc
counts them.
"""

from __future__ import annotations

import copy
import gc
import json
import random
import sys
import time
import tracemalloc
from collections.abc import Callable
from typing import Any

from bench.large.heaps import HEAPS, Heap
from bench.workers import stop
from bench.workers.proof import prove

KEPT = 0.02
COPIED = 0.1  # of all: copy.deepcopy is slow
WALKS = 2
COLLECTIONS = 2


def seconds(work: Callable[[], object], times: int = 1) -> float:
    """Return the CPU time of one call, of so many in a row; dropping what the last made is none."""
    result: object = None
    began = time.process_time()
    for _ in range(times):
        result = work()
    taken = time.process_time() - began
    del result
    return taken / times


def walked(heap: Heap, things: list[Any]) -> float:
    """Visit all in a shuffled order, and return what that took without the shuffling."""
    order = things.copy()
    random.Random(1).shuffle(order)
    return seconds(lambda: heap.walk(order), WALKS)


def worked(heap: Heap, things: list[Any]) -> dict[str, float]:
    """Use what was made, and return what each step took."""
    took = {"walk": walked(heap, things), "collect": seconds(gc.collect, COLLECTIONS)}
    part = things[: round(len(things) * COPIED)]
    took["copy"] = seconds(lambda: copy.deepcopy(part))
    if heap.dumps is not None:
        dumps = heap.dumps
        took["dumps"] = seconds(lambda: dumps(things))
    return took


def dropped(heap: Heap, things: list[Any]) -> tuple[list[Any], float]:
    """Drop all but a random share; return that, and what dropping took, garbage included."""
    chance = random.Random(3).random
    kept = [heap.parted(thing) for thing in things if chance() < KEPT]

    def drop() -> None:
        things.clear()
        gc.collect()

    return kept, seconds(drop)


def alive(heap: Heap, count: int) -> int:
    """Return the bytes that are alive when so many are made."""
    tracemalloc.start()
    things = heap.make(count)
    live = tracemalloc.get_traced_memory()[0]
    del things
    return live


def main() -> None:
    """Do what the command line says."""
    program, count, library, pymalloc, *trace = sys.argv[1:]
    prove(library, pymalloc)
    heap = HEAPS[program]
    heap.make(100)  # fills the caches that are kept anyway
    gc.collect()
    if trace:
        print(json.dumps({"live": alive(heap, int(count))}))
        return
    stop.here()
    began = time.process_time()
    things = heap.make(int(count))
    took = {"build": time.process_time() - began}
    stop.here()
    took |= worked(heap, things)
    kept, took["drop"] = dropped(heap, things)
    stop.here()
    kept.clear()
    gc.collect()
    stop.here()
    print(json.dumps(took))


if __name__ == "__main__":
    main()
