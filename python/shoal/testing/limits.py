"""The limits that a test's marks set.

``limit_memory`` and ``limit_leaks`` are written as pytest-memray has them, with all
their keywords, so that tests which have such marks need no change.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    import pytest

    from shoal.testing.cost import Cost
    from shoal.testing.leaks import Stack

__all__ = ["Excess", "LeakLimit", "Limit", "Limits", "limits_of", "parse_size"]

_SIZE = re.compile(r"\s*\+?(\d+\.?\d*|\.\d+)\s*([KMGTP]?)(?:i?B)?\s*", re.IGNORECASE)
_POWERS = {"": 0, "K": 1, "M": 2, "G": 3, "T": 4, "P": 5}


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
    current_thread_only : bool
        Other threads than the test's own do not count.
    """

    bytes: int
    text: str
    current_thread_only: bool = False


@dataclass(frozen=True)
class LeakLimit(Limit):
    """How much each place may leave alive.

    Attributes
    ----------
    filter_fn : callable or None
        Says of a stack whether its blocks count; None: all do.
    warmups : int
        How often the test is run before it is measured.
    """

    filter_fn: Callable[[Stack], bool] | None = None
    warmups: int = 0


@dataclass(frozen=True)
class Limits:
    """Those of one test; None for what is not limited."""

    memory: Limit | None
    held: Limit | None
    leaks: LeakLimit | None = None

    def excesses(self, cost: Cost) -> list[Excess]:
        """Return where a test went over; leaks are not in its cost."""
        found = []
        if self.memory and cost.peak > self.memory.bytes:
            where = " in the test's thread" if self.memory.current_thread_only else ""
            what = f"allocated at once{where}"
            found.append(Excess("limit_memory", cost.peak, what, self.memory))
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


# ---- Marks -----------------------------------------------------------------------------


def limits_of(item: pytest.Item, memrays: bool = False) -> Limits:
    """Return the limits of a test; of several marks with one name the closest counts.

    Parameters
    ----------
    item : pytest.Item
        The test.
    memrays : bool
        pytest-memray sees to the marks that it knows: they are no limits here.

    Raises
    ------
    ValueError
        A mark says no size, or something that it does not know.
    """
    held = _arguments(item, "limit_held", "", {})
    if memrays:
        return Limits(None, Limit(**held) if held else None)
    memory = _arguments(item, "limit_memory", "limit", _OF_MEMORY)
    leaks = _arguments(item, "limit_leaks", "location_limit", _OF_LEAKS)
    if leaks and (memory or held):
        raise ValueError("limit_leaks: expected no other limit on the test: tracing takes memory")
    return Limits(
        Limit(**memory) if memory else None,
        Limit(**held) if held else None,
        LeakLimit(**leaks) if leaks else None,
    )


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and value >= 0


def _is_filter(value: Any) -> bool:
    return value is None or callable(value)


_OF_MEMORY = {"current_thread_only": (_is_count, "True or False")}
_OF_LEAKS = {
    "filter_fn": (_is_filter, "a function of a stack"),
    "warmups": (_is_count, "a count"),
    **_OF_MEMORY,
}
"""Of each keyword: what its value must be, as a function and in words."""


def _arguments(
    item: pytest.Item, name: str, size_keyword: str, keywords: dict[str, Any]
) -> dict[str, Any] | None:
    """Return what a mark says, by the names of `Limit`; None if the test has no such mark."""
    mark = item.get_closest_marker(name)
    if mark is None:
        return None
    given = dict(mark.kwargs)
    sizes = [*mark.args, *([given.pop(size_keyword)] if size_keyword in given else [])]
    try:
        if len(sizes) != 1:
            raise ValueError(f'expected one size, as in {name}("24 MB")')
        for keyword, value in given.items():
            if keyword not in keywords:
                raise ValueError(f"expected {_known(keywords)}, not {keyword}")
            is_right, expected = keywords[keyword]
            if not is_right(value):
                raise ValueError(f"{keyword}: expected {expected}, not {value!r}")
        return {"bytes": parse_size(sizes[0]), "text": _written(sizes[0]), **given}
    except ValueError as error:
        raise ValueError(f"{name}: {error}") from None


def _known(keywords: dict[str, Any]) -> str:
    return "the keywords " + ", ".join(sorted(keywords)) if keywords else "one size alone"


def _written(size: int | str) -> str:
    return f"{size:,} B" if isinstance(size, int) else size.strip()
