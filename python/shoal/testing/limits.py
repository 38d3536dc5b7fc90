"""The limits that a test's marks set."""

from __future__ import annotations

import re
from dataclasses import dataclass

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    import pytest

    from shoal.testing.cost import Cost

__all__ = ["Excess", "Limit", "Limits", "limits_of", "parse_size"]

_SIZE = re.compile(r"\s*(\d+\.?\d*|\.\d+)\s*([KMGT]?)(?:i?B)?\s*", re.IGNORECASE)
_POWERS = {"": 0, "K": 1, "M": 2, "G": 3, "T": 4}


def parse_size(size: Any) -> int:
    """Return the bytes that a size says.

    Parameters
    ----------
    size : int or str
        Bytes, or text such as ``"24 MB"``, ``"1.5 GiB"``, ``"512 KiB"``. KB and
        KiB are both 1024 bytes, and so on, as in pytest-memray.

    Raises
    ------
    ValueError
        It is no size, or below zero.
    """
    if isinstance(size, int) and not isinstance(size, bool) and size >= 0:
        return size
    parsed = _SIZE.fullmatch(size) if isinstance(size, str) else None
    if not parsed or size.strip().lower().endswith("i"):
        raise ValueError(f'expected a size such as "24 MB" or 512, not {size!r}')
    number, unit = parsed.groups()
    return int(float(number) * 1024 ** _POWERS[unit.upper()])


@dataclass(frozen=True)
class Limit:
    """One of them.

    Attributes
    ----------
    bytes : int
        That are allowed.
    text : str
        The same, as the mark has it.
    """

    bytes: int
    text: str


@dataclass(frozen=True)
class Limits:
    """Those of one test; None for what is not limited."""

    memory: Limit | None
    held: Limit | None

    def excesses(self, cost: Cost) -> list[Excess]:
        """Return where a test went over."""
        found = []
        if self.memory and cost.peak > self.memory.bytes:
            found.append(Excess("limit_memory", cost.peak, "allocated at once", self.memory))
        if self.held and cost.held > self.held.bytes:
            kept = "held: the allocator keeps it and nothing uses it"
            found.append(Excess("limit_held", cost.held, kept, self.held))
        return found


@dataclass(frozen=True)
class Excess:
    """A limit that a test went over.

    Attributes
    ----------
    mark : str
        Which.
    bytes : int
        What there was.
    what : str
        Of what that is.
    limit : Limit
        What the mark allows.
    """

    mark: str
    bytes: int
    what: str
    limit: Limit

    def __str__(self) -> str:
        from shoal.profiler.units import format_bytes

        told = format_bytes(self.bytes)
        exact = "" if told.endswith(" B") else f" ({self.bytes:,} B)"
        return f"{told}{exact} {self.what}; {self.mark} allows {self.limit.text}"


def limits_of(item: pytest.Item) -> Limits:
    """Return the limits of a test; of several marks with one name the closest counts.

    Raises
    ------
    ValueError
        A mark says no size.
    """
    return Limits(_limit(item, "limit_memory"), _limit(item, "limit_held"))


def _limit(item: pytest.Item, name: str) -> Limit | None:
    mark = item.get_closest_marker(name)
    if mark is None:
        return None
    try:
        if len(mark.args) != 1 or mark.kwargs:
            raise ValueError(f'expected one size, as in {name}("24 MB")')
        return Limit(parse_size(mark.args[0]), _written(mark.args[0]))
    except ValueError as error:
        raise ValueError(f"{name}: {error}") from None


def _written(size: int | str) -> str:
    return f"{size:,} B" if isinstance(size, int) else size.strip()
