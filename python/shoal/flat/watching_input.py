"""How far a file has been read, shown on a terminal when it takes long."""

from __future__ import annotations

import contextlib
import sys

from shoal.flat.reading_bar import size_of
from shoal.pickle.progress import ProgressBar

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any, BinaryIO

_AT_ONCE = 500  # records between two looks at the clock


class Watch:
    """A bar on standard error, if that is a terminal.

    Parameters
    ----------
    file : binary file
        Which part of it was read is shown for plain files.
    patience : float
        Seconds before there is a bar.
    """

    def __init__(self, file: BinaryIO, patience: float) -> None:
        self._bar = ProgressBar(patience=patience) if sys.stderr.isatty() else None
        self._file = file
        self._size = size_of(file)

    def __enter__(self) -> Watch:
        return self

    def __exit__(self, *_: object) -> None:
        if self._bar is not None:
            self._bar.close()

    def update(self, read: int, part: float | None) -> None:
        """Show that so many bytes were read."""
        if self._bar is not None:
            self._bar.update(read, min(1.0, read / self._size) if self._size else part)

    def look(self) -> None:
        """Show how far the file was read."""
        with contextlib.suppress(OSError, ValueError):  # A pipe does not know.
            self.update(self._file.tell(), None)

    def watch(self, records: Iterator[Any]) -> Iterator[Any]:
        """Return an iterator over records that shows how far it is."""
        return records if self._bar is None else _Watched(self, records)


class _Watched:
    """No generator, which an exception would end: a bad line is not the last one."""

    def __init__(self, watch: Watch, records: Iterator[Any]) -> None:
        self._watch = watch
        self._records = records
        self._until_look = _AT_ONCE

    def __iter__(self) -> _Watched:
        return self

    def __next__(self) -> Any:
        self._until_look -= 1
        if self._until_look == 0:
            self._until_look = _AT_ONCE
            self._watch.look()
        return next(self._records)
