"""Run in the measured interpreter: one of the realistic workloads, once.

    python -m bench.workers.burst NAME SIZE LIBRARY PYMALLOC [trace]

Stops three times for its memory to be read: before, at the end of the burst, and a second later.
With `trace` it does not stop but prints how many bytes the burst leaves alive and had at its
peak, as tracemalloc counts them.
"""

import gc
import importlib
import json
import sys
import time
import tracemalloc

from bench.workers import stop
from bench.workers.proof import prove


def main() -> None:
    """Do the work that the command line names."""
    name, size, library, pymalloc, *trace = sys.argv[1:]
    prove(library, pymalloc)
    work = importlib.import_module(f"bench.workloads.{name}").burst
    amount = float(size)
    work(0.02)  # fills the caches that the libraries keep anyway
    gc.collect()
    if trace:
        tracemalloc.start()
        kept = work(amount)
        live, peak = tracemalloc.get_traced_memory()
        print(json.dumps({"live": live, "peak": peak}))
    else:
        stop.here()
        kept = work(amount)
        stop.here()
        time.sleep(1)
        stop.here()
    del kept


if __name__ == "__main__":
    main()
