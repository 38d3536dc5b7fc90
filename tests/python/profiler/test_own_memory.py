"""What the profiler itself takes is in nobody's figures."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from .heaps import Child, RunSource

RESIDENT = """\
import json, sys
def resident():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * 4096

def work(count):
    before = resident()
    made = [object() for i in range(count)]
    after = resident()
    return made, after - before

made, grown = work(4_000_000)
print(json.dumps(grown))
"""
PROFILED = """\
@profile
def work(count):
    made = [object() for i in range(count)]
    return made

made = work(4_000_000)
from shoal import _profile
tell(own=_profile.own_resident())
"""


def test_resident_memory_grows_as_without_profiling(
    run_source: RunSource, shoal, plain, tmp_path: Path
) -> None:
    child = run_source(PROFILED)
    (tmp_path / "bare.py").write_text(RESIDENT, encoding="utf-8")
    run, before = (shoal, ["run"]) if child.report.allocator == "shoal" else (plain, [])
    grown = json.loads(run(*before, os.fspath(tmp_path / "bare.py")).stdout)
    assert grown > 90 << 20
    assert child.answer["own"] > grown // 16
    line = child.function().lines[2]
    assert line.rss_growth == pytest.approx(grown, rel=0.01)
    assert line.rss is not None
    assert line.rss == pytest.approx(child.report.rss, rel=0.02)


FAR = """\
def helper(given):
    if given:
        return None
    return given

@profile
def called(given):
    return given

class Point:
    __slots__ = ("x", "y")

@profile
def work(given):
    helper(given)
    called(given)
    point = Point()
    if given:
        return None
    wide = [{xs}]
    return point

for i in range(3):
    kept = work(())
tell(point=Point.__basicsize__ + 16, wide=len(range({count})) * 8)
""".replace("{xs}", ", ".join(["given"] * 300)).replace("{count}", "300")


@pytest.mark.parametrize("first_line", [0, 1000])
def test_events_take_nothing_from_lines(run_source: RunSource, first_line: int) -> None:
    child: Child = run_source("\n" * first_line + FAR)
    lines = [line for name in ("work", "called") for line in child.function(name).lines]
    point = next(line for line in lines if "Point()" in line.text)
    assert point.live == point.peak == child.answer["point"]
    assert point.net == point.made == 3 * child.answer["point"]
    assert point.live_blocks == 1
    for line in lines:
        if line is not point and "wide" not in line.text:
            assert (line.live, line.net, line.peak, line.made) == (0, 0, 0, 0), line
            assert line.held == 0, line
