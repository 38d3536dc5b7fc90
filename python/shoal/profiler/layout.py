"""Which columns a table has and how wide they are.

A table is laid out once for a whole report, so that the tables of its functions
stand under each other. All text here is plain; `table` adds colours.
"""

from __future__ import annotations

from shoal.profiler.units import split_bytes

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from shoal.profiler.model import Function, Line

__all__ = ["GAP", "LEAVE_OUT", "Layout", "cells", "lay_out"]

TITLES = (
    "Line #",
    "Mem usage",
    "Increment",
    "Occurrences",
    "Live",
    "Peak",
    "Held",
    "Returned",
)
CONTENTS = "Line Contents"

LEAVE_OUT = ("Mem usage", "Occurrences", "Increment", "Returned", "Held", "Peak")
"""What narrow terminals go without, in this order: first what the others imply."""

GAP = 2
CONTENTS_LEAST = 32


class Layout:
    """The columns of a table.

    Attributes
    ----------
    titles : tuple of str
        Of the columns before the source, in order.
    widths : tuple of int
        Of each, in characters, without the `GAP` after it.
    left_out : tuple of str
        Titles for which there is no room.
    contents : int
        How wide source lines are at most, in characters.
    """

    def __init__(
        self, titles: Sequence[str], widths: Sequence[int], left_out: Sequence[str], contents: int
    ) -> None:
        self.titles = tuple(titles)
        self.widths = tuple(widths)
        self.left_out = tuple(left_out)
        self.contents = contents

    def header(self) -> str:
        """Return the line with the titles."""
        return "".join(self.figures({title: title for title in self.titles})) + CONTENTS

    def figures(self, row: dict[str, str]) -> list[str]:
        """Return a row's cells, each set to the right and with the gap after it."""
        return [
            f"{row[title]:>{width}}{'':{GAP}}" for title, width in zip(self.titles, self.widths)
        ]


def cells(function: Function, line: Line, precision: int) -> dict[str, str]:
    """Return what a line's row says in each column.

    A line that never ran says only its number. The first line of a function
    says with how much memory it was called, and how often.
    """
    row = dict.fromkeys(TITLES, "")
    row["Line #"] = str(line.number)
    if line.number == function.first_line and not line.hits and function.calls:
        row["Occurrences"] = str(function.calls)
        row["Mem usage"] = _bytes(function.rss_before, precision)
        return row
    if line.hits or line.live or line.made:
        row.update(
            {
                "Mem usage": _bytes(line.rss, precision),
                "Increment": _bytes(line.rss_growth, precision),
                "Occurrences": str(line.hits),
                "Live": _bytes(line.live, precision),
                "Peak": _bytes(line.peak, precision),
                "Held": _bytes(line.held, precision),
                "Returned": _bytes(line.returned, precision),
            }
        )
    return row


def _bytes(amount: int | None, precision: int) -> str:
    if amount is None:
        return ""
    number, unit = split_bytes(amount, precision)
    return f"{number} {unit:<3}"


def lay_out(rows: Sequence[dict[str, str]], longest: int, width: int | None) -> Layout:
    """Choose the columns.

    Parameters
    ----------
    rows : sequence of dict of str to str
        What `cells` returned, of all functions.
    longest : int
        The width of the widest source line.
    width : int or None
        Of the terminal, in characters; None where there is no limit.

    Returns
    -------
    Layout
        Without columns that are empty, and without as many more, by
        `LEAVE_OUT`, as give the source lines room: as wide as the widest, or
        32 characters, or 3/10 of the width if that is more.
    """
    widths = {title: len(title) for title in TITLES}
    used = {TITLES[0]}
    for row in rows:
        for title, cell in row.items():
            if cell:
                used.add(title)
                widths[title] = max(widths[title], len(cell))
    titles = [title for title in TITLES if title in used]
    left_out: list[str] = []
    if width is None:
        return Layout(titles, [widths[title] for title in titles], (), max(longest, len(CONTENTS)))

    def room() -> int:
        return width - sum(widths[title] + GAP for title in titles)

    least = max(len(CONTENTS), min(longest, max(CONTENTS_LEAST, width * 3 // 10)))
    for title in LEAVE_OUT:
        if room() >= least:
            break
        if title in titles:
            titles.remove(title)
            left_out.append(title)
    return Layout(titles, [widths[title] for title in titles], left_out, max(room(), 1))
