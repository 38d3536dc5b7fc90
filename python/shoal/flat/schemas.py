"""What columns are to be: the schemas of `shoal.flat.columns`, in any way people write them."""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass, replace

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from typing import Any

__all__ = ["BOOL", "BYTES", "FLOAT", "INT", "TEXT", "UNKNOWN", "Field", "field_of", "resolve"]

UNKNOWN, INT, FLOAT, BOOL, TEXT, BYTES = range(6)
"""What values are: as enum flat_kind of include/shoal/flat_columns.h."""

_EXPECTED = (
    "int8 to int64, uint8 to uint64, float32, float64, bool, str, bytes, S<n> or U<n>, "
    "or int, float, bool, str or bytes itself"
)
_SYNONYMS = {
    "int": "int64",
    "float": "float64",
    "double": "float64",
    "halffloat": "float16",
    "string": "str",
    "large_string": "str",
    "utf8": "str",
    "binary": "bytes",
    "large_binary": "bytes",
    "boolean": "bool",
}
_INTEGER = re.compile(r"(u?)int(8|16|32|64)")
_NUMPY = re.compile(r"[<>|=]?([iufbSU?])(\d*)")
_FLOATS = {"float32": 4, "float64": 8}
_PLAIN = {"bool": BOOL, "str": TEXT, "bytes": BYTES}
_INFERRED_NAME = re.compile(r"f(\d+)")


@dataclass(frozen=True)
class Field:
    """A column.

    Attributes
    ----------
    name : str
        The key in records that are dicts; ``f0``, ``f1``, ... where nobody said another.
    kind : int
        `UNKNOWN`: to be inferred.
    width : int
        Bytes of a number; the longest text in UTF-8 bytes, 0 for any.
    signed : bool
        Of integers.
    characters : int
        The longest text in characters, for ``U<n>``; 0 for any other.
    """

    name: str
    kind: int = UNKNOWN
    width: int = 0
    signed: bool = False
    characters: int = 0


def field_of(name: str, wanted: object) -> Field:
    """Return the column that somebody describes.

    Parameters
    ----------
    name : str
        Of the column.
    wanted : object
        A type (`int`), a name (``"int16"``, ``"S20"``), a dtype of NumPy, a type of Arrow,
        or None: to be inferred.

    Raises
    ------
    ValueError
        It describes no column.
    """
    if wanted is None:
        return Field(name)
    text = _as_text(wanted)
    text = _SYNONYMS.get(text, text)
    integer = _INTEGER.fullmatch(text)
    if integer:
        return Field(name, INT, int(integer[2]) // 8, not integer[1])
    if text in _FLOATS:
        return Field(name, FLOAT, _FLOATS[text])
    if text in _PLAIN:
        return Field(name, _PLAIN[text])
    found = _of_numpy(name, text)
    if found is None:
        raise ValueError(f"schema: column {name!r}: expected {_EXPECTED}, not {wanted!r}")
    return found


def _as_text(wanted: object) -> str:
    if isinstance(wanted, str):
        return wanted.strip()
    numpy = sys.modules.get("numpy")
    if numpy is not None and isinstance(wanted, numpy.dtype):
        return str(getattr(wanted, "str", ""))
    if isinstance(wanted, type):
        return wanted.__name__
    text = str(wanted)
    # What Arrow calls "float" is "float32" of all others.
    return "float32" if text == "float" and type(wanted).__module__.startswith("pyarrow") else text


def _of_numpy(name: str, text: str) -> Field | None:
    """Return the column of a code such as ``<i8``; the order of bytes does not matter here."""
    found = _NUMPY.fullmatch(text)
    if not found or len(found[2]) > 9:
        return None
    code, size = found[1], int(found[2] or 0)
    if code in "iu" and size in (1, 2, 4, 8):
        return Field(name, INT, size, code == "i")
    if code == "f" and size in (4, 8):
        return Field(name, FLOAT, size)
    if code in "b?" and size <= 1:
        return Field(name, BOOL)
    if code == "S":
        return Field(name, TEXT, size)
    if code == "U":
        return Field(name, TEXT, 4 * size, characters=size)
    return None


def _pairs(schema: Any) -> list[tuple[str | None, object]]:
    """Return names, or None where there is none, and what is wanted."""
    if hasattr(schema, "names") and hasattr(schema, "fields") and schema.names:  # NumPy's
        return [(name, schema.fields[name][0]) for name in schema.names]
    if hasattr(schema, "names") and hasattr(schema, "field"):  # Arrow's
        return [(name, schema.field(name).type) for name in schema.names]
    if hasattr(schema, "items"):
        return list(schema.items())
    if isinstance(schema, (str, bytes, type)) or not hasattr(schema, "__iter__"):
        return [(None, schema)]
    pairs: list[tuple[str | None, object]] = []
    for part in schema:
        named = isinstance(part, (tuple, list)) and len(part) == 2
        pairs.append((part[0], part[1]) if named else (None, part))
    return pairs


def resolve(schema: object, keys: Sequence[str] | None, count: int | None) -> list[Field]:
    """Return the columns of records.

    Parameters
    ----------
    schema : object
        A mapping or pairs of names and types, types alone, a structured dtype, a schema of
        Arrow, or None: all is inferred.
    keys : sequence of str or None
        Those of the first record, if it is a dict.
    count : int or None
        How many values the first record has; None if there is none.

    Raises
    ------
    ValueError
        The records have other columns than the schema, or it makes no sense.
    """
    pairs = [] if schema is None else _pairs(schema)
    for name, _ in pairs:
        if name is not None and not isinstance(name, str):
            raise ValueError(f"schema: expected names that are str, not {name!r}")
    names = [name for name, _ in pairs if name is not None]
    if len(set(names)) != len(names):
        raise ValueError(f"schema: a name occurs twice: {', '.join(names)}")
    if count is None:
        return [field_of(_name(name, at), wanted) for at, (name, wanted) in enumerate(pairs)]
    if keys is not None:
        return _by_key(pairs, keys)
    return _by_place(pairs, count)


def _name(name: str | None, at: int) -> str:
    return f"f{at}" if name is None else name


def _by_key(pairs: Iterable[tuple[str | None, object]], keys: Sequence[str]) -> list[Field]:
    wanted = {}
    for name, what in pairs:
        if name is None:
            raise ValueError("schema: the records are dicts, so it takes the names of their keys")
        if name not in keys:
            raise ValueError(f"schema: the records have no key {name!r}, but {', '.join(keys)}")
        wanted[name] = what
    return [field_of(key, wanted.get(key)) for key in keys]


def _by_place(pairs: list[tuple[str | None, object]], count: int) -> list[Field]:
    if not pairs:
        return [Field(f"f{at}") for at in range(count)]
    if len(pairs) == count:
        return [field_of(_name(name, at), wanted) for at, (name, wanted) in enumerate(pairs)]
    fields = [Field(f"f{at}") for at in range(count)]
    for name, wanted in pairs:
        place = _INFERRED_NAME.fullmatch(name or "")
        if not place or int(place[1]) >= count:
            raise ValueError(f"schema: it has {len(pairs)} columns, but the records have {count}")
        at = int(place[1])
        fields[at] = replace(field_of(fields[at].name, wanted), name=fields[at].name)
    return fields
