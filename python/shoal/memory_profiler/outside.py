"""Samples another process until it is told to stop: the program behind sampling.py.

Called with one argument, JSON: process id, backend, interval in seconds,
whether descendants are added, whether they are told one by one, module path.
Says "ready", and, when a line comes in or the input ends, all samples as JSON.

It leaves its parent at once, so that it is no child of the process it reads,
and its group, so that Ctrl-C there does not end it.
"""

from __future__ import annotations

import json
import os
import select
import sys


def main() -> None:
    """Sample the process that the argument names."""
    pid, backend, interval, include_children, each_child, path = json.loads(sys.argv[1])
    if os.fork():
        os._exit(0)
    os.setsid()
    sys.path[:] = path
    from shoal.memory_profiler.backends import meter
    from shoal.memory_profiler.sampling import sample_until, taking

    def told_to_stop(seconds: float) -> bool:
        return bool(select.select([sys.stdin], [], [], seconds)[0])

    take = taking(meter(pid, backend), include_children, each_child)
    first = take()
    print("ready", flush=True)
    samples = sample_until(told_to_stop, take, first, interval)
    json.dump(samples, sys.stdout)


if __name__ == "__main__":
    main()
