"""The command line: ``shoal run ...`` and the table of the other commands."""

from __future__ import annotations

import argparse
import sys
from importlib import import_module

from shoal import __version__, _run
from shoal._command_line import Parser

_COMMANDS = """\
examples:
  shoal run server.py                 run a program on Shoal's heap
  shoal run --stats script.py         and say at its exit where the memory was
  shoal profile script.py             what each line of its @profile functions did to memory
  shoal profile --all script.py       the same of every function, without decorators
  shoal mprof run script.py           record memory over time
  shoal mprof plot -o memory.svg      and draw it
  shoal inspect 4711                  what that running process holds, and who keeps it
  shoal top                           all Python processes of this machine, live
  shoal preload --check 4711          whether that process runs on Shoal
  shoal flat check log.flat           which lines are no records, and why
  shoal advise log.flat               what its columns would take, as objects and packed

`shoal COMMAND --help` says more.
"""

_RUN_EXAMPLES = """\
examples:
  shoal run server.py --port 8000       a script; all that follows it is the script's
  shoal run -m pytest tests             a module, as `python -m` does
  shoal run -c 'print(len(range(9)))'   code
  shoal run -- node app.js              any program that is linked dynamically
  shoal run -- python3.12 -O x.py       another Python, or one with options of its own
  shoal run --stats script.py           and say at exit where the memory was

The target takes this process's place: same process id, exit status, signals,
standard streams, sys.argv. Its child processes run on Shoal too. If it keeps
an allocator of its own, one line on standard error says so, and why.

`LD_PRELOAD={library} program` does the same without this command.
"""


_ELSEWHERE = {
    "profile": (
        "run a Python program and show what each of its lines did to memory",
        "shoal.profiler.command",
    ),
    "mprof": (
        "record, list and draw the memory of a program over time",
        "shoal.mprof.command",
    ),
    "inspect": (
        "show what a running Python process holds, and who keeps it",
        "shoal.inspect.command",
    ),
    "top": (
        "show all Python processes and what their heaps hold",
        "shoal.top.command",
    ),
    "flat": (
        "look at, check and convert files of one record a line",
        "shoal.flat.command",
    ),
    "preload": (
        "print the library's path for LD_PRELOAD, put a link to it, or say who runs on it",
        "shoal._preload",
    ),
    "advise": (
        "show what the columns of a file would take as objects and packed",
        "shoal.flat.advise_command",
    ),
}
"""Commands with a command line of their own: what they do, and the module of their `main`."""


def _parsers() -> tuple[Parser, Parser]:
    """Return the parser of the whole command line and that of ``run``."""
    top = Parser(
        prog="shoal",
        description="A heap for Python that gives back what nothing uses, "
        "and tools that show where memory is: line by line, over time, in any running process.",
        epilog=_COMMANDS,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    top.add_argument("--version", action="version", version=f"shoal {__version__}")
    commands = top.add_subparsers(dest="command", metavar="command")
    run = commands.add_parser(
        "run",
        help="run a script, module, code or any program on Shoal's heap",
        description="Run a program on Shoal's heap, otherwise as it always runs.",
        usage="shoal run [--stats] [--compact] (script.py | -m module | -c code | -- program) "
        "[args ...]",
        epilog=_RUN_EXAMPLES.format(library=_run.library_or_name()),
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    run.add_argument(
        "--stats",
        action="store_true",
        help="when the program exits, print on standard error where its memory was: live, "
        "held, returned, metadata, peak, by size class (not for its child processes; "
        "SHOAL_STATS=all in the environment prints for every process)",
    )
    run.add_argument(
        "--compact",
        action="store_true",
        help="after full garbage collections, move what survives and give back the rest, for at "
        "most 1 %% of the processor time: read docs/compact.md first (CPython 3.11 to 3.15; "
        "SHOAL_COMPACT=1 in the environment does the same, stress:N moves all at every Nth)",
    )
    for name, (about, _) in _ELSEWHERE.items():
        commands.add_parser(name, help=about, add_help=False)
    return top, run


def _split(arguments: list[str]) -> tuple[list[str], list[str]]:
    """Cut the arguments of ``run`` in two: our options, and the target with all its own."""
    for at, argument in enumerate(arguments):
        if argument == "-" or argument[:2] in ("-m", "-c", "--") or not argument.startswith("-"):
            if argument.startswith("--") and len(argument) > 2:
                continue
            return arguments[:at], arguments[at:]
    return arguments, []


def _elsewhere(command: str, arguments: list[str]) -> int:
    """Run a command that has a command line of its own."""
    if command == "profile":
        from shoal.profiler import require

        try:
            require()
        except ImportError as reason:
            print(f"shoal profile: {reason}", file=sys.stderr)
            return 2
    try:
        module = import_module(_ELSEWHERE[command][1])
    except ModuleNotFoundError as missing:
        if missing.name not in ("psutil", "rich"):
            raise
        print(f"shoal {command} needs {missing.name}: pip install {missing.name}", file=sys.stderr)
        return 2
    status: int = module.main(arguments)
    return status


def main(arguments: list[str] | None = None) -> int:
    """Run the command line.

    Parameters
    ----------
    arguments : list of str, optional
        Those after the command's name; `sys.argv`'s by default.

    Returns
    -------
    int
        2 with one line on standard error when the command line is wrong.
        ``run`` does not return when it succeeds.
    """
    if arguments is None:
        arguments = sys.argv[1:]
    if arguments and arguments[0] in _ELSEWHERE:
        return _elsewhere(arguments[0], arguments[1:])
    top, run = _parsers()
    if not arguments:
        top.print_help(sys.stderr)
        return 2
    if arguments[0] != "run":
        top.parse_args(arguments)
        return 2
    ours, target = _split(arguments[1:])
    options = run.parse_args(ours)
    try:
        _run.run(target, stats=options.stats, compact=options.compact)
    except _run.CannotRunError as reason:
        run.error(str(reason))
