"""Figures as people read and write them on the screens of `shoal inspect`."""

from __future__ import annotations

import re

from shoal.profiler.units import KIB, MIB, split_bytes, tell_bytes

__all__ = ["counted", "parse_bytes", "per_cent", "signed", "signed_bytes", "tell"]

GIB = 1024 * MIB

_UNITS = {"": 1, "K": KIB, "M": MIB, "G": GIB}
_WRITTEN = re.compile(r"(\d{1,12}(?:\.\d{1,6})?)\s*([KMG]?)(?:I?B)?", re.IGNORECASE | re.ASCII)


def tell(amount: int) -> str:
    """Return bytes as in a sentence: `tell_bytes`, and from 1 GiB on such as ``"3.9 GiB"``."""
    if abs(amount) < GIB:
        return tell_bytes(amount)
    return f"{amount / GIB:,.1f} GiB"


def signed_bytes(amount: int) -> str:
    """Return a difference in bytes, such as ``"+1.5 MiB"``."""
    number, unit = split_bytes(amount)
    return f"{'+' if amount > 0 else ''}{number} {unit}"


def signed(count: int) -> str:
    """Return a difference, such as ``"+1,200"``."""
    return f"{count:+,}" if count else "0"


def counted(count: int, noun: str) -> str:
    """Return how many of a thing: ``"1 arena"``, ``"3,912 arenas"``."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def per_cent(part: int, whole: int) -> str:
    """Return a share, such as ``"1.2 %"``; "" of nothing."""
    if whole <= 0:
        return ""
    share = 100 * part / whole
    return f"{share:.1f} %" if 0 < share < 9.95 else f"{share:.0f} %"


def parse_bytes(text: str) -> int:
    """Return the bytes that somebody wrote, such as ``64K``, ``1.5M`` or ``2GiB``.

    Raises
    ------
    ValueError
        It is no number of bytes.
    """
    found = _WRITTEN.fullmatch(text.strip())
    if not found:
        raise ValueError(f"expected bytes, such as 4096, 64K or 1.5M, not {text!r}")
    return round(float(found[1]) * _UNITS[found[2].upper()])
