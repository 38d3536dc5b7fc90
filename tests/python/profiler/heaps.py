"""What children say of their heap, for tests that know the truth by other means."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from shoal.profiler.export import from_json
from shoal.profiler.model import Function

PRELUDE = """\
import ctypes, io, json, os, random, sys
from shoal import _heap, profile
from shoal.profiler import export

class Allocator(ctypes.Structure):  # PyMemAllocatorEx
    _fields_ = [(name, ctypes.c_void_p) for name in "context malloc calloc realloc free".split()]

def allocators():
    found = [Allocator(), Allocator(), Allocator()]
    for domain, allocator in enumerate(found):
        ctypes.pythonapi.PyMem_GetAllocator(domain, ctypes.byref(allocator))
    return found

def use(wanted):
    for domain, allocator in enumerate(wanted):
        ctypes.pythonapi.PyMem_SetAllocator(domain, ctypes.byref(allocator))

own = allocators()

def figures():  # held and pinned, by the own count of the heap that serves
    if _heap.state() == 1:
        usage = _heap.usage()
        return usage["held"], usage["pinned"]
    held = 0
    for line in _heap.pymalloc_report().decode().replace(",", "").splitlines():
        if "bytes/arena" in line:
            held += int(line.split()[-1])
        if "bytes in allocated blocks" in line:
            held -= int(line.split()[-1])
    assert held > 0
    return held, held

def look_again():  # where the heap says so at any time
    global before
    if _heap.state() == 1:
        before = figures()

def below():  # pymalloc makes no report of itself while somebody else stands before it
    standing = allocators()
    use(own)
    found = figures()
    use(standing)
    return found

def tell(**answer):
    held, pinned = figures() if _heap.state() == 1 else below()  # before the report takes some
    report, stream = profile.report(), io.StringIO()
    export.write_json(report, stream)
    answer.update(report=stream.getvalue(), held=held - before[0], pinned=pinned - before[1])
    print(json.dumps(answer), file=sys.stderr)
    sys.stderr.flush()
    os._exit(0)

chance = random.Random(2013).random
before = figures()
"""


class Child:
    """A program that was run to the end, on one of the heaps."""

    def __init__(self, answer: dict[str, Any]) -> None:
        self.report = from_json(answer.pop("report"))
        self.answer = answer

    def function(self, name: str = "work") -> Function:
        """Return the figures of a function."""
        return next(f for f in self.report.functions if f.name == name)


RunSource = Callable[[str], Child]
"""Runs a program that ends with `tell` on the heap of the test."""


def run_child(run: Callable[..., Any], before: list[str], path: Path, source: str) -> Child:
    """Run a program that ends with `tell`; `run` and `before` are its interpreter."""
    path.write_text(PRELUDE + source, encoding="utf-8")
    environment = {} if before else {"SHOAL_ALLOCATOR": "pymalloc"}
    done = run(*before, os.fspath(path), env=environment)
    assert done.returncode == 0, done.stderr
    return Child(json.loads(done.stderr.splitlines()[-1]))
