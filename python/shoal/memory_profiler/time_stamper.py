"""`TimeStamper`: when decorated functions began and ended, and with how much memory."""

from __future__ import annotations

import sys
import threading
import time

from shoal.memory_profiler.backends import MIB, own_reading
from shoal.memory_profiler.wrapping import Activation, wrap

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager
    from typing import Any, TextIO

    Moment = tuple[float, float]
    """MiB, and seconds since 1970."""

__all__ = ["TimeStamper"]


class TimeStamper:
    """Stamps the beginning and end of each call of what it decorates.

    Parameters
    ----------
    backend : str
        What is read: one of `backends.BACKENDS`.
    include_children : bool
        Add what the descendants of this process occupy.

    Attributes
    ----------
    functions : dict
        For each function a list with an item for each call, a list of its two
        stamps, or one while it runs; a stamp is MiB and seconds since 1970.
    stack : dict
        For each function, how many stamped calls each call was within.
    """

    def __init__(self, backend: str, include_children: bool = False) -> None:
        self.functions: dict[Callable[..., Any], list[list[Moment]]] = {}
        self.stack: dict[Callable[..., Any], list[int]] = {}
        self.backend = backend
        self.include_children = include_children
        self._read = own_reading(backend, include_children)
        self._depth = threading.local()

    @property
    def current_stack_level(self) -> int:
        """How many stamped calls the calling thread is within, less one."""
        return int(getattr(self._depth, "level", -1))

    @current_stack_level.setter
    def current_stack_level(self, level: int) -> None:
        self._depth.level = level

    def __call__(
        self, func: Callable[..., Any] | None = None, precision: int | None = None, **of_tables: Any
    ) -> Any:
        """Decorate a function; without one, return the decorator.

        What else `profile` can be told, such as where its table goes, is not used.

        Raises
        ------
        ValueError
            `func` cannot be called.
        """
        if func is None:
            return self.__call__
        if isinstance(func, (staticmethod, classmethod)):
            return type(func)(self(func.__func__))
        if not callable(func):
            raise ValueError("Value must be callable")
        self.add_function(func)
        return self.wrap_function(func)

    def timestamp(self, name: str = "<block>") -> AbstractContextManager[None]:
        """Return a context manager that stamps a block under a name."""

        def block() -> None:
            pass

        block.__module__ = ""
        block.__name__ = name
        self.add_function(block)
        return self.call_on_stack(block)

    def add_function(self, func: Callable[..., Any]) -> None:
        """Make room for the stamps of a function."""
        self.functions.setdefault(func, [])
        self.stack.setdefault(func, [])

    def wrap_function(self, func: Callable[..., Any]) -> Any:
        """Return the function with stamps around each call."""
        return wrap(func, lambda: _Stamped(self, func))

    def call_on_stack(self, func: Callable[..., Any]) -> AbstractContextManager[None]:
        """Return a context manager that is a call of the function."""
        import contextlib

        @contextlib.contextmanager
        def within() -> Iterator[None]:
            call = _Stamped(self, func)
            call.enter()
            try:
                yield
            finally:
                call.leave()
                call.end()

        return within()

    def stamp(self) -> Moment:
        """Return what this process occupies, in MiB, and the time in seconds since 1970."""
        return self._read() / MIB, time.time()

    def show_results(self, stream: TextIO | None = None) -> None:
        """Write a line ``FUNC name MiB seconds MiB seconds depth`` for each call.

        What still runs ends now. Blanks in a name become ``_``, as a line of
        this format is parted by them.

        Parameters
        ----------
        stream : text file, optional
            Where to; standard output by default.
        """
        out = sys.stdout if stream is None else stream
        now = self.stamp()
        for function, calls in self.functions.items():
            name = "_".join(f"{function.__module__}.{function.__name__}".split())
            for stamps, depth in zip(calls, self.stack[function]):
                (before, began), (after, ended) = (*stamps, now)[:2]
                out.write(f"FUNC {name} {before:.4f} {began:.4f} {after:.4f} {ended:.4f} {depth}\n")


class _Stamped(Activation):
    """A call that is stamped."""

    def __init__(self, stamper: TimeStamper, function: Any) -> None:
        super().__init__(function)
        self._stamper = stamper
        self._stamps = [stamper.stamp()]
        # Both lists in one go: another thread may come in between.
        with _adding:
            stamper.functions[function].append(self._stamps)
            stamper.stack[function].append(stamper.current_stack_level + 1)

    def enter(self) -> None:
        self._stamper.current_stack_level += 1

    def leave(self) -> None:
        self._stamper.current_stack_level -= 1

    def end(self) -> None:
        self._stamps.append(self._stamper.stamp())


_adding = threading.Lock()
