"""A snapshot on one screen."""

from __future__ import annotations

from rich.text import Text

from shoal.inspect.diagnosis import diagnose, shown_type
from shoal.inspect.figures import counted, per_cent, tell
from shoal.inspect.pane import Pane, beside, section, sentence
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

HEAPS = {"shoal": "Shoal's heap", "pymalloc": "pymalloc"}

BINS = 10

ROWS, ROWS_LEAST = 10, 4

PINNED_LEAST = MIB
"""Held in sparse arenas; of less it is not told who pins it: one is always just begun."""

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
    read = f"{counted(snapshot.pools_read, 'pool')} read in {snapshot.seconds:.2f} s"
    if snapshot.frozen_seconds:
        read += (
            f", {counted(snapshot.stops, 'stop')} of at most {snapshot.longest_stop_seconds:.3f} s"
        )
    if snapshot.pools_inconsistent:
        read += f"; {snapshot.pools_inconsistent:,} of them changed meanwhile"
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
    rows: list[tuple[str, int, int | None, str]] = [
        ("live", resident.live, None, "green"),
        ("held, sparse arenas", resident.sparse, None, "red"),
        ("held, free blocks", resident.free_blocks, None, "yellow"),
        ("held, free pools", resident.free_pools, None, "yellow"),
        ("large blocks", resident.large, resident.large_mapped, "green"),
        ("libc's heap", resident.libc, resident.libc_mapped, "cyan"),
        ("files", resident.file_backed, None, "blue"),
        ("stacks", resident.stacks, None, "blue"),
        ("other", resident.other, None, "blue"),
    ]
    if snapshot.allocator == "shoal":
        rows[1:4] = [("held", resident.held, None, "yellow")]
    columns = ["<", "MiB", "share", "?mapped", "?<"]
    cells = max(5, min(20, pane.left - 48))
    table = []
    for name, amount, mapped, style in rows:
        bar = pane.bar(amount / resident.total if resident.total else 0, cells, style)
        share = per_cent(amount, resident.total)
        table.append((name, _mib(amount), share, _mib(mapped) if mapped else "", bar))
    title = f"Resident: {tell(resident.total)}"
    if resident.pss < resident.total:
        title += f" (PSS {tell(resident.pss)})"
    return section(title, columns, table, room=pane.left)


def _mib(amount: int) -> str:
    return f"{amount / MIB:,.1f}"


# ---- Arenas -------------------------------------------------------------------------


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
    many = counted(len(snapshot.arenas), "arena")
    if snapshot.allocator == "shoal":  # Which has none of one size.
        many = f"{len(snapshot.arenas):,} MiB of addresses"
    total = sum(arena.bytes for arena in snapshot.arenas)
    title = f"{many}, {per_cent(snapshot.live_bytes, total)} full" if total else "No arenas"
    return section(title, ["full", "how many", "<"], rows, room=pane.right)


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
    title = f"Types of the live blocks, by {shown.by}"
    return section(title, ["<type", "blocks", "bytes"], table, room=pane.left)


def _sum(types: Sequence[TypeUse]) -> tuple[int, int]:
    return sum(used.blocks for used in types), sum(used.bytes for used in types)


def _size_classes(snapshot: Snapshot, pane: Pane, shown: Shown) -> RenderableType:
    def weight(used: SizeClass) -> int:
        return used.live_bytes + used.held_bytes

    rows, others = _cut(sorted(snapshot.size_classes, key=weight, reverse=True), shown, weight)
    table = [
        (
            f"{used.block_bytes:,} B",
            f"{used.pools:,}",
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
                f"{sum(used.pools for used in others):,}",
                f"{sum(used.live_blocks for used in others):,}",
                format_bytes(sum(used.live_bytes for used in others)),
                format_bytes(sum(used.held_bytes for used in others)),
            )
        )
    columns = ["size", "?pools", "?blocks", "live", "held"]
    return section("Size classes", columns, table, room=pane.right)


def _pinning(snapshot: Snapshot, pane: Pane, shown: Shown) -> RenderableType:
    rows, others = _cut(snapshot.pinning, shown, lambda pins: pins.held_bytes)
    if not rows or snapshot.resident.sparse < PINNED_LEAST:
        return Text("")
    table = [
        (shown_type(pins), f"{pins.arenas:,}", f"{pins.blocks:,}", format_bytes(pins.held_bytes))
        for pins in rows
    ]
    note = f"{counted(len(others), 'more type')}." if others else ""
    title = "Types that pin the emptiest arenas"
    return section(
        title, ["<type", "?arenas", "?blocks", "held by it"], table, room=pane.width, note=note
    )
