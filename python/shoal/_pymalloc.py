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


def live_and_held() -> tuple[int, int]:
    """Return the bytes in pymalloc's blocks, and what is left of its arenas.

    As it rounds blocks up. Both 0 where another allocator serves.
    """
    lines = _report()
    live = sum(map(_block_line_bytes, lines))
    return live, sum(map(_arena_line_bytes, lines)) - live


def _reported() -> int:
    return sum(map(_arena_line_bytes, _report()))


def _report() -> list[bytes]:
    profiling = sys.modules.get("shoal._profile")
    if profiling is None:
        return _heap.pymalloc_report().splitlines()
    # The profiler stands before it, and it tells nothing where another does.
    report: bytes = profiling.aside(_heap.pymalloc_report)
    return report.splitlines()


def _block_line_bytes(line: bytes) -> int:
    """Read the figure of ``# bytes in allocated blocks        =     1,234,567``."""
    name, _, figure = line.partition(b"=")
    return int(figure.replace(b",", b"")) if name.strip() == b"# bytes in allocated blocks" else 0


def _arena_line_bytes(line: bytes) -> int:
    """Read the product of ``8 arenas * 1048576 bytes/arena    =   8,388,608``."""
    words = line.split()
    if len(words) < 5 or words[1] != b"arenas" or words[4] != b"bytes/arena":
        return 0
    return int(words[0]) * int(words[3])
