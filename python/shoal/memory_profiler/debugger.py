"""``--pdb-mmem``: the debugger opens when memory passes a limit."""

from __future__ import annotations

import sys
import threading

from shoal.memory_profiler.backends import MIB, own_reading
from shoal.memory_profiler.tracing import TracingEngine, codes_within, trace, untrace

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import CodeType, FrameType
    from typing import Any

    from shoal.profiler.model import Report
    from shoal.profiler.source import Source

__all__ = ["DebuggerEngine"]


class DebuggerEngine:
    """Opens pdb, once, at the first line that leaves as much memory; see `engine.Engine`.

    Parameters
    ----------
    backend : str
        What is read after each line: one of `backends.BACKENDS`.
    include_children : bool
        Add what the descendants of this process occupy.
    max_mem : float
        The limit, in MiB.
    """

    def __init__(self, backend: str, include_children: bool, max_mem: float) -> None:
        self._read = own_reading(backend, include_children)
        self._nothing = TracingEngine(backend, include_children)
        self._limit = max_mem
        self._codes: set[CodeType] = set()
        self._opened = threading.Lock()

    def add(self, code: CodeType, source: Source) -> None:
        """Watch a function: its code and all code within it."""
        self._codes.update(codes_within(code))

    def enable(self) -> None:
        """Watch from now on what the calling thread runs."""
        trace(self._on_call)

    def disable(self) -> None:
        """Take back one `enable` of the calling thread."""
        untrace(self._on_call)

    def report(self) -> Report:
        """Return a report of no function."""
        return self._nothing.report()

    def _on_call(self, frame: FrameType, event: str, argument: Any) -> Any:
        return self._on_event if frame.f_code in self._codes else None

    def _on_event(self, frame: FrameType, event: str, argument: Any) -> Any:
        if event not in ("line", "return"):
            return self._on_event
        occupied = self._read() / MIB
        if occupied < self._limit or not self._opened.acquire(blocking=False):
            return self._on_event
        place = f"{frame.f_code.co_filename}:{frame.f_lineno}"
        sys.stdout.write(
            f"Current memory {occupied:.2f} MiB exceeds the limit of {self._limit:.2f} MiB "
            f"before {place}; stepping into the debugger\n"
        )
        sys.stdout.flush()
        import pdb

        debugger = pdb.Pdb()
        debugger.reset()
        debugger.set_trace(frame)
        return debugger.trace_dispatch(frame, event, argument)
