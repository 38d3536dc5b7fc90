"""Misuse ends the program, with one line that says what it was (docs/misuse.md)."""

from __future__ import annotations

import re
import signal
import sys
from pathlib import Path

import pytest

MISUSE = Path(__file__).parent / "misuse.c"

DOUBLE = "shoal: double free of {pointer}: the {size}-byte block is already free"
DOUBLE_LARGE = "shoal: double free of {pointer}: the large block is already free"
GONE = "shoal: invalid free of {pointer}: its page is not in use; what was there was freed"
FOREIGN = "shoal: invalid free of {pointer}: not a block of this heap"
INSIDE = "shoal: invalid free of {pointer}: inside the {size}-byte block {block}"
OVERWRITTEN = (
    "shoal: write after free: the free list of {size}-byte blocks at {block} is overwritten"
)

CRIMES = [
    ("double_free_small", DOUBLE, 64),
    ("double_free_alone", DOUBLE, 208),
    ("double_free_pooled", DOUBLE, 5120),
    ("double_free_pages_apart", DOUBLE, 640),
    ("double_free_in_full_page", DOUBLE, 64),
    ("double_free_later", DOUBLE, 64),
    ("double_free_in_returned_page", DOUBLE, 64),
    ("double_free_in_returned_region", GONE, 0),
    ("double_free_large", DOUBLE_LARGE, 0),
    # Its addresses are the system's again, and tell nothing.
    ("double_free_mapping", FOREIGN, 0),
    ("free_null_plus_8", FOREIGN, 0),
    ("free_stack", FOREIGN, 0),
    ("free_static", FOREIGN, 0),
    ("free_function", FOREIGN, 0),
    ("interior_small", INSIDE, 64),
    ("interior_odd", INSIDE, 64),
    ("interior_pooled", INSIDE, 5120),
    ("interior_large", INSIDE, 102400),
    ("interior_large_page", INSIDE, 102400),
    ("interior_mapping", INSIDE, 64 << 20),
    ("write_after_free_small", OVERWRITTEN, 64),
    ("write_after_free_pooled", OVERWRITTEN, 5120),
    ("realloc_interior", INSIDE.replace("free", "realloc"), 64),
    ("realloc_stack", FOREIGN.replace("free", "realloc"), 0),
    ("realloc_freed", DOUBLE.replace("double free", "double realloc"), 64),
    ("double_free_by_thread", DOUBLE, 64),
    ("interior_by_thread", INSIDE, 64),
    ("realloc_freed_mapping", FOREIGN.replace("free", "realloc"), 0),
]


@pytest.mark.parametrize(("crime", "line", "size"), CRIMES, ids=[crime[0] for crime in CRIMES])
def test_misuse_is_named(compile_program, preload, crime: str, line: str, size: int) -> None:
    """The line names the pointer and the block; the end is SIGABRT."""
    done = preload(compile_program(MISUSE), crime)
    pointer, block = done.stdout.split()
    assert done.stderr == line.format(pointer=pointer, block=block, size=size) + "\n"
    assert done.returncode == -signal.SIGABRT


def test_every_crime_is_tested() -> None:
    """The table above has every crime that the program knows."""
    known = set(re.findall(r"CRIME\((\w+)\)", MISUSE.read_text())) - {"name"}
    assert known == {crime[0] for crime in CRIMES}


@pytest.mark.parametrize("verb", ["Free", "Realloc"])
@pytest.mark.parametrize("domain", ["PyObject", "PyMem"])
def test_misuse_by_an_extension_of_python(preload, domain: str, verb: str) -> None:
    """Preloaded, every block of the interpreter is ours: any other pointer is misuse."""
    code = f"import ctypes; ctypes.pythonapi.{domain}_{verb}(ctypes.c_void_p(8), 100)"
    done = preload(sys.executable, "-c", code)
    line = FOREIGN.replace("free", verb.lower()).format(pointer="0x8")
    assert done.stderr.splitlines()[0] == line
    assert done.returncode == -signal.SIGABRT
