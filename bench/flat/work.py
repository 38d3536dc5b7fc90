"""One measurement: ``work.py write|read|iterate PEER COUNT FILE``, in a process of its own.

Makes the records of experiment B, or reads what was written of them, and prints JSON: CPU
seconds, and the KiB that were resident at most on top of the records themselves.
"""

from __future__ import annotations

import json
import pickle
import resource
import sys
from ast import literal_eval
from collections.abc import Callable, Iterator
from contextlib import suppress
from csv import reader as csv_reader
from csv import writer as csv_writer
from pathlib import Path
from random import Random
from string import ascii_letters
from typing import Any

from shoal import flat

with suppress(ImportError):
    import msgspec
    import orjson

Records = list[tuple[float, str, int]]


def make(count: int) -> Records:
    """Return the tuples of experiment B."""
    chance = Random(2013)
    return [
        (chance.random(), "".join(chance.choices(ascii_letters, k=20)), chance.getrandbits(64))
        for _ in range(count)
    ]


# ---- Writing ------------------------------------------------------------------------


def write_shoal(records: Records, path: Path) -> None:
    flat.dump(records, path)


def write_pickle(records: Records, path: Path) -> None:
    with path.open("wb") as file:
        pickle.dump(records, file, 4)


def write_repr(records: Records, path: Path) -> None:
    with path.open("w", encoding="utf-8") as file:
        for record in records:
            file.write(repr(record) + "\n")


def write_json(records: Records, path: Path) -> None:
    with path.open("w", encoding="utf-8") as file:
        for record in records:
            file.write(json.dumps(record) + "\n")


def write_orjson(records: Records, path: Path) -> None:
    dumps, newline = orjson.dumps, orjson.OPT_APPEND_NEWLINE
    with path.open("wb") as file:
        for record in records:
            file.write(dumps(record, option=newline))


def write_msgspec(records: Records, path: Path) -> None:
    encode = msgspec.json.Encoder().encode_lines
    with path.open("wb") as file:
        for start in range(0, len(records), 1000):
            file.write(encode(records[start : start + 1000]))


def write_csv(records: Records, path: Path) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        csv_writer(file).writerows(records)


# ---- Reading ------------------------------------------------------------------------


def read_shoal(path: Path) -> list[Any]:
    return flat.load(path)


def read_pickle(path: Path) -> list[Any]:
    with path.open("rb") as file:
        found: list[Any] = pickle.load(file)
    return found


def read_eval(path: Path) -> list[Any]:
    with path.open(encoding="utf-8") as file:
        return [eval(line) for line in file]


def read_literal_eval(path: Path) -> list[Any]:
    with path.open(encoding="utf-8") as file:
        return [literal_eval(line) for line in file]


def read_json(path: Path) -> list[Any]:
    with path.open(encoding="utf-8") as file:
        return [json.loads(line) for line in file]


def read_orjson(path: Path) -> list[Any]:
    loads = orjson.loads
    with path.open("rb") as file:
        return [loads(line) for line in file]


def read_msgspec(path: Path) -> list[Any]:
    decode = msgspec.json.Decoder(tuple[float, str, int]).decode
    with path.open("rb") as file:
        return [decode(line) for line in file]


def read_csv(path: Path) -> list[Any]:
    with path.open(encoding="utf-8", newline="") as file:
        return [(float(one), two, int(three)) for one, two, three in csv_reader(file)]


def iterate_shoal(path: Path) -> Iterator[Any]:
    return flat.iterate(path)


WRITERS: dict[str, Callable[[Records, Path], None]] = {
    "shoal": write_shoal,
    "pickle": write_pickle,
    "repr": write_repr,
    "json": write_json,
    "orjson": write_orjson,
    "msgspec": write_msgspec,
    "csv": write_csv,
}
READERS: dict[str, Callable[[Path], list[Any]]] = {
    "shoal": read_shoal,
    "pickle": read_pickle,
    "eval": read_eval,
    "literal_eval": read_literal_eval,
    "json": read_json,
    "orjson": read_orjson,
    "msgspec": read_msgspec,
    "csv": read_csv,
}


# ---- Measuring ----------------------------------------------------------------------


def kibibytes(name: str) -> int:
    """Return a figure of this process from the kernel."""
    with open("/proc/self/status", encoding="ascii") as status:
        line = next(line for line in status if line.startswith(name + ":"))
    return int(line.split()[1])


def processor_time() -> float:
    """Return CPU seconds, the kernel's too."""
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def reset_peak() -> None:
    """Make what is resident now the most that was."""
    with open("/proc/self/clear_refs", "w", encoding="ascii") as reset:
        reset.write("5")


def measure(work: Callable[[], Any], keeps: bool) -> dict[str, float]:
    """Run once; `keeps`: what it returns is data, which the peak is counted on top of."""
    reset_peak()
    before, start = kibibytes("VmRSS"), processor_time()
    result = work()
    seconds = processor_time() - start
    peak, after = kibibytes("VmHWM"), kibibytes("VmRSS")
    del result
    return {"cpu": seconds, "extra_kib": peak - (after if keeps else before)}


def warm_up(path: Path) -> None:
    """Import and set up what the first call of each does."""
    few, scratch = make(10), path.with_suffix(".first")
    for name in WRITERS.keys() & READERS.keys():
        with suppress(NameError):
            WRITERS[name](few, scratch)
            READERS[name](scratch)
    scratch.unlink()


def main() -> None:
    """Measure what the arguments say."""
    how, peer, count, path = sys.argv[1], sys.argv[2], int(sys.argv[3]), Path(sys.argv[4])
    warm_up(path)
    if how == "write":
        records = make(count)
        found = measure(lambda: WRITERS[peer](records, path), keeps=False)
    elif how == "read":
        found = measure(lambda: READERS[peer](path), keeps=True)
    else:
        found = measure(lambda: sum(1 for _ in iterate_shoal(path)), keeps=False)
    print(json.dumps(found))


if __name__ == "__main__":
    main()
