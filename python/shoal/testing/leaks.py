"""What a test leaves alive, by the place that allocated it: for ``limit_leaks``.

The places are stacks of Python frames, as tracemalloc keeps them. It is on for
tests with such a limit only, as it makes every allocation several times as slow. What
C code asks malloc for comes from `mallocs`, by the line of the test.
"""

from __future__ import annotations

import gc
import linecache
import os
import tracemalloc
from dataclasses import dataclass
from functools import cache

import pytest

from shoal.testing.call import around_call

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import CodeType
    from typing import Any

    from shoal.testing.limits import LeakLimit
    from shoal.testing.mallocs import LinesOfMallocs

__all__ = ["LeakChecking", "Stack", "StackFrame"]

_FRAMES = 256
"""How many of a stack are kept: pytest itself has some fifty below a test."""

_SHOWN_LEAKS, _SHOWN_FRAMES = 10, 5

_OURS = (os.path.dirname(__file__) + os.sep, tracemalloc.__file__)


@dataclass(frozen=True)
class StackFrame:
    """One frame of a stack.

    Attributes
    ----------
    function : str
        Name of the function, ``"???"`` if its source cannot be had.
    filename : str
        The file that it is in.
    lineno : int
        The line that it was at.
    """

    function: str
    filename: str
    lineno: int


@dataclass(frozen=True)
class Stack:
    """Where blocks were asked for.

    Attributes
    ----------
    frames : tuple of StackFrame
        The most recent first; the last is the test's function, or where its thread
        began.
    """

    frames: tuple[StackFrame, ...]


@dataclass(frozen=True)
class Leak:
    """What one place left alive.

    Attributes
    ----------
    bytes : int
        As asked for.
    stack : Stack
        The place.
    """

    bytes: int
    stack: Stack


class LeakChecking:
    """Fails tests that leave more alive than they may.

    Parameters
    ----------
    limits : dict of str to LeakLimit
        By node id.
    """

    def __init__(self, limits: dict[str, LeakLimit]) -> None:
        self._limits = limits
        self._mallocs = _lines_of_mallocs()

    @pytest.hookimpl(hookwrapper=True, trylast=True)
    def pytest_runtest_call(self, item: pytest.Item) -> Iterator[None]:
        """Trace the call, as near to the test as can be."""
        limit = self._limits.get(item.nodeid)
        if limit is None:
            yield
            return
        _warm_up(item, limit.warmups)
        if self._mallocs:
            self._mallocs.choose(item)
        tracing = _Tracing(limit, self._mallocs)
        with around_call(item, tracing.begin, tracing.end):
            outcome: Any = yield
        if tracing.leaks and outcome.excinfo is None:
            told = _told(tracing.leaks, limit)
            outcome.force_exception(pytest.fail.Exception(told, False))


def _lines_of_mallocs() -> LinesOfMallocs | None:
    """Return what accounts for C code, where this Python has the profiler."""
    try:
        from shoal.testing.mallocs import LinesOfMallocs
    except ImportError:
        return None
    return LinesOfMallocs()


def _warm_up(item: pytest.Item, count: int) -> None:
    try:
        for _ in range(count):
            item.runtest()
    except (Exception, pytest.fail.Exception, pytest.skip.Exception, pytest.xfail.Exception):
        pass  # It will do so again, and then it is told.


class _Tracing:
    def __init__(self, limit: LeakLimit, mallocs: LinesOfMallocs | None) -> None:
        self._limit = limit
        self._mallocs = mallocs
        self.leaks: list[Leak] = []

    def begin(self) -> None:
        gc.collect()
        self._was_on = tracemalloc.is_tracing()
        if not self._was_on:
            tracemalloc.start(_FRAMES)
        self._before = _sizes(tracemalloc.take_snapshot()) if self._was_on else {}
        if self._mallocs and not self._was_on:
            self._mallocs.begin()

    def end(self) -> None:
        gc.collect()
        snapshot = tracemalloc.take_snapshot()
        places = [self._leak(*of) for of in _sizes(snapshot).items()]
        if not self._was_on:
            tracemalloc.stop()  # It frees tables of its own that were made in the test's lines.
            if self._mallocs:
                self._mallocs.end()
                places += [_leak_of_line(*left) for left in self._mallocs.left(snapshot)]
        self.leaks = sorted(filter(self._counts, places), key=_most_first)

    def _leak(self, traceback: tracemalloc.Traceback, size: int) -> Leak:
        """Return what a place left alive; without frames if it is not the test's."""
        size -= self._before.get(traceback, 0)
        if size <= 0 or size < self._limit.bytes:
            return Leak(size, Stack(()))
        return Leak(size, Stack(tuple(_test_frames(traceback, self._limit.current_thread_only))))

    def _counts(self, leak: Leak) -> bool:
        """Say whether it is more than may be."""
        if leak.bytes < self._limit.bytes or not leak.stack.frames:
            return False
        return self._limit.filter_fn is None or bool(self._limit.filter_fn(leak.stack))


def _leak_of_line(filename: str, line: int, size: int) -> Leak:
    return Leak(size, Stack((StackFrame(_function_at(filename, line), filename, line),)))


def _most_first(leak: Leak) -> int:
    return -leak.bytes


def _told(leaks: list[Leak], limit: LeakLimit) -> str:
    """Return what is said of leaks."""
    from shoal.profiler.units import format_bytes

    count = "1 place" if len(leaks) == 1 else f"{len(leaks)} places"
    lines = [f"{count} left more alive than limit_leaks allows: {limit.text}"]
    for leak in leaks[:_SHOWN_LEAKS]:
        lines.append(f"  {format_bytes(leak.bytes)} allocated here:")
        for frame in leak.stack.frames[:_SHOWN_FRAMES]:
            lines.append(f"    {frame.filename}:{frame.lineno} in {frame.function}")
    if len(leaks) > _SHOWN_LEAKS:
        lines.append(f"  and {len(leaks) - _SHOWN_LEAKS} more places")
    return "\n".join(lines)


def _sizes(snapshot: tracemalloc.Snapshot) -> dict[tracemalloc.Traceback, int]:
    """Return how many bytes are alive, by where they were asked for."""
    statistics = snapshot.statistics("traceback")
    return {statistic.traceback: statistic.size for statistic in statistics}


def _test_frames(traceback: tracemalloc.Traceback, current_thread_only: bool) -> list[StackFrame]:
    """Return the frames of the test, the most recent first; none if it is not to count."""
    frames = list(traceback)[::-1]
    called = [at for at, frame in enumerate(frames) if frame.filename.startswith(_OURS)]
    if called:
        frames = frames[: called[0]]  # The rest are pytest and what surrounds it.
    elif current_thread_only and len(frames) < _FRAMES:
        return []  # Of a thread that does not run the test.
    return [
        StackFrame(_function_at(frame.filename, frame.lineno), frame.filename, frame.lineno)
        for frame in frames
    ]


# ---- Names of functions ------------------------------------------------------------------


def _function_at(filename: str, line: int) -> str:
    """Return the name of the innermost function that has a line."""
    return _names(filename).get(line, "???")


@cache
def _names(filename: str) -> dict[int, str]:
    """Return the names of functions by the lines of a file; empty if it cannot be read."""
    names: dict[int, str] = {}
    try:
        code = compile("".join(linecache.getlines(filename)), filename, "exec", dont_inherit=True)
    except (SyntaxError, ValueError):
        return names
    for inner in _with_inner(code):
        names.update((line, inner.co_name) for _, _, line in inner.co_lines() if line)
    return names


def _with_inner(code: CodeType) -> Iterator[CodeType]:
    """Yield a code object and then those within it."""
    yield code
    for constant in code.co_consts:
        if isinstance(constant, type(code)):
            yield from _with_inner(constant)
