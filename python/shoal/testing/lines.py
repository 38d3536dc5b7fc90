"""The lines of tests, accounted for by the profiler's engine."""

from __future__ import annotations

import sys

from shoal import _profile
from shoal.profiler import source

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import CodeType

    import pytest

__all__ = ["TestLines"]


class TestLines:
    """Accounts for the lines of tests' own functions."""

    __test__ = False  # For pytest, which collects what is named so.

    def __init__(self) -> None:
        self._watched: set[CodeType] = set()

    def watch(self, item: pytest.Item) -> CodeType | None:
        """Begin the figures of a test's function anew.

        Parameters
        ----------
        item : pytest.Item
            The test.

        Returns
        -------
        types.CodeType or None
            What `_profile.figures` knows it by; None where its lines cannot be had.
        """
        if sys.version_info < (3, 12) and sys.gettrace() is not None:
            return None  # It would take the place of a debugger or a coverage tool.
        try:
            code = source.code_of(getattr(item, "function", None))
            if code not in self._watched:
                if _is_watched(code):
                    return None  # By the test itself: its figures are of more than this call.
                _profile.watch(code, source.line_count(code))
                self._watched.add(code)
        except (source.NoSourceError, RuntimeError):
            return None
        _profile.reset(code)
        return code


def _is_watched(code: CodeType) -> bool:
    try:
        _profile.figures(code)
    except KeyError:
        return False
    return True
