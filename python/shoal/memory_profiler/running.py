"""Runs a script or a module as ``__main__``, with `profile` among the builtins."""

from __future__ import annotations

import builtins
import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from types import CodeType, TracebackType
    from typing import Any

__all__ = [
    "CannotRunError",
    "exec_with_profiler",
    "find_script",
    "own_traceback",
    "run_module_with_profiler",
]


class CannotRunError(Exception):
    """Why a program cannot be run, in one line for the user."""


def find_script(name: str) -> str:
    """Return the path of a script: as it is named, else by $PATH.

    Raises
    ------
    CannotRunError
        There is none.
    """
    folders = os.environ.get("PATH", os.defpath).split(os.pathsep)
    for path in (name, *(os.path.join(folder, name) for folder in folders if folder)):
        if os.path.isfile(path):
            return path
    raise CannotRunError(f"cannot find the script {name}")


def exec_with_profiler(
    filename: str, profiler: Any, backend: str, passed_args: Sequence[str] = ()
) -> None:
    """Run a script.

    Parameters
    ----------
    filename : str
        Its path.
    profiler : LineProfiler or TimeStamper
        What `profile` is, in the script and everything that it imports.
    backend : str
        What is read: tracemalloc is started for it, and stopped.
    passed_args : sequence of str
        The arguments that the script finds in `sys.argv`.

    Raises
    ------
    CannotRunError
        It cannot be read or is not Python.
    """
    import types

    code = _compile(filename)
    main = types.ModuleType("__main__")
    main.__dict__.update(__file__=filename, __builtins__=builtins, profile=profiler)
    sys.argv = [filename, *passed_args]
    sys.path.insert(0, os.path.dirname(os.path.abspath(filename)))
    sys.modules["__main__"] = main
    with _profile_everywhere(profiler, backend):
        exec(code, main.__dict__)


def run_module_with_profiler(
    module: str, profiler: Any, backend: str, passed_args: Sequence[str] = ()
) -> None:
    """Run a module as ``python -m`` does; otherwise as `exec_with_profiler`."""
    import runpy
    from importlib.util import find_spec

    sys.path.insert(0, os.getcwd())
    try:
        found = find_spec(module)
        if found is not None and found.submodule_search_locations is not None:
            found = find_spec(f"{module}.__main__")
    except (ImportError, ValueError) as error:
        raise CannotRunError(f"cannot find the module {module}: {error}") from None
    if found is None:
        raise CannotRunError(f"cannot find a script or module {module} to run")
    sys.argv = [module, *passed_args]
    with _profile_everywhere(profiler, backend):
        runpy.run_module(module, {"profile": profiler}, "__main__", alter_sys=True)


def _compile(filename: str) -> CodeType:
    try:
        with open(filename, "rb") as file:
            return compile(file.read(), filename, "exec", dont_inherit=True)
    except OSError as error:
        raise CannotRunError(f"cannot read {filename}: {error.strerror}") from None
    except SyntaxError as error:
        place = f"{filename}:{error.lineno}" if error.lineno else filename
        raise CannotRunError(f"{place}: {error.msg}") from None
    except ValueError as error:
        raise CannotRunError(f"{filename}: {error}") from None


class _profile_everywhere:
    """`profile` among the builtins, and tracemalloc if it is the backend."""

    def __init__(self, profiler: Any, backend: str) -> None:
        self._profiler = profiler
        self._traces = backend == "tracemalloc"

    def __enter__(self) -> None:
        builtins.__dict__["profile"] = self._profiler
        if self._traces:
            import tracemalloc

            self._traces = not tracemalloc.is_tracing()
            tracemalloc.start()

    def __exit__(self, *error: object) -> None:
        # `profile` stays: what the program left to run at exit may call it.
        if self._traces:
            import tracemalloc

            tracemalloc.stop()


def own_traceback(error: BaseException) -> TracebackType | None:
    """Return the traceback of an error without the frames that ran the program."""
    ours = os.path.dirname(os.path.abspath(__file__)) + os.sep

    def is_runner(entry: TracebackType) -> bool:
        filename = entry.tb_frame.f_code.co_filename
        return filename.startswith((ours, "<frozen runpy>")) or filename.endswith("runpy.py")

    for entry in _entries(error.__traceback__):
        if not is_runner(entry):
            return entry
    return None


def _entries(entry: TracebackType | None) -> Iterator[TracebackType]:
    while entry is not None:
        yield entry
        entry = entry.tb_next
