"""How far a file has been read, shown on a terminal when it takes long."""

from __future__ import annotations

import os
import sys

from shoal.pickle.progress import ProgressBar

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from typing import Any, BinaryIO

_AT_ONCE = 500  # records


class Watch:
    """A bar that shows which part of a file was read.

    Parameters
    ----------
    file : binary file
        Of a compressed one, the part of what is packed is shown.
    patience : float
        Seconds before there is a bar.
    """

    def __init__(self, file: BinaryIO, patience: float) -> None:
        self._bar = ProgressBar(patience=patience) if sys.stderr.isatty() else None
        self._plain: Any = _plain_file(file)
        self._size = 0
        if self._plain is not None:
            self._size = os.fstat(self._plain.fileno()).st_size

    def __enter__(self) -> Watch:
        return self

    def __exit__(self, *_: object) -> None:
        if self._bar is not None:
            self._bar.close()

    def update(self, read: int, part: float | None) -> None:
        """Show that so many bytes were read."""
        if self._bar is None:
            return
        if self._size:
            at = self._plain.tell()
            read, part = max(read, at), min(1.0, at / self._size)
        self._bar.update(read, part)

    def watch(self, records: Iterable[Any]) -> Iterator[Any]:
        """Return an iterator over records that shows how far it is."""
        return iter(records) if self._bar is None else self._watched(iter(records))

    def _watched(self, records: Iterator[Any]) -> Iterator[Any]:
        return _Watched(self, records)


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
            self._watch.update(0, None)
        return next(self._records)


def _plain_file(file: Any) -> Any:
    """Return the file on the disk below others; None: there is none with a size."""
    for name in ("_fp", "fileobj", "_buffer", "raw"):
        below = getattr(file, name, None)
        if below is not None and below is not file:
            found = _plain_file(below)
            if found is not None:
                return found
    try:
        return file if os.fstat(file.fileno()).st_size and file.seekable() else None
    except (AttributeError, OSError, ValueError):
        return None
