"""Columns as a structured array of NumPy, filled in place."""

from __future__ import annotations

import numpy as np

from shoal import _flat
from shoal.flat.schemas import BOOL, BYTES, FLOAT, INT, TEXT

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from shoal._flat import Columns
    from shoal.flat.schemas import Field

NULLABLE = False
PADDED = True

_PIECE = 1 << 16  # rows


class _Records:
    """The records so far, in memory that grows, and is longer than they are.

    Texts are padded to the width of their field. When a longer one comes, all records
    move to a wider layout, in place; fields grow by a quarter at least, so that this is
    rare, and shrink to what is needed at the end.
    """

    def __init__(self, reader: Columns, fields: list[Field]) -> None:
        self._reader = reader
        self._fields = fields
        self._memory = bytearray()
        self._rows = 0
        self._widths: list[int] = []
        self._kinds: list[int] = []

    def add(self, rows: int) -> None:
        """Append the reader's batch."""
        widths, kinds = self._wanted()
        if not self._widths:
            self._widths, self._kinds = widths, kinds
        self._become_floats(kinds)
        if any(wanted > width for wanted, width in zip(widths, self._widths)):
            self._move(
                [
                    width if wanted <= width else max(wanted, width + width // 4)
                    for wanted, width in zip(widths, self._widths)
                ]
            )
        offsets = _offsets(self._widths)
        fields = list(zip(offsets, self._widths))
        self._reader.spread(self._memory, self._rows, offsets[-1], fields)
        self._rows += rows

    def finish(self) -> Any:
        """Return the array."""
        widths, self._kinds = self._wanted()
        if self._rows and widths != self._widths:
            self._move(widths)
        self._widths = widths
        del self._memory[self._rows * sum(widths) :]
        return np.frombuffer(self._memory, self._dtype(), self._rows)

    def _wanted(self) -> tuple[list[int], list[int]]:
        """Return the widths and kinds that hold all that was read."""
        widths, kinds = [], []
        for at, field in enumerate(self._fields):
            kind, width, _, _, longest = self._reader.state(at)
            if kind in (TEXT, BYTES):
                width = max(longest, 1 if field.characters else field.width, 1)
            widths.append(width)
            kinds.append(kind)
        return widths, kinds

    def _move(self, widths: list[int]) -> None:
        before, after = _offsets(self._widths), _offsets(widths)
        fields = list(zip(before, self._widths, after, widths))
        _flat.move_records(self._memory, self._rows, before[-1], after[-1], fields)
        self._widths = widths

    def _become_floats(self, kinds: list[int]) -> None:
        """Turn the ints of columns that have met a float into floats."""
        for at, (before, after) in enumerate(zip(self._kinds, kinds)):
            if (before, after) != (INT, FLOAT):
                continue
            name = self._fields[at].name
            ints = np.frombuffer(self._memory, self._dtype(), self._rows)[name]
            self._kinds[at] = FLOAT
            floats = np.frombuffer(self._memory, self._dtype(), self._rows)[name]
            for start in range(0, self._rows, _PIECE):
                piece = slice(start, start + _PIECE)
                floats[piece] = ints[piece].astype(np.float64)
            del ints, floats  # Else the memory could not grow.

    def _dtype(self) -> Any:
        formats = []
        for at, field in enumerate(self._fields):
            kind, width = self._kinds[at], self._widths[at]
            if kind == INT:
                big = self._reader.state(at)[2]
                signed = field.signed if field.kind == INT else not big
                formats.append(f"{'i' if signed else 'u'}{width}")
            elif kind == FLOAT:
                formats.append(f"f{width}")
            else:
                formats.append("?" if kind == BOOL else f"S{width}")
        return np.dtype([(field.name, form) for field, form in zip(self._fields, formats)])


def _offsets(widths: list[int]) -> list[int]:
    """Return where each field begins, and where the record ends."""
    offsets = [0]
    for width in widths:
        offsets.append(offsets[-1] + width)
    return offsets


def check_names(fields: list[Field]) -> None:
    """Raise ValueError where a column's name is none that NumPy keeps."""
    for field in fields:
        if np.dtype([(field.name, "u1")]).names != (field.name,):
            raise ValueError(f"column {field.name!r}: NumPy has no such name")
    np.dtype([(field.name, "u1") for field in fields])


def build(reader: Columns, fields: list[Field]) -> Any:
    """Read all batches into a structured array."""
    records = _Records(reader, fields)
    while rows := reader.read():
        records.add(rows)
    array = records.finish()
    kinds = [reader.state(at)[0] for at in range(len(fields))]
    if any(field.characters and kind == TEXT for field, kind in zip(fields, kinds)):
        return _with_characters(array, fields, kinds)
    return array


def _with_characters(array: Any, fields: list[Field], kinds: list[int]) -> Any:
    """Return a copy that has characters in the columns of str that are to have them."""
    formats = []
    for field, kind in zip(fields, kinds):
        form = array.dtype[field.name].str
        if field.characters and kind == TEXT:
            form = f"U{_characters(array, field)}"
        formats.append((field.name, form))
    copy = np.empty(len(array), np.dtype(formats))
    for start in range(0, len(array), _PIECE):
        piece = slice(start, start + _PIECE)
        for field, (_, form) in zip(fields, formats):
            part = array[field.name][piece]
            copy[field.name][piece] = np.char.decode(part, "utf-8") if form[0] == "U" else part
    return copy


def _characters(array: Any, field: Field) -> int:
    """Return how many characters the longest text has."""
    longest = 1
    for start in range(0, len(array), _PIECE):
        texts = np.char.decode(array[field.name][start : start + _PIECE], "utf-8")
        longest = max(longest, texts.dtype.itemsize // 4)
    if 0 < field.characters < longest:
        raise ValueError(
            f"column {field.name!r}: a text has {longest} characters, the schema allows "
            f"{field.characters}"
        )
    return max(longest, field.characters)
