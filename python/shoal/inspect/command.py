"""The command line of ``shoal inspect``."""

from __future__ import annotations

import argparse
import contextlib
import math
import os
import sys

from shoal.inspect.figures import parse_bytes

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import NoReturn, TextIO

    from shoal.inspect.pane import Pane
    from shoal.inspect.screen import Shown
    from shoal.inspect.snapshot import Snapshot

__all__ = ["main"]

_EXAMPLES = """\
examples:
  shoal inspect 4242                      what process 4242 holds, on one screen
  shoal inspect 4242 --watch 10           look every 10 s, and show what changed
  shoal inspect 4242 --map -o map.html    how full each pool is (.html or .png)
  shoal inspect 4242 --json -o a.json     all figures, for other programs and for later
  shoal inspect a.json                    the screen of a look in the past
  shoal inspect --diff a.json b.json      what changed between two looks

The process needs not know: nothing is put into it, and it goes on while it is
read. Reading another user's process takes root or CAP_SYS_PTRACE.
"""


class _CannotInspectError(Exception):
    """What is wrong, in one line for the user; `status` is the exit status."""

    def __init__(self, message: str, status: int = 2) -> None:
        super().__init__(message)
        self.status = status


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        """Say what is wrong in one line."""
        self.exit(2, f"{self.prog}: {message}\n")


def main(arguments: list[str]) -> int:
    """Run the command line.

    Parameters
    ----------
    arguments : list of str
        Those after ``inspect``.

    Returns
    -------
    int
        The exit status: 2 with one line on standard error when something is
        wrong with what was asked for, 1 when the process ended while it was
        read, or standard output was closed.
    """
    parser = _parser()
    options = parser.parse_args(arguments)
    try:
        _check(options)
        _act(options)
    except _CannotInspectError as reason:
        print(f"{parser.prog}: {reason}", file=sys.stderr)
        return reason.status
    except BrokenPipeError:
        # Who read the output has enough of it; nor is there anything to flush at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except OSError as error:
        print(f"{parser.prog}: cannot write: {error.strerror or error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 0 if options.watch is not None else 130
    return 0


# ---- Arguments ----------------------------------------------------------------------


def _parser() -> _Parser:
    parser = _Parser(
        prog="shoal inspect",
        description="Show what a running Python process holds, and who keeps it.",
        usage="shoal inspect PID [options]",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument(
        "target", nargs="?", metavar="PID", help="a process id, or a file that --json wrote"
    )
    output = parser.add_mutually_exclusive_group()
    output.add_argument("--map", action="store_true", help="draw how full each arena is")
    output.add_argument("--json", action="store_true", help="write all figures as JSON")
    parser.add_argument(
        "-o",
        dest="output",
        metavar="FILE",
        help="write --json, or --map as a picture (.png) or a page (.html), to a file",
    )
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
        help="stop the process while its heap is read, so that all figures are of one moment",
    )
    parser.add_argument(
        "--top",
        type=_positive,
        metavar="N",
        help="rows of each table (default: 10, fewer on a low terminal)",
    )
    parser.add_argument(
        "--by", choices=("bytes", "blocks"), default="bytes", help="what types are ordered by"
    )
    parser.add_argument(
        "--threshold",
        type=_bytes,
        default=0,
        metavar="BYTES",
        help="leave out types and size classes of less, or that changed by less: 4096, 64K, 1.5M",
    )
    return parser


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


def _check(options: argparse.Namespace) -> None:
    """Refuse what does not go together, before anything is measured."""
    if options.diff:
        _refuse(
            "--diff",
            ("a process", options.target),
            ("--map", options.map),
            ("--watch", options.watch is not None),
            ("--freeze", options.freeze),
        )
    elif options.target is None:
        raise _CannotInspectError("which process? give its id, or --diff A B")
    if options.count is not None and options.watch is None:
        raise _CannotInspectError("--count is for --watch")
    if options.watch is not None:
        _refuse("--watch", ("--map", options.map))
    if options.output is not None and not (options.map or options.json):
        raise _CannotInspectError("-o is for --json and --map")
    if options.map and options.output is not None:
        from shoal.inspect import occupancy_files

        try:
            occupancy_files.check(options.output)
        except occupancy_files.CannotDrawError as reason:
            raise _CannotInspectError(str(reason)) from None


def _refuse(option: str, *others: tuple[str, object]) -> None:
    for name, given in others:
        if given:
            raise _CannotInspectError(f"{option} does not go with {name}")


# ---- What to do ---------------------------------------------------------------------


def _act(options: argparse.Namespace) -> None:
    with _output(options.output) as stream:
        if options.diff:
            _diff(options, stream)
        elif options.watch is not None:
            _watch(options, stream)
        else:
            _show_once(options, stream)


def _show_once(options: argparse.Namespace, stream: TextIO) -> None:
    snapshot = _look(options)
    if options.json:
        from shoal.inspect.snapshot_json import write_json

        write_json(snapshot, _emptied(stream))
    elif options.map and options.output is not None:
        from shoal.inspect import occupancy_files

        occupancy_files.write(snapshot, options.output)
    elif options.map:
        from shoal.inspect.occupancy import write_map

        write_map(snapshot, _pane(stream))
    else:
        from shoal.inspect.screen import write_screen

        write_screen(snapshot, _pane(stream), _shown(options))


def _diff(options: argparse.Namespace, stream: TextIO) -> None:
    from shoal.inspect.compare import compare, judge, write_changes

    before, after = (_load(path) for path in options.diff)
    if before.taken > after.taken:
        before, after = after, before
    changes = compare(before, after)
    if options.json:
        import json

        _emptied(stream).write(json.dumps(changes.fields()) + "\n")
    else:
        write_changes(changes, _pane(stream), _shown(options), judge([before, after]))


def _watch(options: argparse.Namespace, stream: TextIO) -> None:
    from shoal.inspect import watching

    if options.json:
        show = watching.writes_json(stream)
    else:
        pane = _pane(stream)
        show = watching.shows_changes(pane, _shown(options), pane.colour)
    first = _look(options)
    _emptied(stream)

    def again() -> Snapshot:
        if _has_ended(first.pid):
            raise _CannotInspectError(f"process {first.pid} has ended", 1)
        return _look(options)

    watching.watch(first, again, options.watch, options.count, show)


def _shown(options: argparse.Namespace) -> Shown:
    from shoal.inspect.screen import Shown

    return Shown(options.top, options.threshold, options.by)


def _pane(stream: TextIO) -> Pane:
    from shoal.inspect.pane import Pane

    return Pane(stream)


@contextlib.contextmanager
def _output(path: str | None) -> Iterator[TextIO]:
    """Open the output before anything is measured, so that nothing is measured in vain.

    What the file has remains until there is something to write.
    """
    if path is None:
        yield sys.stdout
        return
    is_new = not os.path.lexists(path)
    try:
        file = os.open(path, os.O_WRONLY | os.O_CREAT, 0o666)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise _CannotInspectError(f"cannot write {path}: {reason}") from None
    try:
        with open(file, "w", encoding="utf-8") as stream:
            yield stream
    except _CannotInspectError:
        if is_new:
            os.unlink(path)
        raise


def _emptied(stream: TextIO) -> TextIO:
    """Return a stream that is ready to be written."""
    if stream is not sys.stdout:
        with contextlib.suppress(OSError):  # A pipe, or a device.
            stream.truncate(0)
    return stream


# ---- Where snapshots come from ------------------------------------------------------


def _look(options: argparse.Namespace) -> Snapshot:
    target: str = options.target
    if target.isascii() and target.isdigit():
        return _take(int(target), options.freeze)
    if options.freeze or options.watch is not None:
        raise _CannotInspectError(f"not a process id: {target}")
    return _load(target)


def _take(pid: int, freeze: bool) -> Snapshot:
    if not 0 < pid < 2**31 or _has_ended(pid):
        raise _CannotInspectError(f"no such process: {pid}")
    from shoal import inspect
    from shoal._inspect import NotPythonError

    try:
        return inspect.take(pid, freeze=freeze)
    except (OSError, NotPythonError, MemoryError) as error:
        if _has_ended(pid):
            raise _CannotInspectError(f"process {pid} ended while it was read", 1) from None
        reason = _reason(error) if isinstance(error, OSError) else str(error)
        raise _CannotInspectError(reason) from None


def _has_ended(pid: int) -> bool:
    """Say whether a process is no more, or but a zombie."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            return file.read().rpartition(b")")[2].split()[0] in (b"Z", b"X")
    except (OSError, IndexError):
        return not os.path.exists(f"/proc/{pid}")


def _reason(error: OSError) -> str:
    if error.filename:
        return f"{os.fsdecode(error.filename)}: {error.strerror}"
    return error.strerror or str(error)


def _load(path: str) -> Snapshot:
    from shoal.inspect.snapshot_json import BadSnapshotError, load

    try:
        return load(path)
    except FileNotFoundError:
        raise _CannotInspectError(f"neither a process id nor a file: {path}") from None
    except BadSnapshotError as reason:
        raise _CannotInspectError(str(reason)) from None
    except (OSError, ValueError) as error:
        reason_text = getattr(error, "strerror", None) or error
        raise _CannotInspectError(f"cannot read {path}: {reason_text}") from None
