"""What changed from one snapshot to another: by type, by size, and in all.

A leak shows in what grows from look to look. All that is resident takes part. The
rules of `judge`, over the snapshots in their order; the first that holds counts:

leak-like
    In at least three looks, something grew from each to the next: objects of some
    types, each by at least 100 and 64 KiB together; or by at least 1 MiB blocks that
    are no objects, or a place of memory outside of Python's heap. What grew most is named.
growing
    What is in use grew by at least 1 MiB and 1 in 100.
fragmentation
    What is free in heaps grew so.
growing
    Any other place did, or all of it together.
steady
    All else.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass

from shoal.inspect.diagnosis import made_for_a_purpose, shown_type
from shoal.inspect.figures import signed, signed_bytes, tell
from shoal.inspect.pane import Pane, beside, section, sentence
from shoal.inspect.places import places
from shoal.inspect.screen import Shown

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from typing import Literal

    from shoal.inspect.snapshot import SizeClass, Snapshot

    Growth = Literal["leak-like", "growing", "fragmentation", "steady"]

    Figures = tuple[int, int, int]
    """Live blocks, live bytes, held bytes."""

__all__ = ["Change", "Changes", "Judgement", "compare", "judge", "write_changes"]

KIB, MIB = 2**10, 2**20

GROWN_LOOKS = 3
GROWN_BLOCKS = 100
GROWN_BYTES = 64 * KIB
NAMED = 3
NO_OBJECTS = "blocks that are no Python objects"


@dataclass(frozen=True)
class Change:
    """How the objects of a type, or the blocks of a size, changed.

    Attributes
    ----------
    name : str
        Of the type, or the size of the blocks.
    kind : str
        Of a type, as in `TypeUse`; else "".
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
    kind: str = ""

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
        Resident bytes, and those of each place.
    types, size_classes : tuple of Change
        Those that changed: what changed by most bytes first.
    """

    seconds: float
    totals: tuple[Change, ...]
    types: tuple[Change, ...]
    size_classes: tuple[Change, ...]

    def fields(self, judgement: Judgement) -> dict[str, object]:
        """Return what JSON says of them, and of their judgement."""
        return {
            "shoal-inspect-changes": 1,
            "seconds": self.seconds,
            "verdict": judgement.fields(),
            **{
                name: [change.fields() for change in getattr(self, name)]
                for name in ("totals", "types", "size_classes")
            },
        }


def compare(before: Snapshot, after: Snapshot) -> Changes:
    """Return how one snapshot differs from an earlier one."""
    had = {place.name: place.bytes for place in places(before)}
    has = {place.name: place.bytes for place in places(after)}
    totals = [Change("resident", 0, 0, before.resident.total, after.resident.total)]
    totals += [
        Change(name, 0, 0, had.get(name, 0), has.get(name, 0))
        for name in {**has, **had}
        if had.get(name) or has.get(name)
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
        change = Change(key[0], then[0], now[0], then[1], now[1], then[2], now[2], *key[1:])
        if change.changed:
            changes.append(change)
    changes.sort(key=lambda change: (-_weight(change), change.name))
    return changes


def _weight(change: Change) -> int:
    return max(abs(change.bytes_grew), abs(change.held_grew))


# ---- In words -----------------------------------------------------------------------


@dataclass(frozen=True)
class Judgement:
    """What snapshots say of growth.

    Attributes
    ----------
    kind : "leak-like", "growing", "fragmentation" or "steady"
        In a word.
    sentence : str
        What grew, with its figures.
    """

    kind: Growth
    sentence: str

    def fields(self) -> dict[str, str]:
        """Return what JSON says of it."""
        return {"word": self.kind, "sentence": self.sentence}

    def __str__(self) -> str:
        return f"{self.kind.capitalize()}: {self.sentence}"


@dataclass(frozen=True)
class _Grown:
    """Something that grew: by how many bytes, and in words what, behind "grew"."""

    bytes: int
    what: str
    by: str
    after: str = ""


def judge(snapshots: Sequence[Snapshot]) -> Judgement:
    """Return what at least two snapshots of a process say of its growth."""
    first, last = snapshots[0], snapshots[-1]
    if len(snapshots) >= GROWN_LOOKS:
        grown = [*_objects_that_grew(snapshots), *_rest_that_grew(snapshots)]
        if grown:
            most = max(grown, key=lambda found: found.bytes)
            seconds = last.taken - first.taken
            return Judgement(
                "leak-like",
                f"{most.what} grew from each of {len(snapshots)} looks to the next, by {most.by} "
                f"in {seconds:.0f} s{_rate(most.bytes, seconds)}.{most.after}",
            )
    return _judge_two(first, last)


def _judge_two(first: Snapshot, last: Snapshot) -> Judgement:
    before, now = first.resident, last.resident
    used = now.used - before.used
    if _is_much(used, before.used):
        most = _most_in_use(first, last)
        return Judgement("growing", f"{tell(used)} more in use{most}.")
    pinned = now.pinned - before.pinned
    if _is_much(pinned, before.pinned):
        return Judgement(
            "fragmentation", f"{tell(pinned)} more are free in its heaps, with no more in use."
        )
    more = now.total - before.total
    grown = max(_outside(first, last), key=lambda found: found[1])
    if _is_much(grown[1], before.total):
        return Judgement("growing", f"{tell(grown[1])} more in {grown[0]}.")
    if _is_much(more, before.total):
        return Judgement("growing", f"{tell(more)} more are resident, in no one place.")
    return Judgement("steady", "nothing grew by much.")


def _is_much(grew: int, had: int) -> bool:
    return grew >= max(MIB, had // 100)


def _most_in_use(first: Snapshot, last: Snapshot) -> str:
    types = compare(first, last).types
    most = next((change for change in types if change.bytes_grew > 0), None)
    if most is None:
        return ""
    return f", most of it {NO_OBJECTS if most.kind == 'raw' else shown_type(most)}"


def _outside(first: Snapshot, last: Snapshot) -> list[tuple[str, int]]:
    """Return by how much each place grew that is not in a heap, with what it is called."""
    had = {place.name: place.bytes for place in places(first)}
    return [
        (place.phrase, place.bytes - had.get(place.name, 0))
        for place in places(last)
        if not place.name.startswith(("in use", "free"))
    ]


def _objects_that_grew(snapshots: Sequence[Snapshot]) -> Iterator[_Grown]:
    """Yield what is to be said of types that grew in each look, of all of them together."""
    changes = compare(snapshots[0], snapshots[-1])
    steps = [
        {step.name: step.blocks_grew for step in compare(*pair).types if step.kind != "raw"}
        for pair in itertools.pairwise(snapshots)
    ]
    steady = [
        change
        for change in changes.types
        if change.kind != "raw"
        and change.blocks_grew >= GROWN_BLOCKS
        and change.bytes_grew >= GROWN_BYTES
        and all(step.get(change.name, 0) > 0 for step in steps)
    ]
    if not steady:
        return
    steady.sort(key=lambda change: -change.bytes_grew)
    grew = sum(change.bytes_grew for change in steady)
    made = [change for change in steady if made_for_a_purpose(change)]
    told = (made or steady)[:NAMED]
    blocks = sum(change.blocks_grew for change in told)
    by = f"{blocks:,} objects and {tell(sum(change.bytes_grew for change in told))}"
    rest = [change for change in steady if change not in told]
    if rest:
        by += f" (with {_listed([shown_type(change) for change in rest[:NAMED]])}: {tell(grew)})"
    yield _Grown(grew, _listed([shown_type(change) for change in told]), by)


def _rest_that_grew(snapshots: Sequence[Snapshot]) -> Iterator[_Grown]:
    """Yield what is to be said of memory that is no object's and grew in each look."""
    pairs = list(itertools.pairwise(snapshots))
    raw = [_raw_bytes(after) - _raw_bytes(before) for before, after in pairs]
    if min(raw) > 0 and sum(raw) >= MIB:
        said = " C code has them: an extension module, or a C library."
        yield _Grown(sum(raw), "Blocks that are no Python objects", tell(sum(raw)), said)
    steps = [dict(_outside(before, after)) for before, after in pairs]
    for phrase, grew in _outside(snapshots[0], snapshots[-1]):
        if grew >= MIB and all(step.get(phrase, 0) > 0 for step in steps):
            yield _Grown(grew, phrase[0].upper() + phrase[1:], tell(grew))


def _raw_bytes(snapshot: Snapshot) -> int:
    return sum(used.bytes for used in snapshot.types if used.kind == "raw")


def _listed(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def _rate(grew: int, seconds: float) -> str:
    if seconds <= 0:
        return ""
    return f": {tell(round(grew / seconds * 3600))} an hour"


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
        f"Types of which there are more or fewer objects: {len(heavy):,}",
        ["<type", "?objects", "change", "?bytes", "change"],
        [_type_row(change) for change in heavy[:rows]],
        room=pane.width,
    )
    classes = [c for c in changes.size_classes if _weight(c) >= max(1, shown.threshold)]
    size_classes = section(
        f"Sizes of small blocks that changed: {len(classes):,}",
        ["size", "blocks", "in use", "free"],
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
