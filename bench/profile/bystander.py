"""Run in the measured interpreter: times a benchmark beside which another function is profiled.

    python bench/profile/bystander.py DECORATOR FILE NAME LOOPS SECONDS LIBRARY PYMALLOC
        [ARGUMENT]...

The function has run before and what it made is alive, so that a profiler has something to watch.
What stands behind DECORATOR is as for bench/workers/time_benchmark.py.
"""

import sys

from bench.profile.decorators import decorator
from bench.workers import time_benchmark

profile = decorator(sys.argv.pop(1))


@profile
def make(count: int) -> list[str]:
    """Make some blocks of a size that is not rare."""
    return [f"one of {count}: {number}" for number in range(count)]


if __name__ == "__main__":
    alive = make(1000)
    time_benchmark.main()
