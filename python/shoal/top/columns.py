"""The columns: their titles, how a cell is told, what they are sorted by."""

from __future__ import annotations

from dataclasses import dataclass
from operator import attrgetter

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from shoal.top.rows import Row, Totals

__all__ = [
    "COLUMNS",
    "Column",
    "column_named",
    "tell_age",
    "tell_bytes",
    "tell_seconds",
    "totals_cells",
]

UNKNOWN = "-"


@dataclass(frozen=True)
class Column:
    """One column of the table."""

    key: str  # The name of the field of a row; that of --sort.
    title: str
    tell: Callable[[Row], str]
    right: bool = True  # Aligned to the right.
    descending: bool = True  # Sorted so, unless reversed.

    @property
    def value(self) -> Callable[[Row], Any]:
        """What rows are sorted by."""
        return attrgetter(self.key)


def tell_bytes(amount: int | None) -> str:
    """Return bytes in at most five characters, as `ls -h` does: ``61.3M`` is 61.3 MiB."""
    if amount is None:
        return UNKNOWN
    size = float(amount)
    for unit in "BKMGT":
        if abs(size) < 999.5 or unit == "T":
            break
        size /= 1024
    decimals = 0 if unit == "B" or abs(size) >= 99.95 else 1 if abs(size) >= 9.995 else 2
    return f"{size:.{decimals}f}{unit}"


def tell_age(seconds: float) -> str:
    """Return an age such as ``42s``, ``3:07``, ``5h12m`` or ``12d04h``."""
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    if days:
        return f"{days}d{hours:02}h"
    if hours:
        return f"{hours}h{minutes:02}m"
    return f"{minutes}:{rest:02}" if minutes else f"{rest}s"


def tell_seconds(seconds: float) -> str:
    """Return a short time such as ``14 s``, ``0.7 s`` or ``3 ms``."""
    if seconds < 0.0995:
        return f"{seconds * 1000:.0f} ms"
    return f"{seconds:.1f} s" if seconds < 9.95 else f"{seconds:.0f} s"


def _tell_allocator(row: Row) -> str:
    if row.why:
        return f"({row.why})"
    return row.allocator or "..."


def _size(key: str, title: str) -> Column:
    return Column(key, title, lambda row: tell_bytes(getattr(row, key)))


COLUMNS = (
    Column("pid", "PID", lambda row: str(row.pid), descending=False),
    Column("user", "USER", lambda row: row.user, right=False, descending=False),
    _size("rss", "RSS"),
    _size("pss", "PSS"),
    _size("live", "LIVE"),
    _size("held", "HELD"),
    _size("returnable", "RETURN"),
    Column("allocator", "ALLOCATOR", _tell_allocator, right=False, descending=False),
    Column("age", "AGE", lambda row: tell_age(row.age)),
    Column("command", "COMMAND", lambda row: row.command, right=False, descending=False),
)


def column_named(key: str) -> Column:
    """Return the column with this key."""
    return next(column for column in COLUMNS if column.key == key)


def totals_cells(totals: Totals) -> list[str]:
    """Return the cells of the totals, in the order of the columns."""
    summed = {key: tell_bytes(getattr(totals, key)) for key in _SUMMED}
    summed["pid"] = "TOTAL"
    plural = "" if totals.processes == 1 else "es"
    summed["command"] = f"{totals.processes} process{plural}"
    if totals.not_read:
        summed["command"] += f", {totals.not_read} not read"
    return [summed.get(column.key, "") for column in COLUMNS]


_SUMMED = ("rss", "pss", "live", "held", "returnable")
