"""Records into files of other formats, and what of them does not survive there."""

from __future__ import annotations

import csv
import io
import json
import math
from collections import Counter

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from typing import Any, BinaryIO

    Progress = Callable[[int, "float | None"], object]

__all__ = ["CannotConvertError", "write"]


class CannotConvertError(Exception):
    """A record that the format has no way to write; the message names the place in it."""


class _NoWayError(Exception):
    """The same, not yet knowing the record: the path within it, and why."""

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why
        self.path = ""


def write(
    records: Iterable[Any],
    file: BinaryIO,
    form: str,
    *,
    strict: bool = False,
) -> tuple[int, Counter[str]]:
    """Write records.

    Parameters
    ----------
    records : iterable
        Of literals. It is gone through once; only a pickle, which is one list, keeps them.
    file : binary file
        Where to.
    form : str
        One of `shoal.flat.format_reading.FORMATS`.
    strict : bool
        Whether to fail where something does not come back as it was.

    Returns
    -------
    tuple of int and Counter
        How many records, and how often what did not survive: ``{"tuples become lists": 2}``.

    Raises
    ------
    CannotConvertError
        A record cannot be written, or with `strict` not without loss.
    OSError
        The file cannot be written.
    """
    lost: Counter[str] = Counter()
    if form == "flat":
        return _write_flat(records, file), lost
    if form == "pickle":
        return _write_pickle(records, file), lost
    lines = _json_lines(records, lost, strict) if form == "jsonl" else _csv(records, lost, strict)
    count = 0
    for line in lines:
        file.write(line)
        count += 1
    return count, lost


def _write_flat(records: Iterable[Any], file: BinaryIO) -> int:
    from shoal import flat

    try:
        return flat.dump(records, file)
    except TypeError as error:
        raise CannotConvertError(str(error)) from None


def _write_pickle(records: Iterable[Any], file: BinaryIO) -> int:
    from shoal import pickle

    whole = list(records)
    pickle.dump(whole, file)
    return len(whole)


def _failed(number: int, error: _NoWayError) -> CannotConvertError:
    place = f"record {number}" + (f", {error.path}" if error.path else "")
    return CannotConvertError(f"{place}: {error.why}")


def _note(lost: Counter[str], what: str, strict: bool) -> None:
    if strict:
        raise _NoWayError(f"{what} (--strict)")
    lost[what] += 1


# ---- JSON ---------------------------------------------------------------------------


_PLAIN = frozenset((str, int, bool, type(None)))
"""Types of which every value is in JSON what it was."""


def _json_lines(records: Iterable[Any], lost: Counter[str], strict: bool) -> Iterator[bytes]:
    encode = json.JSONEncoder(ensure_ascii=False).encode
    for number, record in enumerate(records):
        try:
            _survey(record, lost, strict)
        except _NoWayError as error:
            raise _failed(number, error) from None
        try:
            line = encode(record).encode()
        except UnicodeEncodeError:  # A lone surrogate.
            line = json.dumps(record).encode()
        yield line + b"\n"


def _survey(value: Any, lost: Counter[str], strict: bool) -> None:
    """Find what JSON cannot have, and count what it has in another way."""
    kind = type(value)
    if kind in _PLAIN:
        return
    if kind is float:
        if not math.isfinite(value):
            raise _NoWayError(f"JSON has no {value}")
    elif kind in (list, tuple):
        if kind is tuple:
            _note(lost, "tuples become lists", strict)
        for at, part in enumerate(value):
            if type(part) not in _PLAIN:
                _survey_part(part, f"[{at}]", lost, strict)
    elif kind is dict:
        for key, part in value.items():
            if type(key) is not str:
                raise _NoWayError(f"JSON has no key {key!r}: only str")
            if type(part) not in _PLAIN:
                _survey_part(part, f"[{key!r}]", lost, strict)
    else:
        raise _NoWayError(f"JSON has no {kind.__name__}")


def _survey_part(value: Any, step: str, lost: Counter[str], strict: bool) -> None:
    try:
        _survey(value, lost, strict)
    except _NoWayError as error:
        error.path = step + error.path
        raise


# ---- CSV ----------------------------------------------------------------------------


def _csv(records: Iterable[Any], lost: Counter[str], strict: bool) -> Iterator[bytes]:
    """Yield a row for each record, the first with the header before it."""
    text = io.StringIO()
    rows = csv.writer(text, lineterminator="\n")
    names: list[str] | None = None
    for number, record in enumerate(records):
        try:
            if number == 0 and type(record) is dict:
                names = [_name(key) for key in record]
                rows.writerow(names)
            rows.writerow(_cells(record, names, lost, strict))
        except _NoWayError as error:
            raise _failed(number, error) from None
        except csv.Error as error:
            raise CannotConvertError(f"record {number}: {error}") from None
        try:
            line = text.getvalue().encode()
        except UnicodeEncodeError:
            raise CannotConvertError(f"record {number}: CSV has no lone surrogates") from None
        text.seek(0)
        text.truncate()
        yield line


def _name(key: object) -> str:
    if type(key) is not str:
        raise _NoWayError(f"CSV has no column {key!r}: only str")
    return key


def _cells(record: Any, names: list[str] | None, lost: Counter[str], strict: bool) -> list[str]:
    if names is not None:
        if type(record) is not dict or record.keys() != set(names):
            raise _NoWayError(f"expected a dict with the keys {', '.join(names)}, as before")
        return [_cell(record[name], f"[{name!r}]", lost, strict) for name in names]
    if type(record) is dict:
        raise _NoWayError("expected a tuple or list, as before, not a dict")
    values = record if type(record) in (tuple, list) else [record]
    return [_cell(value, f"[{at}]", lost, strict) for at, value in enumerate(values)]


def _cell(value: Any, step: str, lost: Counter[str], strict: bool) -> str:
    kind = type(value)
    try:
        if kind is str:
            return str(value)
        if value is None:
            _note(lost, "None becomes empty", strict)
            return ""
        if kind in (int, float, bool):
            _note(lost, f"{kind.__name__} becomes text", strict)
            return repr(value)
        raise _NoWayError(f"CSV has no {kind.__name__}")
    except _NoWayError as error:
        error.path = step
        raise
