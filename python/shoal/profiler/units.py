"""Bytes as people read them.

MiB by default. What would be 0.0 there is told in KiB, and what is below
10 KiB to the byte: a line that makes one object of 56 bytes says ``56 B``.
"""

from __future__ import annotations

__all__ = ["MIB", "checked_precision", "format_bytes", "split_bytes", "tell_bytes"]

KIB = 1024
MIB = 1024 * KIB

_TO_THE_BYTE = 10 * KIB
_DECIMALS = 20


def checked_precision(precision: int) -> int:
    """Return `precision` if it is a number of decimals.

    Raises
    ------
    ValueError
        It is not a whole number from 0 to 20.
    """
    whole = isinstance(precision, int) and not isinstance(precision, bool)
    if not whole or not 0 <= precision <= _DECIMALS:
        raise ValueError(f"precision: expected 0 to {_DECIMALS} decimals, not {precision!r}")
    return precision


def split_bytes(amount: int, precision: int = 1) -> tuple[str, str]:
    """Return the number and the unit in which `amount` bytes are told.

    Parameters
    ----------
    amount : int
        Bytes, of either sign.
    precision : int
        Decimals of KiB and MiB.

    Returns
    -------
    tuple of str and str
        Such as ``("48.0", "MiB")``. MiB is the largest unit, so that figures
        in one column compare.
    """
    if abs(amount) < _TO_THE_BYTE:
        return f"{amount:,}", "B"
    if round(abs(amount) / KIB, precision) < KIB:
        return f"{amount / KIB:,.{precision}f}", "KiB"
    return f"{amount / MIB:,.{precision}f}", "MiB"


def format_bytes(amount: int, precision: int = 1) -> str:
    """Return `amount` bytes with their unit, such as ``"48.0 MiB"``; see `split_bytes`."""
    return " ".join(split_bytes(amount, precision))


def tell_bytes(amount: int) -> str:
    """Return `amount` bytes as in a sentence: decimals only below 10, such as ``"229 MiB"``."""
    number, unit = split_bytes(amount, 1)
    if unit != "B" and float(number.replace(",", "")) >= 10:
        number, unit = split_bytes(amount, 0)
    return f"{number} {unit}"
