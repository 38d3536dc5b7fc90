"""What the command line of ``shoal inspect`` can say, and what of it does not go together."""

from __future__ import annotations

import argparse
import math

from shoal._command_line import Parser
from shoal.inspect.figures import parse_bytes

__all__ = ["CannotInspectError", "check", "make_parser"]

_EXAMPLES = """\
examples:
  shoal inspect 4242                      what process 4242 holds, on one screen
  shoal inspect 4242 --watch 10           look every 10 s, and show what changed
  shoal inspect 4242 --map -o map.html    how full the heap is, place by place
  shoal inspect 4242 --json -o a.json     all figures, for other programs and for later
  shoal inspect a.json                    the screen of a look in the past
  shoal inspect --diff a.json b.json      what changed between two looks

The process need not know: nothing is put into it, and it goes on while it is
read. Reading another user's process takes root or CAP_SYS_PTRACE.
"""


class CannotInspectError(Exception):
    """What is wrong, in one line for the user; `status` is the exit status."""

    def __init__(self, message: str, status: int = 2) -> None:
        super().__init__(message)
        self.status = status


def make_parser() -> argparse.ArgumentParser:
    """Return what reads the command line."""
    parser = Parser(
        prog="shoal inspect",
        description="Show where a running Python process has its memory, and what would help.",
        usage="shoal inspect PID [options]",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument(
        "target", nargs="?", metavar="PID", help="a process id, or a file that --json wrote"
    )
    _add_output(parser)
    _add_looks(parser)
    parser.add_argument(
        "--top",
        type=_positive,
        metavar="N",
        help="rows of each table (default: 10, fewer on a low terminal)",
    )
    parser.add_argument(
        "--by",
        choices=("bytes", "blocks"),
        default="bytes",
        help="what types are ordered by (blocks: how many objects)",
    )
    parser.add_argument(
        "--threshold",
        type=_bytes,
        default=0,
        metavar="BYTES",
        help="leave out types and sizes of less, or that changed by less: 4096, 64K, 1.5M",
    )
    return parser


def _add_output(parser: argparse.ArgumentParser) -> None:
    output = parser.add_mutually_exclusive_group()
    output.add_argument("--map", action="store_true", help="draw how full the heap is, by address")
    output.add_argument("--json", action="store_true", help="write all figures as JSON")
    parser.add_argument(
        "-o",
        dest="output",
        metavar="FILE",
        help="write --json, or --map as a picture (.png) or a page (.html), to a file",
    )


def _add_looks(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--watch",
        type=_seconds,
        metavar="N",
        help="look every N seconds, and show what changed since the first look",
    )
    parser.add_argument(
        "--count", type=_positive, metavar="K", help="with --watch: end after K looks"
    )
    parser.add_argument(
        "--diff",
        nargs=2,
        metavar=("A", "B"),
        help="compare two files that --json wrote; no process is read",
    )
    parser.add_argument(
        "--freeze",
        action="store_true",
        help="stop the process while its heap is read, 32 MiB at a time "
        "(16 to 28 ms at the longest, measured)",
    )


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = math.nan
    if not 0.01 <= seconds <= 1e6:
        raise argparse.ArgumentTypeError(f"expected seconds, at least 0.01, not {text!r}")
    return seconds


def _positive(text: str) -> int:
    if not text.isascii() or not text.isdigit() or not 0 < int(text) < 10**6:
        raise argparse.ArgumentTypeError(f"expected a whole number, at least 1, not {text!r}")
    return int(text)


def _bytes(text: str) -> int:
    try:
        return parse_bytes(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def check(options: argparse.Namespace) -> None:
    """Refuse what does not go together, before anything is measured.

    Raises
    ------
    CannotInspectError
        It does not.
    """
    if options.diff:
        _refuse(
            "--diff",
            ("a process", options.target),
            ("--map", options.map),
            ("--watch", options.watch is not None),
            ("--freeze", options.freeze),
        )
    elif options.target is None:
        raise CannotInspectError("which process? give its id, or --diff A B")
    if options.count is not None and options.watch is None:
        raise CannotInspectError("--count is for --watch")
    if options.watch is not None:
        _refuse("--watch", ("--map", options.map))
    if options.output is not None and not (options.map or options.json):
        raise CannotInspectError("-o is for --json and --map")
    if options.map and options.output is not None:
        from shoal.inspect import occupancy_files

        try:
            occupancy_files.check(options.output)
        except occupancy_files.CannotDrawError as reason:
            raise CannotInspectError(str(reason)) from None


def _refuse(option: str, *others: tuple[str, object]) -> None:
    for name, given in others:
        if given:
            raise CannotInspectError(f"{option} does not go with {name}")
