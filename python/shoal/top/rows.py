"""The rows of the table: one for each process; sorted, filtered, added up."""

from __future__ import annotations

from dataclasses import dataclass

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Any

    from shoal.top.processes import Process
    from shoal.top.readings import Reading

__all__ = ["Row", "Totals", "add_up", "arrange", "row_of"]


@dataclass(frozen=True)
class Row:
    """What is known of one process; sizes in bytes, None where it is not known."""

    pid: int
    user: str
    command: str
    rss: int
    pss: int | None
    live: int | None
    held: int | None
    returnable: int | None
    allocator: str  # "" where the heap was not read.
    python: str
    age: float  # Seconds.
    why: str  # In a word, why the heap was not read; "" if it was, or is yet to be.
    detail: str  # The same in a sentence.
    read_seconds: float | None  # What reading took; None: not read yet.
    read_ago: float | None  # Seconds since.


@dataclass(frozen=True)
class Totals:
    """Sums over rows, in bytes, of what is known."""

    processes: int
    not_read: int
    rss: int
    pss: int
    live: int
    held: int
    returnable: int


def row_of(process: Process, reading: Reading | None, now: float) -> Row:
    """Join what the system says of a process and what reading it gave."""
    heap = reading.heap if reading else None
    return Row(
        pid=process.pid,
        user=process.user,
        command=process.command,
        rss=process.rss,
        pss=reading.pss if reading else None,
        live=heap.live if heap else None,
        held=heap.held if heap else None,
        returnable=heap.returnable if heap else None,
        allocator=heap.allocator if heap else "",
        python=heap.python if heap else "",
        age=process.age,
        why=reading.why if reading else "",
        detail=reading.detail if reading else "",
        read_seconds=reading.seconds if reading else None,
        read_ago=now - reading.at if reading else None,
    )


def arrange(
    rows: Iterable[Row], value: Callable[[Row], Any], descending: bool, wanted: str = ""
) -> list[Row]:
    """Return the rows that have every word of `wanted`, sorted.

    Rows without a value come last either way, equal ones by process id.
    """
    words = wanted.lower().split()
    kept = sorted((row for row in rows if _has(row, words)), key=lambda row: row.pid)
    known = [row for row in kept if value(row) not in (None, "")]
    known.sort(key=value, reverse=descending)
    return known + [row for row in kept if value(row) in (None, "")]


def _has(row: Row, words: list[str]) -> bool:
    text = f"{row.pid} {row.user} {row.allocator} {row.why} {row.command}".lower()
    return all(word in text for word in words)


def add_up(rows: Iterable[Row]) -> Totals:
    """Return the sums over the rows."""
    rows = list(rows)
    return Totals(
        processes=len(rows),
        not_read=sum(row.live is None for row in rows),
        rss=sum(row.rss for row in rows),
        pss=sum(row.pss or 0 for row in rows),
        live=sum(row.live or 0 for row in rows),
        held=sum(row.held or 0 for row in rows),
        returnable=sum(row.returnable or 0 for row in rows),
    )
