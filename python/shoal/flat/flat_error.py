"""What is raised for a line that is no record."""

from __future__ import annotations


class FlatError(ValueError):
    """A line that cannot be read.

    Attributes
    ----------
    file : str or None
        The file, as it was called.
    line : int
        From 1.
    column : int
        In characters, from 1: the first that does not fit.
    expected : str
        What should be there.
    found : str
        What is there.
    """

    def __init__(self, file: str | None, line: int, column: int, expected: str, found: str) -> None:
        self.file = file
        self.line = line
        self.column = column
        self.expected = expected
        self.found = found
        super().__init__(file, line, column, expected, found)

    def __str__(self) -> str:
        place = f"{self.file}: " if self.file else ""
        return (
            f"{place}line {self.line}, column {self.column}: "
            f"expected {self.expected}, found {self.found}"
        )
