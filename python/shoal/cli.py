"""The command line: ``shoal run ...``, ``shoal profile ...`` and ``shoal mprof ...``."""

from __future__ import annotations

import argparse
import sys

from shoal import __version__, _run

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NoReturn

_COMMANDS = """\
examples:
  shoal run server.py                 run a program on Shoal's heap
  shoal run --stats script.py         and say at its exit where the memory was
  shoal profile script.py             what each line of its @profile functions did to memory
  shoal profile --all script.py       the same of every function, without decorators
  shoal mprof run script.py           record memory over time
  shoal mprof plot -o memory.svg      and draw it

`shoal run --help`, `shoal profile --help` and `shoal mprof --help` say more.
"""

_RUN_EXAMPLES = """\
examples:
  shoal run server.py --port 8000       a script; all that follows it is the script's
  shoal run -m pytest tests             a module, as `python -m` does
  shoal run -c 'print(len(range(9)))'   code
  shoal run -- node app.js              any program that is linked dynamically
  shoal run -- python3.12 -X dev x.py   another Python, or one with options of its own
  shoal run --stats script.py           and say at exit where the memory was

The target takes this process's place: same process id, exit status, signals,
standard streams, sys.argv. Its child processes run on Shoal too.

`LD_PRELOAD={library} program` does the same without this command.
"""


_ELSEWHERE = {
    "profile": "run a Python program and show what each of its lines did to memory",
    "mprof": "record, list and draw the memory of a program over time",
}
"""Commands with a command line of their own, imported where they are wanted."""


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        """Say what is wrong in one line."""
        self.exit(2, f"{self.prog}: {message}\n")


def _parsers() -> tuple[_Parser, _Parser]:
    """Return the parser of the whole command line and that of ``run``."""
    top = _Parser(
        prog="shoal",
        description="A heap for Python that gives back what nothing uses, "
        "and a profiler that shows, line by line, where memory is.",
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
        usage="shoal run [--stats] (script.py | -m module | -c code | -- program) [args ...]",
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
    for name, about in _ELSEWHERE.items():
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


def _profile(arguments: list[str]) -> int:
    from shoal.profiler import require

    try:
        require()
    except ImportError as reason:
        print(f"shoal profile: {reason}", file=sys.stderr)
        return 2
    from shoal.profiler.command import main as profile

    return profile(arguments)


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
    if arguments[:1] == ["profile"]:
        return _profile(arguments[1:])
    if arguments[:1] == ["mprof"]:
        from shoal.mprof.arguments import main as mprof

        return mprof(arguments[1:])
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
        _run.run(target, stats=options.stats)
    except _run.CannotRunError as reason:
        run.error(str(reason))
