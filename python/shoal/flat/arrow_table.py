"""Columns as a table of Arrow, a piece of it for each batch."""

from __future__ import annotations

import pyarrow as pa

from shoal.flat.schemas import BOOL, BYTES, FLOAT, INT, TEXT, UNKNOWN

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from shoal._flat import Columns
    from shoal.flat.schemas import Field

NULLABLE = True
PADDED = False


class _Column:
    """The pieces of a column."""

    def __init__(self, reader: Columns, at: int, field: Field) -> None:
        self._reader, self._at, self._field = reader, at, field
        self._pieces: list[Any] = []
        self._even: tuple[tuple[int, int], Any] | None = None

    def type(self) -> Any:
        """Return the type that holds all that was read."""
        kind, width, big, _, _ = self._reader.state(self._at)
        if kind == INT:
            signed = self._field.signed if self._field.kind == INT else not big
            return getattr(pa, f"{'' if signed else 'u'}int{8 * width}")()
        if kind == FLOAT:
            return pa.float32() if width == 4 else pa.float64()
        return {BOOL: pa.bool_(), TEXT: pa.string(), BYTES: pa.binary(), UNKNOWN: pa.null()}[kind]

    def add(self, rows: int) -> None:
        """Append the reader's batch."""
        kind = self._reader.state(self._at)[0]
        valid = self._reader.valid(self._at)
        bits = None if valid is None else pa.py_buffer(bytes(valid))
        if kind == UNKNOWN:
            piece = pa.nulls(rows)
        elif kind in (TEXT, BYTES):
            with self._reader.text(self._at) as view:
                text = pa.py_buffer(bytes(view))
            buffers = [bits, self._ends(rows, text.size), text]
            piece = pa.Array.from_buffers(self.type(), rows, buffers)
        else:
            with self._reader.values(self._at) as view:
                values = pa.py_buffer(bytes(view))
            stored = pa.uint8() if kind == BOOL else self.type()
            piece = pa.Array.from_buffers(stored, rows, [bits, values])
            piece = piece.cast(pa.bool_()) if kind == BOOL else piece
        self._pieces.append(piece)

    def _ends(self, rows: int, size: int) -> Any:
        """Return the ends of texts: those that are equal to the last ones take no memory."""
        even = not self._reader.state(self._at)[3]
        if even and self._even is not None and self._even[0] == (rows, size):
            return self._even[1]
        with self._reader.ends(self._at) as view:
            ends = pa.py_buffer(bytes(view))
        self._even = ((rows, size), ends) if even else None
        return ends

    def finish(self) -> Any:
        """Return the column."""
        wanted = self.type()
        for at, piece in enumerate(self._pieces):
            if piece.type != wanted:
                self._pieces[at] = piece.cast(wanted)
        return pa.chunked_array(self._pieces, wanted)


def check_names(fields: list[Field]) -> None:
    """Raise ValueError where a column's name is none that Arrow has: it is UTF-8."""
    for field in fields:
        try:
            field.name.encode()
        except UnicodeEncodeError:
            raise ValueError(f"column {field.name!r}: Arrow has no such name") from None


def build(reader: Columns, fields: list[Field]) -> Any:
    """Read all batches into a table."""
    columns = [_Column(reader, at, field) for at, field in enumerate(fields)]
    while rows := reader.read():
        for column in columns:
            column.add(rows)
    found = [column.finish() for column in columns]
    return pa.table(found, names=[field.name for field in fields])
