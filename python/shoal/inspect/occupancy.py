"""The map: how full each piece of the heap is, in the order of addresses."""

from __future__ import annotations

import math

from rich.text import Text

from shoal.inspect.figures import per_cent
from shoal.inspect.screen import heading
from shoal.inspect.snapshot import FREE_POOL

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from shoal.inspect.pane import Pane
    from shoal.inspect.snapshot import Arena, Snapshot

__all__ = ["newspaper", "strips", "write_map"]

ROWS = 32
"""Of the map where the height of the terminal is not known."""

CELLS_LEAST, CELLS_MOST = 8, 128

SHADES = "\u2591\u2592\u2593\u2588"
SHADES_IN_ASCII = ".:+#"
FREE = " "

STYLES = ("red", "yellow", "green", "bold green")
"""Of the shades: pieces that are nearly empty are what keeps memory."""


def strips(snapshot: Snapshot) -> list[tuple[Arena, bytes]]:
    """Return each arena with its part of the occupancy."""
    found = []
    at = 0
    for arena in snapshot.arenas:
        end = at + arena.places(snapshot.pool_bytes)
        found.append((arena, snapshot.occupancy[at:end]))
        at = end
    return found


def write_map(snapshot: Snapshot, pane: Pane) -> None:
    """Show the map on a terminal.

    A row is an arena, or as many as there must be for all to fit.

    Raises
    ------
    OSError
        The pane's stream cannot be written.
    """
    most = max(4, pane.height - 8) if pane.height else ROWS
    found = strips(snapshot)
    together = max(1, math.ceil(len(found) / most))
    label = 23 if pane.width >= 60 else 0
    longest = max((len(pools) for _, pools in found), default=1) * together
    cells = max(CELLS_LEAST, min(pane.width - label, CELLS_MOST, longest))
    rows = [
        _row(found[at : at + together], cells, pane, bool(label))
        for at in range(0, len(found), together)
    ]
    pane.show(*heading(snapshot), *rows, Text(""), _legend(pane, together))


def _row(group: Sequence[tuple[Arena, bytes]], cells: int, pane: Pane, label: bool) -> Text:
    text = Text(no_wrap=True, overflow="crop")
    if label:
        live = sum(arena.live_bytes for arena, _ in group)
        share = per_cent(live, sum(arena.bytes for arena, _ in group))
        text.append(f"{group[0][0].start:#14x} {share:>6}  ", "dim")
    for mean in means(b"".join(pools for _, pools in group), cells):
        text.append(*_cell(mean, pane))
    return text


def means(pools: bytes, cells: int) -> Iterator[float | None]:
    """Yield how full each of some equal parts is, in per cent; None if nothing is in use there."""
    cells = min(cells, len(pools))
    for cell in range(cells):
        part = pools[cell * len(pools) // cells : (cell + 1) * len(pools) // cells]
        used = [pool for pool in part if pool != FREE_POOL]
        yield sum(used) / len(part) if used else None


def _cell(mean: float | None, pane: Pane) -> tuple[str, str]:
    if mean is None:
        return FREE, ""
    at = min(3, int(mean / 25))
    return (SHADES if pane.blocks else SHADES_IN_ASCII)[at], STYLES[at]


def _legend(pane: Pane, together: int) -> Text:
    shades = SHADES if pane.blocks else SHADES_IN_ASCII
    row = "a row is a piece of it" if together == 1 else f"a row is {together} pieces of it"
    text = Text("", "dim")
    for at, shade in enumerate(shades):
        text.append(shade, STYLES[at])
        text.append(f" {25 * at}-{25 * at + 25} %  ")
    return text.append(f"of the heap in use; blank: free; {row}, by address.")


def newspaper(arenas: int, pools: int) -> tuple[int, int]:
    """Return the columns and rows in which arenas, one a row, fill about a screen's shape.

    Parameters
    ----------
    arenas : int
        How many.
    pools : int
        How many pools the largest has.
    """
    columns = max(1, round(math.sqrt(1.5 * arenas / (pools + 2))))
    return columns, max(1, math.ceil(arenas / columns))
