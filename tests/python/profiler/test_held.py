"""The column Held: its sum is what the heap itself says, on both heaps."""

from __future__ import annotations

import pytest

from .heaps import Child, RunSource

CHURN = """\
@profile
def work(old):
    text = [str(i) * 3 for i in range(400_000)]
    text = [thing for thing in text if chance() < 0.02]
    data = [bytes(int(chance() * 3000)) for i in range(20_000)]
    data = data[::9]
    old[:] = []
    large = [bytearray(int(chance() * 100_000)) for i in range(300)]
    large = large[::3]
    kept = [{"i": i} for i in range(50_000)][::7]
    return text, data, large, kept

def make():
    return [str(i) * 2 for i in range(200_000)]

"""


def slack(child: Child) -> int:
    """Return the bytes that arenas from before profiling, of which blocks are not known, hold."""
    return 2 * 2**20 if child.report.allocator == "pymalloc" else 2**17


def test_the_sum_of_all_lines_is_the_change_of_the_heap(run_source: RunSource) -> None:
    child = run_source(CHURN + "old = make()\nlook_again()\nkept = work(old)\ntell()\n")
    assert child.answer["held"] > 30 << 20
    total = sum(line.held for line in child.function().lines)
    assert total == pytest.approx(child.answer["held"], rel=0.01, abs=slack(child))


def test_what_is_freed_is_held_by_the_line_that_freed_it(run_source: RunSource) -> None:
    child = run_source("""\
@profile
def drop(things):
    things[:] = things[::50]

things = [i * 0.5 for i in range(1_000_000)]
look_again()
drop(things)
tell()
""")
    (line,) = (line for line in child.function("drop").lines if line.hits)
    assert line.net < -0.9 * 32_000_000
    assert line.held == pytest.approx(child.answer["held"], rel=0.01, abs=slack(child))


def test_blocks_of_malloc_are_not_held(run_source: RunSource) -> None:
    child = run_source("""\
libc = ctypes.CDLL(None)
libc.malloc.restype = ctypes.c_void_p

@profile
def work(count):
    for i in range(count):
        libc.malloc(1000)

work(10_000)
tell()
""")
    assert sum(line.held for line in child.function().lines) == pytest.approx(0, abs=2**17)


def test_the_report_has_the_totals_of_the_heap(run_source: RunSource) -> None:
    child = run_source(CHURN + "start = before\nkept = work(make())\ntell(start=start)\n")
    held = child.answer["start"][0] + child.answer["held"]
    assert child.report.held == pytest.approx(held, rel=0.01, abs=slack(child))
    assert child.report.live > 1 << 20
    returned = sum(line.returned for line in child.function().lines)
    assert returned <= child.report.returned < returned + (16 << 20)
