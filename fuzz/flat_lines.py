"""Fuzzes shoal.flat: ``flat_lines.py load|round_trip SECONDS [SEED]``.

load: lines of literals changed at random are read; what is read is what
`ast.literal_eval` reads, and what is refused is refused at a place in the line. round_trip:
random records are written as repr writes them and come back. What fails is printed with
the seed that makes it again.
"""

from __future__ import annotations

import ast
import random
import string
import struct
import sys
import time
import warnings
from collections.abc import Callable
from typing import Any

from shoal import flat

PARTS = [*"()[]{},:+-.'\"\\#_jxbruN \t", "None", "True", "set()", "frozenset(", "...", "1e9", "é"]


def number(chance: random.Random) -> Any:
    """Return a number whose digits are likely to be hard."""
    kind = chance.randrange(4)
    if kind == 0:
        return chance.randrange(-(1 << chance.randrange(1, 200)), 1 << chance.randrange(200))
    if kind == 1:
        return round(chance.random(), chance.randrange(17))
    value = struct.unpack("<d", chance.getrandbits(64).to_bytes(8, "little"))[0]
    if value != value or value in (float("inf"), -float("inf")):
        return 0.5
    return value if kind == 2 else complex(chance.random(), value)


def text(chance: random.Random) -> str:
    """Return a string in which escapes are likely."""
    points = [0x20, 0x7F, 0xFF, 0xD7FF, 0xDFFF, 0xFFFF, 0x10FFFF]
    pool = string.printable + "".join(chr(chance.randrange(chance.choice(points) + 1)) * 9)
    return "".join(chance.choices(pool, k=chance.randrange(12)))


def record(chance: random.Random, depth: int = 0) -> Any:
    """Return a random literal."""
    kind = chance.randrange(11 if depth < 5 else 5)
    if kind < 2:
        return number(chance)
    if kind < 4:
        made = text(chance)
        return made if kind == 2 else made.encode("utf-8", "surrogatepass")
    if kind == 4:
        return chance.choice([None, True, False, set(), ()])
    items = [record(chance, depth + 1) for _ in range(chance.randrange(4))]
    if kind < 8:
        return tuple(items) if kind < 7 else items
    keys = [text(chance) for _ in items]
    if kind == 8:
        return set(keys)
    return frozenset(keys) if kind == 9 else dict(zip(keys, items))


def changed(chance: random.Random, line: str) -> str:
    """Return a line changed in a few places."""
    for _ in range(chance.randrange(1, 4)):
        at = chance.randrange(len(line) + 1)
        kind = chance.randrange(3)
        insert = chance.choice(PARTS) if kind else ""
        line = line[:at] + insert + line[at + (kind < 2) * chance.randrange(1, 4) :]
    return line.replace("\n", " ").replace("\r", " ").replace("\0", " ")


def load(chance: random.Random) -> None:
    """Compare one changed line with what literal_eval takes it for."""
    line = changed(chance, repr(record(chance)))
    data = line.encode("utf-8", "surrogatepass")
    try:
        found = flat.loads(data)
    except flat.FlatError as error:
        assert error.line == 1
        assert 1 <= error.column <= len(data) + 1, (line, error.column)
        return
    if not found:
        assert not line.strip(" \t\f") or line.strip(" \t\f").startswith("#"), line
        return
    if any(word in line for word in ("frozenset", "Ellipsis", "nan", "inf")):
        return
    expected = ast.literal_eval(line.strip(" \t\f"))
    assert found[0] == expected, line
    assert flat.loads(flat.dumps(found)) == found, line


def round_trip(chance: random.Random) -> None:
    """Write one record and read it back."""
    made = record(chance)
    line = flat.dumps([made])
    assert line == (repr(made) + "\n").encode(), made
    found = flat.loads(line)
    assert found == [made], made
    assert b"{" in line or repr(found) == repr([made]), made  # sets have their own order


def main() -> int:
    """Run until the time is over; the exit status is 1 if something failed."""
    kinds: dict[str, Callable[[random.Random], None]] = {"load": load, "round_trip": round_trip}
    run, seconds = kinds[sys.argv[1]], float(sys.argv[2])
    seed = int(sys.argv[3]) if len(sys.argv) > 3 else time.time_ns()
    end = time.monotonic() + seconds
    warnings.simplefilter("ignore")  # of escapes that are none
    runs = 0
    while runs == 0 or time.monotonic() < end:
        try:
            run(random.Random(seed))
        except Exception as error:
            print(f"{sys.argv[1]}, seed {seed}: {type(error).__name__}: {error}")
            return 1
        seed += 1
        runs += 1
    print(f"{sys.argv[1]}: {runs:,} runs")
    return 0


if __name__ == "__main__":
    sys.exit(main())
