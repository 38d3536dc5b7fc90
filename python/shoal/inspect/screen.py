"""A snapshot on one screen."""

from __future__ import annotations

from rich.text import Text

from shoal.inspect.diagnosis import diagnose, shown_type
from shoal.inspect.figures import counted, per_cent, tell
from shoal.inspect.pane import Pane, beside, section, sentence
from shoal.inspect.places import places
from shoal.profiler.paint import printable
from shoal.profiler.units import MIB, format_bytes

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from typing import TypeVar

    from rich.console import RenderableType

    from shoal.inspect.snapshot import Arena, SizeClass, Snapshot, TypeUse

    Item = TypeVar("Item")

__all__ = ["HEAPS", "Shown", "heading", "histogram", "write_screen"]

HEAPS = {"shoal": "Shoal's heap", "pymalloc": "its own heap (pymalloc)"}

BINS = 10

ROWS, ROWS_LEAST = 10, 4

PINNED_LEAST = MIB
"""Free in nearly empty pieces; of less it is not told who keeps it: one is always just begun."""

KIND_STYLES = {
    "fragmentation": "bold red",
    "leak-like": "bold magenta",
    "cache": "bold yellow",
    "plain use": "bold green",
}


class Shown:
    """How much of a snapshot is shown.

    Attributes
    ----------
    top : int or None
        How many rows a table has at most; None for as many as a screen has room
        for, up to 10.
    threshold : int
        Rows of fewer bytes are left out.
    by : str
        What types are ordered by: ``"bytes"`` or ``"blocks"``.
    """

    def __init__(self, top: int | None = None, threshold: int = 0, by: str = "bytes") -> None:
        self.top = top
        self.threshold = threshold
        self.by = by

    def rows(self, pane: Pane, besides: int = 26, tables: int = 2) -> int:
        """Return how many rows each of some tables may have, below lines that are there anyway."""
        if self.top is not None:
            return self.top
        if pane.height is None or not pane.wide:
            return ROWS
        return max(ROWS_LEAST, min(ROWS, (pane.height - besides) // tables))


def write_screen(snapshot: Snapshot, pane: Pane, shown: Shown | None = None) -> None:
    """Show a snapshot.

    Parameters
    ----------
    snapshot : Snapshot
        What to show.
    pane : Pane
        Where.
    shown : Shown, optional
        How much of it.

    Raises
    ------
    OSError
        The pane's stream cannot be written.
    """
    shown = shown or Shown()
    shown = Shown(shown.rows(pane), shown.threshold, shown.by)
    pane.show(
        *heading(snapshot),
        *_said(snapshot),
        beside(pane, _residence(snapshot, pane), _arenas(snapshot, pane)),
        beside(pane, _types(snapshot, pane, shown), _size_classes(snapshot, pane, shown)),
        _pinning(snapshot, pane, shown),
    )


# ---- In words -----------------------------------------------------------------------


def heading(snapshot: Snapshot) -> Iterator[RenderableType]:
    """Yield which process it is and how well it was read."""
    command = printable(" ".join(snapshot.command)) or "(no command line)"
    title = Text(f"Process {snapshot.pid}: {command}", "bold", no_wrap=True, overflow="ellipsis")
    yield title
    python = f"CPython {snapshot.python}" if snapshot.python else "CPython"
    read = f"read in {snapshot.seconds:.2f} s"
    if snapshot.frozen_seconds:
        read += (
            f", {counted(snapshot.stops, 'stop')} of at most {snapshot.longest_stop_seconds:.3f} s"
        )
    if snapshot.pools_inconsistent:
        share = per_cent(snapshot.pools_inconsistent, snapshot.pools_read)
        read += f"; {share} of its heap changed meanwhile"
    if snapshot.malloc_unread_bytes:
        read += f"; {tell(snapshot.malloc_unread_bytes)} of malloc's could not be read"
    yield sentence(f"{printable(python)} on {HEAPS[snapshot.allocator]}; {read}.", "dim")
    yield Text("")


def _said(snapshot: Snapshot) -> Iterator[RenderableType]:
    found = diagnose(snapshot)
    kind = Text(f"{found.kind.capitalize()}: ", KIND_STYLES[found.kind])
    yield Text("").append_text(kind).append_text(sentence(found.sentence))
    if found.release:
        yield sentence(found.release)
    yield Text("")


# ---- Resident memory ----------------------------------------------------------------


def _residence(snapshot: Snapshot, pane: Pane) -> RenderableType:
    resident = snapshot.resident
    columns = ["<", "MiB", "share", "?mapped", "?<"]
    cells = max(5, min(20, pane.left - 52))
    table = []
    for place in places(snapshot):
        if not place.bytes and not place.mapped:
            continue
        bar = pane.bar(place.bytes / resident.total if resident.total else 0, cells, place.style)
        share = per_cent(place.bytes, resident.total)
        mapped = _mib(place.mapped) if place.mapped else ""
        table.append((printable(place.name), _mib(place.bytes), share, mapped, bar))
    title = f"Resident: {tell(resident.total)}"
    if resident.pss < resident.total:
        title += f" (PSS {tell(resident.pss)})"
    return section(title, columns, table, room=pane.left)


def _mib(amount: int) -> str:
    return f"{amount / MIB:,.1f}"


# ---- Pieces of the heap -------------------------------------------------------------------------


def histogram(arenas: Sequence[Arena]) -> list[int]:
    """Return how many arenas are how full, in ten steps from 0 to 100 %."""
    counts = [0] * BINS
    for arena in arenas:
        counts[min(BINS - 1, int(arena.fullness * BINS))] += 1
    return counts


def _arenas(snapshot: Snapshot, pane: Pane) -> RenderableType:
    counts = histogram(snapshot.arenas)
    most = max(counts)
    cells = max(4, min(30, pane.right - 20))
    rows = []
    for at, count in enumerate(counts):
        style = "red" if at == 0 else "yellow" if at < BINS // 2 else "green"
        bar = pane.bar(count / most if most else 0, cells, style)
        rows.append((f"{10 * at}-{10 * at + 10} %", f"{count:,}" if count else "", bar))
    total = sum(arena.bytes for arena in snapshot.arenas)
    if not total:
        return Text("")
    heap = "Shoal's heap" if snapshot.allocator == "shoal" else "Python's heap"
    many = counted(len(snapshot.arenas), "piece")
    title = f"{many} of {heap}, {per_cent(snapshot.live_bytes, total)} in use"
    return section(title, ["in use", "pieces", "<"], rows, room=pane.right)


# ---- Tables -------------------------------------------------------------------------


def _cut(
    items: Sequence[Item], shown: Shown, weight: Callable[[Item], int]
) -> tuple[list[Item], list[Item]]:
    """Return what has rows of its own, and what has not."""
    heavy = [item for item in items if weight(item) >= shown.threshold]
    light = [item for item in items if weight(item) < shown.threshold]
    return heavy[: shown.top], heavy[shown.top :] + light


def _types(snapshot: Snapshot, pane: Pane, shown: Shown) -> RenderableType:
    ordered = sorted(snapshot.types, key=lambda used: -getattr(used, shown.by))
    rows, others = _cut(ordered, shown, lambda used: used.bytes)
    table = [(shown_type(used), f"{used.blocks:,}", format_bytes(used.bytes)) for used in rows]
    if others:
        blocks, amount = _sum(others)
        table.append((f"{len(others):,} more", f"{blocks:,}", format_bytes(amount)))
    title = f"Objects with what belongs to them, by {'number' if shown.by == 'blocks' else 'bytes'}"
    return section(title, ["<type", "number", "bytes"], table, room=pane.left)


def _sum(types: Sequence[TypeUse]) -> tuple[int, int]:
    return sum(used.blocks for used in types), sum(used.bytes for used in types)


def _size_classes(snapshot: Snapshot, pane: Pane, shown: Shown) -> RenderableType:
    def weight(used: SizeClass) -> int:
        return used.live_bytes + used.held_bytes

    rows, others = _cut(sorted(snapshot.size_classes, key=weight, reverse=True), shown, weight)
    table = [
        (
            f"{used.block_bytes:,} B",
            f"{used.live_blocks:,}",
            format_bytes(used.live_bytes),
            format_bytes(used.held_bytes),
        )
        for used in sorted(rows, key=lambda used: used.block_bytes)
    ]
    if others:
        table.append(
            (
                f"{len(others):,} more",
                f"{sum(used.live_blocks for used in others):,}",
                format_bytes(sum(used.live_bytes for used in others)),
                format_bytes(sum(used.held_bytes for used in others)),
            )
        )
    columns = ["size", "?blocks", "in use", "free"]
    return section("Small blocks by size", columns, table, room=pane.right)


def _pinning(snapshot: Snapshot, pane: Pane, shown: Shown) -> RenderableType:
    rows, others = _cut(snapshot.pinning, shown, lambda pins: pins.held_bytes)
    if not rows or sum(pins.held_bytes for pins in snapshot.pinning) < PINNED_LEAST:
        return Text("")
    table = [
        (shown_type(pins), f"{pins.arenas:,}", f"{pins.blocks:,}", format_bytes(pins.held_bytes))
        for pins in rows
    ]
    note = f"{counted(len(others), 'more type')}." if others else ""
    title = "What keeps pieces that are nearly empty"
    return section(
        title, ["<type", "?pieces", "?objects", "keeps"], table, room=pane.width, note=note
    )
