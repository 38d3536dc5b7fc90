"""What a profile consists of: plain figures, with no way of getting or showing them.

Bytes are whole numbers, and those of blocks are as asked for, not as the
allocator rounds them up. "Resident" is what the operating system counts as
RSS. What a field means is said here and nowhere else.
"""

from __future__ import annotations

from dataclasses import dataclass

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Literal

__all__ = ["Function", "Line", "Pin", "Report"]


@dataclass(frozen=True)
class Line:
    """One line of a function's source and what it did.

    "Made by the line" is everything that was allocated while the line ran,
    also by what it called.

    Attributes
    ----------
    number : int
        In the file, from 1.
    text : str
        As in the file, without the newline; "" where it is not known.
    hits : int
        How often the line was begun; 0 if never.
    rss : int or None
        Resident bytes of the process after the line ran last; None if it
        never ran or was not measured.
    rss_growth : int or None
        By how much resident memory changed because of the line: bytes after less
        before, summed over all executions, where what others undid in between and
        it did again counts once. It is never more than the process had.
    live : int
        Bytes in blocks that the line made and nobody has freed when the
        report is made.
    live_blocks : int
        How many blocks these are.
    made : int
        Bytes in all blocks that the line ever made.
    peak : int
        How high live memory rose within one execution above where it was when
        that execution began, in bytes: the most of all executions.
    net : int
        Bytes taken less bytes freed by the line's thread while the line ran,
        summed over all executions. Below zero where the line frees.
    held : int
        By how many bytes that grew which the allocator keeps and no block
        uses, summed as `rss_growth` is. Below zero where it fell.
    returned : int
        Bytes given to the operating system while the line ran.
    pinned : int
        Held bytes that the line's live blocks alone keep from being returned:
        the `Pin` of this line and no other.
    worst_growth : int
        The largest `net` of a single execution.
    rss_peak : int or None
        The most that `rss` was after any execution.
    regained : int
        Of what the line freed, bytes that were in use again, by whomever, when it
        ended for the last time; to a hundredth where others, not profiled, took them.
    early_hits, early_live : int
        At a point in the second quarter of its executions: how many there had
        been, and the bytes that `live` was then. 0 where it ran less than thrice.
    low_live : int
        The least that `live` was since then, when an execution began.
    """

    number: int
    text: str
    hits: int = 0
    rss: int | None = None
    rss_growth: int | None = None
    live: int = 0
    live_blocks: int = 0
    made: int = 0
    peak: int = 0
    net: int = 0
    held: int = 0
    returned: int = 0
    pinned: int = 0
    worst_growth: int = 0
    rss_peak: int | None = None
    regained: int = 0
    early_hits: int = 0
    early_live: int = 0
    low_live: int = 0


@dataclass(frozen=True)
class Pin:
    """Held memory that some lines of a function keep together.

    What an allocator returns, it returns as one: Shoal the pages of a pool (one
    page for blocks of up to 512 bytes), pymalloc an arena (1 MiB since Python
    3.10). While a single block in it is alive, all the rest of it is held. So
    each such unit has the lines that made its live blocks, and the units that
    have just the same ones are one pin: `held` would be returned if all of
    these lines, and nobody else, let go.

    Units in which anything else is alive are in no pin: blocks made before
    profiling began, outside of profiled functions, by lines of several
    functions or by more than 8 lines, or by other than Python's allocators.

    Attributes
    ----------
    lines : tuple of int
        Their numbers, in order; at least one.
    held : int
        Bytes in these units that are resident and in no block.
    live : int
        Bytes in the lines' blocks in these units, as asked for.
    """

    lines: tuple[int, ...]
    held: int
    live: int


@dataclass(frozen=True)
class Function:
    """A profiled function.

    Attributes
    ----------
    name : str
        Qualified, as ``__qualname__``.
    filename : str
        Of its source, as the interpreter knows it.
    first_line : int
        Where its source begins: the first decorator, or ``def``.
    calls : int
        How often it was called.
    lines : tuple of Line
        All lines of its source, in order.
    rss_before : int or None
        Resident bytes of the process when the last call began; None if it was
        never called or not measured.
    pins : tuple of Pin
        What its lines keep; each set of lines once, those that keep most first.
    """

    name: str
    filename: str
    first_line: int
    calls: int
    lines: tuple[Line, ...]
    rss_before: int | None = None
    pins: tuple[Pin, ...] = ()


@dataclass(frozen=True)
class Report:
    """A profile: the functions, and the process when the report was made.

    Attributes
    ----------
    functions : tuple of Function
        In the order in which they shall be shown.
    allocator : "shoal" or "pymalloc"
        Which allocator served the interpreter's objects.
    pid : int
        Process id.
    command : tuple of str
        The command line.
    python : str
        Version of the interpreter, such as ``"3.12.4"``.
    started : float
        When profiling began, in seconds since 1970 (UTC).
    seconds : float
        How long it lasted.
    live, held : int
        Bytes of the whole process at the end, from this allocator: in blocks
        handed out, and resident but used by no block. Of pymalloc, which has
        blocks of up to 512 bytes only, held is all that its arenas have besides.
    returned : int
        Bytes given to the operating system since profiling began.
    rss : int
        Resident bytes of the process at the end.
    """

    functions: tuple[Function, ...]
    allocator: Literal["shoal", "pymalloc"]
    pid: int
    command: tuple[str, ...]
    python: str
    started: float
    seconds: float
    live: int
    held: int
    returned: int
    rss: int
