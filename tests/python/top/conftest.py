"""What the tests of `shoal top` share: processes and heaps that do not exist."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
from shoal.top.processes import Process
from shoal.top.rows import Row

MIB = 2**20


def process(pid: int, **fields: Any) -> Process:
    values = {"started": 1e9 + pid, "user": "ann", "command": f"python app{pid}.py"}
    return Process(**{"pid": pid, **values, "rss": 20 * MIB, "age": 60.0, **fields})


def row(pid: int, **fields: Any) -> Row:
    values: dict[str, Any] = {
        "user": "ann",
        "command": f"python app{pid}.py",
        "rss": 20 * MIB,
        "pss": 10 * MIB,
        "live": 6 * MIB,
        "held": 3 * MIB,
        "returnable": 2 * MIB,
        "allocator": "pymalloc",
        "python": "3.12.1",
        "age": 60.0,
        "why": "",
        "detail": "",
        "read_seconds": 0.01,
        "read_ago": 1.0,
    }
    return Row(pid=pid, **{**values, **fields})


def refused(pid: int, **fields: Any) -> Row:
    """Return the row of a process that may not be read."""
    unknown = dict.fromkeys(("pss", "live", "held", "returnable"))
    words = {"allocator": "", "why": "other user", "detail": "it belongs to another user (eve)"}
    return row(pid, **{**unknown, **words, **fields})


def heap(pid: int = 1, **fields: Any) -> dict[str, Any]:
    """Return what ``_inspect.read`` returns of two arenas of pymalloc's."""
    # Start, bytes, resident; pools, used, free; live blocks, live; page-free.
    arenas = [(0x7F0000000000, MIB, 980_000, 40, 655_360, 393_216, 900, 500_000, 393_216)]
    arenas += [(0x7F0000100000, MIB, 229_376, 10, 163_840, 65_536, 20, 4_000, 70_000)]
    return {
        "pid": pid,
        "python": "3.12.1",
        "allocator": "pymalloc",
        "seconds": 0.01,
        "pool_bytes": 16384,
        "arena_bytes": MIB,
        "arenas": arenas,
        "size_classes": [(16, 30, 900, 100, 14_400, 300_000), (64, 20, 20, 50, 489_600, 15_200)],
        "resident_bytes": 1_209_376,
        "page_free_bytes": 463_216,
        "large": [],
        "large_resident_bytes": 0,
        "malloc": {"live_bytes": 0, "free_bytes": 0, "page_free_bytes": 0},
        **fields,
    }


class Clock:
    """Seconds that pass only when they are told to."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


class Machine:
    """Processes that cost time to read, by a `Clock`."""

    def __init__(self, clock: Clock, costs: dict[int, float], finding: float = 0.0) -> None:
        self.clock = clock
        self.costs = costs
        self.finding = finding
        self.reads: list[int] = []

    def find(self) -> list[Process]:
        self.clock.now += self.finding
        return [process(pid) for pid in sorted(self.costs)]

    def read(self, pid: int) -> dict[str, Any]:
        self.reads.append(pid)
        self.clock.now += self.costs[pid]
        return heap(pid)


class Source:
    """Gives the live table its rows when a test says so."""

    def __init__(self) -> None:
        self.publish: Callable[[list[Row]], None] = lambda rows: None
        self.fail: Callable[[Exception], None] = lambda error: None
        self.paused = self.stopped = False

    def start(
        self, publish: Callable[[list[Row]], None], fail: Callable[[Exception], None]
    ) -> None:
        self.publish, self.fail = publish, fail

    def pause(self, paused: bool) -> None:
        self.paused = paused

    def stop(self) -> None:
        self.stopped = True


@pytest.fixture
def made_up() -> SimpleNamespace:
    """Give a test what this file makes up."""
    return SimpleNamespace(
        process=process,
        row=row,
        refused=refused,
        heap=heap,
        Clock=Clock,
        Machine=Machine,
        Source=Source,
    )
