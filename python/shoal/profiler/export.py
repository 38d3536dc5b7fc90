"""A report for other programs: JSON that can be read back, and CSV.

The schema, version 1 (``"shoal-profile": 1``): one JSON object whose keys are
the fields of `Report`; ``functions`` is a list of objects with the fields of
`Function`; their ``lines`` are objects with those of `Line`, and their ``pins``
with those of `Pin`. The fields mean
what `shoal.profiler.model` says: bytes are whole numbers, times are seconds,
and only ``rss``, ``rss_peak``, ``rss_growth`` and ``rss_before`` may be null.

A later version 1 may have more keys; readers pass over those they do not know.
Keys that change their meaning, or go, make a version 2.

CSV has a header and one row for each line of source, in the order of the
tables: `CSV_COLUMNS`. Bytes are whole numbers; what was not measured is empty.
"""

from __future__ import annotations

import csv
import dataclasses
import json
import os

from shoal._json_reading import parse, read
from shoal.profiler.model import Report
from shoal.profiler.schema import VERSION, VERSION_KEY, BadProfileError, report_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import TextIO

__all__ = ["CSV_COLUMNS", "BadProfileError", "from_json", "load", "write_csv", "write_json"]

MOST_BYTES = 2**30
"""A profile's file is no larger: that is some 3 million lines of source."""

LINE_COLUMNS = (
    "number",
    "hits",
    "rss",
    "rss_growth",
    "live",
    "live_blocks",
    "made",
    "peak",
    "net",
    "held",
    "returned",
    "pinned",
    "worst_growth",
    "rss_peak",
    "regained",
    "early_hits",
    "early_live",
    "low_live",
    "text",
)

CSV_COLUMNS = ("filename", "function", "calls", *LINE_COLUMNS)


def write_json(report: Report, stream: TextIO) -> None:
    """Write a report as JSON, in ASCII and one object a line of source.

    Raises
    ------
    OSError
        `stream` cannot be written.
    """
    # One source line a line, so that two profiles can be compared with diff.
    head = {VERSION_KEY: VERSION, **_fields(report, but="functions")}
    stream.write(f'{json.dumps(head, allow_nan=False)[:-1]}, "functions": [')
    for place, function in enumerate(report.functions):
        pins = [_fields(pin) for pin in function.pins]
        fields = json.dumps({**_fields(function, but="lines"), "pins": pins})
        stream.write(f'{"," if place else ""}\n{fields[:-1]}, "lines": [')
        lines = ",\n".join(json.dumps(_fields(line)) for line in function.lines)
        stream.write(f"\n{lines}]}}" if lines else "]}")
    stream.write("]}\n")


def _fields(item: object, but: str = "") -> dict[str, object]:
    """Return the fields of a dataclass by name; unlike asdict, without copying what they hold."""
    names = (field.name for field in dataclasses.fields(item))  # type: ignore[arg-type]
    return {name: getattr(item, name) for name in names if name != but}


def write_csv(report: Report, stream: TextIO) -> None:
    """Write a report as CSV, see `CSV_COLUMNS`; open files for it with ``newline=""``.

    Raises
    ------
    OSError
        `stream` cannot be written.
    """
    rows = csv.writer(stream)
    rows.writerow(CSV_COLUMNS)
    for function in report.functions:
        of_function = (function.filename, function.name, function.calls)
        for line in function.lines:
            rows.writerow((*of_function, *(getattr(line, name) for name in LINE_COLUMNS)))


def load(path: str | os.PathLike[str]) -> Report:
    """Read a report that `write_json` wrote.

    Raises
    ------
    BadProfileError
        The file is no profile, or one with a mistake; the message names the
        file and what is wrong, in one line.
    OSError
        It cannot be read.
    """
    return from_json(read(path, MOST_BYTES, BadProfileError), os.fsdecode(path))


def from_json(data: str | bytes, name: str = "profile") -> Report:
    """Return the report that JSON describes.

    Parameters
    ----------
    data : str or bytes
        What `write_json` wrote; bytes are UTF-8.
    name : str
        What the error message calls it.

    Raises
    ------
    BadProfileError
        See `load`.
    """
    return parse(data, name, report_of, BadProfileError, pairs=_once)


def _once(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [key for key, _ in pairs]
        twice = next(key for key in names if names.count(key) > 1)
        raise BadProfileError(f"the key {ascii(twice)[:60]} is there twice in one object")
    return found
