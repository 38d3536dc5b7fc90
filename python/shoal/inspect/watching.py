"""Looks at a process again and again, and says what changed since the first look."""

from __future__ import annotations

import sys
import time

from shoal.inspect.compare import compare, judge, write_changes
from shoal.inspect.snapshot_json import write_json

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TextIO

    from shoal.inspect.pane import Pane
    from shoal.inspect.screen import Shown
    from shoal.inspect.snapshot import Snapshot

__all__ = ["shows_changes", "watch", "writes_json"]

KEPT = 10
"""Snapshots that are kept to judge by, the first among them: a watch may last for days."""


def watch(
    first: Snapshot,
    look: Callable[[], Snapshot],
    every: float,
    count: int | None,
    show: Callable[[list[Snapshot]], None],
    sleep: Callable[[float], None] = time.sleep,
) -> None:
    """Look again and again.

    Parameters
    ----------
    first : Snapshot
        What the first look found.
    look : callable
        Looks again.
    every : float
        Seconds from look to look.
    count : int or None
        How many looks; None for as many as there are until ^C, or until
        looking fails.
    show : callable
        Is called with the snapshots so far, after each look.
    sleep : callable
        Waits for some seconds.
    """
    kept = [first]
    looks = 1
    due = time.monotonic()
    show(kept)
    while looks != count:
        due = max(due + every, time.monotonic())
        sleep(max(0.0, due - time.monotonic()))
        kept.append(look())
        if len(kept) > KEPT:
            del kept[1]
        show(kept)
        looks += 1


def shows_changes(pane: Pane, shown: Shown, screen: bool) -> Callable[[list[Snapshot]], None]:
    """Return what shows snapshots as changes.

    Parameters
    ----------
    pane : Pane
        Where.
    shown : Shown
        How much of them.
    screen : bool
        Whether each takes the place of the one before.
    """

    def show(kept: list[Snapshot]) -> None:
        first, last = kept[0], kept[-1]
        if len(kept) == 1:
            print(f"shoal inspect: watching process {first.pid}; ^C ends it", file=sys.stderr)
            return
        if screen:
            pane.clear()
        elif len(kept) > 2:
            pane.show("")
        write_changes(compare(first, last), pane, shown, str(judge(kept)))

    return show


def writes_json(stream: TextIO) -> Callable[[list[Snapshot]], None]:
    """Return what writes each snapshot as a line of JSON."""

    def write(kept: list[Snapshot]) -> None:
        growth = judge(kept) if len(kept) > 1 else None
        write_json(kept[-1], stream, lines=False, growth=growth)
        stream.flush()

    return write
