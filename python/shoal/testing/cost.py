"""What the call of a test costs in memory, and which lines of it cost the most."""

from __future__ import annotations

import gc
import sys
from dataclasses import astuple, dataclass

import pytest

from shoal import _heap, _profile, is_active
from shoal.profiler import allocator
from shoal.testing.call import around_call
from shoal.testing.lines import TestLines

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import CodeType
    from typing import Any

    from shoal.testing.limits import Excess, Limits

__all__ = ["PROPERTY", "Cost", "Measuring"]

PROPERTY = "shoal"
"""Name of the user property by which a test's cost travels in its report."""

_NET, _PEAK, _HELD = 3, 5, 6
"""Where they are in a line's figures."""


@dataclass(frozen=True)
class Cost:
    """What a test did to memory, in bytes.

    Attributes
    ----------
    peak : int
        The most, as asked for, that blocks made in it had at once.
    live : int
        How much of that is there after it, unreachable cycles collected.
    held : int
        By how much that grew which the allocator keeps and no block uses.
    returned : int
        What the allocator gave back to the operating system meanwhile.
    """

    peak: int
    live: int
    held: int
    returned: int


class Measuring:
    """Measures tests, and fails those that go over a limit.

    Parameters
    ----------
    tests : dict of str to Limits
        Those that are measured, by node id.
    reports : bool
        Put what each costs into its report.
    """

    def __init__(self, tests: dict[str, Limits], reports: bool) -> None:
        self._tests = tests
        self._reports = reports
        self._lines = TestLines()
        allocator.serve(allocator.wanted())
        _profile.start(True)
        _profile.mark()

    @pytest.hookimpl(hookwrapper=True, trylast=True)
    def pytest_runtest_call(self, item: pytest.Item) -> Iterator[None]:
        """Measure the call, as near to the test as can be."""
        limits = self._tests.get(item.nodeid)
        if limits is None:
            yield
            return
        code = self._lines.watch(item) if limits.memory or limits.held else None
        stretch = _Stretch(bool(limits.memory and limits.memory.current_thread_only))
        with around_call(item, stretch.begin, stretch.end):
            outcome: Any = yield
        if stretch.cost is None:
            return  # It was skipped.
        if self._reports:
            _report(item, stretch.cost)
        excesses = limits.excesses(stretch.cost) if outcome.excinfo is None else []
        if excesses:
            told = [line for excess in excesses for line in (str(excess), *_worst(code, excess))]
            outcome.force_exception(pytest.fail.Exception("\n".join(told), False))


def _worst(code: CodeType | None, excess: Excess) -> list[str]:
    """Return a line of text for each of up to three lines of the test that did the most."""
    if code is None:
        return []
    import linecache

    from shoal.profiler.units import format_bytes

    _, figures = _profile.figures(code)
    if excess.mark == "limit_held":
        did, costs = "raised what is held by", [of[_HELD] for of in figures]
    else:
        did, costs = "allocated", [max(of[_PEAK], of[_NET]) for of in figures]
    told = []
    for cost, number in sorted(zip(costs, range(code.co_firstlineno, sys.maxsize)))[:-4:-1]:
        if cost * 10 >= excess.bytes:  # Else it is not what went over.
            text = linecache.getline(code.co_filename, number).strip()
            told.append(f"  line {number} {did} {format_bytes(cost)}: {text}")
    return told


_THREAD = compile("0", __file__, "eval")
"""Stands for the stretch in the accounts of the thread that runs it."""


class _Stretch:
    """What is done to memory between two moments.

    Parameters
    ----------
    by_thread : bool
        The peak is that of the thread alone that runs from one to the other.

    Attributes
    ----------
    cost : Cost or None
        None until it has ended.
    """

    def __init__(self, by_thread: bool) -> None:
        self._by_thread = by_thread
        self.cost: Cost | None = None

    def begin(self) -> None:
        gc.collect()
        self._before = _held_and_returned()
        _profile.mark()
        if self._by_thread:
            _profile.watch(_THREAD, 1)
            _profile.reset(_THREAD)
            _profile.enter_running(_THREAD, _THREAD.co_firstlineno)

    def end(self) -> None:
        _, peak = _profile.marked()
        if self._by_thread:
            _profile.leave_running(_THREAD)
            peak = _profile.figures(_THREAD)[1][0][_PEAK]
        gc.collect()
        live, _ = _profile.marked()
        _profile.mark()
        held, returned = _held_and_returned()
        self.cost = Cost(peak, max(live, 0), held - self._before[0], returned - self._before[1])


def _held_and_returned() -> tuple[int, int]:
    if is_active():
        usage = _heap.usage()
        return usage["held"], usage["returned"]
    return _profile.gauge()


def _report(item: pytest.Item, cost: Cost) -> None:
    # A test that is run again has its cost anew.
    item.user_properties[:] = [kept for kept in item.user_properties if kept[0] != PROPERTY]
    item.user_properties.append((PROPERTY, list(astuple(cost))))
