"""Programs whose lines are known by the word in their comments."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from pathlib import Path

from shoal.profiler import export
from shoal.profiler.model import Line

Measure = Callable[..., dict[str, Line]]

EMPTY = sys.getsizeof(b"")
"""``bytes(n)`` is one block of this and n more."""


def lines_of(path: Path) -> dict[str, Line]:
    """Return the lines that end in a comment of one word, by that word."""
    found: dict[str, Line] = {}
    for function in export.load(path).functions:
        for line in function.lines:
            mark = re.search(r"# (\w+)$", line.text)
            if mark:
                found[mark[1]] = line
    return found
