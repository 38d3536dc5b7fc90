"""A process to be looked at: objects of so many MiB, of which a share is kept.

    python target.py STATE MIB SHARE

STATE is a file of `WORDS` numbers of 64 bits that both sides map: see `GO` and the rest. While it
is told to go, the process does nothing but read the clock, and remembers the longest time between
two readings: that long it was stopped. It prints one line of JSON when it is ready: the live bytes
of its own account of its heap.
"""

from __future__ import annotations

import json
import mmap
import os
import random
import re
import sys
import tempfile
import time

WORDS = 4
GO, STOP_NS, ASK_GUPPY, GUPPY_BYTES = range(WORDS)
"""Measure while it is 1; the longest stop of the last time; 1 has guppy look; what it found."""

LOOKED_AT = 20_000  # records between looks at one's own size


class Session:
    """What a service keeps of somebody."""

    __slots__ = ("name", "number", "visits")

    def __init__(self, number: int) -> None:
        self.number = number + 1_000
        self.name = f"visitor {number}"
        self.visits = (number * 1.5, [number + 2_000_000])


def resident() -> int:
    with open("/proc/self/statm", "rb") as file:
        return int(file.read().split()[1]) * mmap.PAGESIZE


def fill(mebibytes: int) -> list[Session]:
    kept: list[Session] = []
    most = resident() + (mebibytes << 20)
    while resident() < most:
        kept += [Session(len(kept) + at) for at in range(LOOKED_AT)]
    return kept


def live_bytes() -> int:
    """Ask the allocator: pymalloc by sys._debugmallocstats, Shoal by usage."""
    if os.environ.get("LD_PRELOAD"):
        import shoal

        shoal.usage()  # Which imports what it needs.
        usage = shoal.usage()
        return usage.live - usage.large
    with tempfile.TemporaryFile() as file:
        error = os.dup(2)
        os.dup2(file.fileno(), 2)
        sys._debugmallocstats()
        os.dup2(error, 2)
        os.close(error)
        file.seek(0)
        return told_live(file.read().decode())


def told_live(stats: str) -> int:
    """Return the bytes of live blocks that sys._debugmallocstats tells."""
    found = re.search(r"# bytes in allocated blocks += +([\d,]+)", stats)
    return int(found[1].replace(",", "")) if found else 0


def measure(state: memoryview) -> int:
    """Return the longest time between two readings of the clock, in nanoseconds."""
    clock = time.perf_counter_ns
    worst, last = 0, clock()
    while state[GO]:
        now = clock()
        if now - last > worst:
            worst = now - last
        last = now
        if state[ASK_GUPPY]:
            import guppy

            state[GUPPY_BYTES] = guppy.hpy().heap().size
            state[ASK_GUPPY] = 0
    return worst


def main() -> None:
    path, mebibytes, share = sys.argv[1], int(sys.argv[2]), float(sys.argv[3])
    with open(path, "r+b") as file:
        state = memoryview(mmap.mmap(file.fileno(), 8 * WORDS)).cast("Q")
    kept = fill(mebibytes)
    if share < 1:
        drawn = random.Random(1)
        kept = [session for session in kept if drawn.random() < share]
    print(json.dumps({"live": live_bytes(), "objects": len(kept)}), flush=True)
    while True:
        if state[GO]:
            state[STOP_NS] = measure(state)
        time.sleep(0.005)


if __name__ == "__main__":
    main()
