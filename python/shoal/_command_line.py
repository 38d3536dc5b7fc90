"""What the command lines of the package have in common."""

from __future__ import annotations

import argparse
import contextlib
import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NoReturn

__all__ = ["Parser", "drop_output"]


class Parser(argparse.ArgumentParser):
    """A parser that says what is wrong in one line."""

    def error(self, message: str) -> NoReturn:
        """Say it, and exit with status 2."""
        self.exit(2, f"{self.prog}: {message}\n")


def drop_output() -> None:
    """Let the exit not try to write what standard output did not take.

    Since 3.14 it tries again even what a flush has failed to write, and ends with a status
    of its own.
    """
    with contextlib.suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
