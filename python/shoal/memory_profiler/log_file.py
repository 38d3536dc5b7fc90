"""`LogFile`: a stream for profiles that writes to a logger."""

from __future__ import annotations

import logging
import re

__all__ = ["LogFile"]

_MEASURED = re.compile(r"\s*\d+\s+-?[\d.]+ MiB\s+(-?[\d.]+) MiB")


class LogFile:
    """Writes what is written to it to a logger, a message for each write.

    Parameters
    ----------
    name : str, optional
        Of the logger; the root's by default.
    reportIncrementFlag : bool
        Log only headings and lines whose increment is above zero.
    """

    def __init__(self, name: str | None = None, reportIncrementFlag: bool = False) -> None:
        self.logger = logging.getLogger(name)
        self.reportIncrementFlag = reportIncrementFlag

    def write(self, msg: str, level: int = logging.INFO) -> None:
        """Log a message, unless only increments are wanted and it tells of none."""
        if not self.reportIncrementFlag or _tells_of_increment(msg):
            self.logger.log(level, msg)

    def flush(self) -> None:
        """Flush the logger's handlers."""
        for handler in self.logger.handlers:
            handler.flush()


def _tells_of_increment(message: str) -> bool:
    measured = _MEASURED.match(message)
    if measured:
        return float(measured[1]) > 0
    return "Filename:" in message or "Line Contents" in message
