"""What is profiled, and the report of it: between the engine's figures and the model."""

from __future__ import annotations

import gc
import os
import sys
import time

from shoal import _heap, _profile
from shoal.profiler import allocator, source, statements

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import CodeType, FunctionType
    from typing import Any

    from shoal.profiler.allocator import Allocator
    from shoal.profiler.model import Function, Line, Report
    from shoal.profiler.pinning import Pinned
    from shoal.profiler.source import Source

    Figures = tuple[int, list[tuple[int, ...]]]

__all__ = ["Collector", "is_profiled"]

_profiled: set[CodeType] = set()
"""What any collector has lines of now."""


def is_profiled(code: CodeType) -> bool:
    """Say whether a collector wants a code object's lines now."""
    return code in _profiled


_NEVER = (0, -1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, -1)  # the figures of a line that never ran
_NOWHERE = (0, 0, 0, 0, 0)  # and its course


class Collector:
    """The functions that are profiled in this process, in the order they came.

    Not thread-safe by itself: adding a function and making a report hold the
    interpreter lock where it matters, and neither waits in between. It imports
    little before the report: a program is measured while it runs.

    Attributes
    ----------
    with_rss : bool
        Read the process's resident memory at every line.
    counts_comebacks : bool
        Count a line each time that a statement comes back to it, as memory_profiler does.
    allocator : "shoal" or "pymalloc"
        Which shall serve the interpreter's objects from `start` on; as
        SHOAL_ALLOCATOR in the environment says, else "shoal".
    """

    def __init__(self) -> None:
        self._sources: dict[CodeType, Source | str] = {}  # or why there is none
        self._names: dict[CodeType, str] = {}
        self._started: float | None = None
        self._returned_before = 0
        self.with_rss = True
        self.counts_comebacks = False
        self.allocator: Allocator = _wanted_allocator()

    def add(self, function: Any) -> CodeType:
        """Profile a function from now on, and return its code object.

        Raises
        ------
        NoSourceError
            It has no Python code: it is written in C.
        RuntimeError
            The interpreter cannot tell of lines: all tools of sys.monitoring
            are in use.
        """
        found: Any = source.function_of(function)
        code: CodeType = getattr(found, "__code__", found)
        self.add_code(code, function=found)
        return code

    def add_code(
        self,
        code: CodeType,
        module_globals: dict[str, Any] | None = None,
        function: FunctionType | CodeType | None = None,
    ) -> None:
        """Profile a code object from now on, or only calls of a function of it; see `add`."""
        if self._started is None:
            self.start()
        # A function may be added again and again, by a line that is profiled itself.
        is_new = _profile.unaccounted(self._note, code, module_globals)
        _profile.unaccounted(_profiled.add, code)
        _profile.watch(function or code, source.line_count(code))
        if is_new:
            _profile.unaccounted(self._note_statements, code)

    def add_new(self, wants: Callable[[CodeType], bool]) -> None:
        """Profile from now on whatever code is wanted, from the first time it runs.

        Parameters
        ----------
        wants : callable
            Is given each code object once, when it is first run.
        """
        if self._started is None:
            self.start()

        def lines_to_watch(code: CodeType) -> int:
            if not wants(code):
                return 0
            is_new = self._note(code)
            _profiled.add(code)
            count = source.line_count(code)
            _profile.watch(code, count)
            if is_new:
                self._note_statements(code)
            return count

        _profile.watch_new(lines_to_watch)

    def _note(self, code: CodeType, module_globals: dict[str, Any] | None = None) -> bool:
        """Take its source if it has not been seen before, and say whether that is so."""
        if code in self._sources:
            return False
        self._sources[code] = _source_of(code, module_globals)
        self._names[code] = getattr(code, "co_qualname", code.co_name)
        return True

    def _note_statements(self, code: CodeType) -> None:
        taken = self._sources[code]
        if isinstance(taken, str) or self.counts_comebacks:
            return
        for first, last in statements.of_several_lines(code, taken):
            _profile.statement(code, first, last)

    def remove(self, code: CodeType) -> None:
        """Profile a code object no more; its figures stay."""
        _profiled.discard(code)
        _profile.unwatch(code)

    def start(self) -> None:
        """Begin to account for memory; done by the first `add`.

        The first time Shoal's heap is installed, unless `allocator` is
        "pymalloc". Where it is refused, a line on standard error says why.
        """
        if self._started is None:
            allocator.serve(self.allocator)
        _profile.start(self.with_rss)
        self._returned_before = _profile.gauge()[1]
        self._started = time.time()

    def has_figures(self) -> bool:
        """Say whether anything that is profiled ever ran."""
        return any(_ran(code) for code in list(self._sources))

    def forget_figures(self) -> None:
        """Begin anew, in the child of a fork: what the parent did is its own."""
        if self._started is not None:
            for code in list(self._sources):
                _profile.reset(code)
            self.start()

    def report(self) -> Report:
        """Return what is known now."""
        # First, as what the report takes may come to lie in what is held, and it may
        # free what lies unused in CPython's free lists, which was a line's.
        figures, pinned = self._figures_and_pinned()
        live, held = _live_and_held()
        now = time.time()
        import platform

        from shoal.profiler.model import Report

        started = self._started if self._started is not None else now
        served_by: Allocator = "shoal" if _heap.state() == 1 else "pymalloc"
        functions = tuple(self._functions(figures, pinned))
        returned = _profile.gauge()[1] - self._returned_before
        if served_by == "pymalloc":
            functions, more = _with_what_malloc_returned(functions)
            returned += more
        return Report(
            functions=functions,
            allocator=served_by,
            pid=os.getpid(),
            command=tuple(sys.orig_argv),
            python=platform.python_version(),
            started=started,
            seconds=now - started,
            live=live,
            held=held,
            returned=returned,
            rss=_resident(),
        )

    def problems(self) -> Iterator[str]:
        """Yield a line for each function whose source is not known, or not what ran."""
        for code, taken in list(self._sources.items()):
            if isinstance(taken, str):
                if _ran(code):
                    yield taken
                continue
            try:
                taken.lines()
                taken.check()
            except (source.NoSourceError, source.SourceChangedError) as error:
                yield str(error)

    def _figures_and_pinned(self) -> tuple[dict[CodeType, Figures], Pinned]:
        """Return both of the same moment: a collection empties the free lists."""
        codes = list(self._sources)
        collects = gc.isenabled()
        gc.disable()
        try:
            _profile.empty_free_lists()
            figures = [_profile.figures(code) for code in codes]
            pinned = _profile.pinned()
        finally:
            if collects:
                gc.enable()
        return dict(zip(codes, figures)), pinned

    def _functions(self, figures_of: dict[CodeType, Figures], pinned: Pinned) -> Iterator[Function]:
        from shoal.profiler.model import Function
        from shoal.profiler.pinning import pins_of

        pins_by_code = pins_of(figures_of, pinned)
        for code, (calls, figures) in figures_of.items():
            taken = self._sources[code]
            pins = pins_by_code.get(code, ())
            alone = {pin.lines[0]: pin.held for pin in pins if len(pin.lines) == 1}
            texts = _texts(taken)
            count = max(len(texts), len(figures))
            texts += [""] * (count - len(texts))
            figures += [_NEVER] * (count - len(figures))
            courses = _profile.courses(code)
            courses += [_NOWHERE] * (count - len(courses))
            lines = tuple(
                _line(number, text, of, course, alone.get(number, 0))
                for number, (text, of, course) in enumerate(
                    zip(texts, figures, courses), code.co_firstlineno
                )
            )
            before = _profile.rss_before(code)
            yield Function(
                name=self._names[code],
                filename=code.co_filename,
                first_line=code.co_firstlineno,
                calls=calls,
                lines=lines,
                rss_before=before if before >= 0 else None,
                pins=pins,
            )


def _with_what_malloc_returned(functions: tuple[Function, ...]) -> tuple[tuple[Function, ...], int]:
    """Add to what lines returned that of which pymalloc cannot tell, and return how much it is.

    Blocks over 512 bytes are malloc's. Where a line freed, and resident memory fell
    by more than arenas that went back, the rest were these.
    """
    from dataclasses import replace

    most = 0
    found = []
    for function in functions:
        lines = tuple(
            replace(line, returned=max(line.returned, _fell(line))) for line in function.lines
        )
        more = sum(line.returned for line in lines) - sum(line.returned for line in function.lines)
        most = max(most, more)
        found.append(replace(function, lines=lines))
    return tuple(found), most


def _fell(line: Line) -> int:
    """Return by how much resident memory fell for what a line freed."""
    return max(0, min(-line.net - line.regained, -(line.rss_growth or 0)))


def _ran(code: CodeType) -> bool:
    """Say whether it was called, or went on running in the child of a fork."""
    calls, lines = _profile.figures(code)
    return calls > 0 or any(line[0] for line in lines)


def _live_and_held() -> tuple[int, int]:
    if _heap.state() == 1:
        usage = _heap.usage()
        return usage["live"], usage["held"]
    from shoal import _pymalloc

    return _pymalloc.live_and_held()


def _wanted_allocator() -> Allocator:
    try:
        return allocator.wanted()
    except ValueError as error:
        print(f"shoal: {error}", file=sys.stderr)
        raise SystemExit(2) from None


def _source_of(code: CodeType, module_globals: dict[str, Any] | None) -> Source | str:
    try:
        return source.take(code, module_globals)
    except source.NoSourceError as error:
        return str(error)  # its figures are shown without text


def _texts(taken: Source | str) -> list[str]:
    try:
        return [] if isinstance(taken, str) else list(taken.lines())
    except (source.NoSourceError, source.SourceChangedError):
        return []


def _line(
    number: int, text: str, of: tuple[int, ...], course: tuple[int, int, int, int, int], pinned: int
) -> Line:
    from shoal.profiler.model import Line

    hits, rss, _, net, worst, peak, held, returned, live, blocks, made, _, most = of
    rss_growth, regained, early_hits, early_live, low_live = course
    measured = rss >= 0
    return Line(
        number=number,
        text=text,
        hits=hits,
        rss=rss if measured else None,
        rss_growth=rss_growth if measured else None,
        live=live,
        live_blocks=blocks,
        made=made,
        peak=peak,
        net=net,
        held=held,
        returned=returned,
        pinned=pinned,
        worst_growth=worst,
        rss_peak=most if measured else None,
        regained=regained,
        early_hits=early_hits,
        early_live=early_live,
        low_live=low_live,
    )


def _resident() -> int:
    with open("/proc/self/statm", "rb", 0) as file:
        resident = int(file.read(200).split()[1]) * os.sysconf("SC_PAGESIZE")
    return resident - _profile.own_resident()
