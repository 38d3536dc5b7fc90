"""Whose survivors keep held memory from being returned: from sites to lines."""

from __future__ import annotations

from shoal import _profile
from shoal.profiler.model import Pin

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from types import CodeType

    Pinned = list[tuple[tuple[int, ...], int, int]]

__all__ = ["pins_of"]


def pins_of(codes: Iterable[CodeType], pinned: Pinned) -> dict[CodeType, tuple[Pin, ...]]:
    """Return what lines of each code object keep, those that keep most first.

    `pinned` is what `_profile.pinned` told. What lines of several functions keep
    together is not told of.
    """
    places = {
        site: (code, number)
        for code in codes
        for number, site in enumerate(_profile.sites(code), code.co_firstlineno)
        if site
    }
    found: dict[CodeType, list[Pin]] = {}
    for sites, held, live in pinned:
        keepers = [places[site] for site in sites if site in places]
        functions = {code for code, _ in keepers}
        if len(keepers) == len(sites) and len(functions) == 1:
            lines = tuple(sorted(number for _, number in keepers))
            found.setdefault(functions.pop(), []).append(Pin(lines, held, live))
    return {code: tuple(sorted(pins, key=_most_first)) for code, pins in found.items()}


def _most_first(pin: Pin) -> tuple[int, tuple[int, ...]]:
    return -pin.held, pin.lines
