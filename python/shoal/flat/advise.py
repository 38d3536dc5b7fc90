"""What columns of records would take: as objects, with shared strings, and packed."""

from __future__ import annotations

import os
import sys
from collections import Counter
from dataclasses import dataclass, field
from itertools import islice

from shoal.flat.measures import POINTER, Distinct, block, is_kept_once, size_of_blocks, size_whole

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from typing import Any

__all__ = ["Advice", "ColumnAdvice", "advise"]

_AT_ONCE = 4096  # records
_MOST_COLUMNS = 1000


@dataclass
class ColumnAdvice:
    """What one column takes, in bytes.

    Attributes
    ----------
    name : str
        The key of dicts, else ``f0``, ``f1``, ...
    types : dict
        How many values of each type: ``{"int": 1000}``.
    packed_as : str
        The narrowest type of a column that holds all values, "" where there is none.
    objects : int
        As they are: a pointer in the record for each value, and the value's block.
    shared : int or None
        The same, with one object for all equal strings; None where there are no strings.
    array, numpy, arrow : int or None
        Packed as `shoal.flat.columns` packs; None where it cannot.
    distinct : int or None
        Different strings.
    is_exact : bool
        Whether they were counted, not estimated.
    nulls : int
        Values that are None; arrays need a fill for them.
    """

    name: str
    types: dict[str, int] = field(default_factory=dict)
    packed_as: str = ""
    objects: int = 0
    shared: int | None = None
    array: int | None = None
    numpy: int | None = None
    arrow: int | None = None
    distinct: int | None = None
    is_exact: bool = True
    nulls: int = 0


@dataclass
class Advice:
    """What records take, in bytes.

    Attributes
    ----------
    records : int
        How many.
    containers : int
        The list of them, and the tuples, lists or dicts that they are, without the
        pointers to values, which the columns have.
    columns : list of ColumnAdvice
        In order.
    """

    records: int
    containers: int
    columns: list[ColumnAdvice]

    @property
    def objects(self) -> int:
        """Bytes of all, as objects."""
        return self.containers + sum(column.objects for column in self.columns)

    @property
    def shared(self) -> int:
        """Bytes of all, as objects with shared strings."""
        return self.containers + sum(
            column.objects if column.shared is None else column.shared for column in self.columns
        )

    def packed(self, how: str) -> int | None:
        """Return the bytes of all columns as "array", "numpy" or "arrow", if all can be so."""
        sizes = [getattr(column, how) for column in self.columns]
        return None if None in sizes else sum(sizes)

    def fields(self) -> dict[str, Any]:
        """Return all figures, for JSON."""
        return {
            "records": self.records,
            "containers": self.containers,
            "objects": self.objects,
            "shared": self.shared,
            **{how: self.packed(how) for how in ("array", "numpy", "arrow")},
            "columns": [vars(column) for column in self.columns],
        }


class _Column:
    """What is noted of a column while records go by."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.types: Counter[type] = Counter()
        self.blocks = 0
        self.text_blocks = 0
        self.distinct = Distinct()
        self.low = self.high = 0
        self.text_bytes = 0
        self.lengths: set[int] = set()
        self._seen: set[int] = set()

    def add(self, values: tuple[Any, ...], shared_from: int | None, keys: set[object]) -> None:
        """Take note of values; `shared_from`: references that one which others have has."""
        by_type = Counter(map(type, values))
        self.types += by_type
        if shared_from is not None:
            values = self._met_first(values, shared_from)
        for kind in by_type:
            part: list[Any] = [value for value in values if type(value) is kind]
            if kind in (str, bytes):
                self._add_texts(part, kind)
            elif kind is int:
                self.blocks += sum(_sizes(v for v in part if not is_kept_once(v)))
                if part:
                    self.low = min(self.low, min(part))
                    self.high = max(self.high, max(part))
            elif kind in (float, complex):
                self.blocks += sum(_sizes(part))
            else:
                self.blocks += sum(size_whole(value, keys) for value in part)

    def note_texts(self, values: Iterable[Any]) -> None:
        """Take note of how long texts are, all of them: packed, each takes its bytes."""
        for value in values:
            if type(value) is str:
                length = len(value) if value.isascii() else len(value.encode("utf-8", "replace"))
            elif type(value) is bytes:
                length = len(value)
            else:
                continue
            self.text_bytes += length
            self.lengths.add(length)
            if len(self.lengths) > 2:
                self.lengths = {min(self.lengths), max(self.lengths)}

    def _add_texts(self, part: list[Any], kind: type) -> None:
        size = sum(_sizes(value for value in part if not is_kept_once(value)))
        self.blocks += size
        self.text_blocks += size
        self.distinct.add(part)

    def _met_first(self, values: tuple[Any, ...], shared_from: int) -> tuple[Any, ...]:
        """Return the values without those that were met before: the same objects."""
        kept = []
        counts = list(map(sys.getrefcount, values))
        for value, count in zip(values, counts):
            if count >= shared_from and not is_kept_once(value):
                if id(value) in self._seen:
                    continue
                self._seen.add(id(value))
            kept.append(value)
        return tuple(kept)

    def advice(self, records: int) -> ColumnAdvice:
        """Return what the column takes."""
        found = ColumnAdvice(self.name)
        found.types = {kind.__name__: count for kind, count in self.types.most_common()}
        found.nulls = self.types[type(None)]
        found.objects = POINTER * records + self.blocks
        if str in self.types or bytes in self.types:
            found.shared = found.objects - self.text_blocks + self.distinct.size
            found.shared = min(found.shared, found.objects)
            found.distinct, found.is_exact = self.distinct.count, self.distinct.is_exact
        self._pack(found, records)
        return found

    def _pack(self, found: ColumnAdvice, records: int) -> None:
        """Add what the column takes packed, if it can be."""
        kinds = set(self.types) - {type(None)}
        if kinds <= {int, float} and kinds:
            found.packed_as, width = self._number(kinds)
            found.array = found.numpy = found.arrow = width * records if width else None
        elif kinds == {bool}:
            found.packed_as = "bool"
            found.array = found.numpy = records
            found.arrow = -(-records // 8)
        elif kinds in ({str}, {bytes}):
            longest, even = max(self.lengths, default=0), len(self.lengths) < 2
            found.packed_as = "str" if kinds == {str} else "bytes"
            found.array = self.text_bytes + (0 if even else POINTER * (records + 1))
            found.numpy = max(1, longest) * records
            found.arrow = self.text_bytes + 4 * (records + 1)
        elif not kinds:
            found.packed_as = "null"
            found.arrow = 0
        if found.nulls and found.arrow is not None and kinds:
            found.arrow += -(-records // 8)

    def _number(self, kinds: set[type]) -> tuple[str, int]:
        """Return the narrowest type for numbers, and its bytes; 0: there is none."""
        if float in kinds:
            exact = self.low >= -(2**53) and self.high <= 2**53
            return ("float64", 8) if exact else ("", 0)
        for bits in (8, 16, 32, 64):
            if self.low >= 0 and self.high < 2**bits:
                return f"uint{bits}", bits // 8
            if -(2 ** (bits - 1)) <= self.low and self.high < 2 ** (bits - 1):
                return f"int{bits}", bits // 8
        return "", 0


def _sizes(values: Iterable[object]) -> Iterator[int]:
    return map(block, map(sys.getsizeof, values))


def advise(source: Any, *, watch: Any = None) -> Advice:
    """Say what records take as objects, and what they would take packed.

    Parameters
    ----------
    source : path, binary file or iterable
        A path or file has records, one a line; anything else is gone through. Of a list
        or another container, a value that several records have is counted once; an
        iterator's records are taken for new ones.
    watch : callable, optional
        What records go through on their way: a progress bar.

    Returns
    -------
    Advice
        Of a file: what `shoal.flat.load` would take.

    Raises
    ------
    FlatError
        A line is no record.
    ValueError
        There are more than 1,000 columns.
    TypeError
        Nothing can be gone through.
    """
    if isinstance(source, (str, os.PathLike)) or hasattr(source, "read"):
        from shoal.flat import iterate

        with iterate(source) as records:
            return _Survey(alive=False).of(records if watch is None else watch(records))
    return _Survey(alive=not hasattr(source, "__next__")).of(
        source if watch is None else watch(source)
    )


class _Survey:
    """All columns, while records go by.

    Parameters
    ----------
    alive : bool
        Whether the records are somebody's, so that the same object may be in several.
    """

    def __init__(self, alive: bool) -> None:
        self._columns: dict[Any, _Column] = {}
        self._containers = 0
        self._records = 0
        self._keys: set[object] = set()
        self._shared_from = _references_of_one() + 1 if alive else None

    def of(self, records: Iterable[Any]) -> Advice:
        """Go through records."""
        iterator = iter(records)
        while batch := list(islice(iterator, _AT_ONCE)):
            self._records += len(batch)
            for shape, part in _by_shape(batch).items():
                self._add(shape, part)
        size = sys.getsizeof([]) + POINTER * self._records
        self._containers += block(size) + sum(
            block(sys.getsizeof(key)) for key in self._keys if not is_kept_once(key)
        )
        columns = [column.advice(sum(column.types.values())) for column in self._columns.values()]
        return Advice(self._records, self._containers, columns)

    def _add(self, shape: Any, records: list[Any]) -> None:
        kind, names = shape
        if kind is None:
            # The pointers are in the list of records.
            self._containers -= POINTER * len(records)
            self._add_column("f0", tuple(records))
            return
        self._containers += sum(map(size_of_blocks, records))
        self._containers -= POINTER * len(records) * len(names)
        if kind is dict:
            self._keys.update(name for name in names if isinstance(name, str))
            values: Iterable[tuple[Any, ...]] = zip(*(record.values() for record in records))
        else:
            values = zip(*records)
        for name, column in zip(names, values):
            self._add_column(name, column)

    def _add_column(self, name: Any, values: tuple[Any, ...]) -> None:
        column = self._columns.get(name)
        if column is None:
            if len(self._columns) >= _MOST_COLUMNS:
                raise ValueError(f"more than {_MOST_COLUMNS} columns: these are no table")
            column = self._columns[name] = _Column(name if isinstance(name, str) else repr(name))
        column.note_texts(values)
        column.add(values, self._shared_from, self._keys)


def _by_shape(batch: list[Any]) -> dict[Any, list[Any]]:
    """Return records that have the same columns together."""
    shapes: dict[Any, list[Any]] = {}
    for record in batch:
        kind = type(record)
        if kind in (tuple, list) and record:
            shape: Any = kind, tuple(f"f{at}" for at in range(len(record)))
        elif kind is dict and record:
            shape = kind, tuple(record)
        else:
            shape = None, ()
        shapes.setdefault(shape, []).append(record)
    return shapes


def _references_of_one() -> int:
    """Return how many references a value has, seen from `_Column`, that nobody shares."""
    records = [(float("1.5"),)]
    for column in zip(*records):
        return max(list(map(sys.getrefcount, column)))
    return 0
