"""The record that experiments B to E build, write and read."""

from __future__ import annotations

from string import ascii_letters
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from random import Random

SEED = 2013

Record = tuple[float, str, int]


def record(chance: Random) -> Record:
    """One tuple of the article: a float, a string of 20 letters, a 64-bit int."""
    letters = "".join(chance.choices(ascii_letters, k=20))
    return chance.random(), letters, chance.randint(0, 2**64)
