"""Whose survivors keep held memory: right to 1 % of what the heap itself says, on both heaps."""

from __future__ import annotations

from typing import Any

import pytest
from shoal.profiler.model import Report
from shoal.profiler.units import tell_bytes
from shoal.profiler.verdict import verdict

from .heaps import PRELUDE, Child, RunSource

ARENA = 2**20
FIRST = PRELUDE.count("\n") + 1
"""Number of the first line of a test's own source."""


def about(child: Child) -> Any:
    """Return what the heap says is pinned more, give or take what is older code's too."""
    older = 2 * ARENA if child.report.allocator == "pymalloc" else 0
    return pytest.approx(child.answer["pinned"], rel=0.01, abs=older)


def sentences(child: Child) -> tuple[str, ...]:
    report: Report = child.report
    return verdict(child.function(), report)


SURVIVORS = """\
@profile
def work(count):
    made = [MAKE for i in range(count)]
    made = [thing for thing in made if chance() < SHARE]
    return made

class Point:
    __slots__ = ("x",)

kept = work(COUNT)
tell()
"""
MAKES = FIRST + 2


@pytest.mark.parametrize(
    ("make", "count", "share"),
    [
        ("str(i) * 3", 1_000_000, 0.01),
        ("i * 0.5", 1_000_000, 0.01),
        ("Point()", 1_000_000, 0.01),
        ("object()", 1_000_000, 0.01),
        ('{"i": i}', 300_000, 0.01),
    ],
)
def test_few_survivors_pin_what_the_heap_says(
    run_source: RunSource, make: str, count: int, share: float
) -> None:
    source = SURVIVORS.replace("MAKE", make).replace("SHARE", str(share))
    child = run_source(source.replace("COUNT", str(count)))
    line = child.function().lines[2]
    assert line.number == MAKES
    assert line.pinned == about(child)
    pin = child.function().pins[0]
    assert pin.lines == (MAKES,)
    assert pin.held == line.pinned
    assert 0.9 * line.live <= pin.live <= line.live
    assert (
        f"Held: {tell_bytes(pin.held)} pinned by {tell_bytes(pin.live)} "
        f"that line {MAKES} left alive."
    ) in sentences(child)


def test_what_is_freed_while_the_report_is_made_counts_in_both_figures(
    run_source: RunSource,
) -> None:
    source = SURVIVORS.replace("MAKE", "str(i) * 3").replace("SHARE", "0.01")
    freeing = """\
from shoal import _profile
whole = _profile.pinned
def pinned():
    told = whole()
    kept.clear()
    return told
_profile.pinned = pinned
tell()
"""
    source = source.replace("tell()\n", freeing)
    child = run_source(source.replace("COUNT", "300_000"))
    pin = child.function().pins[0]
    assert pin.live > 50_000
    assert pin.live <= child.function().lines[2].live


def test_survivors_of_two_lines_pin_together(run_source: RunSource) -> None:
    child = run_source("""\
@profile
def work(count):
    made = []
    for i in range(count):
        made.append(str(i) * 3)
        made.append(str(i) * 3)
    made = [thing for thing in made if chance() < 0.02]
    return made

kept = work(300_000)
tell()
""")
    one, two = FIRST + 4, FIRST + 5
    pins = {pin.lines: pin for pin in child.function().pins}
    assert set(pins) >= {(one, two)}
    theirs = [pin.held for lines, pin in pins.items() if set(lines) <= {one, two}]
    assert sum(theirs) == about(child)
    assert any(f"that lines {one} and {two} left alive." in said for said in sentences(child))


def test_what_older_blocks_keep_too_is_nobodys(run_source: RunSource) -> None:
    child = run_source("""\
@profile
def work(count):
    return [str(i) * 3 for i in range(count)]

old = [str(i) * 3 for i in range(400_000)]
old = [thing for thing in old if chance() < 0.1]
kept = work(20_000)
tell()
""")
    assert child.answer["pinned"] > 10 << 20
    assert child.function().lines[2].live > 1 << 20
    assert sum(pin.held for pin in child.function().pins) < 0.1 * child.answer["pinned"]
    assert not any(said.startswith("Held") for said in sentences(child))


def test_where_nothing_survives_nothing_is_pinned(run_source: RunSource) -> None:
    child = run_source("""\
@profile
def work(count):
    made = [str(i) * 3 for i in range(count)]
    made = None

work(300_000)
tell()
""")
    assert [line.pinned for line in child.function().lines] == [0, 0, 0, 0]
    assert child.function().pins == ()


def test_what_is_full_pins_little(run_source: RunSource) -> None:
    child = run_source("""\
@profile
def work(count):
    return [i * 0.5 for i in range(count)]

kept = work(3_000_000) # so that the arenas at its ends are a small part
tell()
""")
    line = child.function().lines[2]
    assert line.live > 72_000_000
    assert line.pinned < 0.05 * line.live


def test_what_lines_of_two_functions_keep_is_neithers(run_source: RunSource) -> None:
    child = run_source("""\
@profile
def one(i):
    return str(i) * 3

@profile
def two(i):
    return str(i) * 3

made = [make(i) for i in range(200_000) for make in (one, two)]
made = [thing for at, thing in enumerate(made) if at // 2 % 10 == 0]
tell()
""")
    one, two = child.function("one"), child.function("two")
    assert one.lines[2].live_blocks == two.lines[2].live_blocks == 20_000
    assert child.answer["pinned"] > 10 << 20
    assert sum(pin.held for pin in one.pins + two.pins) < 0.02 * child.answer["pinned"]
