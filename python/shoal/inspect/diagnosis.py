"""What a snapshot says, in one of four words and a few sentences.

Nothing but its figures is used. The first rule that holds counts:

fragmentation
    A heap keeps at least 8 MiB that are free, and no less than is in use in it; and
    all that heaps keep so is a quarter of what is resident.
plain use
    Python's objects are less than 16 MiB, or less than half of what is resident:
    there is nothing to explain, or it is elsewhere, and it is said where.
leak-like
    Objects that pile up: of one type that a program makes for a purpose (a
    class with a module, or one of `TRACES`) there are at least 10,000, and 1
    in 10 of all objects.
cache
    At least half of what is in use is plain data: texts, numbers and containers,
    with what belongs to them.
plain use
    All else.

One look cannot tell a leak from a cache that fills: both are in use, and only time
tells them apart. `compare` judges by growth.
"""

from __future__ import annotations

from dataclasses import dataclass

from shoal.inspect.figures import per_cent, tell
from shoal.inspect.places import places
from shoal.inspect.snapshot import Residence, Snapshot, TypeUse

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Literal

    from shoal.inspect.compare import Change

    Kind = Literal["fragmentation", "leak-like", "cache", "plain use"]

__all__ = ["DATA", "TRACES", "Diagnosis", "diagnose", "made_for_a_purpose", "shown_type"]

MIB = 2**20

HELD_LEAST = 8 * MIB
HEAP_LEAST = 16 * MIB
PILED_BLOCKS = 10_000
PILED_SHARE = 0.10

TRACES = frozenset(
    {
        "async_generator",
        "async_generator_asend",
        "builtin_function_or_method",
        "cell",
        "code",
        "coroutine",
        "coroutine_wrapper",
        "frame",
        "function",
        "functools.partial",
        "generator",
        "method",
        "module",
        "partial",
        "property",
        "traceback",
        "type",
        "weakref",
        "weakref.ProxyType",
        "weakref.ReferenceType",
    }
)
"""Builtin types of which many are the trace of something that does not end."""

DATA = frozenset(
    {
        "array.array",
        "bool",
        "bytearray",
        "bytes",
        "collections.OrderedDict",
        "collections.defaultdict",
        "collections.deque",
        "complex",
        "datetime.date",
        "datetime.datetime",
        "datetime.timedelta",
        "decimal.Decimal",
        "dict",
        "float",
        "frozenset",
        "int",
        "list",
        "memoryview",
        "numpy.ndarray",
        "set",
        "str",
        "tuple",
        "uuid.UUID",
    }
)
"""Types of which many are data."""


@dataclass(frozen=True)
class Diagnosis:
    """What is to be said of a process.

    Attributes
    ----------
    kind : "fragmentation", "leak-like", "cache" or "plain use"
        In a word.
    sentence : str
        Why, with its figures.
    release : str
        What would give memory back, and how much; "" where that is nothing to
        speak of.
    """

    kind: Kind
    sentence: str
    release: str

    def fields(self) -> dict[str, str]:
        """Return what JSON says of it."""
        return {"word": self.kind, "sentence": self.sentence, "release": self.release}


def diagnose(snapshot: Snapshot) -> Diagnosis:
    """Return what there is to say about a snapshot."""
    kind, sentence = _judge(snapshot)
    return Diagnosis(kind, sentence, _release(snapshot))


def _judge(snapshot: Snapshot) -> tuple[Kind, str]:
    if _is_fragmented(snapshot.resident):
        return "fragmentation", _fragmentation(snapshot)
    objects = _object_bytes(snapshot)
    if objects < HEAP_LEAST or 2 * objects < snapshot.resident.total:
        return "plain use", _elsewhere(snapshot, objects)
    piled = _piled(snapshot)
    if piled is not None:
        return "leak-like", (
            f"There are {piled.blocks:,} objects of the type {shown_type(piled)}, "
            f"{per_cent(piled.blocks, snapshot.objects)} of all. {_STILL_GROWS}"
        )
    data = [used for used in snapshot.types if used.name in DATA]
    amount = sum(used.bytes for used in data)
    if 2 * amount >= objects:
        most = max(data, key=lambda used: used.bytes)
        return "cache", (
            f"{tell(amount)} of the {tell(snapshot.resident.used)} in use are data, most of it "
            f"{shown_type(most)}: a cache, what the program works on, or a leak. {_STILL_GROWS}"
        )
    return "plain use", (
        f"{tell(objects)} of objects, with no type that stands out. {_STILL_GROWS}"
    )


_STILL_GROWS = "Whether it still grows, --watch 10 shows."


def _object_bytes(snapshot: Snapshot) -> int:
    """Return what Python's objects have, with what belongs to them."""
    told = sum(used.bytes for used in snapshot.types if used.kind != "raw")
    return min(told, snapshot.resident.used)


def _is_fragmented(resident: Residence) -> bool:
    in_python = resident.pinned - resident.libc_free
    keeps = in_python >= max(HELD_LEAST, resident.live)
    keeps = keeps or resident.libc_free >= max(HELD_LEAST, resident.libc)
    return keeps and 4 * resident.pinned >= resident.total


def _fragmentation(snapshot: Snapshot) -> str:
    resident = snapshot.resident
    sentence = (
        f"{tell(resident.pinned)} are free and cannot go back to the system: "
        f"{tell(resident.live + resident.libc)} of blocks in use lie between them."
    )
    if 2 * resident.libc_free > resident.pinned:
        sentence += f" {tell(resident.libc_free)} of it are in malloc's heap."
    return f"{sentence}{_kept_by(snapshot)}"


def _kept_by(snapshot: Snapshot) -> str:
    """Name the type that keeps most; where that is data, also a class that keeps as much."""
    objects = [pins for pins in snapshot.pinning if pins.kind != "raw"]
    if not objects:
        return ""
    told = [objects[0]]
    if objects[0].name in DATA:
        most = max(pins.arenas for pins in snapshot.pinning)
        classes = (pins for pins in objects if "." in pins.name and pins.name not in DATA | TRACES)
        told += [pins for pins in classes if 2 * pins.arenas >= most][:1]
    return f" The objects that keep most of it: {' and '.join(map(shown_type, told))}."


def _elsewhere(snapshot: Snapshot, objects: int) -> str:
    resident = snapshot.resident
    in_code = resident.used - objects
    rest = [
        (place.bytes, place.phrase)
        for place in places(snapshot)
        if not place.name.startswith("in use")
    ]
    rest.append(
        (in_code, "blocks that are no Python objects: C code and the interpreter have them")
    )
    most, where = max(rest)
    sentence = f"{tell(objects)} of {tell(resident.total)} are Python's objects"
    sentence += f"; most of the rest, {tell(most)}, is in {where}."
    return f"{sentence} {_STILL_GROWS}" if most == in_code >= HEAP_LEAST else sentence


def _piled(snapshot: Snapshot) -> TypeUse | None:
    """Return the type whose objects pile up; None if none does."""
    least = max(PILED_BLOCKS, PILED_SHARE * snapshot.objects)
    piled = [used for used in snapshot.types if used.blocks >= least and made_for_a_purpose(used)]
    return max(piled, key=lambda used: used.bytes, default=None)


def made_for_a_purpose(used: TypeUse | Change) -> bool:
    """Say whether objects of a type are no mere data: a program's own, or `TRACES`."""
    if used.kind == "raw" or used.name in DATA:
        return False
    return "." in used.name or used.name in TRACES


def _release(snapshot: Snapshot) -> str:
    """Say what there is to gain; only what is 1 MiB and 1 in 100 of what is resident."""
    floor = max(MIB, snapshot.resident.total // 100)
    gain = snapshot.resident.heap - snapshot.needed
    moved = snapshot.compactable if snapshot.compactable >= floor else 0
    if snapshot.allocator == "shoal":
        return _release_on_shoal(gain if gain >= floor else 0, moved)
    if gain + moved < floor:
        return ""
    said = (
        f"Run on Shoal (shoal run), its heaps would take {tell(snapshot.needed)} "
        f"instead of {tell(snapshot.resident.heap)}"
    )
    least = tell(snapshot.needed - moved)
    return f"{said}, with shoal.compact() {least} at best." if moved else f"{said}."


def _release_on_shoal(trimmed: int, moved: int) -> str:
    if moved:
        return (
            f"shoal.compact(), called in the program, would give back {tell(trimmed + moved)} "
            "at best."
        )
    if trimmed:
        return f"shoal.trim(), called in the program, would give back {tell(trimmed)}."
    return ""


def shown_type(item: object) -> str:
    """Return the name of a type for a terminal, short enough for a sentence or a table."""
    from shoal.profiler.paint import printable

    name = printable(str(getattr(item, "name", item)))
    return name if len(name) <= 80 else f"...{name[-77:]}"
