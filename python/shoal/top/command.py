"""The command line of ``shoal top``."""

from __future__ import annotations

import argparse
import importlib.util
import io
import os
import shutil
import sys

from shoal._command_line import Parser, drop_output
from shoal.top import listing
from shoal.top.columns import COLUMNS, column_named
from shoal.top.readings import GONE
from shoal.top.rows import arrange

TYPE_CHECKING = False
if TYPE_CHECKING:
    from shoal.top.readings import Read
    from shoal.top.rows import Row

__all__ = ["main"]

SHORTEST_SECONDS, LONGEST_SECONDS = 1.0, 3600.0
"""What --interval may be: drawing more often would cost more than it shows."""

_NO_TEXTUAL = (
    "the live table needs textual: pip install 'shoal[top]'; `shoal top --once` works without"
)

_ABOUT = """\
Show all Python processes of this machine, those in containers too, and what
their heaps hold: RSS and PSS; live, the bytes in blocks handed out; held, what
the heap keeps beyond; return, what of it whole pages could give back. K, M and G
are powers of 1024. No process is stopped or changed.
"""

_EXAMPLES = """\
keys: < > 1..0 sort by a column, or click its title; r reverse; / filter as you
type; space pause; q quit

examples:
  shoal top                             the live table
  shoal top --once --sort held          written once; so it is in a pipe, too
  shoal top --json --filter gunicorn    for programs
"""


def main(arguments: list[str], read: Read | None = None) -> int:
    """Run ``shoal top``.

    Parameters
    ----------
    arguments : list of str
        Those after ``top``.
    read : callable, optional
        Reads a process in place of ``_inspect.read``.

    Returns
    -------
    int
        The exit status; 2 with one line on standard error when something is
        wrong with what was asked for.
    """
    parser = _parser()
    options = parser.parse_args(arguments)
    live = not (options.once or options.json or options.csv) and sys.stdout.isatty()
    if live and importlib.util.find_spec("textual") is None:
        parser.error(_NO_TEXTUAL)
    if read is None:
        try:
            from shoal import _inspect
        except ImportError:
            parser.error("shoal._inspect, which reads heaps, is missing: install the package again")
        read = _inspect.read
    try:
        return _live(options, read) if live else _once(options, read)
    except BrokenPipeError:
        return 0  # Who reads has enough, as in `| head`.
    except OSError as error:
        parser.error(_reason(error))
    except KeyboardInterrupt:
        return 130


def _reason(error: OSError) -> str:
    """Say what cannot be read, or that standard output cannot be written."""
    if error.filename:
        return f"cannot read {os.fsdecode(error.filename)}: {error.strerror}"
    return f"cannot write: {error.strerror or error}"


def _parser() -> Parser:
    parser = Parser(
        prog="shoal top",
        description=_ABOUT,
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("--once", action="store_true", help="write the table once and end")
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="write once, as JSON")
    form.add_argument("--csv", action="store_true", help="write once, as CSV")
    parser.add_argument(
        "--interval",
        type=_seconds,
        default=2.0,
        metavar="SECONDS",
        help="from one look to the next (2); big heaps are read less often",
    )
    keys = [column.key for column in COLUMNS]
    parser.add_argument(
        "--sort",
        choices=keys,
        default="returnable",
        metavar="COLUMN",
        help=f"{', '.join(keys)} (returnable)",
    )
    parser.add_argument("--reverse", action="store_true", help="turn the order round")
    parser.add_argument(
        "--filter",
        default="",
        metavar="WORDS",
        help="only processes with these in command, user, process id or allocator",
    )
    return parser


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = -1.0
    if not SHORTEST_SECONDS <= seconds <= LONGEST_SECONDS:
        raise argparse.ArgumentTypeError(
            f"expected {SHORTEST_SECONDS:g} to {LONGEST_SECONDS:g} seconds, not {text!r}"
        )
    return seconds


def _live(options: argparse.Namespace, read: Read) -> int:
    from shoal.top.background import Background
    from shoal.top.live import Live
    from shoal.top.processes import Finder
    from shoal.top.watch import Watch

    source = Background(Watch(Finder().find, read, options.interval))
    app = Live(source, options.interval, options.sort, options.reverse, options.filter)
    app.run()
    return app.return_code or 0


def _once(options: argparse.Namespace, read: Read) -> int:
    from shoal.top.processes import Finder
    from shoal.top.watch import Watch

    watch = Watch(Finder().find, read)
    watch.look(lambda rows: None)
    column = column_named(options.sort)
    found = [row for row in watch.rows() if row.why != GONE]
    rows = arrange(found, column.value, column.descending != options.reverse, options.filter)
    try:
        _write(rows, options)
        sys.stdout.flush()
    except OSError:
        drop_output()
        raise
    return 0


def _write(rows: list[Row], options: argparse.Namespace) -> None:
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # Command lines have any letters.
    if options.json:
        listing.write_json(rows, sys.stdout)
    elif options.csv:
        listing.write_csv(rows, sys.stdout)
    else:
        width = shutil.get_terminal_size().columns if sys.stdout.isatty() else None
        listing.write_table(rows, sys.stdout, width)
