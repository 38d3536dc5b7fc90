"""mprof: the memory of a program over time, recorded, listed and drawn.

A drop-in for memory_profiler 0.61's: same commands, flags and files. Run it as
``python -m shoal.mprof``.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from shoal.mprof.chart import function_labels as function_labels
    from shoal.mprof.command import main as main
    from shoal.mprof.dat_file import read_mprofile_file as read_mprofile_file
    from shoal.mprof.profiles import get_profile_filenames as get_profile_filenames
    from shoal.mprof.recording import find_first_process as find_first_process
    from shoal.mprof.recording import get_cmd_line as get_cmd_line

__all__ = [
    "ALL_ACTIONS",
    "find_first_process",
    "function_labels",
    "get_cmd_line",
    "get_profile_filenames",
    "main",
    "read_mprofile_file",
]

ALL_ACTIONS = ("run", "rm", "clean", "list", "plot", "attach", "peak")

_HOMES = {
    "find_first_process": "recording",
    "function_labels": "chart",
    "get_cmd_line": "recording",
    "get_profile_filenames": "profiles",
    "main": "command",
    "read_mprofile_file": "dat_file",
}
"""For each name, the module of this package that has it."""


def __getattr__(name: str) -> Any:
    import importlib

    action, _, rest = name.partition("_")
    if rest == "action" and action in ALL_ACTIONS:
        return lambda: _act(action)
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)


def _act(action: str) -> None:
    """Do what 0.61's ``run_action()`` and so on do, with the arguments in `sys.argv`."""
    import sys

    from shoal.mprof.command import main

    status = main([action, *sys.argv[1:]])
    if status or not {"-E", "--exit-code"}.isdisjoint(sys.argv):
        sys.exit(status)
