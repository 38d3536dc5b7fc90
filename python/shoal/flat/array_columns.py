"""Columns as `array.array`: nothing but the standard library."""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from typing import Any

from shoal.flat.schemas import BOOL, BYTES, FLOAT, INT, TEXT, UNKNOWN

TYPE_CHECKING = False
if TYPE_CHECKING:
    from shoal._flat import Columns
    from shoal.flat.schemas import Field

__all__ = ["Texts"]

NULLABLE = False
PADDED = False

_SIGNED = {array(code).itemsize: code for code in "bhiq"}
_UNSIGNED = {array(code).itemsize: code for code in "BHIQ"}
_FLOATS = {4: "f", 8: "d"}


class Texts(Sequence[Any]):
    """The str or bytes of a column, end to end.

    Attributes
    ----------
    data : bytearray
        All texts, str in UTF-8.
    offsets : array of int64, or range
        ``data[offsets[i]:offsets[i + 1]]`` is text ``i``. A range, which takes no memory,
        where all are equally long.
    kind : type
        `str` or `bytes`.
    """

    def __init__(self, data: bytearray, offsets: array[int] | range, kind: type) -> None:
        self.data = data
        self.offsets = offsets
        self.kind = kind

    def __len__(self) -> int:
        return len(self.offsets) - 1

    def __getitem__(self, at: Any) -> Any:
        if isinstance(at, slice):
            return [self[i] for i in range(*at.indices(len(self)))]
        if not -len(self) <= at < len(self):
            raise IndexError(f"no text {at}: there are {len(self)}")
        at %= len(self)
        text = self.data[self.offsets[at] : self.offsets[at + 1]]
        return text.decode() if self.kind is str else bytes(text)

    def __repr__(self) -> str:
        return f"<{len(self)} {self.kind.__name__} in {len(self.data)} bytes>"


class _Numbers:
    """A column of numbers."""

    def __init__(self, reader: Columns, at: int, field: Field) -> None:
        self._reader, self._at, self._field = reader, at, field
        self._values: array[Any] = array(self._code())

    def _code(self) -> str:
        kind, width, big, _, _ = self._reader.state(self._at)
        if kind == FLOAT:
            return _FLOATS[width]
        if kind == BOOL:
            return "B"
        signed = self._field.signed if self._field.kind == INT else not big
        return (_SIGNED if signed else _UNSIGNED)[width]

    def add(self, rows: int) -> None:
        """Append the reader's batch."""
        code = self._code()
        if code != self._values.typecode:
            before, self._values = self._values, array(code)
            if code == "d":
                self._values.extend(array(code, before))
            else:
                self._values.frombytes(memoryview(before).cast("B"))
        with self._reader.values(self._at) as view:
            self._values.frombytes(view)

    def finish(self) -> array[Any]:
        """Return the column."""
        return self._values


class _Texts:
    """A column of texts. It has no offsets for as long as all are equally long."""

    def __init__(self, reader: Columns, at: int, kind: type) -> None:
        self._reader, self._at, self._kind = reader, at, kind
        self._data = bytearray()
        self._rows = 0
        self._offsets: array[int] | None = None

    def add(self, rows: int) -> None:
        """Append the reader's batch."""
        uneven = self._reader.state(self._at)[3]
        if uneven and self._offsets is None:
            self._offsets = array("q", self._even())
        if self._offsets is not None:
            self._offsets.frombytes(self._reader.offsets(self._at, len(self._data)))
        with self._reader.text(self._at) as view:
            self._data += view
        self._rows += rows

    def _even(self) -> range:
        width = len(self._data) // self._rows if self._rows else 0
        return range(0, self._rows * width + 1, width) if width else range(1)

    def finish(self) -> Texts:
        """Return the column."""
        offsets = self._offsets
        if offsets is None and self._rows and not self._data:
            offsets = array("q", bytes(8 * (self._rows + 1)))
        return Texts(self._data, self._even() if offsets is None else offsets, self._kind)


def _builder(reader: Columns, at: int, field: Field) -> _Numbers | _Texts:
    kind = reader.state(at)[0]
    if kind in (TEXT, BYTES):
        return _Texts(reader, at, str if kind == TEXT else bytes)
    return _Numbers(reader, at, field)


def check_names(fields: list[Field]) -> None:
    """Raise nothing: a dict has every name."""


def build(reader: Columns, fields: list[Field]) -> dict[str, Any]:
    """Read all batches into a dict of columns."""
    builders: list[_Numbers | _Texts] = []
    while rows := reader.read():
        if not builders:
            builders = [_builder(reader, at, field) for at, field in enumerate(fields)]
        for builder in builders:
            builder.add(rows)
    if not builders:
        builders = [
            _builder(reader, at, field) for at, field in enumerate(fields) if field.kind != UNKNOWN
        ]
        fields = [field for field in fields if field.kind != UNKNOWN]
    return {field.name: builder.finish() for field, builder in zip(fields, builders)}
