"""Whose the resident memory of this process is: every page counted once.

Light on purpose, as _smaps is: what this module imports is in what it measures.
"""

from __future__ import annotations

from shoal import _elf, _heap, _pymalloc, _smaps

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from shoal._heap import Counts

# glibc aligns the heaps of its threads' arenas to this many bytes (HEAP_MAX_SIZE).
LIBC_HEAP_BYTES = 64 << 20
# A mapping below a stack that nobody may touch, and that is no larger, is its guard.
GUARD_MAX_BYTES = 64 << 10

SOURCES = {
    "total": "Rss of /proc/self/smaps, all mappings",
    "pss": "Pss of /proc/self/smaps: pages shared with n processes count 1/n",
    "lazy_free": "LazyFree of /proc/self/smaps: part of total that the kernel may take at any time",
    "shoal_live": "the heap's exact count, as far as its ranges are resident in smaps; "
    "a live block's page that was never touched is not",
    "shoal_held": "the heap's exact count of resident bytes that no block uses",
    "shoal_metadata": "Rss of the heap's own ranges for its records",
    "pymalloc": "arenas by sys._debugmallocstats (when Shoal was installed, if it was), "
    "taken as wholly resident",
    "libc": "Rss of [heap] and of the 64 MiB-aligned heaps of threads, and what mallinfo2 says "
    "of blocks with their own mapping; only [heap] where Shoal serves malloc",
    "file_backed": "Rss of mappings with a path (program, libraries, files, shared memory), "
    "their zeroed data (.bss, from the ELF headers), and the kernel's [vdso]",
    "stacks": "Rss of [stack], of mappings that a waiting thread's stack pointer is in "
    "(/proc/self/task/*/syscall), and of those right above a guard page",
    "unexplained": "the rest: mappings that no source above claims",
}


if TYPE_CHECKING:
    # Start address, end address, whose.
    Claim = tuple[int, int, str]


def reconcile(counts: Counts) -> dict[str, int]:
    """Share the resident memory out among its owners.

    Parameters
    ----------
    counts : dict
        The heap's counts, taken just before.

    Returns
    -------
    dict of str to int
        The figures of `shoal.Rss`, in bytes.

    Raises
    ------
    OSError
        /proc/self/smaps cannot be read.
    """
    heap_claims = list(_heap_claims())
    mappings = _smaps.read()
    owned = dict.fromkeys(("shoal", "metadata", "libc", "file", "stack", "anonymous"), 0)
    for owner, rss in _share(mappings, sorted([*heap_claims, *_bss_claims(mappings)])):
        owned[owner] += rss

    held = min(counts["held"], owned["shoal"])
    live = min(counts["live"], owned["shoal"] - held)
    # What has no address to be found by is an upper bound, and fits in what is left.
    left = owned["anonymous"]
    pymalloc = min(_pymalloc.arena_bytes(_heap.state() == 1), left)
    libc = min(_libc_mapped_bytes(), left - pymalloc)
    return {
        "total": sum(mapping.rss for mapping in mappings),
        "shoal_live": live,
        "shoal_held": held,
        "shoal_metadata": owned["metadata"],
        "pymalloc": pymalloc,
        "libc": owned["libc"] + libc,
        "file_backed": owned["file"],
        "stacks": owned["stack"],
        "unexplained": left - pymalloc - libc + owned["shoal"] - held - live,
        "pss": sum(mapping.pss for mapping in mappings),
        "lazy_free": sum(mapping.lazy_free for mapping in mappings),
    }


def _heap_claims() -> Iterator[Claim]:
    page = _smaps.PAGE_BYTES
    for start, size, is_metadata in _heap.ranges():
        end = -(-(start + size) // page) * page
        yield start // page * page, end, "metadata" if is_metadata else "shoal"


def _bss_claims(mappings: list[_smaps.Mapping]) -> Iterator[Claim]:
    """Claim the zeroed data that lies behind each loaded file, in an unnamed mapping."""
    seen: set[bytes] = set()
    for mapping in mappings:
        if not mapping.path.startswith(b"/") or mapping.path in seen:
            continue
        seen.add(mapping.path)
        try:
            elf = _elf.read(mapping.path)
        except OSError:
            continue  # Deleted, or a device.
        if elf is None or not elf.load:
            continue
        page = _smaps.PAGE_BYTES
        base = mapping.start - elf.load[0][0] // page * page
        for vaddr, _, filesz, memsz in elf.load:
            start = -(-(base + vaddr + filesz) // page) * page
            end = -(-(base + vaddr + memsz) // page) * page
            if start < end:
                yield start, end, "file"


def _share(mappings: list[_smaps.Mapping], claims: list[Claim]) -> Iterator[tuple[str, int]]:
    """Yield (owner, resident bytes), a mapping's claimed parts first, then its rest."""
    stacks = _smaps.stack_pointers()
    libc_serves = not _heap.serves_malloc()
    below: _smaps.Mapping | None = None
    first = 0
    for mapping in mappings:
        left = mapping.rss
        while first < len(claims) and claims[first][1] <= mapping.start:
            first += 1
        for start, end, owner in claims[first:]:
            if start >= mapping.end:
                break
            rss = min(left, _resident(mapping, max(start, mapping.start), min(end, mapping.end)))
            yield owner, rss
            left -= rss
        if left:
            yield _owner(mapping, below, stacks, libc_serves), left
        below = mapping


def _resident(mapping: _smaps.Mapping, start: int, end: int) -> int:
    if mapping.rss == 0 or (start, end) == (mapping.start, mapping.end):
        return mapping.rss
    return _smaps.resident(start, end)


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


def _libc_mapped_bytes() -> int:
    usage = _heap.libc_usage()
    return usage[1] if usage else 0
