"""What the interpreter's own allocator holds, by its own report.

`sys._debugmallocstats` is the only place where CPython says what is live in pymalloc,
it says so on file descriptor 2 only, and not at all once another allocator is installed.
"""

from __future__ import annotations

import sys

from shoal import _heap


def live_and_held() -> tuple[int, int]:
    """Return the bytes in pymalloc's blocks, and what is left of its arenas.

    As it rounds blocks up. Both 0 where another allocator serves.
    """
    lines = _report()
    live = sum(map(_block_line_bytes, lines))
    return live, sum(map(_arena_line_bytes, lines)) - live


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
