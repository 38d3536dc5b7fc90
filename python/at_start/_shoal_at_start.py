"""Does as an interpreter starts what ``SHOAL`` and ``SHOAL_COMPACT`` say.

``SHOAL=1`` in the environment installs the heap, ``SHOAL_COMPACT=1`` compacts it.

Every interpreter of the environment that has this package reads shoal.pth, whose line
comes here where the variable is set. It is no part of the package `shoal`, so that
what keeps that from being imported can be said in one line.

From 3.15 on such a line could be an entry point in a file .start. The interpreter
imports pkgutil and re to find that, always: 39 ms of CPU time for a start instead of
22 (3.15.2). It reads the line as it did, until 3.17.
"""

import os
import sys

_has_run = False


def install() -> None:
    """Do what the variable says; what cannot be done is said in one line, and no error."""
    global _has_run
    if _has_run:
        return  # In a virtual environment shoal.pth is read twice.
    _has_run = True
    _install_heap()
    _follow_collections()


def _install_heap() -> None:
    value = os.environ.get("SHOAL", "")
    if value in ("", "0"):
        return
    if value != "1":
        print(f"shoal: SHOAL={value} has no effect: 1 or 0 is expected", file=sys.stderr)
        return
    try:
        import shoal

        shoal.install()
    except (ImportError, RuntimeError) as reason:
        print(f"shoal: SHOAL=1 has no effect: {reason}", file=sys.stderr)


def _follow_collections() -> None:
    value = os.environ.get("SHOAL_COMPACT", "")
    if value in ("", "0"):
        return
    try:
        from shoal import compacting_after

        why = compacting_after.follow(value)
    except (ImportError, RuntimeError) as reason:
        why = str(reason)
    if why:
        print(f"shoal: SHOAL_COMPACT={value} has no effect: {why}", file=sys.stderr)
