"""A bar on the terminal for reading or writing that takes long; `rich` draws it."""

from __future__ import annotations

import sys
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import TextIO

    from rich.progress import Progress, TaskID


class ProgressBar:
    """How many bytes are done, and how fast; nothing where nobody sees it.

    It is drawn from within the work, on its thread: a thread of its own would be
    one that could change what is being written, and cost the dump a memo.

    Parameters
    ----------
    stream : text file, optional
        Where to draw, if it is a terminal; by default standard error.
    patience : float
        Seconds of work before it appears.
    """

    INTERVAL = 0.1  # seconds between two drawings

    def __init__(self, stream: TextIO | None = None, patience: float = 2.0) -> None:
        stream = stream if stream is not None else sys.stderr
        self._stream = stream if stream is not None and stream.isatty() else None
        self._next = time.monotonic() + patience
        self._shown: tuple[Progress, TaskID] | None = None

    def update(self, done: int, part: float | None) -> None:
        """Draw it, if it is time to.

        Parameters
        ----------
        done : int
            Bytes.
        part : float, optional
            Of the whole, 0 to 1, where it is known.
        """
        now = time.monotonic()
        if self._stream is None or now < self._next:
            return
        self._next = now + self.INTERVAL
        progress, task = self._shown or self._show(self._stream)
        total = round(done / part) if part else None
        progress.update(task, completed=done, total=total, refresh=True)

    def close(self) -> None:
        """Take it away, if it is there."""
        if self._shown:
            self._shown[0].stop()
            self._shown = None

    def _show(self, stream: TextIO) -> tuple[Progress, TaskID]:
        from rich.console import Console
        from rich.progress import (
            BarColumn,
            DownloadColumn,
            Progress,
            TaskProgressColumn,
            TransferSpeedColumn,
        )

        progress = Progress(
            BarColumn(), TaskProgressColumn(), DownloadColumn(), TransferSpeedColumn(),
            console=Console(file=stream), auto_refresh=False, transient=True,
        )  # fmt: skip
        progress.start()
        self._shown = progress, progress.add_task("", total=None)
        return self._shown
