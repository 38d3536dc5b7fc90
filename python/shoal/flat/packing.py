"""Files of records that are all alike, read into columns without making an object of any value.

`columns` reads; what becomes of each batch of rows is in `numpy_rows`, `array_columns` and
`arrow_table`. docs/flat-columns.md says what is taken and what it becomes.
"""

from __future__ import annotations

import contextlib
import os
from importlib import import_module

from shoal import _flat
from shoal.flat.files import open_reading
from shoal.flat.reading_bar import progress_for
from shoal.flat.schemas import TEXT, resolve

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from typing import Any, Literal

    from shoal._flat import Columns
    from shoal.flat import Errors, Progress, Source
    from shoal.flat.schemas import Field

__all__ = ["check", "columns"]

_TARGETS = {
    "numpy": ("shoal.flat.numpy_rows", "numpy", "shoal[columns]"),
    "array": ("shoal.flat.array_columns", "", ""),
    "arrow": ("shoal.flat.arrow_table", "pyarrow", "shoal[arrow]"),
}
_KEYS = 2
"""The shape of records that are dicts: as enum flat_shape of include/shoal/flat_columns.h."""


def columns(
    source: Source,
    schema: object = None,
    into: Literal["numpy", "array", "arrow"] = "numpy",
    *,
    fill: object | Mapping[str, object] = None,
    text: Literal["S", "U"] = "S",
    errors: Errors = "raise",
    progress: Progress = None,
    max_line: int | None = None,
) -> Any:
    """Read records that are all alike into columns.

    A record is a tuple or list, whose items go to the columns ``f0``, ``f1``, ...; a dict,
    whose keys name them; or a single value. Values are ints, floats, bools, str, bytes and
    None. No object is made of any of them.

    Parameters
    ----------
    source : path, binary file or buffer
        A path that ends in .gz, .bz2, .xz, .lzma or .zst is unpacked.
    schema : mapping, sequence, dtype, Arrow schema or None
        What columns are: ``{"price": "float32"}``, ``["int64", "str"]``. Those that it does
        not name are inferred: ints become int64, or uint64 where one needs it, or float64
        where there are floats too and every int is exact as a float.
    into : {"numpy", "array", "arrow"}
        A structured array; a dict of `array.array` and `Texts`; a `pyarrow.Table`.
    fill : value or mapping
        What stands for None, everywhere or by column; else None is an error, but for Arrow.
    text : {"S", "U"}
        NumPy only: str as UTF-8 bytes, or as characters, which take four bytes each.
    errors : {"raise", "skip", "collect"}
        What becomes of a line that does not fit: it raises, is passed over as if it were
        not there, or is passed over and told of in what is returned.
    progress : bool or callable, optional
        As of `load`.
    max_line : int, optional
        Bytes of the longest line; 64 MiB by default.

    Returns
    -------
    numpy.ndarray, dict or pyarrow.Table, or with errors="collect" a tuple of two
        The columns, in the order of the first record; and a list of the errors.

    Raises
    ------
    FlatError
        A line is no record, or does not fit: it has the file, line, column and what was
        expected.
    ValueError
        The schema does not fit the records.
    ImportError, OSError
        NumPy, Arrow or the library for .zst is missing; the file cannot be read.
    """
    target = _target(into)
    with _opened(source) as (file, name):
        reader = _flat.Columns(file, name, max_line or 0, errors, progress_for(progress, file))
        found = _read(reader, name, schema, target, fill, text)
    return (found, reader.errors) if errors == "collect" else found


@contextlib.contextmanager
def _opened(source: Any) -> Iterator[tuple[Any, str | None]]:
    """Open a path; give out what is to be read, and what errors call it."""
    if isinstance(source, (str, os.PathLike)):
        with open_reading(source) as file:
            yield file, os.fsdecode(source)
        return
    name = getattr(source, "name", None)
    yield source, name if isinstance(name, str) else None


def _target(into: str) -> Any:
    if into not in _TARGETS:
        raise ValueError(f"into: expected {', '.join(map(repr, _TARGETS))}, not {into!r}")
    module, library, extra = _TARGETS[into]
    try:
        return import_module(module)
    except ImportError as error:
        if error.name != library:
            raise
        raise ImportError(
            f"into={into!r} needs {library}: pip install '{extra}'", name=library
        ) from None


def check(source: Source, schema: object, into: Literal["numpy", "array", "arrow"]) -> None:
    """Raise what `columns` would, in the time that it takes and the memory of one batch."""
    target = _target(into)
    with _opened(source) as (file, name):
        reader = _flat.Columns(file, name, 0, "raise", None)
        target.check_names(_begin(reader, name, schema, target, None))
        while reader.read():
            pass


def _read(
    reader: Columns, name: str | None, schema: object, target: Any, fill: object, text: str
) -> Any:
    fields = _begin(reader, name, schema, target, fill)
    target.check_names(fields)
    return target.build(reader, _as_text(fields, text))


def _begin(
    reader: Columns, name: str | None, schema: object, target: Any, fill: object
) -> list[Field]:
    """Say to the reader what columns there are to be, and return them."""
    shape, count, encoded = reader.first()
    keys = [key.decode("utf-8", "surrogatepass") for key in encoded] if shape == _KEYS else None
    if keys is not None and len(set(keys)) != len(keys):
        raise ValueError(f"{name or 'the file'}: line 1 has a key twice: {', '.join(keys)}")
    fields = resolve(schema, keys, count if shape else None)
    fills = _fills(fill, fields)
    reader.begin(
        [
            (
                field.name.encode("utf-8", "surrogatepass"),
                field.kind,
                field.width,
                field.signed,
                target.NULLABLE,
                target.PADDED,
                value,
            )
            for field, value in zip(fields, fills)
        ]
    )
    return fields


def _as_text(fields: list[Field], text: str) -> list[Field]:
    """Mark the columns of str that are to have characters: -1, as many as it takes."""
    from dataclasses import replace

    if text not in ("S", "U"):
        raise ValueError(f"text: expected 'S' or 'U', not {text!r}")
    if text == "S":
        return fields
    return [
        replace(field, characters=field.characters or -1) if field.kind <= TEXT else field
        for field in fields
    ]


def _fills(fill: object, fields: list[Field]) -> list[object]:
    """Return what stands for None in each column."""
    fills = list(fill.values()) if isinstance(fill, dict) else [fill]
    for value in fills:
        if isinstance(value, int) and not -(2**63) <= value < 2**64:
            raise ValueError(f"fill: no column has room for {value}")
        if isinstance(value, str):
            value.encode()  # UnicodeEncodeError, a ValueError: lone surrogates.
    if not hasattr(fill, "get") or not hasattr(fill, "keys"):
        return [fill] * len(fields)
    names = [field.name for field in fields]
    for name in fill:  # type: ignore[attr-defined]
        if name not in names:
            raise ValueError(f"fill: there is no column {name!r}, but {', '.join(names)}")
    return [fill.get(name) for name in names]
