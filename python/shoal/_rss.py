"""Whose the resident memory of this process is: every page counted once.

Light on purpose, as _smaps is: what this module imports is in what it measures.
"""

from __future__ import annotations

import os
import sys

from shoal import _heap, _inspect, _owners, _smaps

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from shoal._owners import Claim

SOURCES = {
    "total": "Rss of /proc/self/smaps, all mappings",
    "pss": "Pss of /proc/self/smaps: pages shared with n processes count 1/n",
    "lazy_free": "LazyFree of /proc/self/smaps: part of total that the kernel may take at any time",
    "shoal_live": "the heap's exact count, as far as its ranges are resident in smaps; "
    "a live block's page that was never touched is not",
    "shoal_held": "the heap's exact count of resident bytes that no block uses",
    "shoal_metadata": "Rss of the heap's own ranges for its records",
    "pymalloc": "Rss of the arenas in the interpreter's own table of them",
    "libc": "Rss of the heaps that malloc's own lists lead to, and of blocks with their own "
    "mapping, by their heads; only [heap] where Shoal serves malloc",
    "file_backed": "Rss of mappings with a path (program, libraries, files, shared memory), "
    "their zeroed data (.bss, from the ELF headers), and the kernel's [vdso]",
    "stacks": "Rss of [stack], of mappings that a waiting thread's stack pointer is in "
    "(/proc/self/task/*/syscall), of those right above a guard page, and of the interpreter's "
    "frames, by their heads",
    "libraries": "Rss of other mappings that data of a library lead to, or that their name says "
    "whose they are; mapped_by has the names",
    "unexplained": "the rest: mappings that no source above claims",
}


_OWNERS = (
    "shoal",
    "metadata",
    "pymalloc",
    "libc",
    "large",
    "file",
    "mapped",
    "stack",
    "anonymous",
)


def reconcile() -> tuple[dict[str, int], dict[str, int]]:
    """Share the resident memory out among its owners.

    Returns
    -------
    dict of str to int
        The figures of `shoal.Rss`, in bytes.
    dict of str to int
        Those of its `mapped_by`.

    Raises
    ------
    OSError
        /proc/self/smaps cannot be read.
    """
    pid = os.getpid()
    known = [(start, size) for start, size, _ in _heap.ranges()]
    found = _inspect.owners(pid, _minor(), known)
    mappings = _smaps.read()
    counts = _heap.usage()  # What reading took is in both.
    bss = list(_owners.bss_claims(mappings))
    claims = _owners.apart(
        [
            *_heap_claims(),
            *((start, start + size, owner) for start, size, owner in found),
            *bss,
        ]
    )
    owned = dict.fromkeys(_OWNERS, 0)
    rest = []
    for part in _owners.share(mappings, claims):
        owned[part.owner] += part.rss
        if part.owner == "anonymous" and part.rss:
            rest.append(part)
    named = _owners.mapped_by(rest, bss, pid)
    unknown = named.pop("", 0)
    own = named.pop("libshoal.so", 0)
    held = min(counts["held"], owned["shoal"])
    live = min(counts["live"], owned["shoal"] - held)
    figures = {
        "total": sum(mapping.rss for mapping in mappings),
        "shoal_live": live,
        "shoal_held": held,
        "shoal_metadata": owned["metadata"] + own,
        "pymalloc": owned["pymalloc"],
        "libc": owned["libc"] + owned["large"],
        "file_backed": owned["file"] + owned["mapped"],
        "stacks": owned["stack"],
        "libraries": sum(named.values()),
        "unexplained": unknown + owned["shoal"] - held - live,
        "pss": sum(mapping.pss for mapping in mappings),
        "lazy_free": sum(mapping.lazy_free for mapping in mappings),
    }
    return figures, named


def _minor() -> int:
    """Return of which 3.minor the interpreter is; 0 if it is no CPython."""
    return sys.version_info[1] if sys.implementation.name == "cpython" else 0


def _heap_claims() -> Iterator[Claim]:
    page = _smaps.PAGE_BYTES
    for start, size, is_metadata in _heap.ranges():
        end = -(-(start + size) // page) * page
        yield start // page * page, end, "metadata" if is_metadata else "shoal"
