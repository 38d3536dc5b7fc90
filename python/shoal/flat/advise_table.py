"""The screen of ``shoal advise``."""

from __future__ import annotations

from shoal.inspect.figures import counted, per_cent, tell
from shoal.inspect.pane import Pane, section

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


def write_advice(advice: Advice, stream: TextIO) -> None:
    """Write the table, and below it what to do.

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
    pane.show(section(title, _COLUMNS, rows, room=pane.width), *sentences(advice))


def _told(sizes: list[int | None]) -> list[str]:
    return ["-" if size is None else tell(size) for size in sizes]


def _row(column: ColumnAdvice) -> tuple[str, ...]:
    types = " ".join(name for name in column.types)
    sizes = _told([column.shared, column.array, column.numpy, column.arrow])
    return column.name, types, tell(column.objects), *sizes, column.packed_as


def sentences(advice: Advice) -> list[str]:
    """Return what to do about it."""
    found = []
    packed = {how: advice.packed(how) for how in ("array", "numpy", "arrow")}
    sizes = {how: size for how, size in packed.items() if size is not None}
    if sizes and advice.records:
        best = min(sizes, key=lambda how: sizes[how])
        share = per_cent(sizes[best], advice.objects)
        narrow = {
            column.name: column.packed_as
            for column in advice.columns
            if column.packed_as
            not in ("int64", "uint64", "float64", "bool", "str", "bytes", "null")
        }
        schema = f", {narrow}" if 0 < len(narrow) < 10 else ""
        found.append(
            f"flat.columns(path{schema}, into={best!r}) takes {share} of what objects take."
        )
    if not sizes:
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
                f"flat.load(path, share=True) or sys.intern saves up to "
                f"{tell(column.objects - column.shared)}."
            )
    nulls = [column.name for column in advice.columns if column.nulls]
    if nulls:
        found.append(f"None is in {', '.join(nulls[:5])}: Arrow has nulls, the others need a fill.")
    return found
