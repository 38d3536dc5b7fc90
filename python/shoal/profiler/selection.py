"""Which code is profiled without a decorator: ``shoal profile --all`` and ``--only``."""

from __future__ import annotations

import fnmatch
import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from types import CodeType

__all__ = ["Selection"]

_LIBRARY = os.path.dirname(os.path.abspath(os.__file__)) + os.sep
_SHOAL = os.path.dirname(os.path.dirname(os.path.abspath(__file__))) + os.sep
_INSTALLED = (f"{os.sep}site-packages{os.sep}", f"{os.sep}dist-packages{os.sep}")

_IS_FUNCTION = 0x1 | 0x2
"""CO_OPTIMIZED and CO_NEWLOCALS, which functions have and the bodies of classes do not."""


class Selection:
    """Chooses among all the code that runs.

    Functions of the user's own files are chosen: not those of the standard
    library, of installed packages or of this one, and not what has no file.
    What a lambda or a comprehension does is on the line that runs it anyway,
    and what a class's body does on the line of its ``class``. Of the program
    that is run, the module's own code is chosen too.

    Parameters
    ----------
    patterns : sequence of str
        Shell patterns; empty: all. One with a slash, or with ``.py`` at its end,
        chooses files by their path, from the root or from the current
        directory, also where they are not the user's own. Any other chooses
        functions of the user's own files by qualified name: ``Tree.*``.
    """

    def __init__(self, patterns: Sequence[str] = ()) -> None:
        self._files = tuple(pattern for pattern in patterns if _is_of_files(pattern))
        self._names = tuple(pattern for pattern in patterns if not _is_of_files(pattern))
        self._every = not patterns
        self._directory = os.getcwd() + os.sep
        self._main: frozenset[CodeType] = frozenset()
        self._main_file = ""
        self._chosen_files: dict[str, bool] = {}
        self._own_files: dict[str, bool] = {}

    def add_main(self, code: CodeType) -> None:
        """Add the code of the program that is run: its file is the user's own, wherever it is."""
        self._main = frozenset(_codes_within(code))
        self._main_file = code.co_filename

    def wants(self, code: CodeType) -> bool:
        """Say whether a code object is to be profiled."""
        if not _is_function(code) and not (code in self._main and code.co_name == "<module>"):
            return False
        if code.co_filename.startswith("<"):  # Of `-c`: other code made from strings has the name.
            return code in self._main and self._is_named(code)
        if self._is_chosen_file(code.co_filename):
            return True
        return self._is_own_file(code.co_filename) and self._is_named(code)

    def _is_named(self, code: CodeType) -> bool:
        name = getattr(code, "co_qualname", code.co_name)
        return self._every or any(fnmatch.fnmatchcase(name, glob) for glob in self._names)

    def _is_chosen_file(self, filename: str) -> bool:
        if filename not in self._chosen_files:
            path = os.path.abspath(filename)
            names = [path]
            if path.startswith(self._directory):
                names.append(path[len(self._directory) :])
            self._chosen_files[filename] = any(
                fnmatch.fnmatchcase(name, glob) for name in names for glob in self._files
            )
        return self._chosen_files[filename]

    def _is_own_file(self, filename: str) -> bool:
        if filename not in self._own_files:
            path = os.path.abspath(filename)
            self._own_files[filename] = filename == self._main_file or not (
                path.startswith((_LIBRARY, _SHOAL)) or any(part in path for part in _INSTALLED)
            )
        return self._own_files[filename]


def _is_of_files(pattern: str) -> bool:
    return "/" in pattern or pattern.endswith(".py")


def _is_function(code: CodeType) -> bool:
    """Say whether it is what a ``def`` in the source makes.

    Since 3.14 what is annotated has a function of the compiler's beside it, which makes
    the annotations when they are asked for.
    """
    if code.co_flags & _IS_FUNCTION != _IS_FUNCTION:
        return False
    return not code.co_name.startswith("<") and code.co_name != "__annotate__"


def _codes_within(code: CodeType) -> Iterator[CodeType]:
    yield code
    for constant in code.co_consts:
        if hasattr(constant, "co_code"):
            yield from _codes_within(constant)
