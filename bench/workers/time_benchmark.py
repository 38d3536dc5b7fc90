"""Run in the measured interpreter: times one benchmark of pyperformance, as it is, in this process.

    python -m bench.workers.time_benchmark FILE NAME LOOPS SECONDS LIBRARY PYMALLOC [ARGUMENT]...

FILE is the run_benchmark.py of a benchmark. It runs as a script, with a stand-in for pyperf whose
Runner runs the benchmark NAME and no other. LOOPS 0 looks for the number of loops that takes about
SECONDS. Prints the loops, the CPU seconds (user and system, of all threads) and the peak of
resident memory in KiB. LIBRARY and PYMALLOC (0 or 1) are what this process must be running on.
"""

import asyncio
import importlib
import json
import platform
import runpy
import sys
import time
import types
from argparse import ArgumentParser, Namespace
from collections.abc import Callable
from pathlib import Path
from typing import Any

from bench.workers.proof import prove

Timed = Callable[[int], None]


class Runner:
    """Stands in for pyperf.Runner: the same calls, one process, CPU time."""

    wanted = ""
    loops = 0
    seconds = 0.5

    def __init__(self, **_: Any) -> None:
        self.metadata: dict[str, Any] = {}
        self.argparser = ArgumentParser()
        self.args = Namespace()

    def parse_args(self) -> Namespace:
        """Parse what stands behind the benchmark's file name."""
        self.args = self.argparser.parse_args()
        return self.args

    def bench_func(self, name: str, func: Callable[..., Any], *args: Any, **_: Any) -> None:
        """Time func(*args), called `loops` times."""

        def repeated(loops: int) -> None:
            for _ in range(loops):
                func(*args)

        self._time(name, repeated)

    def bench_time_func(self, name: str, func: Callable[..., Any], *args: Any, **_: Any) -> None:
        """Time func(loops, *args), which repeats by itself."""
        self._time(name, lambda loops: func(loops, *args))

    def bench_async_func(self, name: str, func: Callable[..., Any], *args: Any, **_: Any) -> None:
        """Time `await func(*args)`, `loops` times in one event loop."""

        async def repeated(loops: int) -> None:
            for _ in range(loops):
                await func(*args)

        self._time(name, lambda loops: asyncio.run(repeated(loops)))

    def _time(self, name: str, timed: Timed) -> None:
        if name != self.wanted:
            return
        timed(1)  # caches, the interpreter's own specialisation, the first growth of the heap
        loops = self.loops or calibrated(timed, self.seconds)
        cpu = cpu_seconds(timed, loops)
        print(json.dumps({"loops": loops, "cpu": cpu, "peak_kib": peak_kib()}))
        sys.exit(0)


def cpu_seconds(timed: Timed, loops: int) -> float:
    """Return the CPU time of `loops` loops."""
    start = time.process_time()
    timed(loops)
    return time.process_time() - start


def peak_kib() -> int:
    """Return the peak of resident memory; getrusage would tell the parent's if that was higher."""
    status = Path("/proc/self/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0])


def calibrated(timed: Timed, seconds: float) -> int:
    """Return how many loops take about `seconds`, at least 1."""
    loops = 1
    while (taken := cpu_seconds(timed, loops)) < seconds / 5:
        loops *= 2
    return max(1, round(loops * seconds / taken))


def stand_in() -> None:
    """Put modules in the place of pyperf and of tomli (which is the standard library's)."""
    module = types.ModuleType("pyperf")
    vars(module).update(
        Runner=Runner,
        perf_counter=time.perf_counter,
        python_implementation=lambda: platform.python_implementation().lower(),
    )
    sys.modules["pyperf"] = module
    sys.modules["tomli"] = importlib.import_module("tomllib")


def main() -> None:
    """Run the benchmark that the command line names."""
    file, Runner.wanted, loops, seconds, library, pymalloc, *arguments = sys.argv[1:]
    prove(library, pymalloc)
    Runner.loops, Runner.seconds = int(loops), float(seconds)
    stand_in()
    sys.argv = [file, *arguments]
    sys.path[0] = str(Path(file).parent)
    runpy.run_path(file, run_name="__main__")
    sys.exit(f"{file}: no benchmark named {Runner.wanted}")


if __name__ == "__main__":
    main()
