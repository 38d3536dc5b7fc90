"""One record a line: Python literals in a text file, without ``eval``.

    from shoal import flat

    flat.dump(records, "records.txt")
    for record in flat.iterate("records.txt"):
        ...

A line is what ``repr`` writes of a record, so the file can be read, searched, compared
and appended to by everything that knows lines, and by `ast.literal_eval`. Writing and
reading take the memory of one record. Reading checks every byte, and runs no code
whatever is in the file. ``docs/flat.md`` has the format.

Records are literals: int, float, complex, str, bytes, bool, None, Ellipsis, and tuple, list,
dict, set and frozenset of those, exactly these types. What is derived from them (named
tuples, enums, NumPy's scalars) is refused, as its ``repr`` is no literal.

Where a path is taken, its name says how the file is compressed: ``.gz``, ``.bz2``, ``.xz``,
``.zst``. A file must be binary.
"""

from __future__ import annotations

import os

from shoal._flat import MAX_DEPTH, MAX_DIGITS, MAX_LINE, Reader, dumps
from shoal._flat import dump as _dump
from shoal.flat.flat_error import FlatError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Any, Literal, overload

    from shoal._flat import ReadableFile, WritableFile
    from shoal.flat.advise import advise
    from shoal.flat.packing import columns

    Path = str | os.PathLike[str]
    Source = Path | ReadableFile | bytes | bytearray | memoryview
    Progress = bool | Callable[[int, float | None], object] | None
    Errors = Literal["raise", "skip", "collect"]
else:

    def overload(function: object) -> None:
        """Stand in for typing.overload, which would be imported for it alone."""


__all__ = [
    "MAX_DEPTH",
    "MAX_DIGITS",
    "MAX_LINE",
    "FlatError",
    "advise",
    "append",
    "columns",
    "count",
    "dump",
    "dumps",
    "iterate",
    "load",
    "loads",
]


def __getattr__(name: str) -> Any:
    """Import what few need when it is asked for."""
    homes = {"columns": "shoal.flat.packing", "advise": "shoal.flat.advise"}
    if name not in homes:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    found = globals()[name] = getattr(import_module(homes[name]), name)
    return found


def dump(
    records: Iterable[object],
    file: Path | WritableFile,
    *,
    durable: bool = False,
    progress: Progress = None,
    max_depth: int = MAX_DEPTH,
    max_line: int = MAX_LINE,
    max_digits: int = MAX_DIGITS,
) -> int:
    """Write records, one a line.

    Parameters
    ----------
    records : iterable
        Of literals. It is gone through once; no record is kept.
    file : path or binary file
        A file at a path is replaced when all is written, and not before: an exception
        leaves the old one as it was. A file that is open gets the lines before the
        record that fails, and of that one nothing.
    durable : bool
        Whether a file at a path is to be on the disk before this returns.
    progress : bool or callable, optional
        Draw a progress bar on standard error when the work takes long; or call this now
        and then with the bytes written and the part that is done, None where not known.
    max_depth, max_line, max_digits : int
        The most brackets in one another, bytes of a line and digits of an int: what a
        reader with the same bounds takes.

    Returns
    -------
    int
        How many records.

    Raises
    ------
    TypeError
        There is something that is no literal. The message names the record, from 0, and
        where in it: ``record 17, [2]['key']: date is no literal``.
    ValueError
        A record contains itself, or is beyond a bound; named in the same way.
    """
    return _write(
        records,
        file,
        progress,
        durable,
        {"max_depth": max_depth, "max_line": max_line, "max_digits": max_digits},
    )


def append(
    records: Iterable[object],
    path: Path,
    *,
    durable: bool = False,
    torn: str = "raise",
    progress: Progress = None,
    max_depth: int = MAX_DEPTH,
    max_line: int = MAX_LINE,
    max_digits: int = MAX_DIGITS,
) -> int:
    """Write records behind those that a file has; it is made if it is not there.

    All of them arrive or, on an exception, none. Parameters and exceptions as of `dump`,
    and besides:

    Parameters
    ----------
    durable : bool
        Whether all is to be on the disk before this returns.
    torn : {"raise", "end", "cut"}
        What to do about a last line without a line break, as an accident leaves it:
        raise ValueError, end the line, or remove it.
    """
    from shoal.flat.appending import appending

    bounds = {"max_depth": max_depth, "max_line": max_line, "max_digits": max_digits}
    with appending(path, durable=durable, torn=torn) as file:
        return _write(records, file, progress, durable, bounds)


if TYPE_CHECKING:

    @overload
    def load(  # noqa: D103
        file: Source,
        *,
        errors: Literal["collect"],
        share: bool = False,
        progress: Progress = None,
        max_depth: int = MAX_DEPTH,
        max_line: int = MAX_LINE,
        max_digits: int = MAX_DIGITS,
    ) -> tuple[list[Any], list[FlatError]]: ...
    @overload
    def load(  # noqa: D103, F811
        file: Source,
        *,
        errors: Literal["raise", "skip"] = "raise",
        share: bool = False,
        progress: Progress = None,
        max_depth: int = MAX_DEPTH,
        max_line: int = MAX_LINE,
        max_digits: int = MAX_DIGITS,
    ) -> list[Any]: ...


def load(
    file: Source,
    *,
    errors: Errors = "raise",
    share: bool = False,
    progress: Progress = None,
    max_depth: int = MAX_DEPTH,
    max_line: int = MAX_LINE,
    max_digits: int = MAX_DIGITS,
) -> Any:
    """Read all records.

    Parameters
    ----------
    file : path, binary file or buffer
        A buffer, as bytes or a mapped file, is the text itself.
    errors : {"raise", "skip", "collect"}
        What becomes of a line that is no record: it raises, is passed over, or is passed
        over and told of in what is returned.
    share : bool
        Make str, int and float that are equal one object, as far as a small cache sees
        them. Keys of dicts are always shared so.
    progress : bool or callable, optional
        As of `dump`.
    max_depth, max_line, max_digits : int
        The most brackets in one another, bytes of a line and digits of an int. A line
        beyond them is no record.

    Returns
    -------
    list, or with errors="collect" a tuple of two
        The records, and a list of the errors.

    Raises
    ------
    FlatError
        A line is no record: which, where in it, and what was expected. A ValueError.
    """
    bounds = {"max_depth": max_depth, "max_line": max_line, "max_digits": max_digits}
    with _open(file, errors, share, progress, bounds) as reader:
        records = reader.load()
        return (records, reader.errors) if errors == "collect" else records


def loads(
    text: str | bytes | bytearray | memoryview,
    *,
    errors: Errors = "raise",
    share: bool = False,
    max_depth: int = MAX_DEPTH,
    max_line: int = MAX_LINE,
    max_digits: int = MAX_DIGITS,
) -> Any:
    """Read all records of a text; otherwise as `load`."""
    data = text.encode() if isinstance(text, str) else text
    return load(
        data,
        errors=errors,
        share=share,
        max_depth=max_depth,
        max_line=max_line,
        max_digits=max_digits,
    )


def iterate(
    file: Source,
    *,
    errors: Errors = "raise",
    share: bool = False,
    progress: Progress = None,
    max_depth: int = MAX_DEPTH,
    max_line: int = MAX_LINE,
    max_digits: int = MAX_DIGITS,
) -> Reader:
    """Read one record after the other, in the memory of one.

    Parameters as of `load`.

    Returns
    -------
    iterator
        Of the records. It also has ``line`` (number of the line read last), ``position``
        (bytes read), ``skipped`` (bad lines passed over), ``errors`` (a list: what was wrong
        with them, where ``errors="collect"``) and ``close()``, and is a context manager. After
        an exception it goes on behind the line that is no record.
    """
    bounds = {"max_depth": max_depth, "max_line": max_line, "max_digits": max_digits}
    return _open(file, errors, share, progress, bounds)


def count(file: Source, *, progress: Progress = None) -> int:
    """Count the lines that have a record: those that are not blank and no comment.

    None is looked into, so what is no record counts too.
    """
    with _open(file, "raise", False, progress, {}) as reader:
        return reader.count()


# ---- Paths, files and progress ---------------------------------------------------


def _is_path(file: object) -> bool:
    return isinstance(file, (str, os.PathLike))


def _write(
    records: Iterable[object],
    file: Any,
    progress: Progress,
    durable: bool,
    bounds: dict[str, int],
) -> int:
    if _is_path(file):
        from shoal.flat.files import replacing

        with replacing(file, durable=durable) as opened:
            return _write(records, opened, progress, durable, bounds)
    if progress is not True:
        return _dump(records, file, progress=progress or None, **bounds)
    from shoal._progress import ProgressBar

    bar = ProgressBar.on_terminal()
    try:
        return _dump(records, file, progress=bar.update if bar else None, **bounds)
    finally:
        if bar:
            bar.close()


def _open(
    source: Any, errors: str, share: bool, progress: Progress, bounds: dict[str, int]
) -> Reader:
    name = os.fsdecode(source) if _is_path(source) else getattr(source, "name", None)
    if _is_path(source):
        from shoal.flat.files import open_reading

        file = open_reading(source)
    else:
        file = source
    try:
        return Reader(
            file,
            name=name if isinstance(name, str) else None,
            errors=errors,
            share=share,
            progress=_progress(progress, file),
            close=_is_path(source),
            **bounds,
        )
    except BaseException:
        if _is_path(source):
            file.close()
        raise


def _progress(progress: Progress, file: Any) -> Callable[[int, float | None], object] | None:
    if not progress:
        return None
    from shoal.flat.reading_bar import progress_for

    return progress_for(progress, file)
