"""Runs a script or a module as ``__main__``, with `profile` among the builtins."""

from __future__ import annotations

import builtins
import os
import sys
from contextlib import contextmanager

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from types import CodeType, TracebackType
    from typing import Any

__all__ = [
    "CannotRunError",
    "exec_with_profiler",
    "find_script",
    "is_path",
    "own_traceback",
    "run_module_with_profiler",
]


class CannotRunError(Exception):
    """Why a program cannot be run, in one line for the user."""


def is_path(name: str) -> bool:
    """Say whether a program is named by its path, as scripts and archives are, not as a module.

    A folder that is a package is a module, unless it is written as a path.
    """
    if name.endswith((".py", ".pyc", ".pyz")) or os.path.isfile(name):
        return True
    if not os.path.isdir(name):
        return False
    return os.sep in name or (_has(name, "__main__") and not _has(name, "__init__"))


def _has(folder: str, module: str) -> bool:
    return any(os.path.isfile(os.path.join(folder, module + end)) for end in (".py", ".pyc"))


def find_script(name: str) -> str:
    """Return the path of a script, archive or folder: as it is named, else by $PATH.

    Raises
    ------
    CannotRunError
        There is none.
    """
    folders = os.environ.get("PATH", os.defpath).split(os.pathsep)
    for path in (name, *(os.path.join(folder, name) for folder in folders if folder)):
        if os.path.isfile(path) or (path == name and os.path.isdir(path)):
            return path
    raise CannotRunError(f"cannot find the script {name}")


def exec_with_profiler(
    filename: str, profiler: Any, backend: str, passed_args: Sequence[str] = ()
) -> None:
    """Run a script, or a zip archive or folder that has a ``__main__``.

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
    from pkgutil import get_importer

    whole = os.path.abspath(filename)
    importer = get_importer(whole)
    code, names = _main_in(importer, filename) if importer else _main_of(filename)
    main = types.ModuleType("__main__")
    main.__dict__.update(names, __builtins__=builtins, profile=profiler)
    sys.argv = [filename, *passed_args]
    sys.path.insert(0, whole if importer else os.path.dirname(whole))
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


def _main_of(filename: str) -> tuple[CodeType, dict[str, Any]]:
    """Return the code of a script and the names that it finds."""
    from importlib.machinery import SourcelessFileLoader

    names = {"__file__": filename}
    with _told_in_one_line(filename):
        if filename.endswith(".pyc"):
            return _code_of(SourcelessFileLoader("__main__", filename), filename), names
        with open(filename, "rb") as file:
            return compile(file.read(), filename, "exec", dont_inherit=True), names


def _main_in(importer: Any, filename: str) -> tuple[CodeType, dict[str, Any]]:
    """Return the same of the ``__main__`` in an archive or a folder."""
    spec = importer.find_spec("__main__")
    if spec is None:
        raise CannotRunError(f"no __main__.py in {filename}")
    names = {"__file__": spec.origin, "__spec__": spec, "__loader__": spec.loader}
    with _told_in_one_line(filename):
        return _code_of(spec.loader, filename), {**names, "__package__": ""}


def _code_of(loader: Any, filename: str) -> CodeType:
    code: CodeType | None = loader.get_code("__main__")
    if code is None:
        raise CannotRunError(f"cannot run {filename}: it has no Python code")
    return code


@contextmanager
def _told_in_one_line(filename: str) -> Iterator[None]:
    """Turn what is wrong with a program into one line."""
    try:
        yield
    except OSError as error:
        raise CannotRunError(f"cannot read {filename}: {error.strerror}") from None
    except SyntaxError as error:
        where = error.filename or filename
        place = f"{where}:{error.lineno}" if error.lineno else where
        raise CannotRunError(f"{place}: {error.msg}") from None
    except (ImportError, EOFError, ValueError) as error:
        raise CannotRunError(f"{filename}: {error}") from None


def _stamp_what_is_imported(profiler: Any) -> None:
    """Let `profile` stamp its functions, too, where a program imports it."""
    from shoal import memory_profiler
    from shoal.memory_profiler.time_stamper import TimeStamper

    if isinstance(profiler, TimeStamper):
        from shoal import profile

        memory_profiler.__dict__["profile"] = profiler
        profile.stamper = profiler


class _profile_everywhere:
    """`profile` among the builtins, and tracemalloc if it is the backend."""

    def __init__(self, profiler: Any, backend: str) -> None:
        self._profiler = profiler
        self._traces = backend == "tracemalloc"

    def __enter__(self) -> None:
        builtins.__dict__["profile"] = self._profiler
        _stamp_what_is_imported(self._profiler)
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
