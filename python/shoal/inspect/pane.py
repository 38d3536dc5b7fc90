"""Lays tables and bars out on a terminal or in a file, by rich."""

from __future__ import annotations

import io
import os
import re

from rich.cells import cell_len
from rich.console import Console, Group
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from shoal.profiler.paint import write_escaped
from shoal.profiler.table import is_coloured, terminal_width

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from typing import TextIO

    from rich.console import RenderableType

__all__ = ["PLAIN_WIDTH", "WIDE", "Pane", "beside", "section", "sentence"]

PLAIN_WIDTH = 100
"""Characters a line where the stream is no terminal."""

WIDE = 96
"""From this width on tables stand side by side."""

GAP = 2
BETWEEN = 4
RIGHT = 43
LEAST = 8
"""Characters between columns, between tables, of tables on the right, and of a name."""


_JOINT = "\ue000"
"""Stands for a space at which no line is broken, until all lines are."""

_FIGURE = re.compile(r"(?<=\d) (?=(?:[KMG]iB|B|s)\b|%)")


def sentence(text: str, style: str = "") -> Text:
    """Return words of which no line ends between a figure and its unit."""
    return Text(_FIGURE.sub(_JOINT, text), style)


class Pane:
    """Where something is shown.

    Attributes
    ----------
    width : int
        Characters a line.
    colour : bool
        Whether there are colours.
    blocks : bool
        Whether the stream has characters for bars; "#" where not.
    height : int or None
        Lines of the terminal; None if it is none.
    """

    def __init__(
        self, stream: TextIO, width: int | None = None, colour: bool | None = None
    ) -> None:
        self._stream = stream
        self.width = max(20, width or terminal_width(stream) or PLAIN_WIDTH)
        self.colour = is_coloured(stream) if colour is None else colour
        self.blocks = _has_blocks(stream)
        self.height = _height(stream)

    @property
    def wide(self) -> bool:
        """Whether two tables fit side by side."""
        return self.width >= WIDE

    @property
    def left(self) -> int:
        """Characters a line of the left one of two tables."""
        return self.width - self.right - BETWEEN if self.wide else self.width

    @property
    def right(self) -> int:
        """Characters a line of the right one of two tables."""
        return max(RIGHT, self.width * 2 // 5) if self.wide else self.width

    def bar(self, share: float, cells: int, style: str = "cyan") -> Text:
        """Return a bar that is `share` (0 to 1) of `cells` characters long."""
        eighths = round(min(1.0, max(0.0, share)) * cells * 8)
        if share > 0:
            eighths = max(1, eighths)  # What is there is seen.
        if not self.blocks:
            return Text("#" * -(-eighths // 8), style)
        partly = "" if eighths % 8 == 0 else chr(0x2590 - eighths % 8)
        return Text("\u2588" * (eighths // 8) + partly, style)

    def clear(self) -> None:
        """Empty the terminal's screen."""
        self._stream.write("\x1b[H\x1b[2J")

    def show(self, *parts: RenderableType) -> None:
        """Write parts below each other.

        Raises
        ------
        OSError
            The stream cannot be written.
        """
        console = Console(
            file=io.StringIO(),
            width=self.width,
            force_terminal=self.colour,
            no_color=not self.colour,
            color_system="standard" if self.colour else None,
            highlight=False,
            markup=False,
            emoji=False,
            legacy_windows=False,
        )
        with console.capture() as captured:
            console.print(Group(*parts))
        lines = (line.rstrip() for line in captured.get().replace(_JOINT, " ").splitlines())
        text = "\n".join(lines).rstrip("\n") + "\n"
        if not self.blocks:
            text = text.replace("\u2026", "~")
        write_escaped(self._stream, text)
        self._stream.flush()


def _height(stream: TextIO) -> int | None:
    try:
        return os.get_terminal_size(stream.fileno()).lines or None if stream.isatty() else None
    except (AttributeError, OSError, ValueError):
        return None


def _has_blocks(stream: TextIO) -> bool:
    try:
        "\u2588\u258f\u2591".encode(getattr(stream, "encoding", None) or "utf-8")
    except (UnicodeEncodeError, LookupError):
        return False
    return True


def section(
    title: str,
    columns: Sequence[str],
    rows: Iterable[Sequence[str | Text]],
    *,
    room: int,
    note: str = "",
) -> RenderableType:
    """Return a titled table, followed by an empty line.

    Parameters
    ----------
    title : str
        Above it.
    columns : sequence of str
        Their titles. Those that begin with "<" are set to the left; the first
        of them gives way where there is no room. Those that begin with "?" are
        left out before that, the last one first.
    rows : iterable of sequence
        A cell for each column.
    room : int
        Characters a line.
    note : str
        Below it.
    """
    cells = [[Text(cell) if isinstance(cell, str) else cell for cell in row] for row in rows]
    wanted = [
        max([cell_len(name.lstrip("?<")), *(row[at].cell_len for row in cells)])
        for at, name in enumerate(columns)
    ]
    kept = list(range(len(columns)))
    gives = next((at for at, name in enumerate(columns) if name.startswith("<")), None)
    for at in reversed(kept.copy()):
        if columns[at].startswith("?") and _overflow(wanted, kept, room) > 0:
            kept.remove(at)
    if gives is not None:
        widest = max(LEAST, wanted[gives] - max(0, _overflow(wanted, kept, room)))
        for row in cells:
            row[gives] = _without_start(row[gives], widest)
    table = Table(box=None, padding=(0, GAP, 0, 0), pad_edge=False, header_style="dim")
    for at in kept:
        name = columns[at].lstrip("?")
        table.add_column(
            name.lstrip("<"), justify="left" if name.startswith("<") else "right", no_wrap=True
        )
    for row in cells:
        table.add_row(*(row[at] for at in kept))
    heading = Text(title, "bold", no_wrap=True, overflow="ellipsis")
    parts: list[RenderableType] = [heading, table]
    if note:
        parts.append(Text(note, "dim"))
    return Padding(Group(*parts), (0, 0, 1, 0))


def _overflow(wanted: Sequence[int], kept: Sequence[int], room: int) -> int:
    return sum(wanted[at] + GAP for at in kept) - GAP - room


def _without_start(text: Text, room: int) -> Text:
    """Return a name of which the end remains: there is what tells it from others."""
    if text.cell_len <= room:
        return text
    plain = text.plain
    while cell_len(plain) > room - 1:
        plain = plain[1:]
    return Text("\u2026" + plain, text.style)


def beside(pane: Pane, left: RenderableType, right: RenderableType) -> RenderableType:
    """Return two parts side by side, or below each other where the pane is narrow."""
    if not pane.wide:
        return Group(left, right)
    grid = Table.grid(padding=0)
    grid.add_column(width=pane.left + BETWEEN)
    grid.add_column(width=pane.right)
    grid.add_row(left, right)
    return grid
