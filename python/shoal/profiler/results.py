"""Where ``shoal profile`` writes what it found: a table, JSON, CSV."""

from __future__ import annotations

import os
import sys

from shoal.profiler.ending import write_past_lock

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TextIO

    from shoal.profiler.model import Function, Report

__all__ = ["CannotWriteError", "Results"]

STDOUT = "-"


class CannotWriteError(Exception):
    """Which file cannot be written and why, in one line for the user."""


class Results:
    """Writes reports as the command line says.

    The names of files are made absolute here, as the program may go elsewhere.
    A child of a fork adds its process id to them.

    Parameters
    ----------
    table, json, csv : str or None
        The files; ``"-"`` is standard output. The table goes there if it has no
        file, unless JSON or CSV does.
    precision : int
        Decimals of the table.
    compat : bool
        The table is memory_profiler's.

    Attributes
    ----------
    if_nothing_ran : str
        What is said then.

    Raises
    ------
    CannotWriteError
        A file cannot be written.
    """

    def __init__(
        self,
        table: str | None,
        json: str | None,
        csv: str | None,
        precision: int = 1,
        compat: bool = False,
    ) -> None:
        if table is None and STDOUT not in (json, csv):
            table = STDOUT
        self._table, self._json, self._csv = (_writable(path) for path in (table, json, csv))
        self._precision = precision
        self._compat = compat
        self._pid = os.getpid()
        self.if_nothing_ran = "decorate functions with @profile, or use --all"

    def write(self, report: Report) -> None:
        """Write a report; what cannot be written is said on standard error."""
        from shoal.profiler import export, table

        if not any(map(_ran, report.functions)):
            if report.pid != self._pid:
                return  # A child that did something else.
            _say(f"nothing was profiled: {self.if_nothing_ran}")
            if self._table == STDOUT:
                self._table = None

        def write_table(report: Report, stream: TextIO) -> None:
            table.write_report(report, stream, precision=self._precision, compat=self._compat)

        self._write(report, self._table, "the table", write_table)
        self._write(report, self._json, "JSON", export.write_json)
        self._write(report, self._csv, "CSV", export.write_csv)

    def _write(
        self,
        report: Report,
        path: str | None,
        what: str,
        write: Callable[[Report, TextIO], None],
    ) -> None:
        if path is None:
            return
        try:
            if path == STDOUT:
                write_past_lock(lambda stream: write(report, stream), _standard_output())
                return
            if report.pid != self._pid:
                path = f"{path}.{report.pid}"
            with open(path, "w", encoding="utf-8", newline="") as file:
                write(report, file)
        except (OSError, ValueError) as error:
            reason = error.strerror if isinstance(error, OSError) else error
            where = "standard output" if path == STDOUT else path
            if path == STDOUT:
                from shoal._command_line import drop_output

                drop_output()
            _say(f"cannot write {what} to {where}: {reason}")


def _ran(function: Function) -> bool:
    return function.calls > 0 or any(line.hits for line in function.lines)


def _say(message: str) -> None:
    if sys.stderr is not None:
        print(f"shoal profile: {message}", file=sys.stderr)


def _standard_output() -> TextIO:
    """Return the one that there was when the program began, or the one that it has put there."""
    for stream in (sys.__stdout__, sys.stdout):
        try:
            if stream is not None and stream.writable():
                return stream
        except ValueError:
            continue  # closed, or what it wrote to was taken away
    raise OSError(0, "it is closed")


def _writable(path: str | None) -> str | None:
    """Return the absolute path of a file that can be written, which is tried."""
    if path is None or path == STDOUT:
        return path
    try:
        with open(path, "a", encoding="utf-8"):
            return os.path.abspath(path)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise CannotWriteError(f"cannot write {path}: {reason}") from None
