"""What the call of a test costs in memory, and which lines of it cost the most."""

from __future__ import annotations

import gc
import sys
from dataclasses import astuple, dataclass

import pytest

from shoal import _heap, _profile, is_active
from shoal.profiler import allocator, source

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
    """Measures each test that is to be, and fails those that go over a limit.

    Parameters
    ----------
    limits : dict of str to Limits
        By node id.
    wrong : dict of str to str
        By node id, what is wrong with a test's marks: such a test fails. Only a
        worker of pytest-xdist, which cannot end the run, gets any.
    every_test : bool
        Measure also those without limits, and put what each costs into its
        report.
    """

    def __init__(self, limits: dict[str, Limits], wrong: dict[str, str], every_test: bool) -> None:
        self._limits = limits
        self._wrong = wrong
        self._every_test = every_test
        self._watched: set[CodeType] = set()
        allocator.serve(allocator.wanted())
        _profile.start(True)
        _profile.mark()

    @pytest.hookimpl(hookwrapper=True, trylast=True)
    def pytest_runtest_call(self, item: pytest.Item) -> Iterator[None]:
        """Measure the call, as near to the test as can be."""
        limits = self._limits.get(item.nodeid)
        if limits is None and not self._every_test:
            yield
            return
        code = self._watch(item) if limits else None
        before = _begin()
        outcome: Any = yield
        cost = _end(before)
        if self._every_test:
            _report(item, cost)
        if limits and outcome.excinfo is None:
            excesses = limits.excesses(cost)
            if excesses:
                told = [
                    line for excess in excesses for line in (str(excess), *_worst(code, excess))
                ]
                outcome.force_exception(pytest.fail.Exception("\n".join(told), False))

    def pytest_runtest_setup(self, item: pytest.Item) -> None:
        """Refuse a test whose marks make no sense."""
        if item.nodeid in self._wrong:
            pytest.fail(self._wrong[item.nodeid], pytrace=False)

    # ---- Lines of the test itself ---------------------------------------------------

    def _watch(self, item: pytest.Item) -> CodeType | None:
        """Account for the lines of a test's function, None where they cannot be had."""
        if sys.version_info < (3, 12) and sys.gettrace() is not None:
            return None  # It would take the place of a debugger or a coverage tool.
        try:
            code = source.code_of(getattr(item, "function", None))
            if code not in self._watched:
                if _is_watched(code):
                    return None  # By the test itself: its figures are of more than this call.
                _profile.watch(code, source.line_count(code))
                self._watched.add(code)
        except (source.NoSourceError, RuntimeError):
            return None
        _profile.reset(code)
        return code


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


def _is_watched(code: CodeType) -> bool:
    try:
        _profile.figures(code)
    except KeyError:
        return False
    return True


def _begin() -> tuple[int, int]:
    gc.collect()
    before = _held_and_returned()
    _profile.mark()
    return before


def _end(before: tuple[int, int]) -> Cost:
    _, peak = _profile.marked()
    gc.collect()
    live, _ = _profile.marked()
    _profile.mark()
    held, returned = _held_and_returned()
    return Cost(peak, max(live, 0), held - before[0], returned - before[1])


def _held_and_returned() -> tuple[int, int]:
    if is_active():
        usage = _heap.usage()
        return usage["held"], usage["returned"]
    return _profile.gauge()


def _report(item: pytest.Item, cost: Cost) -> None:
    # A test that is run again has its cost anew.
    item.user_properties[:] = [kept for kept in item.user_properties if kept[0] != PROPERTY]
    item.user_properties.append((PROPERTY, list(astuple(cost))))
