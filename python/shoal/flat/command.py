"""The command line of ``shoal flat``: head, count, check and convert."""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import sys

from shoal._command_line import Parser, drop_output
from shoal.flat.flat_error import FlatError
from shoal.flat.format_reading import (
    FORMATS,
    SUFFIXES,
    BadInputError,
    ending_of,
    format_of,
    records_of,
)
from shoal.flat.format_writing import CannotConvertError, write

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any, BinaryIO

__all__ = ["main"]

_EXAMPLES = """\
examples:
  shoal flat head -n 3 log.flat.gz            the first records
  shoal flat count log.flat                   how many there are
  shoal flat check *.flat                     every line that is no record, and why
  shoal flat convert old.pickle new.flat      from a pickle; nothing in it is run
  shoal flat convert log.flat - --to jsonl    as JSON lines on standard output
  ... | shoal flat convert - log.flat.zst --from csv --numbers

Formats are known by the names of files: .flat or .txt, .pickle or .pkl, .jsonl or
.ndjson, .csv; behind them .gz, .bz2, .xz or .zst. "-" is standard input or output.
"""


class CannotDoError(Exception):
    """What is wrong, in one line for the user; `status` is the exit status."""

    def __init__(self, message: str, status: int = 2) -> None:
        super().__init__(message)
        self.status = status


def main(arguments: list[str]) -> int:
    """Run ``shoal flat``.

    Parameters
    ----------
    arguments : list of str
        Those after ``flat``.

    Returns
    -------
    int
        The exit status: 1 where a line is no record, 2 with one line on standard error
        when something is wrong with what was asked for, or cannot be read or written.
    """
    parser = _parser()
    options = parser.parse_args(arguments)
    if options.command is None:
        parser.print_help(sys.stderr)
        return 2
    return run(f"shoal flat {options.command}", lambda: int(options.act(options)))


def run(program: str, act: Any) -> int:
    """Call what a command does, and turn what it raises into a line and an exit status."""
    from shoal.flat.files import damage

    try:
        status: int = act()
        sys.stdout.flush()
        return status
    except CannotDoError as reason:
        message, status = str(reason), reason.status
    except (FlatError, BadInputError, CannotConvertError) as reason:
        message, status = one_line(reason), 1
    except BrokenPipeError:
        drop_output()
        return 0  # Who reads has enough, as in `| head`.
    except OSError as error:
        drop_output()
        message, status = _reason(error), 2
    except (ImportError, MemoryError) as error:
        message, status = str(error) or "out of memory", 2
    except damage() as error:
        message, status = f"cannot read: cut off or damaged: {error}", 2
    except KeyboardInterrupt:
        return 130
    print(f"{program}: {message}", file=sys.stderr)
    return status


def one_line(error: Exception) -> str:
    """Return an error as compilers write it: ``file:line:column: what``."""
    if isinstance(error, FlatError):
        place = f"{error.file}:{error.line}:{error.column}"
        return f"{place}: expected {error.expected}, found {error.found}"
    return str(error)


def _reason(error: OSError) -> str:
    if error.filename:
        return f"{os.fsdecode(error.filename)}: {error.strerror}"
    return f"cannot write: {error.strerror or error}"


# ---- Arguments ----------------------------------------------------------------------


def _parser() -> Parser:
    parser = Parser(
        prog="shoal flat",
        description="Look at, check and convert files of one Python literal a line.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    commands = parser.add_subparsers(dest="command", metavar="command", parser_class=Parser)

    head = commands.add_parser("head", help="show the first records", allow_abbrev=False)
    head.add_argument("file", metavar="FILE")
    head.add_argument("-n", type=_count, default=10, metavar="N", help="how many (10)")
    head.add_argument("--json", action="store_true", help="as JSON lines")
    head.set_defaults(act=_head)

    count = commands.add_parser("count", help="count the records", allow_abbrev=False)
    count.add_argument("files", metavar="FILE", nargs="+")
    count.add_argument("--json", action="store_true", help="a JSON object a file")
    count.set_defaults(act=_count_files)

    check = commands.add_parser(
        "check",
        help="show every line that is no record; exit status 1 if there is one",
        allow_abbrev=False,
    )
    check.add_argument("files", metavar="FILE", nargs="+")
    check.add_argument("--json", action="store_true", help="a JSON object a line, and one a file")
    check.add_argument("--most", type=_count, metavar="N", help="end after N bad lines")
    check.set_defaults(act=_check)

    convert = commands.add_parser(
        "convert",
        help="from and to pickles, JSON lines and CSV",
        description="Convert records, and say what does not survive it.",
        allow_abbrev=False,
    )
    convert.add_argument("file", metavar="FROM")
    convert.add_argument("output", metavar="TO", nargs="?", default="-")
    convert.add_argument("--to", choices=FORMATS, help="the format to write (by the name; flat)")
    convert.add_argument("--strict", action="store_true", help="fail where anything is lost")
    convert.add_argument("--json", action="store_true", help="say what was done as JSON, on stderr")
    convert.set_defaults(act=_convert)

    for command in (head, count, check, convert):
        _add_reading(command)
    return parser


def _add_reading(parser: Parser) -> None:
    add = parser.add_argument
    add("--from", dest="form", choices=FORMATS, help="the format to read (by the name; flat)")
    add("--no-header", action="store_true", help="CSV: the first row is a record too")
    add("--numbers", action="store_true", help="CSV: read as numbers what Python writes so")
    for name, what in (
        ("line", "bytes of a line"),
        ("depth", "brackets in one another"),
        ("digits", "digits of an int"),
    ):
        add(f"--max-{name}", type=_count, metavar="N", help=f"the most {what}")


def _count(text: str) -> int:
    if not text.isascii() or not text.isdigit() or not 0 < int(text) < 2**31:
        raise argparse.ArgumentTypeError(f"expected a whole number, at least 1, not {text!r}")
    return int(text)


# ---- Input --------------------------------------------------------------------------


def input_format(name: str, wanted: str | None) -> str:
    """Return the format of an input: as it was asked for, else by its name, else flat."""
    return wanted or format_of(name) or "flat"


@contextlib.contextmanager
def opened(name: str) -> Iterator[tuple[BinaryIO, str]]:
    """Open an input and yield it with the name that errors call it by."""
    from shoal.flat.files import damage, open_reading

    if name == "-":
        yield sys.stdin.buffer, "<stdin>"
        return
    with open_reading(name) as file:
        try:
            yield file, name
        except damage() as error:
            raise CannotDoError(f"{name}: cut off or damaged: {error}") from None


def _records(file: BinaryIO, name: str, options: argparse.Namespace) -> Iterator[Any]:
    bounds = {
        f"max_{what}": getattr(options, f"max_{what}")
        for what in ("line", "depth", "digits")
        if getattr(options, f"max_{what}") is not None
    }
    return records_of(
        file,
        name,
        input_format(name, options.form),
        header=not options.no_header,
        numbers=options.numbers,
        bounds=bounds,
    )


# ---- What to do ---------------------------------------------------------------------


def _head(options: argparse.Namespace) -> int:
    from itertools import islice

    with opened(options.file) as (file, name):
        records = islice(_records(file, name, options), options.n)
        write(records, sys.stdout.buffer, "jsonl" if options.json else "flat")
    sys.stdout.buffer.flush()
    return 0


def _count_files(options: argparse.Namespace) -> int:
    from shoal import flat

    for path in options.files:
        with opened(path) as (file, name), progress(file) as bar:
            if input_format(path, options.form) == "flat":
                count = flat.count(file, progress=bar.update)
            else:
                count = sum(1 for _ in bar.watch(_records(file, name, options)))
        if options.json:
            print(json.dumps({"file": name, "records": count}))
        else:
            print(count if len(options.files) == 1 else f"{count:>12} {name}")
    return 0


def _check(options: argparse.Namespace) -> int:
    worst = 0
    for path in options.files:
        with opened(path) as (file, name), progress(file) as bar:
            count, bad = _check_file(bar.watch(_records(file, name, options)), options)
        if options.json:
            print(json.dumps({"file": name, "records": count, "bad": bad}))
        elif sys.stderr.isatty():
            print(f"{name}: {count:,} records, {bad or 'no'} bad lines", file=sys.stderr)
        worst = max(worst, bad > 0)
    return worst


def _check_file(records: Iterator[Any], options: argparse.Namespace) -> tuple[int, int]:
    """Read all records and show what is wrong; return how many are good and how many not."""
    count = bad = 0
    while True:
        try:
            for _ in records:
                count += 1
            return count, bad
        except FlatError as error:
            bad += 1
            print(json.dumps(_fields(error)) if options.json else one_line(error))
        except BadInputError as error:
            print(json.dumps({"error": str(error)}) if options.json else error)
            return count, bad + 1  # Only flat files are read on behind it.
        if bad == options.most:
            return count, bad


def _fields(error: FlatError) -> dict[str, object]:
    return {
        "file": error.file,
        "line": error.line,
        "column": error.column,
        "expected": error.expected,
        "found": error.found,
    }


def _convert(options: argparse.Namespace) -> int:
    from shoal.flat.files import replacing

    to = options.to or _output_format(options.output)
    with opened(options.file) as (file, name), progress(file) as bar:
        records = bar.watch(_records(file, name, options))
        if options.output == "-":
            count, lost = write(records, sys.stdout.buffer, to, strict=options.strict)
            sys.stdout.buffer.flush()
        else:
            with replacing(options.output) as target:
                count, lost = write(records, target, to, strict=options.strict)
    if options.json:
        print(json.dumps({"records": count, "lost": lost}), file=sys.stderr)
    else:
        for what, times in lost.most_common():
            print(f"shoal flat convert: in {to}, {what}: {times:,}", file=sys.stderr)
    return 0


def _output_format(name: str) -> str:
    """Return the format that a file's name asks for; flat where it has no ending."""
    form = format_of(name)
    if form is None and name != "-" and ending_of(name):
        known = ", ".join(SUFFIXES)
        raise CannotDoError(f"{name}: no format is known by this ending: use {known}, or --to")
    return form or "flat"


def progress(file: BinaryIO) -> Any:
    """Return a context manager of a bar, which is drawn on a terminal when it takes long."""
    from shoal.flat.watching_input import Watch

    return Watch(file)
