"""Bytes as people read them."""

from __future__ import annotations

import pytest
from shoal.profiler.units import MIB, checked_precision, format_bytes, tell_bytes


@pytest.mark.parametrize(
    ("amount", "shown"),
    [
        (0, "0 B"),
        (56, "56 B"),
        (-56, "-56 B"),
        (4096, "4,096 B"),
        (10 * 1024 - 1, "10,239 B"),
        (10 * 1024, "10.0 KiB"),
        (-30 * MIB, "-30.0 MiB"),
        (MIB - 1, "1.0 MiB"),
        (MIB - 60, "1,023.9 KiB"),
        (5000 * MIB, "5,000.0 MiB"),
    ],
)
def test_the_unit_suits_the_amount(amount: int, shown: str) -> None:
    assert format_bytes(amount) == shown


def test_precision_is_the_decimals_of_all_but_bytes() -> None:
    assert format_bytes(MIB, 3) == "1.000 MiB"
    assert format_bytes(MIB, 0) == "1 MiB"
    assert format_bytes(56, 3) == "56 B"


@pytest.mark.parametrize("amount", [1, 57, 1023, 10_241, MIB // 3])
def test_nothing_that_is_something_looks_like_nothing(amount: int) -> None:
    for precision in range(4):
        assert float(format_bytes(amount, precision).split()[0].replace(",", "")) > 0


@pytest.mark.parametrize("precision", [-1, 21, 1.5, True, "3"])
def test_a_wrong_precision_is_named(precision: object) -> None:
    with pytest.raises(ValueError, match="precision: expected 0 to 20 decimals, not "):
        checked_precision(precision)  # type: ignore[arg-type]


def test_sentences_round_large_numbers() -> None:
    told = [tell_bytes(amount) for amount in (56, 4096, 20_000, int(4.13 * MIB), 229 * MIB)]
    assert told == ["56 B", "4,096 B", "20 KiB", "4.1 MiB", "229 MiB"]
