"""What a function's figures say, in a sentence or two.

Nothing but the report's numbers is used, and the source line for the name of
what was called. Where no figure stands out there is no sentence. The rules:

peak
    A line rose at least `FLOOR`, and a quarter of its peak, above the most that
    one of its executions left. What is still alive in place of other lines'
    blocks that it freed counts as left.
held
    Survivors of one line, or of some lines together, pin at least `FLOOR`, and
    at least as much as they are. Another line is named only where without it
    a quarter would be missing.
growing
    In at least 3 calls, what a line's executions left alive came evenly, at least one
    a call: their mean is at least 3/4 of the greatest. Or it came bit by bit: no execution left
    more than half of it (of 8 and more: 3/4, as a table doubles), in the later half
    at least half as much came an execution as on the whole, and since then it was
    never nearly gone. Together at least `FLOOR`. Such a line's peaks, which are
    those of growing, are not told of. A line that left less than a twentieth
    of what the first of them left is not named.
freed
    A line freed at least `FLOOR` more than it took, and that was not in use again
    when it ended for the last time. What went back is what the allocator says, or
    by how much resident memory fell where that is more.

`FLOOR` is 1 MiB, or 1 % of the process's resident memory where that is more.
At most `SENTENCES` are told: those with the most bytes at stake. At stake when
a line frees is what did not go back.
"""

from __future__ import annotations

from shoal.profiler.model import Pin
from shoal.profiler.units import MIB, tell_bytes

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from shoal.profiler.model import Function, Line, Report

    Finding = tuple[int, str]
    """Bytes at stake, and the sentence."""

__all__ = ["FLOOR", "SENTENCES", "verdict"]

FLOOR = MIB
SENTENCES = 2
CALLS_TO_GROW = 3
OFTEN = 8
LINES_NAMED = 3
PINS_LOOKED_AT = 64


def verdict(function: Function, report: Report) -> tuple[str, ...]:
    """Return what there is to say about a function.

    Parameters
    ----------
    function : Function
        One of the report's.
    report : Report
        Tells how large the process is.

    Returns
    -------
    tuple of str
        Up to `SENTENCES` sentences, each of one line; none where nothing stands
        out. A MiB is 2**20 bytes.
    """
    floor = max(FLOOR, report.rss // 100)
    growing = _lines_that_grow(function)
    findings = [*_growing(function, growing, floor), *_held(function, floor)]
    for line in function.lines:
        if line not in growing:
            findings += _peaked(function, line, floor)
        findings += _freed(line, floor)
    findings.sort(key=lambda finding: -finding[0])
    return tuple(sentence for _, sentence in findings[:SENTENCES])


def _peaked(function: Function, line: Line, floor: int) -> Iterator[Finding]:
    # What it left in place of other lines' blocks is in no execution's growth.
    in_place = max(0, line.live - max(0, line.net))
    above = line.peak - max(0, line.worst_growth) - in_place
    if above < floor or 4 * above < line.peak:
        return
    from shoal.profiler.callee import callee

    name = callee(function, line.number)
    whose = f"temporaries of {name}" if name else "temporaries, gone when it ended"
    yield above, f"Line {line.number} peaked {tell_bytes(above)} above what it left: {whose}."


def _held(function: Function, floor: int) -> Iterator[Finding]:
    left = function.pins[:PINS_LOOKED_AT]
    while left:
        pin = max((_kept_by(chosen.lines, left) for chosen in left), key=lambda pin: pin.held)
        fewer = (_kept_by(other.lines, left) for other in left if set(other.lines) < set(pin.lines))
        enough = [pin, *(other for other in fewer if 4 * other.held >= 3 * pin.held)]
        pin = min(enough, key=lambda pin: (len(pin.lines), -pin.held))
        if pin.held < floor:
            return
        if pin.held >= pin.live:
            yield (
                pin.held,
                f"Held: {tell_bytes(pin.held)} pinned by {tell_bytes(pin.live)} "
                f"that {_named(pin.lines)} left alive.",
            )
        left = tuple(other for other in left if not set(other.lines) <= set(pin.lines))


def _kept_by(lines: tuple[int, ...], pins: tuple[Pin, ...]) -> Pin:
    """Return what lines keep if nobody else's blocks count, any of them alone or together."""
    theirs = [pin for pin in pins if set(pin.lines) <= set(lines)]
    return Pin(lines, sum(pin.held for pin in theirs), sum(pin.live for pin in theirs))


def _named(numbers: Sequence[int]) -> str:
    """Return "line 3", "lines 3 and 7" or "lines 3, 7, 9 and 2 more"."""
    if len(numbers) == 1:
        return f"line {numbers[0]}"
    more = len(numbers) - LINES_NAMED
    if more > 0:
        return f"lines {', '.join(map(str, numbers[:LINES_NAMED]))} and {more} more"
    return f"lines {', '.join(map(str, numbers[:-1]))} and {numbers[-1]}"


def _lines_that_grow(function: Function) -> list[Line]:
    """Return those that grow, the one that made most first."""
    if function.calls < CALLS_TO_GROW:
        return []
    calls = function.calls
    grew = [line for line in function.lines if _grew_evenly(line, calls) or _grew_on(line)]
    return sorted(grew, key=lambda line: -line.live)


def _growing(function: Function, grew: Sequence[Line], floor: int) -> Iterator[Finding]:
    grew = [line for line in grew if 20 * line.live >= grew[0].live]
    total = sum(line.live for line in grew)
    if total < floor:
        return
    calls = function.calls
    named = _named(sorted(line.number for line in grew[:LINES_NAMED]))
    if all(_grew_evenly(line, calls) for line in grew):
        much = f"Growing every call: +{tell_bytes(total // calls)} x {calls:,}"
    else:
        much = f"Growing: {tell_bytes(total)} in {calls:,} calls"
    yield total, f"{much}, made by {named} and still alive."


def _grew_evenly(line: Line, calls: int) -> bool:
    # What is made in some calls only, as a cache in the first, is not made in each.
    if min(line.hits, line.live_blocks) < calls:
        return False
    if line.worst_growth > 0:
        return 4 * line.live >= 3 * line.hits * line.worst_growth
    # It freed as much of other lines' as it made: then what it made must be there still.
    return 4 * line.live >= 3 * line.made


def _grew_on(line: Line) -> bool:
    """Say whether it came bit by bit, and as much in the later runs."""
    if line.hits < CALLS_TO_GROW or line.live <= 0:
        return False
    is_often = line.hits >= OFTEN
    if line.worst_growth > (0.75 if is_often else 0.5) * line.live:
        return False
    if is_often and line.early_hits and line.low_live < line.live / 8:
        return False  # gone once, and made again
    later = (line.live - line.early_live) / (line.hits - line.early_hits)
    return 2 * later >= line.live / line.hits


def _freed(line: Line, floor: int) -> Iterator[Finding]:
    freed = -line.net - line.regained
    if freed < max(floor, -line.net / 100):  # what is in use again is not known better
        return
    times = f" in {line.hits:,} runs" if line.hits > 1 else ""
    # What is not the allocator's own, such as blocks over 512 bytes on pymalloc, it
    # cannot tell of; but resident memory fell by it.
    returned = min(freed, max(0, line.returned, -(line.rss_growth or 0)))
    if tell_bytes(returned) == tell_bytes(freed):
        back = "all of which"
    elif returned == 0:
        back = "of which nothing"
    else:
        back = f"of which {tell_bytes(returned)}"
    kept = freed - returned
    yield (
        kept,
        f"Line {line.number} freed {tell_bytes(freed)}{times}, {back} went back to the system.",
    )
