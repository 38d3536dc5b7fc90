"""The progress bar of ``dump(..., progress=True)``."""

from __future__ import annotations

import sys
import time
from contextlib import suppress
from typing import TextIO


class ProgressBar:
    """One line on standard error, for work that takes long.

    It is drawn from within the dump, on its thread: a thread of its own would be
    one that could change what is being written, and cost the dump a memo.

    Parameters
    ----------
    stream : text file, optional
        Where to draw; by default standard error.
    patience : float
        Seconds of work before the first line; by default PATIENCE.
    """

    WIDTH = 30
    INTERVAL = 0.1  # seconds between two lines
    PATIENCE = 2.0

    def __init__(self, stream: TextIO | None = None, patience: float | None = None) -> None:
        self._stream = stream if stream is not None else sys.stderr
        self._start = time.monotonic()
        self._next = self._start + (self.PATIENCE if patience is None else patience)
        self._drawn = False

    def update(self, written: int, part: float | None) -> None:
        """Draw the line, if it is time to.

        Parameters
        ----------
        written : int
            Bytes.
        part : float, optional
            Of the whole, 0 to 1, where it is known.
        """
        now = time.monotonic()
        if now < self._next:
            return
        self._next = now + self.INTERVAL
        self._drawn = True
        megabytes = written / 1e6
        line = f"{megabytes:,.1f} MB, {megabytes / (now - self._start):,.1f} MB/s"
        if part is not None:
            done = int(part * self.WIDTH)
            line = f"[{'#' * done}{' ' * (self.WIDTH - done)}] {part:4.0%}  {line}"
        self._write(f"\r{line:<78}")

    def close(self) -> None:
        """End the line, if there is one."""
        if self._drawn:
            self._write("\n")

    def _write(self, text: str) -> None:
        """Write, if that is still possible: the work goes on without a bar."""
        with suppress(OSError, ValueError):
            self._stream.write(text)
            self._stream.flush()
