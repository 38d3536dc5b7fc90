"""Statements that take several lines, as ``x = f(`` ... ``)`` does.

The interpreter comes back to such a statement's first line when the others are done,
and tells of it again: the line has run once all the same.
"""

from __future__ import annotations

import itertools

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import CodeType

    from shoal.profiler.source import Source

__all__ = ["of_several_lines"]


def of_several_lines(code: CodeType, source: Source) -> Iterator[tuple[int, int]]:
    """Yield the first and last line of each such statement that may come back to a line.

    Parameters
    ----------
    code : CodeType
        Of a function. Where its lines only go on, the source is not read.
    source : Source
        Of the function.
    """
    numbers = [line for _, _, line in code.co_lines() if line]
    if all(line <= after for line, after in itertools.pairwise(numbers)):
        return
    first, last = code.co_firstlineno, max(numbers)
    for begin, end in _statements(source.rough_lines()[first - 1 : last]):
        if end > begin:
            yield first + begin, first + end


def _statements(lines: list[str]) -> Iterator[tuple[int, int]]:
    """Yield where statements, or the heads of blocks, begin and end, from 0.

    What the tokenizer of the standard library would tell: its import takes more
    memory than many a function that is measured.
    """
    begin, depth, quote = None, 0, ""
    for number, line in enumerate(lines):
        if begin is None:
            if not line.strip() or line.lstrip().startswith("#"):
                continue
            begin = number
        depth, quote = _after(line, depth, quote)
        if depth == 0 and not quote and not line.endswith("\\"):
            yield begin, number
            begin = None
    if begin is not None:  # the code ends before the bracket does
        yield begin, len(lines) - 1


def _after(line: str, depth: int, quote: str) -> tuple[int, str]:
    """Return how many brackets, and which quotes, are open at the end of a line."""
    at = 0
    while at < len(line):
        sign = line[at]
        if quote:
            if line.startswith(quote, at):
                at, quote = at + len(quote), ""
            else:
                at += 2 if sign == "\\" else 1
        elif sign == "#":
            break
        elif sign in "\"'":
            quote = sign * 3 if line.startswith(sign * 3, at) else sign
            at += len(quote)
        else:
            depth += (sign in "([{") - (sign in ")]}")
            at += 1
    if len(quote) == 1 and not line.endswith("\\"):
        quote = ""  # it was none
    return max(depth, 0), quote
