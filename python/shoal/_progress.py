"""A bar on the terminal for reading or writing that takes long; `rich` draws it."""

from __future__ import annotations

import sys
import time
from contextlib import suppress

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Self, TextIO

    from rich.progress import Progress, TaskID


class ProgressBar:
    """How many bytes are done, and how fast.

    It is drawn from within the work, on its thread: a thread of its own would be
    one that could change what is being written, and cost the dump a memo.

    Parameters
    ----------
    stream : text file
        A terminal.
    """

    PATIENCE = 2.0  # seconds of work before it appears
    INTERVAL = 0.1  # seconds between two drawings

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._next = time.monotonic() + self.PATIENCE
        self._shown: tuple[Progress, TaskID] | None = None

    @classmethod
    def on_terminal(cls) -> Self | None:
        """Return a bar on standard error, None where nobody would see it."""
        return cls(sys.stderr) if sys.stderr is not None and sys.stderr.isatty() else None

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
        if now < self._next:
            return
        self._next = now + self.INTERVAL
        total = round(done / part) if part else None
        with suppress(OSError, ValueError):  # The terminal is gone: the work goes on.
            progress, task = self._shown or self._show()
            progress.update(task, completed=done, total=total, refresh=True)

    def close(self) -> None:
        """Take it away, if it is there."""
        if self._shown:
            with suppress(OSError, ValueError):
                self._shown[0].stop()
            self._shown = None

    def _show(self) -> tuple[Progress, TaskID]:
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
            console=Console(file=self._stream), auto_refresh=False, transient=True,
        )  # fmt: skip
        progress.start()
        self._shown = progress, progress.add_task("", total=None)
        return self._shown
