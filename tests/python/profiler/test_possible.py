"""Figures that are possible for the process, however often lines run and in how many threads."""

from __future__ import annotations

import pytest
from shoal.profiler.units import tell_bytes
from shoal.profiler.verdict import verdict

from .heaps import Child, RunSource

SLACK = 4 << 20


def most_held(child: Child) -> int:
    return child.report.held + SLACK


def test_what_the_next_line_gives_back_is_no_sum(run_source: RunSource) -> None:
    child = run_source("""\
@profile
def work(n):
    s = 0
    for i in range(n):
        s += i
        s ^= 3
    return s

import shoal
shoal.trim()  # else what was in reserve goes meanwhile
work(300_000)
tell()
""")
    for line in child.function().lines:
        assert abs(line.held) < 1 << 16, line
        assert line.rss_growth is None or abs(line.rss_growth) < 1 << 20, line
        freed = max(0, -line.net) - line.regained
        assert freed < 4096, line


def test_large_blocks_that_come_and_go(run_source: RunSource) -> None:
    child = run_source("""\
@profile
def work():
    for i in range(50):
        data = b"x" * 20_000_000
        del data

work()
tell()
""")
    made, gone = (line for line in child.function().lines if "data" in line.text)
    assert made.rss_growth == pytest.approx(20_000_000, rel=0.1)
    assert gone.rss_growth is not None
    assert -22_000_000 < gone.rss_growth < 1_000_000  # a reserve may have stayed in the end
    assert max(0, -gone.net) - gone.regained == pytest.approx(20_000_000, rel=0.01)


def test_what_the_caller_gives_back(run_source: RunSource) -> None:
    child = run_source("""\
@profile
def work():
    return [bytes(300) for i in range(30_000)]

for i in range(20):
    kept = work()[::50]
tell()
""")
    (line,) = (line for line in child.function().lines if line.hits)
    assert line.rss_growth is not None
    assert line.rss_growth < child.report.rss
    assert abs(line.held) <= most_held(child)


THREADS = """\
import threading

ready = threading.Event()
kept = []

@profile
def wait():
    for i in range(8):
        ready.wait(0.2)
        kept.append(i)

def churn():
    for i in range(5):
        made = [bytes(300) for _ in range(40_000)]
        kept.append(made[::50])
        del made

@profile
def churn_profiled():
    for i in range(5):
        made = [bytes(300) for _ in range(40_000)]
        kept.append(made[::50])
        del made

threads = [threading.Thread(target=target) for target in (wait, churn, churn_profiled)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
tell()
"""


def test_threads_have_what_they_did(run_source: RunSource) -> None:
    child = run_source(THREADS)
    waits = next(line for line in child.function("wait").lines if "ready" in line.text)
    assert abs(waits.held) < SLACK
    assert waits.returned < SLACK
    for function in child.report.functions:
        assert sum(line.held for line in function.lines) <= most_held(child)
        for line in function.lines:
            assert line.held <= most_held(child), line
            assert (line.rss_growth or 0) <= child.report.rss, line
    both = [line for function in child.report.functions for line in function.lines]
    assert sum(line.rss_growth or 0 for line in both) <= child.report.rss


def test_threads_that_wait_are_not_blamed_for_others(run_source: RunSource) -> None:
    """Nobody else is profiled: the one line that is open waits."""
    child = run_source("""\
import threading

done = threading.Event()
kept = []

def make():
    kept.append([bytes(300) for _ in range(150_000)])
    done.set()

@profile
def wait():
    done.wait()

thread = threading.Thread(target=wait)
thread.start()
make()
thread.join()
tell()
""")
    (line,) = (line for line in child.function("wait").lines if line.hits)
    assert line.rss_growth is not None
    assert abs(line.rss_growth) < SLACK
    assert abs(line.held) < SLACK


def test_what_went_back_is_one_figure(run_source: RunSource) -> None:
    """On pymalloc large blocks are malloc's, and only resident memory tells of them."""
    child = run_source("""\
@profile
def work():
    data = [bytes(200_000) for _ in range(100)]
    del data

work()
tell()
""")
    (line,) = (line for line in child.function().lines if "del data" in line.text)
    head = f"Line {line.number} freed"
    said = [one for one in verdict(child.function(), child.report) if one.startswith(head)]
    assert -line.net == pytest.approx(20_000_000, rel=0.01)
    assert child.report.returned >= line.returned
    # What lay free before may go back in the same line, and is not what it freed.
    back = tell_bytes(min(line.returned, -line.net))
    whole = tell_bytes(-line.net)
    expected = (
        "all of which" if back == whole else f"of which {back if line.returned else 'nothing'}"
    )
    assert said == [f"{head} {whole}, {expected} went back to the system."]


@pytest.mark.parametrize("size", [1, 1_000, 30_000, 200_000])
def test_a_full_cache_frees_nothing_on_the_whole(run_source: RunSource, size: int) -> None:
    """Its values, or at least their keys, are made by others while no watched function runs."""
    child = run_source(f"""\
from collections import OrderedDict
cache = OrderedDict()

@profile
def work(key, value):
    cache[key] = value
    if len(cache) > 100:
        cache.popitem(last=False)

for number in range(20_000):
    work(number, bytes({size}))
tell()
""")
    (line,) = (line for line in child.function().lines if "popitem" in line.text)
    assert line.hits == 19_900
    assert max(0, -line.net) - line.regained < max(1 << 20, -line.net / 100)
    assert abs(line.held) < 1 << 20
    assert not [said for said in verdict(child.function(), child.report) if "freed" in said]
