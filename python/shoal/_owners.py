"""Whose the mappings of a process are: this one's, unless another is named.

Light on purpose, as _smaps is: what this module imports is in what it measures.
"""

from __future__ import annotations

from shoal import _elf, _inspect, _smaps

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    Range = tuple[int, int]
    """Start and end address."""

    # Start address, end address, whose.
    Claim = tuple[int, int, str]

# A mapping below a stack that nobody may touch, and that is no larger, is its guard.
GUARD_MAX_BYTES = 64 << 10


class Part:
    """Part of a mapping: `owner`, bytes of address space and resident, and where it lies."""

    __slots__ = ("owner", "mapped", "rss", "ranges", "path")

    def __init__(
        self, owner: str, mapped: int, rss: int, ranges: list[Range], path: bytes = b""
    ) -> None:
        self.owner = owner
        self.mapped = mapped
        self.rss = rss
        self.ranges = ranges
        self.path = path


def bss_claims(mappings: Sequence[_smaps.Mapping], root: bytes = b"") -> Iterator[Claim]:
    """Claim the zeroed data that lies behind each loaded file, in an unnamed mapping.

    Parameters
    ----------
    mappings : sequence of Mapping
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


def apart(claims: Iterable[Claim]) -> list[Claim]:
    """Return claims in order of which none reaches into the next."""
    kept: list[Claim] = []
    reached = 0
    for start, end, owner in sorted(claims):
        start = max(start, reached)
        if start < end:
            kept.append((start, end, owner))
            reached = end
    return kept


def share(
    mappings: Sequence[_smaps.Mapping],
    claims: list[Claim],
    pid: int | str = "self",
) -> Iterator[Part]:
    """Yield whose each part is, a mapping's claimed parts first, then its rest.

    Parameters
    ----------
    mappings : sequence of Mapping
        What `_smaps.read` returned.
    claims : list of Claim
        By address; they do not overlap. The rest is "file" (the program and its
        libraries), "mapped" (other files, shared memory), "libc" (of [heap]), "stack"
        or "anonymous".
    pid : int or "self"
        Whose mappings they are.
    """
    stacks = _smaps.stack_pointers(pid)
    code = {mapping.path for mapping in mappings if b"x" in mapping.mode}
    below: _smaps.Mapping | None = None
    first = 0
    for mapping in mappings:
        left, reached = mapping.rss, mapping.start
        rest: list[Range] = []
        while first < len(claims) and claims[first][1] <= mapping.start:
            first += 1
        at = first
        while at < len(claims) and claims[at][0] < mapping.end:
            start, end, owner = claims[at]
            start, end = max(start, mapping.start), min(end, mapping.end)
            rss = min(left, _resident(mapping, start, end, pid))
            yield Part(owner, end - start, rss, [(start, end)])
            left -= rss
            if reached < start:
                rest.append((reached, start))
            reached = end
            at += 1
        if reached < mapping.end:
            rest.append((reached, mapping.end))
        if left or rest:
            owner = _owner(mapping, below, stacks, code)
            mapped = sum(end - start for start, end in rest)
            yield Part(owner, mapped, left, rest, mapping.path)
        below = mapping


def mapped_by(parts: Sequence[Part], bss: Iterable[Claim], pid: int) -> dict[str, int]:
    """Return the resident bytes of parts by who mapped them; "" for nobody that is known.

    Parameters
    ----------
    parts : sequence of Part
        That nobody has claimed.
    bss : iterable of Claim
        What `bss_claims` returned.
    pid : int
        Whose they are.
    """
    found: dict[str, int] = {}
    asked: list[tuple[int, int, int]] = []
    for part in parts:
        if part.path.startswith(b"[anon:"):
            _add(found, part.path[6:-1].decode("utf-8", "replace"), part.rss)
        elif part.path:
            _add(found, "", part.rss)
        else:
            asked += _resident_ranges(part, pid)
    if not asked:
        return found
    ranges = [(start, end - start) for start, end, _ in asked]
    zeroed = [(start, end - start) for start, end, _ in bss]
    names = _inspect.libraries(pid, ranges, zeroed)
    for (_, _, rss), name in zip(asked, names):
        _add(found, name, rss)
    return found


def _resident_ranges(part: Part, pid: int) -> Iterator[tuple[int, int, int]]:
    """Yield start, end and resident bytes of a part's ranges, which sum up to the part's."""
    left = part.rss
    for at, (start, end) in enumerate(part.ranges, 1):
        is_last = at == len(part.ranges)
        rss = left if is_last else min(left, _smaps.resident(start, end, pid))
        left -= rss
        if rss:
            yield start, end, rss


def _add(found: dict[str, int], name: str, rss: int) -> None:
    found[name] = found.get(name, 0) + rss


def _resident(mapping: _smaps.Mapping, start: int, end: int, pid: int | str) -> int:
    if mapping.rss == 0 or (start, end) == (mapping.start, mapping.end):
        return mapping.rss
    return _smaps.resident(start, end, pid)


def _owner(
    mapping: _smaps.Mapping,
    below: _smaps.Mapping | None,
    stacks: list[int],
    code: set[bytes],
) -> str:
    """Say whose the unclaimed pages of `mapping` are; `code` are the files that can run."""
    if mapping.path.startswith(b"/"):
        return "file" if mapping.path in code else "mapped"
    if mapping.path.startswith(b"[v"):
        return "file"
    if mapping.path == b"[heap]":
        return "libc"
    if mapping.path == b"[stack]" or any(mapping.start <= at < mapping.end for at in stacks):
        return "stack"
    if mapping.path or not mapping.mode.startswith(b"rw"):
        return "anonymous"
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
