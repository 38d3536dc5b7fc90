"""Run in the measured interpreter: works in rounds, then calls nobody for some seconds.

    python -m bench.rounds.program NAME COUNT IDLE LIBRARY PYMALLOC

Stops three times for its memory to be read: before, when the work is done, and IDLE seconds
later, in which it sleeps.
"""

import ctypes
import gc
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

from bench.workers import stop
from bench.workers.proof import prove

ROUNDS = 4
PAUSE = 0.3  # seconds after each
THREADS = 8
ARRAY = 1024  # numbers: 8 KiB
EVERY_ARENA = 4096  # MALLCTL_ARENAS_ALL of jemalloc 5

Trim = Callable[[], object]


def trimmer() -> Trim:
    """Return what asks this process's allocator to give back all that it can."""
    process = ctypes.CDLL(None)
    if hasattr(process, "shoal_trim"):
        import shoal

        return shoal.trim
    if hasattr(process, "mallctl"):
        purge = f"arena.{EVERY_ARENA}.purge".encode()
        return lambda: process.mallctl(purge, None, None, None, ctypes.c_size_t(0))
    if hasattr(process, "mi_collect"):
        return lambda: process.mi_collect(True)
    return lambda: process.malloc_trim(0)


def rest(seconds: float) -> None:
    """Call nobody for so long, and stop before and after."""
    stop.here()
    time.sleep(seconds)
    stop.here()


def lists(count: int, idle: float) -> None:
    """Make lists and drop them, four times."""
    stop.here()
    for _ in range(ROUNDS):
        x = [[i] for i in range(count)]
        del x
        time.sleep(PAUSE)
    rest(idle)


def arrays(count: int, idle: float, trim: Trim = gc.collect) -> None:
    """Have eight threads make arrays, `count` in all; drop them here, while the threads wait."""
    import numpy as np  # so that the lists' program is without it

    begun = Barrier(THREADS)

    def make(number: int) -> list["np.ndarray"]:
        begun.wait()  # so that each thread makes its share
        return [np.ones(ARRAY) for _ in range(number)]

    with ThreadPoolExecutor(THREADS) as pool:
        list(pool.map(make, [1] * THREADS))
        gc.collect()
        stop.here()
        made = list(pool.map(make, [count // THREADS] * THREADS))
        del made
        gc.collect()
        trim()
        rest(idle)


PROGRAMS: dict[str, Callable[[int, float], None]] = {
    "lists": lists,
    "arrays": arrays,
    "arrays, trim": lambda count, idle: arrays(count, idle, trimmer()),
}


def main() -> None:
    """Run the program that the command line names."""
    name, count, idle, library, pymalloc = sys.argv[1:]
    prove(library, pymalloc)
    PROGRAMS[name](int(count), float(idle))


if __name__ == "__main__":
    main()
