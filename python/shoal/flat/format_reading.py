"""Records from files of other formats: pickles, JSON lines, CSV. Nothing in them is run."""

from __future__ import annotations

import csv
import io
import json
import os

from shoal._flat import MAX_DEPTH, MAX_DIGITS, MAX_LINE, Reader

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Any, BinaryIO

__all__ = ["FORMATS", "SUFFIXES", "BadInputError", "ending_of", "format_of", "records_of"]

FORMATS = ("flat", "pickle", "jsonl", "csv")

SUFFIXES = {
    ".flat": "flat",
    ".txt": "flat",
    ".pickle": "pickle",
    ".pkl": "pickle",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".csv": "csv",
}
_PACKED = (".gz", ".bz2", ".xz", ".lzma", ".zst")

_LITERAL_CLASSES = ("builtins.complex", "builtins.frozenset", "builtins.set")
"""What pickles may name: types of literals that have no opcode in every protocol."""


class BadInputError(Exception):
    """What is wrong with the input, in one line that names the place."""


def format_of(name: str) -> str | None:
    """Return the format that a file's name tells of; None: it tells of none."""
    return SUFFIXES.get(ending_of(name))


def ending_of(name: str) -> str:
    """Return the ending of a file's name, below that of a compression; "" if there is none."""
    bare, suffix = os.path.splitext(os.path.basename(name.lower()))
    return os.path.splitext(bare)[1] if suffix in _PACKED else suffix


def records_of(
    file: BinaryIO,
    name: str,
    form: str,
    *,
    header: bool = True,
    numbers: bool = False,
    bounds: dict[str, int] | None = None,
) -> Iterator[Any]:
    """Yield the records of a file.

    Parameters
    ----------
    file : binary file
        Unpacked already.
    name : str
        What errors call it.
    form : str
        One of `FORMATS`.
    header : bool
        CSV: whether the first row names the columns, so that records are dicts; else
        they are lists.
    numbers : bool
        CSV: whether cells that are written as Python writes numbers are numbers.
    bounds : dict, optional
        max_line, max_depth and max_digits.

    Raises
    ------
    BadInputError, FlatError
        The first line, or pickle, that is none.
    """
    given: dict[str, Any] = {
        "max_line": MAX_LINE,
        "max_depth": MAX_DEPTH,
        "max_digits": MAX_DIGITS,
        **(bounds or {}),
    }
    if form == "flat":
        return iter(Reader(file, name=name, **given))
    if form == "pickle":
        return _of_pickles(file, name)
    if form == "jsonl":
        return _of_json(file, name, given["max_line"])
    return _of_csv(file, name, header, _number if numbers else None, given["max_line"])


def _of_pickles(file: BinaryIO, name: str) -> Iterator[Any]:
    """Yield the items of the one list in a file, or one pickle after the other."""
    from shoal import pickle

    buffered = file if hasattr(file, "peek") else io.BufferedReader(file)  # type: ignore[type-var]
    number = 0
    held: list[Any] = []
    while buffered.peek(1):
        try:
            loaded = pickle.load(buffered, allow=_LITERAL_CLASSES)
        except (pickle.UnpicklingError, EOFError, ValueError, RecursionError) as error:
            raise BadInputError(f"{name}: pickle {number + 1}: {error}") from None
        number += 1
        if number == 1:
            held = [loaded]
            continue
        if held:
            yield held.pop()
        yield loaded
    if held and number == 1:
        only = held.pop()
        if isinstance(only, (list, tuple, set, frozenset)):
            yield from only
        else:
            yield only


def _lines(file: BinaryIO, name: str, most: int) -> Iterator[tuple[int, bytes]]:
    """Yield lines that have something in them, with their numbers."""
    number = 0
    while line := file.readline(most + 2):
        number += 1
        if len(line.rstrip(b"\r\n")) > most:
            raise BadInputError(f"{name}:{number}: a line is longer than {most} bytes")
        if line.strip():
            yield number, line


def _of_json(file: BinaryIO, name: str, most: int) -> Iterator[Any]:
    for number, line in _lines(file, name, most):
        try:
            text = line.decode("utf-8-sig" if number == 1 else "utf-8")
            yield json.loads(text.rstrip("\r\n"))
        except json.JSONDecodeError as error:
            place = f"{name}:{number}:{error.colno}"
            raise BadInputError(f"{place}: no JSON: {error.msg}") from None
        except UnicodeDecodeError as error:
            raise BadInputError(f"{name}:{number}: no UTF-8: byte {error.start + 1}") from None
        except (ValueError, RecursionError) as error:
            raise BadInputError(f"{name}:{number}: no JSON: {error}") from None


def _number(cell: str) -> object:
    """Return the number that a cell is, written as Python writes it, or the cell."""
    for kind in (int, float):
        try:
            number = kind(cell)
        except ValueError:
            continue
        if repr(number) == cell:
            return number
    return cell


def _of_csv(
    file: BinaryIO,
    name: str,
    header: bool,
    convert: Callable[[str], object] | None,
    most: int,
) -> Iterator[Any]:
    csv.field_size_limit(most)
    text = io.TextIOWrapper(file, encoding="utf-8-sig", newline="")
    rows = csv.reader(text, strict=True)
    names: list[str] | None = None
    try:
        for row in rows:
            if not row:
                continue
            if header and names is None:
                names = _header(row, name)
                continue
            cells = [convert(cell) for cell in row] if convert else row
            if names is None:
                yield cells
                continue
            if len(row) != len(names):
                raise BadInputError(
                    f"{name}:{rows.line_num}: expected {len(names)} cells, found {len(row)}"
                )
            yield dict(zip(names, cells))
    except csv.Error as error:
        raise BadInputError(f"{name}:{rows.line_num}: no CSV: {error}") from None
    except UnicodeDecodeError:
        raise BadInputError(f"{name}:{rows.line_num + 1}: no UTF-8") from None
    finally:
        text.detach()


def _header(row: list[str], name: str) -> list[str]:
    if len(set(row)) != len(row):
        raise BadInputError(f"{name}:1: a column's name occurs twice: {', '.join(row)}")
    return row
