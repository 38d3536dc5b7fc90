"""Which allocator serves while profiling: Shoal's heap, or the interpreter's own as it is."""

from __future__ import annotations

import os
import sys

import shoal

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Literal

    Allocator = Literal["shoal", "pymalloc"]

__all__ = ["VARIABLE", "serve", "wanted"]

VARIABLE = "SHOAL_ALLOCATOR"
"""In the environment: "shoal" or "pymalloc"."""


def wanted() -> Allocator:
    """Return what the environment asks for: Shoal's heap where it says nothing.

    Raises
    ------
    ValueError
        It asks for another one.
    """
    named = os.environ.get(VARIABLE) or "shoal"
    if named == "shoal":
        return "shoal"
    if named == "pymalloc":
        return "pymalloc"
    raise ValueError(f'{VARIABLE}: expected "shoal" or "pymalloc", not {named!r}')


def serve(allocator: Allocator) -> None:
    """Have the interpreter's objects come from an allocator, before they are accounted for.

    Where that cannot be, those that serve go on, and a line on standard error
    says why. Blocks made before go back to where they came from, and are
    nobody's: no line made them.
    """
    if allocator == "pymalloc":
        if shoal.is_active():
            _say("pymalloc was asked for, but this process runs on Shoal's heap already")
        return
    try:
        shoal.install()
    except RuntimeError as error:
        _say(f"{error}; profiling the interpreter's own heap")


def _say(what: str) -> None:
    print(f"shoal: {what}", file=sys.stderr)
