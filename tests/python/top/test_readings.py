"""What reading one process gives: its figures, or in a word why there are none."""

from __future__ import annotations

import os
from types import SimpleNamespace
from typing import NoReturn

import pytest
from shoal.top.readings import Heap, heap_of, take_reading


class NotPythonError(Exception):
    """As in `_inspect`."""


def test_held_is_what_is_resident_and_in_no_block(made_up: SimpleNamespace) -> None:
    held = 1_209_376 - 504_000
    assert heap_of(made_up.heap()) == Heap("pymalloc", "3.12.1", 504_000, held, 463_216)
    assert heap_of(made_up.heap(resident_bytes=500_000)).held == 0  # Some of it is swapped out.


def test_large_blocks_are_live_as_far_as_they_are_resident(made_up: SimpleNamespace) -> None:
    large = [(1 << 40, 9 << 30), (1, 4096)]
    heap = made_up.heap(large=large, large_resident_bytes=9 << 20)
    assert heap_of(heap).live == 504_000 + (9 << 20)


def test_what_malloc_has_is_told_with_the_heap(made_up: SimpleNamespace) -> None:
    malloc = {"live_bytes": 5 << 20, "free_bytes": 90 << 20, "page_free_bytes": 80 << 20}
    heap = heap_of(made_up.heap(malloc=malloc))
    assert heap.live == 504_000 + (5 << 20)
    assert heap.held == 1_209_376 - 504_000 + (90 << 20)
    assert heap.returnable == 463_216 + (80 << 20)


def test_no_more_can_be_returned_than_is_held(made_up: SimpleNamespace) -> None:
    heap = heap_of(made_up.heap(page_free_bytes=1 << 40))
    assert heap.returnable == heap.held


def test_a_process_is_timed_and_its_share_of_pages_read(made_up: SimpleNamespace) -> None:
    clock = made_up.Clock()
    machine = made_up.Machine(clock, {os.getpid(): 0.5})
    reading = take_reading(os.getpid(), machine.read, clock)
    assert (reading.at, reading.seconds) == (100.5, 0.5)
    assert reading.heap == heap_of(made_up.heap())
    assert reading.pss > 2**20
    assert reading.why == reading.detail == ""


@pytest.mark.parametrize(
    ("error", "why"),
    [
        (PermissionError("may not read process 7: kernel.yama.ptrace_scope is 2"), "ptrace scope"),
        (
            PermissionError("it is another user's (0); or the capability CAP_SYS_PTRACE"),
            "other user",
        ),
        (PermissionError("it takes the capability CAP_SYS_PTRACE"), "no ptrace"),
        (PermissionError(13, "Permission denied"), "denied"),
        (ProcessLookupError("no such process: 7"), "gone"),
        (NotPythonError("process 7 is not a Python: /usr/bin/sleep"), "not Python"),
        (NotPythonError("process 7 is no CPython from 3.9 to 3.15: python2.7"), "version"),
        (NotPythonError("process 7 is PyPy, which has no pools to read: pypy3"), "PyPy"),
        (NotPythonError("process 7 has no objects in pymalloc: ... in jemalloc"), "no pymalloc"),
        (ValueError("what the process says makes no sense"), "unreadable"),
        (MemoryError(), "unreadable"),
    ],
)
def test_why_a_process_was_not_read_is_a_word(error: Exception, why: str) -> None:
    def read(pid: int) -> NoReturn:
        raise error

    reading = take_reading(os.getpid(), read)
    assert reading.why == why
    assert reading.heap is None
    assert reading.pss > 0, "which is the system's to say"
    assert reading.detail == (str(error) or "MemoryError")


def test_a_python_with_another_allocator_has_no_figures(made_up: SimpleNamespace) -> None:
    reading = take_reading(os.getpid(), lambda pid: made_up.heap(allocator="none"))
    assert (reading.heap, reading.why) == (None, "no pymalloc")


def test_a_process_that_is_gone_has_no_share_of_pages(made_up: SimpleNamespace) -> None:
    assert take_reading(2**22 + 1, made_up.heap).pss is None
