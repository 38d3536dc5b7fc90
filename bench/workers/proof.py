"""Shows on which allocator this process runs: `python -m bench.workers.proof LIBRARY PYMALLOC`.

LIBRARY is the preloaded library, or empty; PYMALLOC is 0 or 1.
"""

import sys
from pathlib import Path


def prove(library: str, pymalloc: str) -> None:
    """Exit with one line unless this process runs on the allocator it was started for.

    The library must be mapped, and pymalloc counts (hardly) a block where it does not serve.
    """
    if library and library not in Path("/proc/self/maps").read_text():
        sys.exit(f"{library} is not loaded")
    serves = sys.getallocatedblocks() > 1000
    if serves != (pymalloc == "1"):
        sys.exit("pymalloc serves" if serves else "pymalloc does not serve")


if __name__ == "__main__":
    prove(*sys.argv[1:])
