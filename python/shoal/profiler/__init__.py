"""The line profiler: what each line of a function did to the process's memory.

``from shoal import profile`` is all that a program needs::

    @profile
    def load(path): ...

    with profile:
        ...

The table is written when the process ends, however it ends.
"""

from __future__ import annotations

import sys
from _thread import allocate_lock

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from types import CodeType, TracebackType
    from typing import Any, TextIO, TypeVar

    from shoal.profiler.collect import Collector
    from shoal.profiler.model import Report

    Decorated = TypeVar("Decorated", bound=Callable[..., Any])

__all__ = ["profile", "require"]


def require() -> None:
    """Raise ImportError where there is no profiler.

    Its engine is loaded here, so that whoever asks early finds room for it.
    """
    try:
        from shoal import _profile  # noqa: F401
    except ImportError as error:
        from shoal._static_tls import explained

        remedy = "import it before them (from shoal import profile), use `shoal profile`"
        raise explained(error, "the line profiler", remedy) from None


class Profile:
    """The object `shoal.profile`: a decorator, and a context manager.

    As a decorator it takes functions, methods, generators, coroutines and
    asynchronous generators, and returns them as they are: it is their code that
    is watched, in every thread, so nothing is wrapped and nothing is slower that
    is not decorated. A decorated class has its own functions profiled.

    As a context manager it profiles the lines of the block.

    Attributes
    ----------
    stamper : callable or None
        Decorates functions in its place, while ``mprof`` records when they run.
    """

    def __init__(self) -> None:
        self.stamper: Callable[..., Any] | None = None
        self._collector: Collector | None = None
        self._blocks: dict[CodeType, int] = {}  # how many of its blocks are running
        self._decorated: set[CodeType] = set()  # what has blocks, and is profiled anyway
        self._guard = allocate_lock()  # of these
        self._entered: dict[int, int] = {}  # by frame: blocks in each other, the outermost entered

    @property
    def collector(self) -> Collector:
        """What is profiled so far; made when it is first asked for."""
        if self._collector is None:
            require()
            from shoal.profiler.collect import Collector
            from shoal.profiler.ending import write_at_end

            self._collector = Collector()
            write_at_end(self._collector)
        return self._collector

    def __call__(
        self,
        function: Decorated | None = None,
        *,
        stream: TextIO | None = None,
        precision: int | None = None,
        backend: str | None = None,
    ) -> Any:
        """Profile a function, or return a decorator that does.

        Parameters
        ----------
        function : callable or class, optional
            What to profile.
        stream : text file, optional
            Where the table goes at the end; standard output otherwise.
        precision : int, optional
            Decimals of the table's figures.
        backend : str, optional
            Taken for memory_profiler's sake and not used: figures are exact.

        Raises
        ------
        shoal.profiler.source.NoSourceError
            The function has no Python code.
        """
        if stream is not None or precision is not None:
            self._options(stream, precision)
        if function is None:
            return self.__call__
        if self.stamper is not None and not isinstance(function, type):
            return self.stamper(function)
        if isinstance(function, type):
            for member in vars(function).values():
                if hasattr(getattr(member, "__func__", member), "__code__"):
                    self.collector.add(member)
        else:
            self.collector.add(function)
        return function

    def _options(self, stream: TextIO | None, precision: int | None) -> None:
        from shoal.profiler import ending

        ending.set_output(self.collector, stream, precision)

    def __enter__(self) -> Profile:
        from shoal import _profile

        frame = sys._getframe(1)
        code = frame.f_code
        with self._guard:
            if code not in self._blocks and _profile.is_watched(code):
                self._decorated.add(code)
            self._blocks[code] = self._blocks.get(code, 0) + 1
            self.collector.add_code(code, frame.f_globals)
        inner = id(frame) in self._entered
        if inner or _profile.enter_running(code, frame.f_lineno):
            self._entered[id(frame)] = self._entered.get(id(frame), 0) + 1
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        from shoal import _profile

        frame = sys._getframe(1)
        code = frame.f_code
        if id(frame) in self._entered:
            self._entered[id(frame)] -= 1
            if not self._entered[id(frame)]:
                del self._entered[id(frame)]
                _profile.leave_running(code)
        with self._guard:
            self._blocks[code] -= 1
            if not self._blocks[code]:
                del self._blocks[code]
                if code not in self._decorated:
                    self.collector.remove(code)

    def report(self) -> Report:
        """Return what is known now."""
        return self.collector.report()


profile = Profile()
