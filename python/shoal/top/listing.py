"""The table written once, for people and scripts: aligned text, JSON, CSV.

JSON, schema 1 (``"shoal-top": 1``): ``processes`` is a list of objects with the
fields of `CSV_COLUMNS`, ``totals`` has those of `shoal.top.rows.Totals`. Sizes
are bytes, times seconds; null is what is not known, and ``why`` says why a heap
was not read. A later schema 1 may have more keys. CSV has the same fields, and
nothing where JSON has null; no totals.
"""

from __future__ import annotations

import csv
import dataclasses
import json

from shoal.top.columns import COLUMNS, totals_cells
from shoal.top.rows import add_up

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import TextIO

    from shoal.top.rows import Row

__all__ = ["CSV_COLUMNS", "write_csv", "write_json", "write_table"]

CSV_COLUMNS = (
    "pid",
    "user",
    "command",
    "rss",
    "pss",
    "live",
    "held",
    "returnable",
    "allocator",
    "python",
    "age",
    "why",
    "detail",
    "read_seconds",
)


def write_table(rows: list[Row], stream: TextIO, width: int | None = None) -> None:
    """Write a line of titles, one for each row, and one of totals; columns are aligned.

    Parameters
    ----------
    rows : list of Row
    stream : text file
    width : int, optional
        Longer lines are cut, for a terminal.
    """
    lines = [[column.title for column in COLUMNS]]
    lines += [[column.tell(row) for column in COLUMNS] for row in rows]
    lines.append(totals_cells(add_up(rows)))
    widths = [max(map(len, cells)) for cells in zip(*lines)]
    for line in lines:
        cells = (
            cell.rjust(size) if column.right else cell.ljust(size)
            for column, cell, size in zip(COLUMNS, line, widths)
        )
        stream.write("  ".join(cells).rstrip()[:width] + "\n")


def write_json(rows: list[Row], stream: TextIO) -> None:
    """Write JSON, in ASCII and one object a line."""
    processes = ",\n".join(json.dumps(_fields(row)) for row in rows)
    totals = json.dumps(dataclasses.asdict(add_up(rows)))
    stream.write(f'{{"shoal-top": 1, "processes": [\n{processes}\n], "totals": {totals}}}\n')


def write_csv(rows: list[Row], stream: TextIO) -> None:
    """Write CSV with a header."""
    writer = csv.DictWriter(stream, CSV_COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(map(_fields, rows))


def _fields(row: Row) -> dict[str, object]:
    fields = {name: getattr(row, name) for name in CSV_COLUMNS}
    for name in ("age", "read_seconds"):
        if fields[name] is not None:
            fields[name] = round(fields[name], 3)
    return {name: None if value == "" else value for name, value in fields.items()}
