"""``python -m shoal.memory_profiler``: a program with line-by-line tables, or time stamps."""

from __future__ import annotations

import argparse
import contextlib
import os
import sys
import threading

from shoal._command_line import Parser
from shoal.memory_profiler import __version__
from shoal.memory_profiler.backends import BACKENDS, choose_backend
from shoal.memory_profiler.running import (
    CannotRunError,
    exec_with_profiler,
    find_script,
    is_path,
    own_traceback,
    run_module_with_profiler,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, TextIO

_PROGRAM = "python -m shoal.memory_profiler"


def _parser() -> Parser:
    parser = Parser(
        prog=_PROGRAM,
        usage=f"{_PROGRAM} [options] (script.py | archive | folder | module) [args ...]",
        description="Run a program and print the memory after each line of the functions "
        "that it decorates with @profile.",
    )
    parser.add_argument("--version", action="version", version=__version__)
    parser.add_argument(
        "--pdb-mmem",
        dest="max_mem",
        metavar="MAXMEM",
        type=float,
        help="measure nothing, but step into the debugger when memory exceeds MAXMEM MiB",
    )
    parser.add_argument(
        "--precision", type=int, default=3, help="decimals of the MiB in tables (default: 3)"
    )
    parser.add_argument(
        "-o",
        dest="out_filename",
        metavar="FILE",
        help="write the results to FILE: tables replace it, time stamps are added to it",
    )
    parser.add_argument(
        "--timestamp",
        action="store_true",
        help="write when decorated functions began and ended, as mprof reads it, not tables",
    )
    parser.add_argument(
        "--include-children", action="store_true", help="add the memory of child processes"
    )
    parser.add_argument(
        "--backend", choices=BACKENDS, default="psutil", help="what is read (default: psutil, RSS)"
    )
    parser.add_argument(
        "program",
        nargs=argparse.REMAINDER,
        metavar="script.py | module [args ...]",
        help="what to run, and its own arguments",
    )
    return parser


def main(arguments: list[str] | None = None) -> int:
    """Run the command line.

    Parameters
    ----------
    arguments : list of str, optional
        Those after the program's name; `sys.argv`'s by default.

    Returns
    -------
    int
        The exit status: that of the program; 2 with one line on standard error
        when the command line is wrong or the program cannot be run.
    """
    parser = _parser()
    options = parser.parse_args(arguments)
    if not options.program:
        parser.error("a program to run is missing; -h shows how")
    if not 0 <= options.precision <= 20:
        parser.error(f"--precision: expected 0 to 20 decimals, not {options.precision}")
    backend = choose_backend(options.backend)
    profiler: Any
    if options.timestamp:
        from shoal.memory_profiler.time_stamper import TimeStamper

        profiler = TimeStamper(backend, include_children=options.include_children)
    else:
        from shoal.memory_profiler.line_profiler import LineProfiler

        profiler = LineProfiler(
            max_mem=options.max_mem, backend=backend, include_children=options.include_children
        )
    try:
        return _run(options, profiler, backend, _opened(options.out_filename))
    except CannotRunError as reason:
        parser.error(str(reason))


def _opened(path: str | None) -> TextIO | None:
    """Open the file for the results: it shall fail now, not at the end."""
    try:
        return None if path is None else open(path, "a", encoding="utf-8")
    except OSError as error:
        raise CannotRunError(f"cannot write {path}: {error.strerror}") from None


def _run(options: argparse.Namespace, profiler: Any, backend: str, out: TextIO | None) -> int:
    """Run the program, then show the results, however it ended."""
    name, *args = options.program
    process = os.getpid()
    results = True
    try:
        if is_path(name):
            exec_with_profiler(find_script(name), profiler, backend, args)
        else:
            run_module_with_profiler(name, profiler, backend, args)
        _join_threads()
    except CannotRunError:
        results = False
        raise
    except SystemExit:
        raise
    except BaseException as error:
        if type(error).__name__ == "BdbQuit":  # The debugger of --pdb-mmem was left with `q`.
            return 1
        traceback = own_traceback(error)
        sys.excepthook(type(error), error.with_traceback(traceback), traceback)
        return 130 if isinstance(error, KeyboardInterrupt) else 1
    finally:
        # In a child of a fork that came here: the file is its parent's.
        if results and not (out and process != os.getpid()):
            _show(options, profiler, out)
    return 0


def _join_threads() -> None:
    """Wait for what the interpreter would wait for, so that the results have it."""
    for thread in threading.enumerate():
        if not thread.daemon and thread is not threading.current_thread():
            thread.join()


def _show(options: argparse.Namespace, profiler: Any, out: TextIO | None) -> None:
    if options.timestamp:
        profiler.show_results(stream=out)
    else:
        from shoal.memory_profiler.line_profiler import show_results

        if out is not None:
            out.truncate(0)
        with contextlib.suppress(BrokenPipeError):  # Whoever read it has seen enough.
            show_results(profiler, stream=out, precision=options.precision)
    if out is not None:
        out.close()


if __name__ == "__main__":
    sys.exit(main())
