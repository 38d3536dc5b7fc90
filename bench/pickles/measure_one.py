"""Run in the measured interpreter: one dump or load, in a process of its own.

    python -m bench.pickles.measure_one make   KIND COUNT SERIALIZER FILE
    python -m bench.pickles.measure_one dump   KIND COUNT SERIALIZER FILE
    python -m bench.pickles.measure_one load   KIND COUNT SERIALIZER FILE [share]
    python -m bench.pickles.measure_one small  KIND COUNT SERIALIZER

`make` writes the file that others read. `dump` reads its object from FILE, a pickle, which is
sooner done than making it, and writes it beside it. Prints CPU seconds (user and system), how far
resident memory rose above what it was (KiB), what of that is still there, and the bytes of the
file.
"""

from __future__ import annotations

import gc
import json
import os
import pickle
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from bench.pickles.data import MAKERS
from bench.pickles.serializers import functions_of

# Loaded instances are not as a class makes them: their attributes are in a dict of their own.
MADE_HERE = ("instances", "slotted")


def _resident_kib(field: str) -> int:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(field):
            return int(line.split()[1])
    raise ValueError(field)


def _measured(work: Callable[[], Any]) -> dict[str, Any]:
    """Return CPU time and memory of one call, whose result is alive meanwhile."""
    gc.collect()
    Path("/proc/self/clear_refs").write_text("5")  # the peak is now
    before = _resident_kib("VmRSS:")
    start = time.process_time()
    result = work()
    cpu = time.process_time() - start
    peak, left = _resident_kib("VmHWM:") - before, _resident_kib("VmRSS:") - before
    del result
    return {"cpu": cpu, "peak_kib": peak, "left_kib": left}


def _make(kind: str, count: int, name: str, path: Path) -> dict[str, Any]:
    value = MAKERS[kind](count)
    with path.open("wb") as file:
        functions_of(name).dump(value, file)
    return {}


def _dump(kind: str, count: int, name: str, path: Path) -> dict[str, Any]:
    if kind in MADE_HERE:
        value = MAKERS[kind](count)
    else:
        with path.open("rb") as file:
            value = pickle.load(file)
    output = path.with_suffix(".out")
    functions = functions_of(name)

    def work() -> None:
        with output.open("wb") as out:
            functions.dump(value, out)

    found = _measured(work)
    return {**found, "file_bytes": output.stat().st_size}


def _load(path: Path, name: str, share: bool) -> dict[str, Any]:
    load = functions_of(name, share).load

    def work() -> Any:
        with path.open("rb") as file:
            return load(file)

    return {**_measured(work), "file_bytes": path.stat().st_size}


def _small(kind: str, count: int, name: str) -> dict[str, Any]:
    """Time `count` dumps, and as many loads, of the same small object."""
    functions, value = functions_of(name), MAKERS[kind](1)
    data = functions.dumps(value)
    times = []
    for work, argument in ((functions.dumps, value), (functions.loads, data)):
        start = time.process_time()
        for _ in range(count):
            work(argument)
        times.append(time.process_time() - start)
    return {"cpu": times[0], "load_cpu": times[1], "file_bytes": len(data)}


def main(arguments: list[str]) -> None:
    """Print one line of JSON."""
    operation, kind, count, name, *rest = arguments
    if operation == "make":
        found = _make(kind, int(count), name, Path(rest[0]))
    elif operation == "dump":
        found = _dump(kind, int(count), name, Path(rest[0]))
    elif operation == "load":
        found = _load(Path(rest[0]), name, "share" in rest)
    else:
        found = _small(kind, int(count), name)
    print(json.dumps(found), flush=True)
    os._exit(0)  # releasing a million objects is not measured


if __name__ == "__main__":
    main(sys.argv[1:])
