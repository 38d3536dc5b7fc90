"""Recursion as deep as the program's own, on however small a stack."""

from __future__ import annotations

from typing import Any

import pytest

from .marked import Measure

DOWN = """
import sys, threading
from shoal import profile

@profile
def down(depth):
    if depth:
        return down(depth - 1) + 1 # call
    return 0

def plain(depth):
    return plain(depth - 1) + 1 if depth else 0

@profile
def calls_plain(depth):
    return plain(depth) # plain

@profile
def steps(depth):
    if depth:
        yield from steps(depth - 1)
    yield depth # step

"""


def test_deep_recursion_is_measured(measure: Measure) -> None:
    lines = measure(
        DOWN + "sys.setrecursionlimit(150_000)\nassert down(60_000) == calls_plain(60_000)\n"
    )
    assert lines["call"].hits == 60_000
    assert lines["plain"].hits == 1
    # What is touched of the stack is there, and gone: no sum of what never was.
    assert abs(lines["call"].rss_growth or 0) < 200 << 20


def test_generators_within_each_other(measure: Measure) -> None:
    lines = measure(DOWN + "assert len(list(steps(900))) == 901\n")
    assert lines["step"].hits == 901


def test_too_deep_is_an_error_of_python(measure: Measure) -> None:
    lines = measure(
        DOWN
        + "sys.setrecursionlimit(50_000)\n"
        + "try:\n    down(1_000_000)\nexcept RecursionError:\n    assert down(3) == 3\n"
    )
    assert 40_000 < lines["call"].hits < 50_010


@pytest.mark.parametrize("kib", [128, 256, 8192])
def test_threads_with_small_stacks(measure: Measure, kib: int) -> None:
    lines = measure(
        DOWN
        + f"threading.stack_size({kib} << 10)\n"
        + "found = []\n"
        + "thread = threading.Thread(target=lambda: found.append(down(900)))\n"
        + "thread.start()\nthread.join()\nassert found == [900]\n"
    )
    assert lines["call"].hits == 900


def test_the_drop_in_goes_as_deep(plain: Any) -> None:
    done = plain(
        "-c",
        "import sys\n"
        "from shoal.memory_profiler import LineProfiler\n"
        "sys.setrecursionlimit(100_000)\n"
        "profiler = LineProfiler()\n"
        "def down(depth):\n"
        "    return down(depth - 1) + 1 if depth else 0\n"
        "profiler.add_function(down)\n"
        "with profiler:\n"
        "    print(down(30_000))\n",
    )
    assert done.stdout == "30000\n", done.stderr
