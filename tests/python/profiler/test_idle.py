"""While nobody profiles, the allocators there were serve; figures stay exact all the same."""

from __future__ import annotations

import sys

import pytest

FOREMOST = """
import ctypes, tracemalloc
from shoal import profile

class Allocator(ctypes.Structure):  # PyMemAllocatorEx
    _fields_ = [(n, ctypes.c_void_p) for n in ("context", "malloc", "calloc", "realloc", "free")]

def foremost():
    found = []
    for domain in range(3):
        allocator = Allocator()
        ctypes.pythonapi.PyMem_GetAllocator(domain, ctypes.byref(allocator))
        found.append((allocator.malloc, allocator.free))
    return found

def be_busy():
    for number in range(100_000):
        bytes(number % 500)

@profile
def make(count):
    return [bytes(1000) for _ in range(count)]

def live():
    return sum(line.live_blocks for line in profile.report().functions[0].lines)

"""


@pytest.fixture(params=["shoal", "pymalloc"])
def answer(request: pytest.FixtureRequest, off_shoal):
    """Run code behind FOREMOST on one of the heaps."""
    return lambda code: off_shoal(FOREMOST + code, env={"SHOAL_ALLOCATOR": request.param})


def test_without_notes_nobody_stands_before_the_allocators(answer) -> None:
    found = answer("""
before = foremost()
make(10)
during = foremost()
be_busy()
answer = [before, during, foremost()]
profile.collector._sources.clear()
""")
    before, during, after = found
    assert during != before
    assert after == before


def test_frees_are_seen_as_long_as_there_are_notes(answer) -> None:
    assert answer("""
before = foremost()
kept = make(1000)
be_busy()
with_notes = foremost()
first = live()
del kept[:400]
second = live()
kept = None
third = live()
be_busy()
answer = [
    [now[0] == then[0] and now[1] != then[1] for now, then in zip(with_notes[1:], before[1:])],
    first - second, second - third >= 600, foremost() == before,
]
profile.collector._sources.clear()
""") == [[True] * 2, 400, True, True]


@pytest.mark.parametrize("when", ["before", "while idle", "while profiling"])
def test_tracemalloc_may_come_and_go(answer, when: str) -> None:
    code = """
before = foremost()
if WHEN == "before":
    tracemalloc.start()
kept = make(1000)
be_busy()
if WHEN == "while idle":
    tracemalloc.start()

@profile
def second(count):
    if WHEN == "while profiling":
        tracemalloc.start()
    return [bytes(1000) for _ in range(count)]

more = second(1000)
traced = tracemalloc.get_traced_memory()[0]
blocks = sum(line.live_blocks for line in profile.report().functions[1].lines)
if WHEN != "before":  # then it takes what came after it off with it
    tracemalloc.stop()
again = second(500)
be_busy()
later = sum(line.live_blocks for line in profile.report().functions[1].lines)
del more[:], again[:], kept[:]
last = sum(line.live_blocks for line in profile.report().functions[1].lines)
answer = [blocks, later, traced > 1_000_000, last]
profile.collector._sources.clear()
"""
    blocks, later, is_traced, last = answer(code.replace("WHEN", repr(when)))
    # Where it stands before us, what it takes for a block that a line makes is that
    # line's; when it stops it gives that back. Lists are blocks, too.
    own = (1002, 504) if when == "while profiling" else (0, 0)
    assert 1000 <= blocks - own[0] <= 1030
    assert 1500 <= later - own[1] <= 1540
    assert is_traced
    assert last - own[1] <= 40


@pytest.mark.skipif(sys.version_info >= (3, 12), reason="only before 3.12 is it of another type")
def test_a_decorated_function_is_a_function_still(off_shoal) -> None:
    assert off_shoal("""
import copy, inspect, pickle, types
from shoal import profile

@profile
def add(a, b=2, *, c=3):
    return a + b + c

class Thing:
    @profile
    def __new__(cls, value):
        return super().__new__(cls)
    @profile
    def __init__(self, value):
        self.value = value
    @profile
    def get(self):
        return self.value

things = [Thing(number) for number in range(100)]
answer = [
    isinstance(add, types.FunctionType), inspect.isfunction(add), str(inspect.signature(add)),
    pickle.loads(pickle.dumps(add)) is add, copy.deepcopy(add) is add, add(1), add(1, c=1),
    sum(thing.get() for thing in things),
    [function.calls for function in profile.report().functions],
]
profile.collector._sources.clear()
""") == [True, True, "(a, b=2, *, c=3)", True, True, 6, 4, 4950, [2, 100, 100, 100]]


def test_resident_memory_is_read_anew_after_being_idle(answer) -> None:
    """That a mapping went faults no page in."""
    before, mapped, after = answer("""
@profile
def look(count):
    return count

def resident():
    look(1)
    return next(f for f in profile.report().functions if f.name == "look").rss_before

def drop(things):
    things.clear()

before = resident()
things = [bytearray(b"x") * (64 << 20)]
mapped = resident()
look(1)
drop(things)
answer = [before, mapped, resident()]
profile.collector._sources.clear()
""")
    assert mapped - before == pytest.approx(64 << 20, rel=0.05)
    assert after - before < 4 << 20
