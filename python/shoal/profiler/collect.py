"""What is profiled, and the report of it: between the engine's figures and the model."""

from __future__ import annotations

import os
import platform
import sys
import time

from shoal import _heap, _profile
from shoal.profiler import source
from shoal.profiler.model import Function, Line, Report
from shoal.profiler.pinning import pins_of
from shoal.profiler.totals import Totals

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import CodeType
    from typing import Any

    from shoal.profiler.source import Source

__all__ = ["Collector"]


_NEVER = (0, -1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0)  # the figures of a line that never ran


class Collector:
    """The functions that are profiled in this process, in the order they came.

    Not thread-safe by itself: adding a function and making a report hold the
    interpreter lock where it matters, and neither waits in between.
    """

    def __init__(self) -> None:
        self._sources: dict[CodeType, Source | str] = {}  # or why there is none
        self._names: dict[CodeType, str] = {}
        self._started: float | None = None
        self._totals: Totals | None = None
        self.with_rss = True

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
        code = source.code_of(function)
        self.add_code(code)
        return code

    def add_code(self, code: CodeType, module_globals: dict[str, Any] | None = None) -> None:
        """Profile a code object from now on; see `add`."""
        if self._started is None:
            self.start()
        if code not in self._sources:
            self._sources[code] = _source_of(code, module_globals)
            self._names[code] = getattr(code, "co_qualname", code.co_name)
        _profile.watch(code, _line_count(code))

    def remove(self, code: CodeType) -> None:
        """Profile a code object no more; its figures stay."""
        _profile.unwatch(code)

    def start(self) -> None:
        """Begin to account for memory; done by the first `add`."""
        if self._totals is None:
            self._totals = Totals()
        self._totals.begin()
        _profile.start(self.with_rss)
        self._started = time.time()

    def has_figures(self) -> bool:
        """Say whether anything that is profiled was ever called."""
        return any(_profile.figures(code)[0] for code in self._sources)

    def forget_figures(self) -> None:
        """Begin anew, in the child of a fork: what the parent did is its own."""
        if self._started is not None:
            for code in self._sources:
                _profile.reset(code)
            self.start()

    def report(self) -> Report:
        """Return what is known now."""
        totals = (self._totals or Totals()).now()
        now = time.time()
        started = self._started if self._started is not None else now
        return Report(
            functions=tuple(self._functions()),
            allocator="shoal" if _heap.state() == 1 else "pymalloc",
            pid=os.getpid(),
            command=tuple(sys.orig_argv),
            python=platform.python_version(),
            started=started,
            seconds=now - started,
            rss=_resident(),
            **totals,
        )

    def problems(self) -> Iterator[str]:
        """Yield a line for each function whose source is not known, or not what ran."""
        for code, taken in self._sources.items():
            if isinstance(taken, str):
                if _profile.figures(code)[0]:
                    yield taken
                continue
            try:
                taken.lines()
                taken.check()
            except (source.NoSourceError, source.SourceChangedError) as error:
                yield str(error)

    def _functions(self) -> Iterator[Function]:
        pins_by_code = pins_of(self._sources)
        for code, taken in self._sources.items():
            calls, figures = _profile.figures(code)
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
            yield Function(
                name=self._names[code],
                filename=code.co_filename,
                first_line=code.co_firstlineno,
                calls=calls,
                lines=lines,
                pins=pins,
            )


def _source_of(code: CodeType, module_globals: dict[str, Any] | None) -> Source | str:
    try:
        return source.take(code, module_globals)
    except source.NoSourceError as error:
        return str(error)  # its figures are shown without text


def _line_count(code: CodeType) -> int:
    """Return how many lines there are from the first to the last that has an instruction."""
    numbers = [line for _, _, line in code.co_lines() if line is not None]
    return max([*numbers, code.co_firstlineno]) - code.co_firstlineno + 1


def _texts(taken: Source | str) -> list[str]:
    try:
        return [] if isinstance(taken, str) else list(taken.lines())
    except (source.NoSourceError, source.SourceChangedError):
        return []


def _line(number: int, text: str, of: tuple[int, ...], pinned: int) -> Line:
    hits, rss, rss_growth, net, worst, peak, held, returned, live, blocks, made, _ = of
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
    )


def _resident() -> int:
    with open("/proc/self/statm", encoding="ascii") as file:
        resident = int(file.read().split()[1]) * os.sysconf("SC_PAGESIZE")
    return resident - _profile.own_resident()
