"""What a snapshot says, in one of four words and a few sentences.

Nothing but its figures is used. The first rule that holds counts:

fragmentation
    At least 8 MiB are held, a quarter of what is resident, and no less than is
    live: memory that blocks keep rather than use.
plain use
    The objects' heap and large blocks are less than 16 MiB, or less than half
    of what is resident: there is nothing to explain, or it is elsewhere.
leak-like
    Objects that pile up: of one type that a program makes for a purpose (a
    class with a module, or one of `TRACES`) there are at least 10,000, and 1
    in 10 of all live blocks.
cache
    At least half of what is live or large is plain data: texts, numbers,
    containers and what they keep their items in, and large blocks.
plain use
    All else.

One look cannot tell a leak from a cache that fills: both are live, and only time
tells them apart. `compare` judges by growth.
"""

from __future__ import annotations

from dataclasses import dataclass

from shoal.inspect.figures import per_cent, tell
from shoal.inspect.snapshot import SPARSE, Snapshot, TypeUse, sparse_arenas

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Literal

    Kind = Literal["fragmentation", "leak-like", "cache", "plain use"]

__all__ = ["DATA", "TRACES", "Diagnosis", "diagnose", "shown_type"]

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
        What a release by 4 KiB page, and by meshing, would give back; "" where
        that is nothing to speak of.
    """

    kind: Kind
    sentence: str
    release: str


def diagnose(snapshot: Snapshot) -> Diagnosis:
    """Return what there is to say about a snapshot."""
    kind, sentence = _judge(snapshot)
    return Diagnosis(kind, sentence, _release(snapshot))


def _judge(snapshot: Snapshot) -> tuple[Kind, str]:
    resident = snapshot.resident
    quarter = 4 * resident.held >= resident.total
    if resident.held >= max(HELD_LEAST, resident.live) and quarter:
        return "fragmentation", _fragmentation(snapshot)
    objects = resident.heap + resident.large
    if objects < HEAP_LEAST or 2 * objects < resident.total:
        return "plain use", _elsewhere(snapshot)
    piled = _piled(snapshot)
    if piled is not None:
        share = per_cent(piled.blocks, snapshot.live_blocks)
        return "leak-like", (
            f"{piled.blocks:,} {shown_type(piled)} are {share} of the live blocks. "
            "Whether they still grow, --watch shows."
        )
    data = sum(used.bytes for used in snapshot.types if used.name in DATA or used.kind == "raw")
    kept = snapshot.live_bytes + resident.large
    if 2 * (data + resident.large) >= kept > 0:
        return "cache", (
            f"{tell(data + resident.large)} of the {tell(kept)} in use are data: texts, numbers, "
            "containers, large blocks. A cache, or what the program works on."
        )
    return "plain use", f"{tell(resident.live)} of objects, with no type that stands out."


def _fragmentation(snapshot: Snapshot) -> str:
    resident = snapshot.resident
    sentence = f"{tell(resident.live)} of live blocks keep {tell(resident.heap)} resident"
    sparse = len(sparse_arenas(snapshot.arenas))
    if sparse:
        verb = "is" if sparse == 1 else "are"
        few = f"{verb} at most {100 * SPARSE:.0f} % full"
        sentence += f"; {sparse:,} of {len(snapshot.arenas):,} arenas {few}"
    return f"{sentence}.{_pinned_by(snapshot, sparse)}"


def _pinned_by(snapshot: Snapshot, sparse: int) -> str:
    """Name the type that pins most; where that is data, also a class that pins as many arenas."""
    objects = [pins for pins in snapshot.pinning if pins.kind != "raw"]
    if not objects:
        return ""
    told = [objects[0]]
    if objects[0].name in DATA:
        classes = (pins for pins in objects if "." in pins.name and pins.name not in DATA | TRACES)
        told += [pins for pins in classes if 2 * pins.arenas >= sparse][:1]
    return f" The objects that pin most of them: {' and '.join(map(shown_type, told))}."


def _elsewhere(snapshot: Snapshot) -> str:
    resident = snapshot.resident
    places = (
        (resident.libc, "libc's heap: blocks of more than 512 bytes, and C libraries"),
        (resident.other, "other mappings: libraries with heaps of their own, or shared memory"),
        (resident.file_backed, "files: the program and its libraries"),
        (resident.stacks, "stacks of threads"),
    )
    objects = (
        f"{tell(resident.heap + resident.large)} of {tell(resident.total)} are Python's objects"
    )
    most, place = max(places)
    return f"{objects}; most of the rest, {tell(most)}, is in {place}."


def _piled(snapshot: Snapshot) -> TypeUse | None:
    """Return the type whose objects pile up; None if none does."""
    least = max(PILED_BLOCKS, PILED_SHARE * snapshot.live_blocks)
    piled = [used for used in snapshot.types if used.blocks >= least and _made_for_a_purpose(used)]
    return max(piled, key=lambda used: used.bytes, default=None)


def _made_for_a_purpose(used: TypeUse) -> bool:
    if used.kind == "raw" or used.name in DATA:
        return False
    return "." in used.name or used.name in TRACES


def _release(snapshot: Snapshot) -> str:
    """Say what there is to gain; only what is 1 MiB and 1 in 100 of what is resident."""
    floor = max(MIB, snapshot.resident.total // 100)
    pages = snapshot.returnable if snapshot.returnable >= floor else 0
    meshed = snapshot.meshable if snapshot.meshable >= floor else 0
    if not pages and not meshed:
        return ""
    if snapshot.allocator == "shoal":
        if not pages:
            return f"Nearly every 4 KiB page is in use; meshing would give back {tell(meshed)}."
        return f"shoal.trim() would give back {tell(pages)}{_more(meshed)}."
    would = f"Shoal would hold {tell(snapshot.needed)} where this process holds"
    would += f" {tell(snapshot.resident.heap)}. "
    if not pages:
        return f"{would}Nearly every 4 KiB page is in use; meshing would give back {tell(meshed)}."
    return f"{would}Releasing whole 4 KiB pages gives back {tell(pages)}{_more(meshed)}."


def _more(meshed: int) -> str:
    return f", meshing {tell(meshed)} more" if meshed else ""


def shown_type(item: object) -> str:
    """Return the name of a type for a terminal, short enough for a sentence or a table."""
    from shoal.profiler.paint import printable

    name = printable(str(getattr(item, "name", item)))
    return name if len(name) <= 80 else f"...{name[-77:]}"
