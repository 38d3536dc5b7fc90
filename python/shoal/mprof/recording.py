"""``mprof run`` and ``mprof attach``: samples of a process, into a file."""

from __future__ import annotations

import os
import subprocess
import sys

from shoal.memory_profiler.backends import meter, reading_errors
from shoal.memory_profiler.measuring import memory_usage
from shoal.memory_profiler.running import CannotRunError, find_script
from shoal.mprof.profiles import MprofError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Sequence
    from typing import Any, TextIO

__all__ = ["ATTACHED_SECONDS", "attach", "find_first_process", "get_cmd_line", "run"]

ATTACHED_SECONDS = 3600
"""How long a process is sampled that was not started here, unless told otherwise."""

_WITH_VALUE = ("-X", "-W", "--check-hash-based-pycs")
"""Options of the interpreter whose value is the next argument."""


def get_cmd_line(args: Sequence[str]) -> str:
    """Return a command line for people; arguments with blanks are quoted."""
    return " ".join(f"'{one}'" if " " in one or "\t" in one else one for one in args)


def run(options: Namespace) -> int:
    """Run a program and record it until it ends.

    Parameters
    ----------
    options : Namespace
        Of the command line; see arguments.py.

    Returns
    -------
    int
        0, or with ``--exit-code`` the program's, 128 + N if signal N ended it.

    Raises
    ------
    MprofError
        It cannot be run or read, or the file not be written.
    """
    command, shown = _command(options)
    print("running new process")
    if options.python:
        print("running as a Python program...")
    sys.stdout.flush()  # Before the program's own output.
    with _begun(options.filename, shown) as stream:
        try:
            process = subprocess.Popen(command)
        except OSError as error:
            stream.close()
            os.remove(options.filename)
            raise MprofError(f"cannot run {command[0]}: {error.strerror}") from None
        interrupted = _record_child(process, options, stream)
    status = process.poll()
    if status is None:
        print(
            f"mprof: no longer sampled after {options.timeout:g} s, "
            f"but still running: process {process.pid}",
            file=sys.stderr,
        )
    elif interrupted:
        return 130
    elif status and options.exit_code:
        how = f"with exit status {status}" if status > 0 else f"by signal {-status}"
        print(f"mprof: the program ended {how}", file=sys.stderr)
        return status if status > 0 else 128 - status
    return 0


def _record_child(process: subprocess.Popen[Any], options: Namespace, stream: TextIO) -> bool:
    """Record a program until it ends; return whether Ctrl-C was pressed meanwhile."""
    try:
        _record(process, options, options.timeout, stream)
    except KeyboardInterrupt:
        # The program was interrupted too, and may have results to write.
        process.wait()
        return True
    except reading_errors():
        process.wait()
        print("mprof: it ended before it could be sampled", file=sys.stderr)
    return False


def _record(process: Any, options: Namespace, timeout: float | None, stream: TextIO) -> None:
    try:
        memory_usage(
            process,
            interval=options.interval,
            timeout=timeout,
            include_children=options.include_children,
            multiprocess=options.multiprocess,
            stream=stream,
            backend=options.backend,
        )
    except (NotImplementedError, ValueError) as error:
        raise MprofError(str(error)) from None


def _begun(filename: str, command: str) -> TextIO:
    """Begin a file, and open it to add to it: the program may add its time stamps too."""
    try:
        with open(filename, "w", encoding="utf-8") as file:
            file.write(f"CMDLINE {' '.join(command.splitlines())}\n")
        return open(filename, "a", encoding="utf-8", buffering=1)
    except OSError as error:
        raise MprofError(f"cannot write {filename}: {error.strerror}") from None


# ---- What to run -------------------------------------------------------------------


def _command(options: Namespace) -> tuple[list[str], str]:
    """Return the command, and how it is shown; decide whether it is a Python program."""
    program: list[str] = options.program
    is_script = program[0].endswith((".py", ".pyz")) and not options.nopython
    if is_script:
        try:
            find_script(program[0])
        except CannotRunError as reason:
            raise MprofError(str(reason)) from None
    if is_script:
        options.python = True
    if not options.python:
        return program, get_cmd_line(program)
    interpreter, rest = sys.executable, list(program)
    if os.path.basename(program[0]).startswith(("python", "pypy")) and not is_script:
        interpreter, rest = program[0], rest[1:]
    head = [interpreter]
    while rest and rest[0].startswith("-") and rest[0] not in ("-", "-c", "-m"):
        taken = 2 if rest[0] in _WITH_VALUE else 1
        head, rest = head + rest[:taken], rest[taken:]
    shown = get_cmd_line(head + rest)
    if rest[:1] == ["-m"]:
        del rest[0]
    elif not rest or rest[0] in ("-", "-c"):
        raise MprofError(f"--python needs a script or a module, which this is not: {shown}")
    stamps = ["-m", "shoal.memory_profiler", "--timestamp", "-o", options.filename]
    stamps += ["--include-children"] if options.include_children else []
    return [*head, *stamps, *rest], shown


# ---- Processes that run already ------------------------------------------------------


def attach(options: Namespace) -> int:
    """Record a process that runs already until it ends or the time is over.

    Parameters and errors are as for `run`; it is given by its id or by a part of
    its name.
    """
    hint = options.program[0]
    print(f"attaching to existing process, using hint: {hint}", flush=True)
    try:
        import psutil
    except ImportError:
        raise MprofError("attaching needs psutil: pip install psutil") from None
    try:
        found = psutil.Process(int(hint)) if hint.isdigit() else find_first_process(hint)
        if found is None:
            raise MprofError(f"no process has {hint} in its name")
        pid = found.pid
        meter(pid, options.backend).read()
        shown = get_cmd_line(found.cmdline() or [found.name()])
        with _begun(options.filename, shown) as stream:
            _record(pid, options, options.timeout or ATTACHED_SECONDS, stream)
    except (psutil.NoSuchProcess, ProcessLookupError, OverflowError, ValueError):
        raise MprofError(f"process {hint} is gone: there is none of this id") from None
    except (psutil.AccessDenied, PermissionError):
        raise MprofError(f"process {hint} is not ours: its memory cannot be read") from None
    except KeyboardInterrupt:
        return 130
    return 0


def find_first_process(name: str) -> Any:
    """Return the first process that has this in its name, as psutil.Process; or None.

    Not this process itself, nor what it was started by.
    """
    import psutil

    own = psutil.Process()
    near = {own.pid, *(parent.pid for parent in own.parents())}
    for process in psutil.process_iter(["name"]):
        if process.pid not in near and name in (process.info["name"] or ""):
            return process
    return None
