"""Runs tests of CPython's own while all that may move does, in the midst of everything.

    moving.py PACKAGES EXTENSION EVERY ARGUMENTS...

As ``python -m test ARGUMENTS...``. PACKAGES is the folder that has the package shoal, EXTENSION
what at_allocations.c was compiled to.
"""

from __future__ import annotations

import atexit
import os
import runpy
import sys
from importlib.machinery import ExtensionFileLoader
from importlib.util import module_from_spec, spec_from_loader
from types import ModuleType


def extension(path: str) -> ModuleType:
    """Return the module in the file."""
    spec = spec_from_loader("at_allocations", ExtensionFileLoader("at_allocations", path))
    assert spec is not None
    return module_from_spec(spec)


def begin(packages: str, path: str, every: int) -> None:
    """Begin to move; what was done is said at the end of this process, not of its forks."""
    sys.path.append(packages)
    from shoal import _compact

    sys.path.remove(packages)
    _compact.prove()
    allocations = extension(path)
    allocations.start(_compact.move, (True, False), every)
    own = os.getpid()

    def say() -> None:
        calls, moved = allocations.stop()
        if os.getpid() == own:
            print(f"moving: {moved:,} objects and tables, {calls:,} times", flush=True)

    atexit.register(say)


if __name__ == "__main__":
    _, packages, path, every, *arguments = sys.argv
    begin(packages, path, int(every))
    sys.argv = ["test", *arguments]
    runpy.run_module("test", run_name="__main__", alter_sys=True)
