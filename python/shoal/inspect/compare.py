"""What changed from one snapshot to another: by type, by size class, and in all.

A leak shows in what grows from look to look. The rules of `judge`, over the
snapshots in their order; the first that holds counts:

leak-like
    In at least three looks, a type's blocks grew from each to the next, and
    together by at least 100 and 64 KiB.
growing
    What is live grew by at least 1 MiB and 1 in 100.
fragmentation
    What is held grew so.
steady
    All else.
"""

from __future__ import annotations

from dataclasses import dataclass

from shoal.inspect.diagnosis import shown_type
from shoal.inspect.figures import signed, signed_bytes, tell
from shoal.inspect.pane import Pane, beside, section, sentence
from shoal.inspect.screen import Shown

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from shoal.inspect.snapshot import SizeClass, Snapshot

    Figures = tuple[int, int, int]
    """Live blocks, live bytes, held bytes."""

__all__ = ["Change", "Changes", "compare", "judge", "write_changes"]

KIB, MIB = 2**10, 2**20

GROWN_LOOKS = 3
GROWN_BLOCKS = 100
GROWN_BYTES = 64 * KIB


@dataclass(frozen=True)
class Change:
    """How the live blocks of a type or size class changed.

    Attributes
    ----------
    name : str
        Of the type, or the size of the blocks.
    blocks_before, blocks : int
        Live then and now.
    bytes_before, bytes : int
        Their bytes.
    held_before, held : int
        What such blocks' pools hold; 0 for types.
    """

    name: str
    blocks_before: int
    blocks: int
    bytes_before: int
    bytes: int
    held_before: int = 0
    held: int = 0

    @property
    def blocks_grew(self) -> int:
        """By how many blocks; below zero if there are fewer."""
        return self.blocks - self.blocks_before

    @property
    def bytes_grew(self) -> int:
        """By how many bytes; below zero if it shrank."""
        return self.bytes - self.bytes_before

    @property
    def held_grew(self) -> int:
        """By how many held bytes; below zero if there are fewer."""
        return self.held - self.held_before

    @property
    def changed(self) -> bool:
        """Whether anything did."""
        return bool(self.blocks_grew or self.bytes_grew or self.held_grew)

    def fields(self) -> dict[str, object]:
        """Return what JSON says of it."""
        return {
            "name": self.name,
            "blocks": self.blocks,
            "blocks_grew": self.blocks_grew,
            "bytes": self.bytes,
            "bytes_grew": self.bytes_grew,
            "held": self.held,
            "held_grew": self.held_grew,
        }


@dataclass(frozen=True)
class Changes:
    """The difference of two snapshots.

    Attributes
    ----------
    seconds : float
        Between them.
    totals : tuple of Change
        Resident, live and held bytes, and those of large blocks and libc's heap.
    types, size_classes : tuple of Change
        Those that changed: what changed by most bytes first.
    """

    seconds: float
    totals: tuple[Change, ...]
    types: tuple[Change, ...]
    size_classes: tuple[Change, ...]

    def fields(self) -> dict[str, object]:
        """Return what JSON says of them."""
        return {
            "shoal-inspect-changes": 1,
            "seconds": self.seconds,
            **{
                name: [change.fields() for change in getattr(self, name)]
                for name in ("totals", "types", "size_classes")
            },
        }


def compare(before: Snapshot, after: Snapshot) -> Changes:
    """Return how one snapshot differs from an earlier one."""
    names = (
        ("resident", "total"),
        ("live", "live"),
        ("held", "held"),
        ("large blocks", "large"),
        ("libc's heap", "libc"),
        ("other", "other"),
    )
    totals = [
        Change(name, 0, 0, getattr(before.resident, field), getattr(after.resident, field))
        for name, field in names
    ]
    types = _changes(
        {(used.name, used.kind): (used.blocks, used.bytes, 0) for used in before.types},
        {(used.name, used.kind): (used.blocks, used.bytes, 0) for used in after.types},
    )
    size_classes = _changes(
        {(f"{used.block_bytes:,} B",): _of_class(used) for used in before.size_classes},
        {(f"{used.block_bytes:,} B",): _of_class(used) for used in after.size_classes},
    )
    seconds = after.taken - before.taken
    return Changes(seconds, tuple(totals), tuple(types), tuple(size_classes))


def _of_class(used: SizeClass) -> Figures:
    return used.live_blocks, used.live_bytes, used.held_bytes


def _changes(
    before: dict[tuple[str, ...], Figures], after: dict[tuple[str, ...], Figures]
) -> list[Change]:
    nothing = (0, 0, 0)
    changes = []
    for key in {**before, **after}:
        then, now = before.get(key, nothing), after.get(key, nothing)
        change = Change(key[0], then[0], now[0], then[1], now[1], then[2], now[2])
        if change.changed:
            changes.append(change)
    changes.sort(key=lambda change: (-_weight(change), change.name))
    return changes


def _weight(change: Change) -> int:
    return max(abs(change.bytes_grew), abs(change.held_grew))


# ---- In words -----------------------------------------------------------------------


def judge(snapshots: Sequence[Snapshot]) -> str:
    """Return what at least two snapshots of a process say of its growth, in a sentence."""
    first, last = snapshots[0], snapshots[-1]
    changes = compare(first, last)
    if len(snapshots) >= GROWN_LOOKS:
        steps = [compare(*pair) for pair in zip(snapshots, snapshots[1:])]
        for change in changes.types:
            if _grew_steadily(change, steps):
                return (
                    f"Leak-like: {shown_type(change)} grew from each of {len(snapshots)} looks to "
                    f"the next, by {change.blocks_grew:,} blocks and {tell(change.bytes_grew)} in "
                    f"{changes.seconds:.0f} s{_rate(change, changes.seconds)}."
                )
    live, held = (_named(changes.totals, name) for name in ("live", "held"))
    large = _named(changes.totals, "large blocks")
    grew, had = live.bytes_grew + large.bytes_grew, live.bytes_before + large.bytes_before
    if grew >= max(MIB, had // 100):
        most = next((change for change in changes.types if change.bytes_grew > 0), None)
        what = f", most of it {shown_type(most)}" if most else ""
        return f"Growing: {tell(grew)} more in use{what}."
    if held.bytes_grew >= max(MIB, held.bytes_before // 100):
        return f"Fragmentation: {tell(held.bytes_grew)} more held, with no more in use."
    return "Steady: nothing grew by much."


def _grew_steadily(change: Change, steps: Iterable[Changes]) -> bool:
    if change.blocks_grew < GROWN_BLOCKS or change.bytes_grew < GROWN_BYTES:
        return False
    return all(
        any(step.name == change.name and step.blocks_grew > 0 for step in changes.types)
        for changes in steps
    )


def _rate(change: Change, seconds: float) -> str:
    if seconds <= 0:
        return ""
    return f": {tell(round(change.bytes_grew / seconds * 3600))} an hour"


def _named(totals: Iterable[Change], name: str) -> Change:
    return next(change for change in totals if change.name == name)


# ---- As tables ----------------------------------------------------------------------


def write_changes(changes: Changes, pane: Pane, shown: Shown, said: str = "") -> None:
    """Show changes.

    Raises
    ------
    OSError
        The pane's stream cannot be written.
    """
    from rich.text import Text

    rows = shown.rows(pane, besides=18)
    totals = section(
        f"After {changes.seconds:.1f} s",
        ["<", "now", "change"],
        [_total_row(change) for change in changes.totals],
        room=pane.left,
    )
    heavy = [change for change in changes.types if _weight(change) >= max(1, shown.threshold)]
    types = section(
        f"Types that changed: {len(heavy):,}",
        ["<type", "?blocks", "change", "?bytes", "change"],
        [_type_row(change) for change in heavy[:rows]],
        room=pane.width,
    )
    classes = [c for c in changes.size_classes if _weight(c) >= max(1, shown.threshold)]
    size_classes = section(
        f"Size classes that changed: {len(classes):,}",
        ["size", "blocks", "live", "held"],
        [
            (
                change.name,
                signed(change.blocks_grew),
                signed_bytes(change.bytes_grew),
                signed_bytes(change.held_grew),
            )
            for change in classes[:rows]
        ],
        room=pane.right,
    )
    words = [sentence(said, "bold"), Text("")] if said else []
    pane.show(*words, types, beside(pane, totals, size_classes))


def _total_row(change: Change) -> tuple[str, str, str]:
    return change.name, tell(change.bytes), signed_bytes(change.bytes_grew)


def _type_row(change: Change) -> tuple[str, ...]:
    return (
        shown_type(change),
        f"{change.blocks:,}",
        signed(change.blocks_grew),
        tell(change.bytes),
        signed_bytes(change.bytes_grew),
    )
