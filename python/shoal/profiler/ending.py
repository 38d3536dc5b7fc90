"""The table at the end of the process, however it ends."""

from __future__ import annotations

import atexit
import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType
    from typing import TextIO

    from shoal.profiler.collect import Collector
    from shoal.profiler.model import Report

__all__ = ["set_output", "set_writer", "write_at_end", "write_now", "write_past_lock"]


class _Output:
    """Where a collector's table goes, and that it goes there once a process."""

    def __init__(self) -> None:
        self.stream: TextIO | None = None
        self.precision = 1
        self.writer: Callable[[Report], None] | None = None
        self.written_by: int | None = None
        self.is_writing = False
        self.dies_of: int | None = None  # the signal that came while it was being written


_outputs: dict[Collector, _Output] = {}


def set_output(collector: Collector, stream: TextIO | None, precision: int | None) -> None:
    """Set where the table goes (None: standard output) and its decimals (None: as they are)."""
    output = _outputs[collector]
    if stream is not None:
        output.stream = stream
    if precision is not None:
        output.precision = precision


def set_writer(collector: Collector, writer: Callable[[Report], None]) -> None:
    """Have the report given to `writer` at the end, even if nothing ran, and no table written."""
    _outputs[collector].writer = writer


def write_at_end(collector: Collector) -> None:
    """Have the table written when this process ends: by itself, by an exception or SIGTERM.

    A child of a fork has figures and a table of its own, and so has a worker of
    multiprocessing, however it was begun.
    """
    _outputs[collector] = _Output()
    atexit.register(write_now, collector)
    _write_at_end_of_workers(collector)
    os.register_at_fork(after_in_child=lambda: _begin_in_child(collector))
    _write_on_sigterm(collector)


def write_now(collector: Collector) -> None:
    """Write the table, if this process has not yet and anything was profiled."""
    output = _outputs[collector]
    if output.written_by == os.getpid() or not (output.writer or collector.has_figures()):
        return
    output.written_by = os.getpid()
    output.is_writing = True
    try:
        _write(collector, output)
    finally:
        output.is_writing = False
        if output.dies_of is not None:
            _die(output.dies_of)


def _write(collector: Collector, output: _Output) -> None:
    report = collector.report()
    if output.writer is not None:
        output.writer(report)
    else:
        _write_table(report, output)
    for problem in collector.problems():
        print(f"shoal: {problem}", file=sys.stderr)
    _keep_interruption()


def _write_table(report: Report, output: _Output) -> None:
    """Write it where it goes, or on standard error where that cannot be had."""
    from shoal.profiler import table

    stream = output.stream or sys.stdout

    def write(to: TextIO) -> None:
        table.write_report(report, to, precision=output.precision)

    try:
        if stream is None:
            raise ValueError("there is no standard output")
        write_past_lock(write, stream)
    except BrokenPipeError:
        _drop(stream)  # Whoever read it has seen enough.
    except (OSError, ValueError) as error:
        _drop(stream)
        print(f"shoal: cannot write the table: {error}; it follows here", file=sys.stderr)
        table.write_report(report, sys.stderr, precision=output.precision)


def _drop(stream: TextIO | None) -> None:
    if stream is not None and stream is sys.stdout:
        from shoal._command_line import drop_output

        drop_output()


def write_past_lock(write: Callable[[TextIO], None], stream: TextIO) -> None:
    """Write to a stream and flush it, even if a signal came in the midst of its flushing.

    Then it is locked until the handler returns, and never will be used again: the same
    file is written to by a stream of our own.

    Raises
    ------
    OSError, ValueError
        It cannot be written to.
    """
    try:
        write(stream)
        stream.flush()
    except RuntimeError as error:
        if "reentrant" not in str(error):
            raise
        encoding, errors = stream.encoding, stream.errors
        with open(stream.fileno(), "w", encoding=encoding, errors=errors, closefd=False) as another:
            write(another)


def _keep_interruption() -> None:
    """Let a process that Ctrl-C ended still say so by its status.

    The interpreter forgets that when text is compiled and run at the end, as
    dataclasses and others do when they are imported; the same way it learns it.
    """
    if getattr(sys, "last_type", None) is KeyboardInterrupt:
        try:
            exec("raise KeyboardInterrupt")
        except KeyboardInterrupt:
            return


def _begin_in_child(collector: Collector) -> None:
    collector.forget_figures()
    _write_at_end_of_workers(collector)


def _write_at_end_of_workers(collector: Collector) -> None:
    """Have the table written where this process is a worker of multiprocessing, or becomes one.

    They end by os._exit, past atexit, but with finalizers of their own. Those that there are
    when one begins its work are forgotten, and then what is registered here is run.
    """
    if "multiprocessing.util" not in sys.modules:
        return
    from multiprocessing import parent_process
    from multiprocessing.util import register_after_fork

    register_after_fork(collector, _write_at_end_of_worker)
    if parent_process() is not None:
        _write_at_end_of_worker(collector)


def _write_at_end_of_worker(collector: Collector) -> None:
    from multiprocessing.util import Finalize

    Finalize(None, write_now, args=(collector,), exitpriority=0)


def _write_on_sigterm(collector: Collector) -> None:
    """Write the table on SIGTERM where the program does not handle it, and die of it."""
    import signal

    if signal.getsignal(signal.SIGTERM) is not signal.SIG_DFL:
        return

    def write_and_die(number: int, frame: FrameType | None) -> None:
        output = _outputs[collector]
        if output.is_writing:  # What it interrupts goes on, and then dies.
            output.dies_of = number
            return
        write_now(collector)
        _die(number)

    try:
        signal.signal(signal.SIGTERM, write_and_die)
    except ValueError:
        return  # Only the main thread may.


def _die(number: int) -> None:
    import signal

    signal.signal(number, signal.SIG_DFL)
    os.kill(os.getpid(), number)
