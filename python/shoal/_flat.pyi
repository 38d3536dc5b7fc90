"""Lines of Python literals, written and read in C; see src/python/flat/_flat.c.

Only binary files and buffers: `shoal.flat` opens paths.
"""

from collections.abc import Callable, Iterable
from typing import Any, Literal, Protocol

from shoal.flat.flat_error import FlatError

MAX_DEPTH: int
"""Containers in containers, unless the caller says otherwise: 200."""
MAX_LINE: int
"""Bytes of a line, unless the caller says otherwise: 64 MiB."""
MAX_DIGITS: int
"""Decimal digits of an int, unless the caller says otherwise: 4300."""

FLOATS: Literal["library", "python"]
"""What turns floats into text and back in this build; the text is the same."""

class WritableFile(Protocol):
    def write(self, data: bytes, /) -> object: ...

class ReadableFile(Protocol):
    def read(self, size: int, /) -> bytes: ...

def dump(
    records: Iterable[object],
    file: WritableFile,
    *,
    max_depth: int = ...,
    max_line: int = ...,
    max_digits: int = ...,
    progress: Callable[[int, float | None], object] | None = None,
) -> int:
    """Write one record a line; returns how many. Whole lines only, whatever happens."""

def dumps(
    records: Iterable[object],
    *,
    max_depth: int = ...,
    max_line: int = ...,
    max_digits: int = ...,
) -> bytes: ...

class Reader:
    """An iterator over the records of a file or buffer."""

    name: str | None
    """What errors call the file."""
    line: int
    """Number of the line that was read last, from 1."""
    position: int
    """Bytes read, to the end of that line."""
    skipped: int
    """Bad lines passed over (errors="skip" and "collect")."""
    errors: list[FlatError]
    """What was wrong with them (errors="collect"); empty otherwise."""

    def __init__(
        self,
        source: ReadableFile | bytes | bytearray | memoryview | Any,
        *,
        name: str | None = None,
        errors: str = "raise",
        max_depth: int = ...,
        max_line: int = ...,
        max_digits: int = ...,
        share: bool = False,
        progress: Callable[[int, float | None], object] | None = None,
        close: bool = False,
    ) -> None: ...
    def __enter__(self) -> Reader: ...
    def __exit__(self, *exception: object) -> None: ...
    def __iter__(self) -> Reader: ...
    def __next__(self) -> Any: ...
    def load(self) -> list[Any]:
        """The records that are left."""

    def count(self) -> int:
        """How many lines that are left have a record; none is looked into."""
    def close(self) -> None:
        """Let the file go; it is closed if that was asked for."""

class Columns:
    """Records of a file or buffer, read into columns batch after batch.

    `first`, then `begin`, then `read` until it returns 0. What the other methods return
    shows the batch that was read last and is to be let go before the next.
    """

    position: int
    """Bytes read, to the end of the last line."""

    errors: list[FlatError]
    """What was wrong with lines that were passed over, where that is collected."""

    def __init__(
        self,
        source: ReadableFile | bytes | Any,
        name: str | None = None,
        max_line: int = 0,
        errors: str = "raise",
        progress: Callable[[int, float | None], object] | None = None,
    ) -> None: ...
    def first(self) -> tuple[int, int, list[bytes]]:
        """The shape of the first record (0: there is none), its values, its keys."""

    def begin(self, columns: list[tuple[bytes, int, int, bool, bool, bool, object]], /) -> None:
        """Name, kind, width, signed, nullable, padded and fill of each column."""

    def read(self) -> int:
        """How many rows the next batch has, 0 at the end."""

    def values(self, column: int, /) -> memoryview: ...
    def ends(self, column: int, /) -> memoryview: ...
    def offsets(self, column: int, base: int, /) -> bytes: ...
    def text(self, column: int, /) -> memoryview: ...
    def valid(self, column: int, /) -> memoryview | None: ...
    def state(self, column: int, /) -> tuple[int, int, bool, bool, int]:
        """Kind, bytes a value, any int beyond int64, texts differ in length, the longest."""

    def spread(
        self, records: bytearray, row: int, stride: int, fields: list[tuple[int, int]], /
    ) -> None:
        """Put the batch into records from a row on, in fields of (offset, width)."""

def move_records(
    records: bytearray,
    rows: int,
    from_stride: int,
    to_stride: int,
    fields: list[tuple[int, int, int, int]],
    /,
) -> None:
    """Bring records to another layout: fields are (from, from_size, to, to_size)."""
