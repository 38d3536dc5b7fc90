"""What the interpreter's own allocator holds, by its own report.

`sys._debugmallocstats` is the only place where CPython says how many arenas
pymalloc has, it says so on file descriptor 2 only, and not at all once another
allocator is installed. So the count is taken just before Shoal is installed.
"""

from __future__ import annotations

import sys

from shoal import _heap

_at_install: int | None = None


def remember() -> None:
    """Note what pymalloc holds now, for after Shoal has taken its place."""
    global _at_install
    _at_install = _reported()


def arena_bytes(active: bool) -> int:
    """Return the bytes of pymalloc's arenas.

    Parameters
    ----------
    active : bool
        Whether Shoal serves the interpreter now.

    Returns
    -------
    int
        Bytes of address space, nearly all of it resident. With Shoal active:
        the arenas there were when it was installed, 0 as soon as pymalloc has
        no block left. 0 where it was never used. Arenas of other interpreters
        with their own allocator state (3.12 and later) are not counted.
    """
    if not active:
        return _reported()
    if _at_install is None or sys.getallocatedblocks() == 0:
        return 0
    return _at_install


def arenas_and_live() -> tuple[int, int]:
    """Return the bytes of pymalloc's arenas, and of blocks handed out in them.

    Both 0 while another allocator, or one that passes calls on, is installed.
    """
    report = _heap.pymalloc_report().splitlines()
    return sum(map(_arena_line_bytes, report)), sum(map(_live_line_bytes, report))


def _reported() -> int:
    return arenas_and_live()[0]


def _live_line_bytes(line: bytes) -> int:
    """Read the figure of ``# bytes in allocated blocks        =   5,203,040``."""
    name, equals, figure = line.partition(b"=")
    if not equals or name.strip() != b"# bytes in allocated blocks":
        return 0
    return int(figure.replace(b",", b""))


def _arena_line_bytes(line: bytes) -> int:
    """Read the product of ``8 arenas * 1048576 bytes/arena    =   8,388,608``."""
    words = line.split()
    if len(words) < 5 or words[1] != b"arenas" or words[4] != b"bytes/arena":
        return 0
    return int(words[0]) * int(words[3])
