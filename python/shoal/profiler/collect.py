"""What is profiled, and the report of it: between the engine's figures and the model."""

from __future__ import annotations

import gc
import os
import sys
import time

from shoal import _heap, _profile
from shoal.profiler import allocator, source

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

__all__ = ["Collector"]


_NEVER = (0, -1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, -1)  # the figures of a line that never ran


class Collector:
    """The functions that are profiled in this process, in the order they came.

    Not thread-safe by itself: adding a function and making a report hold the
    interpreter lock where it matters, and neither waits in between. It imports
    little before the report: a program is measured while it runs.

    Attributes
    ----------
    with_rss : bool
        Read the process's resident memory at every line.
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
        _profile.unaccounted(self._note, code, module_globals)
        _profile.watch(function or code, source.line_count(code))

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
            self._note(code)
            return source.line_count(code)

        _profile.watch_new(lines_to_watch)

    def _note(self, code: CodeType, module_globals: dict[str, Any] | None = None) -> None:
        if code not in self._sources:
            self._sources[code] = _source_of(code, module_globals)
            self._names[code] = getattr(code, "co_qualname", code.co_name)

    def remove(self, code: CodeType) -> None:
        """Profile a code object no more; its figures stay."""
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
        return Report(
            functions=tuple(self._functions(figures, pinned)),
            allocator="shoal" if _heap.state() == 1 else "pymalloc",
            pid=os.getpid(),
            command=tuple(sys.orig_argv),
            python=platform.python_version(),
            started=started,
            seconds=now - started,
            live=live,
            held=held,
            returned=_profile.gauge()[1] - self._returned_before,
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
            lines = tuple(
                _line(number, text, of, alone.get(number, 0))
                for number, (text, of) in enumerate(zip(texts, figures), code.co_firstlineno)
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


def _line(number: int, text: str, of: tuple[int, ...], pinned: int) -> Line:
    from shoal.profiler.model import Line

    hits, rss, rss_growth, net, worst, peak, held, returned, live, blocks, made, _, most = of
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
    )


def _resident() -> int:
    with open("/proc/self/statm", encoding="ascii") as file:
        resident = int(file.read().split()[1]) * os.sysconf("SC_PAGESIZE")
    return resident - _profile.own_resident()
