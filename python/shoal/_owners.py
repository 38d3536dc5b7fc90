"""Whose the mappings of a process are: this one's, unless another is named.

Light on purpose, as _smaps is: what this module imports is in what it measures.
"""

from __future__ import annotations

from shoal import _elf, _smaps

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    # Start address, end address, whose.
    Claim = tuple[int, int, str]

# glibc aligns the heaps of its threads' arenas to this many bytes (HEAP_MAX_SIZE).
LIBC_HEAP_BYTES = 64 << 20
# A mapping below a stack that nobody may touch, and that is no larger, is its guard.
GUARD_MAX_BYTES = 64 << 10


class Part:
    """Part of a mapping: `owner`, and bytes of address space and resident."""

    __slots__ = ("owner", "mapped", "rss")

    def __init__(self, owner: str, mapped: int, rss: int) -> None:
        self.owner = owner
        self.mapped = mapped
        self.rss = rss


def bss_claims(mappings: list[_smaps.Mapping], root: bytes = b"") -> Iterator[Claim]:
    """Claim the zeroed data that lies behind each loaded file, in an unnamed mapping.

    Parameters
    ----------
    mappings : list of Mapping
        Of a process.
    root : bytes
        What goes before their paths: another process may see other files.
    """
    seen: set[bytes] = set()
    for mapping in mappings:
        if not mapping.path.startswith(b"/") or mapping.path in seen:
            continue
        seen.add(mapping.path)
        try:
            elf = _elf.read(root + mapping.path)
        except (OSError, ValueError):
            continue  # Deleted, a device, or no such file at all.
        if elf is None or not elf.load:
            continue
        page = _smaps.PAGE_BYTES
        base = mapping.start - elf.load[0][0] // page * page
        for vaddr, _, filesz, memsz in elf.load:
            start = -(-(base + vaddr + filesz) // page) * page
            end = -(-(base + vaddr + memsz) // page) * page
            if start < end:
                yield start, end, "file"


def share(
    mappings: list[_smaps.Mapping],
    claims: list[Claim],
    *,
    libc_serves: bool,
    pid: int | str = "self",
) -> Iterator[Part]:
    """Yield whose each part is, a mapping's claimed parts first, then its rest.

    Parameters
    ----------
    mappings : list of Mapping
        What `_smaps.read` returned.
    claims : list of Claim
        By address; they do not overlap. The rest is "file", "libc", "stack"
        or "anonymous".
    libc_serves : bool
        Whether malloc is libc's.
    pid : int or "self"
        Whose mappings they are.
    """
    stacks = _smaps.stack_pointers(pid)
    below: _smaps.Mapping | None = None
    first = 0
    for mapping in mappings:
        left, mapped = mapping.rss, mapping.end - mapping.start
        while first < len(claims) and claims[first][1] <= mapping.start:
            first += 1
        at = first
        while at < len(claims) and claims[at][0] < mapping.end:
            start, end, owner = claims[at]
            start, end = max(start, mapping.start), min(end, mapping.end)
            rss = min(left, _resident(mapping, start, end, pid))
            yield Part(owner, end - start, rss)
            left -= rss
            mapped -= end - start
            at += 1
        if left or mapped > 0:
            yield Part(_owner(mapping, below, stacks, libc_serves), max(0, mapped), left)
        below = mapping


def _resident(mapping: _smaps.Mapping, start: int, end: int, pid: int | str) -> int:
    if mapping.rss == 0 or (start, end) == (mapping.start, mapping.end):
        return mapping.rss
    return _smaps.resident(start, end, pid)


def _owner(
    mapping: _smaps.Mapping, below: _smaps.Mapping | None, stacks: list[int], libc_serves: bool
) -> str:
    """Say whose the unclaimed pages of `mapping` are."""
    if mapping.path.startswith((b"/", b"[v")):
        return "file"
    if mapping.path == b"[heap]":
        return "libc"
    if mapping.path == b"[stack]" or any(mapping.start <= at < mapping.end for at in stacks):
        return "stack"
    if mapping.path or not mapping.mode.startswith(b"rw"):
        return "anonymous"
    if libc_serves and mapping.start % LIBC_HEAP_BYTES == 0:
        return "libc"
    if below is not None and _is_guard(below, mapping):
        return "stack"
    return "anonymous"


def _is_guard(below: _smaps.Mapping, mapping: _smaps.Mapping) -> bool:
    return (
        below.end == mapping.start
        and below.mode.startswith(b"---")
        and not below.path
        and below.end - below.start <= GUARD_MAX_BYTES
    )
