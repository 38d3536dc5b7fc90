"""Functions that run in greenlets, each with a stack of its own."""

from __future__ import annotations

from importlib.util import find_spec

import pytest

from .marked import EMPTY, Measure

pytestmark = pytest.mark.skipif(not find_spec("greenlet"), reason="greenlet is not installed")

HUB = """
import greenlet
kept = []

def swap():  # to the next, as a hub does
    greenlet.getcurrent().parent.switch()

def run(*functions):
    ready = [greenlet.greenlet(function) for function in functions]
    while ready:
        turn = ready.pop(0)
        turn.switch()
        if not turn.dead:
            ready.append(turn)

"""


def test_lines_are_counted_and_theirs_in_all_of_them(measure: Measure) -> None:
    lines = measure(
        HUB
        + """
@profile
def work():
    for i in range(3):
        kept.append(bytes(100_000)) # before
        swap() # swaps
        kept.append(bytes(50_000)) # after
    return None # ends

def plain():
    for i in range(5):
        kept.append(bytes(3_000_000))
        swap()

kept.extend([None] * 100)
run(work, plain, work, work, plain, work)
"""
    )
    hits = {word: line.hits for word, line in lines.items()}
    assert hits == {"before": 12, "swaps": 12, "after": 12, "ends": 4}
    assert lines["before"].live == pytest.approx(12 * (100_000 + EMPTY), abs=2000)
    assert lines["after"].live == pytest.approx(12 * (50_000 + EMPTY), abs=2000)
    assert lines["swaps"].live < 2000
    assert lines["swaps"].peak < 20_000
    assert (lines["swaps"].rss_growth or 0) < 1 << 20


def test_within_each_other(measure: Measure) -> None:
    """Profiled functions call others, which are left and gone on with in any order.

    When one is left, what of C's stack it has is copied, which is its line's.
    """
    lines = measure(
        HUB
        + """
@profile
def inner(size):
    kept.append(bytes(size)) # inner
    swap()
    return size # returns

@profile
def outer(size):
    inner(size) # calls
    inner(2 * size) # calls_again
    return size # ends

run(*(lambda size=size: outer(size) for size in (100_000, 200_000, 300_000)))
"""
    )
    hits = {word: line.hits for word, line in lines.items()}
    assert hits == {"inner": 6, "returns": 6, "calls": 3, "calls_again": 3, "ends": 3}
    assert lines["calls"].net == pytest.approx(600_000, abs=30_000)
    assert lines["calls_again"].net == pytest.approx(1_200_000, abs=30_000)


def test_whoever_was_told_of_switches_is_told_still(measure: Measure) -> None:
    lines = measure(
        HUB
        + """
seen = []
greenlet.settrace(lambda event, pair: seen.append(event))

@profile
def work():
    swap() # swaps

run(work, work)
assert seen.count("switch") >= 6, seen
"""
    )
    assert lines["swaps"].hits == 2


def test_one_that_is_left_for_good(measure: Measure) -> None:
    lines = measure(
        HUB
        + """
@profile
def work():
    try:
        swap() # swaps
    finally:
        kept.append(bytes(5000)) # ends

@profile
def later():
    kept.append(bytes(7000)) # later

gone = greenlet.greenlet(work)
gone.switch()
del gone
later()
"""
    )
    assert (lines["swaps"].hits, lines["ends"].hits) == (1, 1)
    assert lines["later"].live == pytest.approx(7000 + EMPTY, abs=200)


def test_recursion_too_deep_for_the_stack_is_an_error(measure: Measure) -> None:
    lines = measure(
        HUB
        + """
import sys

@profile
def down(depth):
    if depth:
        return down(depth - 1) + 1 # calls
    return 0

def go():
    try:
        down(80_000)
    except RecursionError:
        pass
    kept.append(bytes(1000))

sys.setrecursionlimit(100_000)
run(go)
assert len(kept[-1]) == 1000
"""
    )
    assert 5000 < lines["calls"].hits <= 80_000
