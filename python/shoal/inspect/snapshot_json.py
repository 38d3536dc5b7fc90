"""A snapshot as JSON that can be read back.

The schema, version 1 (``"shoal-inspect": 1``): one JSON object whose other keys
are the fields of `Snapshot`, and mean what `shoal.inspect.snapshot` says; and
``verdict``, what `shoal.inspect.diagnosis` says of them: an object with ``word``,
``sentence`` and ``release``. Of a look that is not the first of several there is
``growth`` too, with ``word`` and ``sentence``, as `shoal.inspect.compare` judges.
Both are not read back: they follow from the rest.
``resident`` is an object with the fields of `Residence`; ``arenas``,
``size_classes``, ``types`` and ``pinning`` are lists of objects with those of
`Arena`, `SizeClass`, `TypeUse` and `Pinning`; ``occupancy`` is in base64. Bytes
are whole numbers, times are seconds, and nothing is null.

A later version 1 may have more keys; readers pass over those they do not know.
Keys that change their meaning, or go, make a version 2.
"""

from __future__ import annotations

import base64
import binascii
import dataclasses
import json
import os

from shoal._json_reading import BadJSONError, parse, read
from shoal.inspect import snapshot as model
from shoal.inspect.diagnosis import diagnose
from shoal.inspect.snapshot import Snapshot

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, TextIO

    from shoal.inspect.compare import Judgement

__all__ = ["VERSION", "VERSION_KEY", "BadSnapshotError", "from_json", "load", "write_json"]

VERSION_KEY = "shoal-inspect"
VERSION = 1

MOST_BYTES = 2**30
"""A snapshot's file is no larger."""

_MOST = 2**64 - 1


class BadSnapshotError(BadJSONError):
    """What is wrong with a snapshot's file, in one line for the user."""

    kind = "snapshot"


# ---- Writing ------------------------------------------------------------------------


def write_json(
    snapshot: Snapshot,
    stream: TextIO,
    *,
    lines: bool = True,
    growth: Judgement | None = None,
) -> None:
    """Write a snapshot as JSON, in ASCII.

    Parameters
    ----------
    snapshot : Snapshot
        What to write.
    stream : text file
        Where to.
    lines : bool
        Write each item of a list in a line of its own, so that two files can be
        compared with diff; or else all in one line.
    growth : Judgement, optional
        What this and earlier looks say of growth.

    Raises
    ------
    OSError
        `stream` cannot be written.
    """
    parts = [f'"{VERSION_KEY}": {VERSION}']
    parts.append(f'"verdict": {json.dumps(diagnose(snapshot).fields())}')
    if growth is not None:
        parts.append(f'"growth": {json.dumps(growth.fields())}')
    between = ",\n" if lines else ", "
    for field in dataclasses.fields(snapshot):
        value = getattr(snapshot, field.name)
        if isinstance(value, bytes):
            value = base64.b64encode(value).decode()
        if field.type.startswith("tuple[") and field.name != "command":
            items = between.join(json.dumps(item, default=_fields) for item in value)
            text = f"[\n{items}]" if lines and items else f"[{items}]"
        else:
            text = json.dumps(value, default=_fields)
        parts.append(f'"{field.name}": {text}')
    stream.write(f"{{{between.join(parts)}}}\n")


def _fields(item: Any) -> dict[str, object]:
    return {field.name: getattr(item, field.name) for field in dataclasses.fields(item)}


# ---- Reading ------------------------------------------------------------------------


def load(path: str | os.PathLike[str]) -> Snapshot:
    """Read a snapshot that `write_json` wrote.

    Raises
    ------
    BadSnapshotError
        The file is no snapshot, or one with a mistake; the message names the
        file and what is wrong, in one line.
    OSError
        It cannot be read.
    """
    return from_json(read(path, MOST_BYTES, BadSnapshotError), os.fsdecode(path))


def from_json(data: str | bytes, name: str = "snapshot") -> Snapshot:
    """Return the snapshot that JSON describes.

    Parameters
    ----------
    data : str or bytes
        What `write_json` wrote; bytes are UTF-8.
    name : str
        What the error message calls it.

    Raises
    ------
    BadSnapshotError
        See `load`.
    """
    return parse(data, name, _snapshot, BadSnapshotError)


def _snapshot(found: object) -> Snapshot:
    if not isinstance(found, dict) or VERSION_KEY not in found:
        raise BadSnapshotError(f'not a snapshot: no object with the key "{VERSION_KEY}"')
    version = found[VERSION_KEY]
    if type(version) is not int or version != VERSION:
        raise BadSnapshotError(f"{VERSION_KEY}: expected version {VERSION}, found {_told(version)}")
    snapshot: Snapshot = _read("Snapshot", "", found)
    if snapshot.allocator not in ("pymalloc", "shoal"):
        raise BadSnapshotError(
            f'allocator: expected "pymalloc" or "shoal", found {_told(snapshot.allocator)}'
        )
    return snapshot


def _read(type_name: str, place: str, found: object) -> Any:
    """Return what a field's type, as the class says it, makes of a JSON value."""
    if type_name in _LEAVES:
        return _LEAVES[type_name](place, found)
    if type_name.startswith("tuple["):
        if not isinstance(found, list):
            raise BadSnapshotError(f"{place}: expected a list, found {_told(found)}")
        item = type_name[len("tuple[") : -len(", ...]")]
        return tuple(_read(item, f"{place}[{at}]", value) for at, value in enumerate(found))
    if not isinstance(found, dict):
        raise BadSnapshotError(f"{place}: expected an object, found {_told(found)}")
    made = getattr(model, type_name)
    values = {}
    for field in dataclasses.fields(made):
        path = f"{place}.{field.name}" if place else field.name
        if field.name not in found:
            if field.default is not dataclasses.MISSING:
                continue  # What an older version did not tell.
            raise BadSnapshotError(f"{path}: missing")
        values[field.name] = _read(str(field.type), path, found[field.name])
    return made(**values)


def _count(place: str, value: object) -> int:
    # Not isinstance: true and false are whole numbers to Python.
    if type(value) is not int or not 0 <= value <= _MOST:
        raise BadSnapshotError(
            f"{place}: expected a whole number, at least 0 and of up to 64 bits, "
            f"found {_told(value)}"
        )
    return value


def _seconds(place: str, value: object) -> float:
    if type(value) not in (int, float) or not 0 <= value < 2**63:  # type: ignore[operator]
        raise BadSnapshotError(f"{place}: expected seconds, at least 0, found {_told(value)}")
    return float(value)  # type: ignore[arg-type]


def _text(place: str, value: object) -> str:
    if not isinstance(value, str):
        raise BadSnapshotError(f"{place}: expected a string, found {_told(value)}")
    return value


def _bytes(place: str, value: object) -> bytes:
    try:
        return base64.b64decode(_text(place, value), validate=True)
    except (binascii.Error, ValueError) as error:
        if isinstance(error, BadSnapshotError):
            raise
        raise BadSnapshotError(f"{place}: expected base64: {error}") from None


_LEAVES: dict[str, Callable[[str, object], object]] = {
    "int": _count,
    "float": _seconds,
    "str": _text,
    "bytes": _bytes,
}


def _told(value: object) -> str:
    """Return what was found: short, in one line, in ASCII."""
    if isinstance(value, (dict, list)):
        return "an object" if isinstance(value, dict) else f"a list of {len(value):,}"
    if isinstance(value, int) and not -_MOST <= value <= _MOST:
        return "a larger number"
    told = ascii(value) if isinstance(value, str) else json.dumps(value)
    return told if len(told) <= 60 else told[:57] + "..."
