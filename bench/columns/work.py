"""One measurement: ``work.py PEER FOLDER``, in a process of its own; ``work.py make COUNT FOLDER``.

Reads the records of experiment B into columns, or makes their files: ``records.flat`` and
``records.csv``. Prints JSON: CPU seconds, and the KiB that were resident at most on top of
what was before, the columns included.
"""

from __future__ import annotations

import csv
import json
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from random import Random
from string import ascii_letters
from typing import Any

from shoal import flat

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from bench.flat.work import measure

with suppress(ImportError):
    import numpy as np

with suppress(ImportError):
    import pyarrow.csv as arrow_csv

LETTERS = 20
DTYPE = [("f0", "f8"), ("f1", f"S{LETTERS}"), ("f2", "u8")]


def make(count: int, folder: Path) -> None:
    """Write the tuples of experiment B."""
    chance = Random(2013)
    records = (
        (chance.random(), "".join(chance.choices(ascii_letters, k=LETTERS)), chance.getrandbits(64))
        for _ in range(count)
    )
    with (
        open(folder / "records.flat", "wb") as lines,
        open(folder / "records.csv", "w", encoding="utf-8", newline="") as table,
    ):
        writer = csv.writer(table)
        for record in records:
            flat.dump([record], lines)
            writer.writerow(record)


def load(folder: Path) -> Any:
    return flat.load(folder / "records.flat")


def shoal(folder: Path) -> Any:
    return flat.columns(folder / "records.flat")


def shoal_array(folder: Path) -> Any:
    return flat.columns(folder / "records.flat", into="array")


def shoal_arrow(folder: Path) -> Any:
    return flat.columns(folder / "records.flat", into="arrow")


def loadtxt(folder: Path) -> Any:
    return np.loadtxt(folder / "records.csv", DTYPE, delimiter=",")


def csv_numpy(folder: Path) -> Any:
    with open(folder / "records.csv", encoding="utf-8", newline="") as file:
        return np.fromiter(((float(a), b, int(c)) for a, b, c in csv.reader(file)), DTYPE)


def arrow(folder: Path) -> Any:
    options = arrow_csv.ReadOptions(column_names=["f0", "f1", "f2"], use_threads=False)
    types = {"f0": "float64", "f1": "string", "f2": "uint64"}
    convert = arrow_csv.ConvertOptions(column_types=types)
    return arrow_csv.read_csv(folder / "records.csv", options, convert_options=convert)


PEERS: dict[str, Callable[[Path], Any]] = {
    "load": load,
    "shoal": shoal,
    "shoal-array": shoal_array,
    "shoal-arrow": shoal_arrow,
    "loadtxt": loadtxt,
    "csv+numpy": csv_numpy,
    "arrow": arrow,
}


def main() -> None:
    """Measure what the arguments say."""
    if sys.argv[1] == "make":
        make(int(sys.argv[2]), Path(sys.argv[3]))
        return
    work, folder = PEERS[sys.argv[1]], Path(sys.argv[2])
    try:
        work(folder / "few")  # what the first call of each imports and sets up
    except NameError as missing:
        print(json.dumps({"missing": missing.name}))
        return
    print(json.dumps(measure(lambda: work(folder), keeps=False)))


if __name__ == "__main__":
    main()
