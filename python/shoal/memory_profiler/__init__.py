"""A drop-in for memory_profiler 0.61: change the import, keep the program.

Every public name, parameter, flag and file format of 0.61 is here; what it got
wrong is not (docs/from-memory-profiler.md lists the differences). Figures are
in MiB, as there.

Importing this imports nothing else: each name brings what it needs at its
first use, psutil and IPython included.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from shoal.memory_profiler.backends import choose_backend as choose_backend
    from shoal.memory_profiler.code_map import CodeMap as CodeMap
    from shoal.memory_profiler.line_profiler import LineProfiler as LineProfiler
    from shoal.memory_profiler.line_profiler import profile as profile
    from shoal.memory_profiler.line_profiler import show_results as show_results
    from shoal.memory_profiler.log_file import LogFile as LogFile
    from shoal.memory_profiler.magics import MemitResult as MemitResult
    from shoal.memory_profiler.measuring import memory_usage as memory_usage
    from shoal.memory_profiler.mem_timer import MemTimer as MemTimer
    from shoal.memory_profiler.running import exec_with_profiler as exec_with_profiler
    from shoal.memory_profiler.running import run_module_with_profiler as run_module_with_profiler
    from shoal.memory_profiler.time_stamper import TimeStamper as TimeStamper

__all__ = [
    "CodeMap",
    "LineProfiler",
    "LogFile",
    "MemTimer",
    "MemitResult",
    "TimeStamper",
    "choose_backend",
    "exec_with_profiler",
    "has_tracemalloc",
    "load_ipython_extension",
    "memory_usage",
    "profile",
    "run_module_with_profiler",
    "show_results",
]

__version__ = "0.61.0"
"""Of memory_profiler, whose names and formats these are."""

has_tracemalloc = True
"""Every Python that Shoal runs on has it."""

_HOMES = {
    "CodeMap": "code_map",
    "LineProfiler": "line_profiler",
    "LogFile": "log_file",
    "MemTimer": "mem_timer",
    "MemitResult": "magics",
    "MemoryProfilerMagics": "magics",
    "TimeStamper": "time_stamper",
    "choose_backend": "backends",
    "exec_with_profiler": "running",
    "memory_usage": "measuring",
    "profile": "line_profiler",
    "run_module_with_profiler": "running",
    "show_results": "line_profiler",
}
"""For each name, the module of this package that has it."""


def __getattr__(name: str) -> Any:
    if name == "psutil":  # Programs are known to take it from here.
        import psutil

        return psutil
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    import importlib

    value = getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOMES})


def load_ipython_extension(ipython: Any) -> None:
    """Add the magics %mprun and %memit; what ``%load_ext`` calls.

    Parameters
    ----------
    ipython : InteractiveShell
        Of the notebook or the terminal.
    """
    from shoal.memory_profiler import magics

    magics.register(ipython)
