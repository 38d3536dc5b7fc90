"""The progress bar of ``load(..., progress=True)``."""

from __future__ import annotations

import io
import os
import stat

from shoal._progress import ProgressBar

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from shoal.flat import Progress


class ReadingBar(ProgressBar):
    """A bar that knows how long a plain file is.

    It ends its line when it goes, which is when the reader does.
    """

    _size = 0

    def reading(self, file: Any) -> ReadingBar:
        """Say which file is read."""
        self._size = size_of(file)
        return self

    def update(self, written: int, part: float | None) -> None:
        """Draw the line, if it is time to."""
        if part is None and self._size:
            part = min(1.0, written / self._size)
        super().update(written, part)

    def __del__(self) -> None:
        self.close()


def progress_for(progress: Progress, file: Any) -> Callable[[int, float | None], object] | None:
    """Return what is to be called with the bytes read: None where nobody would see it."""
    if progress is not True:
        return progress or None
    bar = ReadingBar.on_terminal()
    return bar.reading(file).update if bar else None


def size_of(file: Any) -> int:
    """Return the bytes of a file that is read as it is; 0: not known."""
    if not isinstance(getattr(file, "raw", None), io.FileIO):
        return 0
    try:
        status = os.fstat(file.fileno())
    except OSError:
        return 0
    return status.st_size if stat.S_ISREG(status.st_mode) else 0
