"""The command line of mprof."""

from __future__ import annotations

import argparse
import os
import sys
import time

from shoal._command_line import Parser
from shoal.memory_profiler import __version__
from shoal.memory_profiler.backends import BACKENDS
from shoal.mprof import profiles
from shoal.mprof.profiles import MprofError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

__all__ = ["main"]

_NOT_HERE = "tracemalloc"
"""The backend that reads no other process."""


def main(arguments: list[str] | None = None) -> int:
    """Run the command line.

    Parameters
    ----------
    arguments : list of str, optional
        Those after the program's name; `sys.argv`'s by default.

    Returns
    -------
    int
        The exit status; 2 with one line on standard error when something is
        wrong with what was asked for.
    """
    parser = _parser()
    options = parser.parse_args(arguments)
    if options.command is None:
        parser.print_help(sys.stderr)
        return 2
    try:
        status: int = options.act(options)
    except MprofError as reason:
        parser.error(str(reason))
    return status


def _parser() -> Parser:
    parser = Parser(prog="mprof", description="Record and draw the memory of programs over time.")
    parser.add_argument("--version", action="version", version=__version__)
    commands = parser.add_subparsers(dest="command", metavar="command")

    def command(name: str, act: Callable[[Any], int], about: str, usage: str) -> Parser:
        made: Parser = commands.add_parser(
            name, help=about, description=about, usage=f"mprof {name} {usage}"
        )
        made.add_argument("--version", action="version", version=__version__)
        made.set_defaults(act=act)
        return made

    _add_recording(command("run", _run, "run a program and record it", "[options] program [args]"))
    _add_recording(
        command(
            "attach", _attach, "record a process that runs already", "[options] process-id | name"
        )
    )
    removing = command("rm", _rm, "remove given profiles", "[options] numbers_or_filenames")
    cleaning = command("clean", _clean, "remove all profiles of this directory", "[options]")
    for made in (removing, cleaning):
        made.add_argument("--dry-run", action="store_true", help="only show what would be removed")
    removing.add_argument(
        "numbers_or_filenames", nargs="+", help="as `mprof list` has them; -1 is the latest"
    )
    command("list", _list, "list the profiles of this directory, numbered", "")
    _add_plot(
        command("plot", _plot, "draw profiles, by default the latest", "[options] [file.dat]")
    )
    peak = command("peak", _peak, "print the highest memory of profiles", "[options] [file.dat]")
    peak.add_argument("--func", help="only while this function ran, as module.name")
    for made in (commands.choices["plot"], peak):
        made.add_argument("profiles", nargs="*", help="file names or numbers of `mprof list`")
    return parser


def _add_recording(run: Parser) -> None:
    flag = "store_true"
    run.add_argument(
        "--python", action=flag, help="the program is Python: also record when functions "
        "that it decorates with @profile run; so it is for names in .py or .pyz"
    )  # fmt: skip
    run.add_argument("--nopython", action=flag, help="also such a program is run as it is")
    run.add_argument(
        "-T", "--interval", type=_seconds, default=0.1, help="seconds between samples (0.1)"
    )
    run.add_argument(
        "-C", "--include-children", action=flag, help="add the memory of child processes"
    )
    run.add_argument(
        "-M", "--multiprocess", action=flag, help="record each child process by itself, too "
        "(and no functions)"
    )  # fmt: skip
    run.add_argument(
        "-E", "--exit-code", action=flag, help="end with the exit status of the program"
    )
    run.add_argument(
        "-a", "--attach", dest="attach_existing", action=flag,
        help="the program runs already: its process id, or a part of its name",
    )  # fmt: skip
    run.add_argument(
        "-t", "--timeout", type=_seconds, help="seconds to sample (attached: 3600; else until it "
        "ends); it runs on after that"
    )  # fmt: skip
    run.add_argument(
        "-o", "--output", dest="filename",
        default=_free_name(),
        help="the file to write (mprofile_<YYYYMMDDhhmmss>.dat); it is replaced",
    )  # fmt: skip
    run.add_argument(
        "--backend", choices=BACKENDS, default="psutil", help="what is read (psutil: RSS)"
    )
    run.add_argument("program", nargs=argparse.REMAINDER, help="what to run, and its own arguments")


def _free_name() -> str:
    """Return the name of a profile that begins now, or as soon after as none has its name."""
    moment = time.time()
    while True:
        name = time.strftime("mprofile_%Y%m%d%H%M%S.dat", time.localtime(moment))
        if not os.path.exists(name):
            return name
        moment += 1


def _add_plot(plot: Parser) -> None:
    plot.add_argument("-t", "--title", help="above the plot, instead of the command line")
    plot.add_argument(
        "-n", "--no-function-ts", dest="no_timestamps", action="store_true",
        help="do not show when functions ran",
    )  # fmt: skip
    plot.add_argument(
        "-o", "--output", help="write a file, .png, .svg, .pdf, or .html, which needs no "
        "matplotlib, instead of opening a window",
    )  # fmt: skip
    plot.add_argument(
        "-w", "--window", dest="xlim", type=_window, metavar="FROM,TO",
        help="only this time, in seconds from the start, as 0,20.5",
    )  # fmt: skip
    plot.add_argument(
        "-f", "--flame", dest="flame_mode", action="store_true",
        help="show functions as a flame graph, not as brackets",
    )  # fmt: skip
    plot.add_argument(
        "-s", "--slope", action="store_true", help="add a trend line and its slope in MiB/s"
    )
    plot.add_argument("-b", "--backend", help="matplotlib's backend to use")


def _seconds(text: str) -> float:
    seconds = float(text)
    if not 0 < seconds < 1e9:
        raise argparse.ArgumentTypeError(f"expected seconds above 0, not {text}")
    return seconds


def _window(text: str) -> tuple[float, float]:
    try:
        start, end = map(float, text.split(","))
    except ValueError:
        raise argparse.ArgumentTypeError(f"expected two numbers as 0,20.5, not {text}") from None
    if not start < end:
        raise argparse.ArgumentTypeError(f"expected the earlier time first, not {text}")
    return start, end


def _run(options: argparse.Namespace) -> int:
    from shoal.mprof import recording

    if options.program[:1] == ["--"]:
        del options.program[0]
    if not options.program:
        raise MprofError("a program to run is missing; `mprof run -h` shows how")
    if options.backend == _NOT_HERE:
        raise MprofError(f"--backend: {_NOT_HERE} can read no other process")
    print(f"mprof: Sampling memory every {options.interval}s")
    return recording.attach(options) if options.attach_existing else recording.run(options)


def _attach(options: argparse.Namespace) -> int:
    options.attach_existing = True
    return _run(options)


def _rm(options: argparse.Namespace) -> int:
    return profiles.remove(options.numbers_or_filenames, options.dry_run)


def _clean(options: argparse.Namespace) -> int:
    return profiles.remove("all", options.dry_run)


def _list(options: argparse.Namespace) -> int:
    return profiles.print_list()


def _peak(options: argparse.Namespace) -> int:
    return profiles.print_peaks(options.profiles, options.func)


def _plot(options: argparse.Namespace) -> int:
    from shoal.mprof import plotting

    return plotting.plot(options)
