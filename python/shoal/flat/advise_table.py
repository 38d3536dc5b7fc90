"""The screen of ``shoal advise``."""

from __future__ import annotations

from shoal.inspect.figures import counted, tell
from shoal.inspect.pane import Pane, section
from shoal.profiler.paint import write_escaped

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import TextIO

    from shoal.flat.advise import Advice, ColumnAdvice

__all__ = ["write_advice"]

_COLUMNS = (
    "<column",
    "<type",
    "objects",
    "shared strings",
    "array",
    "NumPy",
    "Arrow",
    "?<packed as",
)
_WORTH_TELLING = 0.9  # sharing that saves less than a tenth is not


def write_advice(advice: Advice, what_to_call: list[str], is_flat: bool, stream: TextIO) -> None:
    """Write the table, and below it what to do.

    Parameters
    ----------
    advice : Advice
        About the records.
    what_to_call : list of str
        Lines that come first.
    is_flat : bool
        Whether `shoal.flat.load` reads the file.
    stream : text file
        Where to.

    Raises
    ------
    OSError
        The stream cannot be written.
    """
    pane = Pane(stream)
    rows = [_row(column) for column in advice.columns]
    rows.append(("containers", "", tell(advice.containers), *_told([advice.containers]), *[""] * 4))
    rows.append(
        (
            "all",
            "",
            tell(advice.objects),
            tell(advice.shared),
            *_told([advice.packed(how) for how in ("array", "numpy", "arrow")]),
            "",
        )
    )
    title = counted(advice.records, "record")
    pane.show(section(title, _COLUMNS, rows, room=pane.width))
    stream.write("\n")
    for line in what_to_call:  # To be copied: no line is broken.
        write_escaped(stream, f"{line}\n")
    pane.show(*sentences(advice, is_flat))


def _told(sizes: list[int | None]) -> list[str]:
    return ["-" if size is None else tell(size) for size in sizes]


def _row(column: ColumnAdvice) -> tuple[str, ...]:
    types = " ".join(name for name in column.types)
    sizes = _told([column.shared, column.array, column.numpy, column.arrow])
    return column.name, types, tell(column.objects), *sizes, column.packed_as


def sentences(advice: Advice, is_flat: bool) -> list[str]:
    """Return what else there is to say; `is_flat`: flat.load reads the file."""
    found = []
    if all(advice.packed(how) is None for how in ("array", "numpy", "arrow")):
        found += [
            f"Column {column.name} cannot be packed: it has {' and '.join(column.types)}."
            for column in advice.columns
            if column.arrow is None
        ][:5]
    for column in advice.columns:
        if column.shared is not None and column.shared < _WORTH_TELLING * column.objects:
            about = "" if column.is_exact else "about "
            found.append(
                f"Column {column.name} has {about}"
                f"{counted(column.distinct or 0, 'different string')}: "
                f"{_sharing(column, is_flat)} saves up to "
                f"{tell(column.objects - column.shared)}."
            )
    nulls = [column.name for column in advice.columns if column.nulls]
    if nulls:
        found.append(f"None is in {', '.join(nulls[:5])}: Arrow has nulls, the others need a fill.")
    return found


def _sharing(column: ColumnAdvice, is_flat: bool) -> str:
    """Return how to have one object for all equal strings."""
    if "bytes" in column.types:
        return "one object for all equal ones"
    return "flat.load(path, share=True) or sys.intern" if is_flat else "sys.intern"
