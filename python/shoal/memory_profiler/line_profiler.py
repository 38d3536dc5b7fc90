"""`LineProfiler`, `profile` and `show_results`: memory line by line."""

from __future__ import annotations

import sys
import threading
import warnings

from shoal.memory_profiler.backends import choose_backend
from shoal.memory_profiler.code_map import CodeMap
from shoal.memory_profiler.engine import line_engine
from shoal.memory_profiler.wrapping import Activation, wrap
from shoal.profiler.source import NoSourceError, SourceChangedError, code_of, take

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, TextIO

__all__ = ["LineProfiler", "profile", "show_results"]


class LineProfiler:
    """Measures the memory after each line of the functions it is told of.

    As a decorator it measures the function; in a ``with`` statement, or between
    `enable_by_count` and `disable_by_count`, all its functions.

    Parameters
    ----------
    backend : str, optional
        What is read: one of `backends.BACKENDS`; "psutil" by default.
    include_children : bool, optional
        Add what the descendants of this process occupy.
    max_mem : float, optional
        MiB: measure nothing, but open the debugger when memory is as much.

    Attributes
    ----------
    enable_count : int
        How often it is enabled.
    """

    def __init__(self, **kw: Any) -> None:
        include_children = kw.get("include_children", False)
        self.backend = choose_backend(kw.get("backend"))
        self.max_mem = kw.get("max_mem")
        self.enable_count = 0
        self._map = CodeMap(include_children=include_children, backend=self.backend)
        self._engine = line_engine(self.backend, include_children, self.max_mem)

    @property
    def code_map(self) -> CodeMap:
        """What was measured until now."""
        self._map.fill(self._engine.report())
        return self._map

    def __call__(self, func: Any = None, precision: int = 1) -> Any:
        """Decorate a function; without one, return the decorator."""
        if func is None:
            return self.__call__
        self.add_function(func)
        return self.wrap_function(func)

    def add_function(self, func: Any) -> None:
        """Measure a function whenever this is enabled.

        One without source lines is not measured; a warning says why.
        """
        try:
            code = code_of(func)
            source = self._map.add(code)
        except NoSourceError as error:
            warnings.warn(f"{error}; it is not profiled", stacklevel=2)
        else:
            if source is not None:
                self._engine.add(code, source)

    def wrap_function(self, func: Any) -> Any:
        """Return the function so that it enables this while it runs."""
        if not callable(func) and not isinstance(func, (staticmethod, classmethod)):
            return func
        return wrap(func, lambda: _Enabling(func, self))

    def runctx(self, cmd: Any, globals: dict[str, Any], locals: Any) -> LineProfiler:
        """Run a statement in these namespaces, measured; return this."""
        with self:
            exec(cmd, globals, locals)
        return self

    def enable_by_count(self) -> None:
        """Enable it for the calling thread; as often as this, it must be disabled."""
        self._engine.enable()
        self.enable_count += 1

    def disable_by_count(self) -> None:
        """Take back one `enable_by_count`; without one, do nothing."""
        if self.enable_count > 0:
            self.enable_count -= 1
            self._engine.disable()

    enable = enable_by_count
    disable = disable_by_count

    def __enter__(self) -> None:
        self.enable_by_count()

    def __exit__(self, *error: object) -> None:
        self.disable_by_count()


class _Enabling(Activation):
    """A call that is measured."""

    def __init__(self, function: Any, profiler: LineProfiler) -> None:
        super().__init__(function)
        self._profiler = profiler

    def enter(self) -> None:
        self._profiler.enable_by_count()

    def leave(self) -> None:
        self._profiler.disable_by_count()


def show_results(prof: LineProfiler, stream: TextIO | None = None, precision: int = 1) -> None:
    """Write a table for each function of which something was measured.

    Parameters
    ----------
    prof : LineProfiler
        What measured.
    stream : text file, optional
        Where to; standard output by default.
    precision : int
        Decimals of the MiB.
    """
    from shoal.profiler.compat_table import write_rows

    out = sys.stdout if stream is None else stream
    code_map = prof.code_map
    for source in code_map.sources:
        try:
            source.check()
            source.lines()
        except (NoSourceError, SourceChangedError) as error:
            warnings.warn(str(error), stacklevel=2)
    for filename, rows in code_map.tables():
        write_rows(filename, rows, out, precision)


def profile(
    func: Any = None,
    stream: TextIO | None = None,
    precision: int = 1,
    backend: str | None = "psutil",
) -> Any:
    """Decorate a function to write a table after each of its calls.

    Also after one that an exception ended. A function that calls itself has one
    table, of its outermost call; a generator's or coroutine's comes when it has
    ended.

    Parameters
    ----------
    func : callable, optional
        The function; without it, the decorator is returned.
    stream : text file, optional
        Where to; standard output by default.
    precision : int
        Decimals of the MiB.
    backend : str
        What is read: one of `backends.BACKENDS`.
    """
    backend = choose_backend(backend)
    if func is None:
        return lambda function: profile(function, stream, precision, backend)
    if isinstance(func, (staticmethod, classmethod)):
        return type(func)(profile(func.__func__, stream, precision, backend))
    try:
        take(code_of(func))
    except NoSourceError as error:
        warnings.warn(f"{error}; it is not profiled", stacklevel=2)
        return func
    running = _Running()

    def begin() -> Activation:
        if running.profilers:
            return _Enabling(func, running.profilers[-1])
        return _Tabled(func, running, LineProfiler(backend=backend), stream, precision)

    return wrap(func, begin)


class _Running(threading.local):
    """The profilers of the calls of one function that run now in one thread."""

    def __init__(self) -> None:
        self.profilers: list[LineProfiler] = []


class _Tabled(_Enabling):
    """A call that has a table."""

    def __init__(
        self,
        function: Any,
        running: _Running,
        profiler: LineProfiler,
        stream: TextIO | None,
        precision: int,
    ) -> None:
        super().__init__(function, profiler)
        profiler.add_function(function)
        self._running = running
        self._stream = stream
        self._precision = precision

    def enter(self) -> None:
        self._running.profilers.append(self._profiler)
        super().enter()

    def leave(self) -> None:
        super().leave()
        self._running.profilers.remove(self._profiler)

    def end(self) -> None:
        show_results(self._profiler, self._stream, self._precision)
