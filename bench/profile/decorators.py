"""The decorator of each profiler that has one, as a program under it uses it."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

Function = Callable[..., Any]
Decorator = Callable[[Function], Function]


def _none(function: Function) -> Function:
    return function


def _shoal() -> Decorator:
    from shoal import profile

    return _to_nowhere(profile)


def _shoal_counters() -> Decorator:
    from shoal import profile

    profile.collector.with_rss = False
    return _to_nowhere(profile)


def _memory_profiler() -> Decorator:
    from memory_profiler import profile

    return _to_nowhere(profile)


def _tracemalloc() -> Decorator:
    import tracemalloc

    tracemalloc.start(1)
    return _none


def _to_nowhere(profile: Callable[..., Any]) -> Decorator:
    """Return a decorator whose table is written where nobody reads it."""
    stream = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115 (open to the end)

    def decorate(function: Function) -> Function:
        decorated: Function = profile(function, stream=stream)
        return decorated

    return decorate


_KNOWN: dict[str, Callable[[], Decorator]] = {
    "none": lambda: _none,
    "shoal": _shoal,
    "shoal-counters": _shoal_counters,
    "memory_profiler": _memory_profiler,
    "tracemalloc": _tracemalloc,
}


def decorator(name: str) -> Decorator:
    """Begin to profile in this process, and return what to decorate functions with.

    Those that profile whole programs are begun by their command: `none` for them.
    """
    return _KNOWN[name]()
