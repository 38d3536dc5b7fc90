"""What the places of resident memory are called, for people: on the screen and in sentences."""

from __future__ import annotations

from dataclasses import dataclass

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from shoal.inspect.snapshot import Residence, Snapshot

__all__ = ["Place", "places"]


@dataclass(frozen=True)
class Place:
    """A part of what is resident.

    Attributes
    ----------
    name : str
        Of its row.
    phrase : str
        In a sentence, after a figure and "is in" or "more in".
    bytes : int
        Resident.
    mapped : int or None
        Address space, where it need not be resident.
    style : str
        Of its bar.
    """

    name: str
    phrase: str
    bytes: int
    mapped: int | None
    style: str


def places(snapshot: Snapshot) -> Iterator[Place]:
    """Yield the places of a snapshot's resident memory, which sum up to it."""
    resident = snapshot.resident
    on_shoal = snapshot.allocator == "shoal"
    heap = "Shoal's heap" if on_shoal else "Python's heap"
    yield Place("in use, small blocks", f"{heap}: small blocks", resident.live, None, "green")
    yield Place("in use, malloc", "blocks of malloc", resident.libc, resident.libc_mapped, "green")
    yield Place(
        "in use, large blocks", "large blocks", resident.large, resident.large_mapped, "green"
    )
    yield from _free(resident, on_shoal)
    if on_shoal or resident.reserve:
        yield Place(
            "free, Shoal's reserve",
            "what Shoal keeps for the next requests",
            resident.reserve,
            None,
            "yellow",
        )
    if on_shoal or resident.records:
        yield Place("Shoal's records", "Shoal's own records", resident.records, None, "blue")
    yield Place(
        "program, libraries",
        "the program and its libraries",
        resident.file_backed,
        None,
        "blue",
    )
    if resident.mapped_files:
        yield Place(
            "files, shared memory",
            "mapped files and shared memory",
            resident.mapped_files,
            None,
            "blue",
        )
    yield Place("stacks", "stacks of threads and functions", resident.stacks, None, "blue")
    yield from _mapped_by(resident)
    yield Place("other", "mappings that nobody is known to have made", resident.other, None, "blue")


def _free(resident: Residence, on_shoal: bool) -> Iterator[Place]:
    if on_shoal:
        amount = resident.pinned - resident.libc_free
        yield Place("free, in between", "free blocks between objects", amount, None, "red")
    else:
        yield Place(
            "free, nearly empty",
            "free memory that few objects keep",
            resident.sparse,
            None,
            "red",
        )
        yield Place(
            "free, in between",
            "free blocks between objects",
            resident.free_blocks,
            None,
            "yellow",
        )
        yield Place(
            "free, whole pages",
            "free pages of Python's heap",
            resident.free_pools,
            None,
            "yellow",
        )
    yield Place("free, malloc", "free memory of malloc", resident.libc_free, None, "red")


def _mapped_by(resident: Residence) -> Iterator[Place]:
    """Yield those of which there is at least 1 in 200, and the rest as one."""
    rest = resident.libraries
    for part in resident.mapped_by:
        if 200 * part.bytes < resident.total:
            continue
        rest -= part.bytes
        phrase = f"memory that {part.name} has mapped"
        yield Place(f"of {part.name}", phrase, part.bytes, None, "cyan")
    yield Place("of libraries", "memory that libraries have mapped", max(0, rest), None, "cyan")
