"""The command line of ``shoal inspect``."""

from __future__ import annotations

import contextlib
import os
import sys

from shoal._command_line import drop_output
from shoal.inspect.options import CannotInspectError, check, make_parser

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator
    from typing import TextIO

    from shoal.inspect.pane import Pane
    from shoal.inspect.screen import Shown
    from shoal.inspect.snapshot import Snapshot

__all__ = ["main"]


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
    parser = make_parser()
    options = parser.parse_args(arguments)
    try:
        check(options)
        _act(options)
    except CannotInspectError as reason:
        print(f"{parser.prog}: {reason}", file=sys.stderr)
        return reason.status
    except BrokenPipeError:
        drop_output()  # Who read it has enough.
        return 1
    except OSError as error:
        drop_output()
        print(f"{parser.prog}: cannot write: {error.strerror or error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 0 if options.watch is not None else 130
    return 0


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
    changes, judgement = compare(before, after), judge([before, after])
    if options.json:
        import json

        _emptied(stream).write(json.dumps(changes.fields(judgement)) + "\n")
    else:
        write_changes(changes, _pane(stream), _shown(options), str(judgement))


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
            raise CannotInspectError(f"process {first.pid} has ended", 1)
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
        sys.stdout.flush()  # Here what cannot be written can still be said.
        return
    is_new = not os.path.lexists(path)
    try:
        file = os.open(path, os.O_WRONLY | os.O_CREAT, 0o666)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise CannotInspectError(f"cannot write {path}: {reason}") from None
    try:
        with open(file, "w", encoding="utf-8") as stream:
            yield stream
    except CannotInspectError:
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
        raise CannotInspectError(f"not a process id: {target}")
    return _load(target)


def _take(pid: int, freeze: bool) -> Snapshot:
    if not 0 < pid < 2**31 or _has_ended(pid):
        raise CannotInspectError(f"no such process: {pid}")
    from shoal import inspect
    from shoal._inspect import NotPythonError

    try:
        return inspect.take(pid, freeze=freeze)
    except (OSError, NotPythonError, MemoryError) as error:
        # One that is ending may have no memory any more, and be there still.
        if isinstance(error, ProcessLookupError) or _has_ended(pid):
            raise CannotInspectError(f"process {pid} ended while it was read", 1) from None
        reason = _reason(error) if isinstance(error, OSError) else str(error)
        raise CannotInspectError(reason) from None


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
        raise CannotInspectError(f"neither a process id nor a file: {path}") from None
    except BadSnapshotError as reason:
        raise CannotInspectError(str(reason)) from None
    except (OSError, ValueError) as error:
        reason_text = getattr(error, "strerror", None) or error
        raise CannotInspectError(f"cannot read {path}: {reason_text}") from None
