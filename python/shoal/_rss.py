"""Whose the resident memory of this process is: every page counted once.

Light on purpose, as _smaps is: what this module imports is in what it measures.
"""

from __future__ import annotations

from shoal import _heap, _owners, _pymalloc, _smaps

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from shoal._heap import Counts
    from shoal._owners import Claim

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
    claims = sorted([*heap_claims, *_owners.bss_claims(mappings)])
    libc_serves = not _heap.serves_malloc()
    for part in _owners.share(mappings, claims, libc_serves=libc_serves):
        owned[part.owner] += part.rss

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


def _libc_mapped_bytes() -> int:
    usage = _heap.libc_usage()
    return usage[1] if usage else 0
