"""Run in the measured interpreter: times a program under a profiler.

    python bench/profile/programs.py DECORATOR PROGRAM COUNT TIMES LIBRARY PYMALLOC

DECORATOR is of decorators.py, PROGRAM one below. Prints the CPU seconds (user and system, of all
threads) of TIMES calls, resident memory in KiB when all is ready and nothing has run, and at its
peak. It is a file of its own, run by its path, since Scalene profiles nothing else.
"""

import copy
import json
import sys
import time
from pathlib import Path
from typing import Any

from bench.profile.decorators import decorator
from bench.workers.proof import prove


# fmt: off
def simple_lines(count: int) -> Any:
    """Eleven lines a turn, none of which allocates."""
    a = b = 1
    for _ in range(count):
        a = 2
        b = a
        a = b
        b = 3
        a = b
        b = a
        a = 4
        b = a
        a = b
        b = a
    return b


def small_blocks(count: int) -> Any:
    """Eleven lines a turn, ten of which make an integer and drop one."""
    a = b = 1
    for i in range(count):
        a = i + 1000000
        b = i + 1000001
        a = i + 1000002
        b = i + 1000003
        a = i + 1000004
        b = i + 1000005
        a = i + 1000006
        b = i + 1000007
        a = i + 1000008
        b = i + 1000009
    return a, b
# fmt: on


def deep_copy(count: int) -> None:
    """Copy a list of integers as the article does."""
    x = list(range(count))
    y = copy.deepcopy(x)
    del x
    del y


PROGRAMS = {"simple_lines": simple_lines, "small_blocks": small_blocks, "deep_copy": deep_copy}


def kib(name: str) -> int:
    """Return a line of /proc/self/status, without which no profiler's own peak is known."""
    return int(Path("/proc/self/status").read_text().partition(f"{name}:")[2].split()[0])


def main() -> None:
    """Run what the command line says."""
    name, program, count, times, library, pymalloc = sys.argv[1:]
    prove(library, pymalloc)
    run = decorator(name)(PROGRAMS[program])
    ready = kib("VmRSS")
    start = time.process_time()
    for _ in range(int(times)):
        run(int(count))
    cpu = time.process_time() - start
    print(json.dumps({"cpu": cpu, "ready_kib": ready, "peak_kib": kib("VmHWM")}), flush=True)


if __name__ == "__main__":
    main()
