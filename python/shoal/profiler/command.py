"""``shoal profile``: runs a program in this process and shows what its lines did to memory."""

from __future__ import annotations

import argparse
import os
import sys

from shoal import _heap, _run
from shoal._command_line import Parser
from shoal.profiler import ending, profile, progress, target
from shoal.profiler.results import CannotWriteError, Results
from shoal.profiler.selection import Selection

TYPE_CHECKING = False
if TYPE_CHECKING:
    from shoal.profiler.model import Report

__all__ = ["main"]

_USAGE = "shoal profile [options] (script.py | -m module | -c code) [args ...]"

_EXAMPLES = """\
examples:
  shoal profile script.py --fast          the functions that it decorates with @profile
  shoal profile --all script.py           every function of your own files, and the script itself
  shoal profile --only 'Tree.*' -m app    functions by qualified name, in your own files
  shoal profile --only 'src/*.py' app.py  all in files, by their path from the root or from
                                          the current directory, whoever's they are
  shoal profile --allocator pymalloc x.py the memory of your production, without Shoal's heap
  shoal profile --json - x.py | jq .rss   for other programs

`profile` is among the builtins; `from shoal import profile` works without this command, too.
The table is written when the program ends: by itself, an exception, Ctrl-C or SIGTERM. A child
of a fork writes its own, into files with its process id added to their names.
The exit status is the program's; 2 with one line on standard error when it cannot be run.
"""


def _parser() -> Parser:
    parser = Parser(
        prog="shoal profile",
        usage=_USAGE,
        description="Run a program and show, line by line, where its memory is.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    which = parser.add_argument_group("what is profiled, besides what is decorated")
    which.add_argument("--all", action="store_true", help="every function of your own files")
    which.add_argument(
        "--only", metavar="GLOB", action="append", default=[],
        help="functions whose qualified name matches, or, if it has a slash or ends in .py, "
        "whole files; may be repeated",
    )  # fmt: skip
    how = parser.add_argument_group("how")
    how.add_argument(
        "--allocator", choices=("shoal", "pymalloc"), default="shoal",
        help="the heap to run on: Shoal's, or the interpreter's own (default: shoal)",
    )  # fmt: skip
    how.add_argument(
        "--no-rss", dest="with_rss", action="store_false",
        help="do not read resident memory at every line: ten times faster on short lines",
    )  # fmt: skip
    results = parser.add_argument_group("results")
    results.add_argument("-o", dest="table", metavar="FILE", help="write the table to a file")
    results.add_argument("--json", metavar="FILE", help="write all figures as JSON; - is stdout")
    results.add_argument("--csv", metavar="FILE", help="write a row for each line; - is stdout")
    results.add_argument(
        "--precision", type=_decimals, default=1, metavar="N", help="decimals (default: 1)"
    )
    results.add_argument("--compat", action="store_true", help="memory_profiler's table, exactly")
    return parser


def _decimals(text: str) -> int:
    from shoal.profiler.units import checked_precision

    try:
        return checked_precision(int(text))
    except ValueError:
        raise argparse.ArgumentTypeError(f"expected a number of decimals, not {text}") from None


_WITH_VALUE = ("--only", "--allocator", "-o", "--json", "--csv", "--precision")


def _split(words: list[str]) -> tuple[list[str], list[str]]:
    """Cut the arguments in two: our options, and the program with all its own."""
    at = 0
    while at < len(words):
        word = words[at]
        if word == "--":
            return words[:at], words[at + 1 :]
        if word == "-" or not word.startswith("-") or word[:2] in ("-m", "-c"):
            break
        at += 2 if word in _WITH_VALUE else 1
    return words[:at], words[at:]


def main(arguments: list[str]) -> int:
    """Run the command line.

    Parameters
    ----------
    arguments : list of str
        Those after ``profile``.

    Returns
    -------
    int
        0: the program came to its end. 2 when the command line is wrong or the
        program cannot be run. What the program raises is raised.
    """
    parser = _parser()
    ours, words = _split(arguments)
    options = parser.parse_args(ours)
    if options.compat and not options.with_rss:
        parser.error("--compat shows resident memory, which --no-rss does not read")
    try:
        _choose_heap(options.allocator)
        _run_profiled(options, words)
    except (_run.CannotRunError, CannotWriteError) as reason:
        parser.error(str(reason))
    return 0


def _choose_heap(allocator: str) -> None:
    """Make sure that this process runs on a heap; may begin it anew.

    On Shoal's it shall be from its first block on, malloc's too, as under
    ``shoal run``: what install() finds there already is not Shoal's, so neither
    would its sizes be known where a line frees it, nor would it be in what is
    held, of which blocks of the RAW domain are a part.
    """
    if "t" in getattr(sys, "abiflags", ""):
        raise _run.CannotRunError(
            "the line profiler needs the interpreter lock, and this Python is free-threaded: "
            "use a standard build of Python"
        )
    if allocator == "pymalloc":
        if _heap.state() == 1:
            raise _run.CannotRunError("this process runs on Shoal's heap already, not on pymalloc")
        return
    if _heap.state() == 1:
        return
    if _heap.serves_malloc():
        raise _run.CannotRunError(
            "another allocator is over Shoal's heap: run it without -X dev and PYTHONMALLOC"
        )
    if os.environ.get("LD_PRELOAD", "").find(os.path.basename(_run.library_or_name())) >= 0:
        raise _run.CannotRunError("this Python cannot preload a library: use --allocator pymalloc")
    _run.run_again()


def _run_profiled(options: argparse.Namespace, words: list[str]) -> None:
    results = Results(options.table, options.json, options.csv, options.precision, options.compat)
    if options.only:
        results.if_nothing_ran = f"nothing that matches {' or '.join(options.only)} ran"
    collector = profile.collector
    collector.allocator = options.allocator
    collector.with_rss = options.with_rss
    collector.counts_comebacks = options.compat
    _offer_profile()
    selection = Selection(options.only)
    if options.all or options.only:
        collector.add_new(selection.wants)
    program = target.prepare(words)
    selection.add_main(program.code)
    line = progress.start()

    def write(report: Report) -> None:
        if line is not None:
            line.stop()
        results.write(report)

    ending.set_writer(collector, write)
    _forget_names()
    try:
        program.run()
    finally:
        if line is not None:
            line.stop()  # Before a traceback is shown.


def _forget_names() -> None:
    """Empty the interpreter's cache of methods.

    It keeps names that have been asked for and that nothing else keeps. The line
    of the program that takes the place of one of ours would seem to free it.
    """
    sys._clear_type_cache()


def _offer_profile() -> None:
    """Put `profile` among the builtins, as memory_profiler does."""
    import builtins

    builtins.profile = profile  # type: ignore[attr-defined]
