"""The command line of ``shoal advise``."""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import os
import sys

from shoal._command_line import Parser
from shoal.flat.command import CannotDoError, input_format, opened, progress, run
from shoal.flat.format_reading import FORMATS, records_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from shoal.flat.advise import Advice

__all__ = ["main"]

_ABOUT = """\
Show what each column of a file of records would take in memory: as Python objects,
with one object for all equal strings, packed into array.array, NumPy or Arrow. The
sizes of objects are exact: what sys.getsizeof says, as the allocator rounds it.
"""

_EXAMPLES = """\
examples:
  shoal advise log.flat.gz           of a flat file: what shoal.flat.load would take
  shoal advise data.csv --numbers    of CSV, JSON lines and pickles
  shoal advise log.flat --json       for programs, in bytes
"""


def main(arguments: list[str]) -> int:
    """Run ``shoal advise``.

    Parameters
    ----------
    arguments : list of str
        Those after ``advise``.

    Returns
    -------
    int
        The exit status: 1 where a line is no record, 2 with one line on standard error
        when something is wrong with what was asked for, or cannot be read or written.
    """
    parser = Parser(
        prog="shoal advise",
        description=_ABOUT,
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("file", metavar="FILE", help='"-" is standard input')
    parser.add_argument("--json", action="store_true", help="write all figures as JSON")
    parser.add_argument(
        "--from", dest="form", choices=FORMATS, help="the format to read (by the name; flat)"
    )
    parser.add_argument("--no-header", action="store_true", help="CSV: the first row is a record")
    parser.add_argument(
        "--numbers", action="store_true", help="CSV: read as numbers what Python writes so"
    )
    options = parser.parse_args(arguments)
    return run("shoal advise", lambda: _advise(options))


def _advise(options: argparse.Namespace) -> int:
    from shoal.flat.advise import advise

    form = input_format(options.file, options.form)
    with opened(options.file) as (file, name), progress(file) as bar:
        try:
            advice = advise(bar.watch(_records(file, name, form, options)))
        except ValueError as error:
            if type(error) is not ValueError:
                raise
            raise CannotDoError(f"{name}: {error}") from None
    if options.json:
        print(json.dumps(advice.fields()))
        return 0
    from shoal.flat.advise_table import write_advice

    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")
    write_advice(advice, _what_to_call(advice, form, options), form == "flat", sys.stdout)
    return 0


def _records(file: Any, name: str, form: str, options: argparse.Namespace) -> Iterator[Any]:
    return records_of(file, name, form, header=not options.no_header, numbers=options.numbers)


def _what_to_call(advice: Advice, form: str, options: argparse.Namespace) -> list[str]:
    """Return lines: the call of flat.columns that takes the least, or why there is none."""
    from shoal.flat.recommending import AsLines, conversion, recommend
    from shoal.inspect.figures import per_cent

    if not os.path.isfile(options.file):
        return []  # It cannot be read again, to try.
    with contextlib.ExitStack() as files:

        def again() -> Any:
            file, name = files.enter_context(opened(options.file))
            return file if form == "flat" else AsLines(_records(file, name, form, options))

        found = recommend(advice, again)
    if found.reason:
        return [f"flat.columns cannot read it: {found.reason}."]
    if not found.call:
        return []
    takes = f"takes {per_cent(round(found.share * 1e9), 10**9)} of what objects take."
    if form == "flat":
        return [f"flat.columns({options.file!r}{found.call}) {takes}"]
    command, target = conversion(options.file, _reading(options))
    return [
        f"Make a flat file of it first: {command}",
        f"flat.columns({target!r}{found.call}) {takes}",
    ]


def _reading(options: argparse.Namespace) -> list[str]:
    """Return the options that say how the file is read."""
    given = ["--from", options.form] if options.form else []
    given += ["--no-header"] if options.no_header else []
    return given + (["--numbers"] if options.numbers else [])
