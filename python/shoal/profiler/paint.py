"""Writes lines of text: as they are, or coloured.

Plain text needs nothing but this, so that a program which is about to end can
write its report at once. Colours come from rich, imported where they are wanted.
"""

from __future__ import annotations

import unicodedata
from contextlib import suppress
from dataclasses import dataclass

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from typing import TextIO

    from rich.text import Text

    Block = list["Row"]

__all__ = ["Row", "coloured", "plain", "printable", "width_of", "write_escaped"]

TAB = 8

STYLES = {
    "title": "bold",
    "note": "dim",
    "verdict": "yellow",
    "large": "bold",
    "zero": "dim",
}
"""How rich shows the roles of pieces; those not named are shown as they are."""


@dataclass(frozen=True)
class Row:
    """One line to be written.

    Attributes
    ----------
    pieces : list of (str, str)
        Text and its role, a name in `STYLES` or any other.
    code : str or None
        Python source that follows the pieces; printable.
    room : int
        To how many characters the code is cut.
    """

    pieces: list[tuple[str, str]]
    code: str | None = None
    room: int = 0


# ---- Text -------------------------------------------------------------------------


def printable(text: str) -> str:
    """Return text that moves no cursor: tabs as spaces, controls as escapes.

    Escaped are also characters that turn the direction of writing, so that a
    source line looks like what it does.
    """
    text = text.expandtabs(TAB)
    if text.isprintable():
        return text
    return "".join(
        c if c.isprintable() or unicodedata.category(c) == "Zs" else ascii(c)[1:-1] for c in text
    )


def width_of(text: str) -> int:
    """Return how many characters wide a terminal shows a printable text."""
    if text.isascii():
        return len(text)
    return sum(map(_width, text))


def _width(character: str) -> int:
    if unicodedata.combining(character):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


def _cut(text: str, room: int, mark: str) -> str:
    """Return a text cut to `room` characters, with the mark at its end if it was."""
    if width_of(text) <= room:
        return text
    room -= len(mark)
    for at, character in enumerate(text):
        room -= _width(character)
        if room < 0:
            return text[:at] + mark
    return text


def _mark(encoding: str) -> str:
    """Return the mark of what was cut, in characters that the encoding has."""
    try:
        "…".encode(encoding)
    except (UnicodeEncodeError, LookupError):
        return "..."
    return "…"


def _encoding(stream: TextIO) -> str:
    return getattr(stream, "encoding", None) or "utf-8"


def write_escaped(stream: TextIO, text: str) -> None:
    """Write what the stream's encoding has, and the rest as escapes."""
    encoding = _encoding(stream)
    with suppress(LookupError):
        text = text.encode(encoding, "backslashreplace").decode(encoding)
    stream.write(text)


# ---- Plain ------------------------------------------------------------------------


def plain(blocks: Iterable[Block], stream: TextIO, width: int | None) -> None:
    """Write lines of which nothing but text remains.

    Parameters
    ----------
    blocks : iterable of list of Row
        The lines.
    stream : text file
        Where to.
    width : int or None
        Characters a line, at which text without code is broken.
    """
    mark = _mark(_encoding(stream))
    for block in blocks:
        for row in block:
            text = "".join(piece for piece, _ in row.pieces)
            if row.code is not None:
                write_escaped(stream, f"{text}{_cut(row.code, row.room, mark)}".rstrip() + "\n")
                continue
            for line in _broken(text, width):
                write_escaped(stream, line.rstrip() + "\n")


def _broken(text: str, width: int | None) -> list[str]:
    if width is None or width_of(text) <= width:
        return [text]
    if set(text) == {"="}:
        return [text[:width]]
    import textwrap

    return textwrap.wrap(text, max(width, 1)) or [""]


# ---- Coloured ---------------------------------------------------------------------


def coloured(blocks: Iterable[Block], stream: TextIO, width: int | None) -> None:
    """Write lines with colours; plain where rich is not installed.

    Parameters are those of `plain`.
    """
    try:
        from rich.console import Console
        from rich.text import Text
    except ImportError:
        plain(blocks, stream, width)
        return
    console = Console(force_terminal=True, no_color=False, width=width, highlight=False)
    for block in blocks:
        with console.capture() as captured:
            for row, code in zip(block, _highlighted(block)):
                text = Text("", end="\n")
                for piece, role in row.pieces:
                    text.append(piece, STYLES.get(role, ""))
                if row.code is None:
                    console.print(text)
                    continue
                code.truncate(row.room, overflow="ellipsis")
                console.print(text.append_text(code), soft_wrap=True)
        write_escaped(stream, captured.get())


def _highlighted(block: Block) -> Iterator[Text]:
    """Yield the code of each row: coloured as a whole, so that strings of many lines are one."""
    from rich.syntax import Syntax
    from rich.text import Text

    codes = [row.code or "" for row in block]
    if not any(codes):
        yield from (Text() for _ in codes)
        return
    syntax = Syntax("", "python", theme="ansi_dark", background_color="default")
    lines = list(syntax.highlight("\n".join(codes)).split("\n", allow_blank=True))
    for code, line in zip(codes, lines):
        # A lexer may drop empty lines at either end; then colours give way to the text.
        yield line if len(lines) >= len(codes) and line.plain == code else Text(code)
