"""The source lines of functions, taken when profiling begins and cut when it ends.

`take` keeps the text that is there when a function is first profiled, so that a
table shows the lines that ran even if the file is edited meanwhile. It imports
nothing heavy: a program is measured while it runs. `Source.lines` does, after.

Source may be in a file, in a notebook's cell or an interactive session (what
linecache knows), or in a zip archive (what the module's loader knows).
"""

from __future__ import annotations

import os
import sys
from types import FunctionType

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import CodeType
    from typing import Any

__all__ = [
    "NoSourceError",
    "Source",
    "SourceChangedError",
    "code_of",
    "function_of",
    "line_count",
    "take",
]


class NoSourceError(Exception):
    """Why a function has no source lines, in one line for the user."""


class SourceChangedError(Exception):
    """Which file changed while it ran, in one line for the user."""


class Source:
    """Where the lines of a code object are; made by `take`.

    Attributes
    ----------
    code : CodeType
        The function's.
    filename : str
        As the interpreter knows it.
    first_line : int
        Number of its first line in the file, from 1.
    """

    __slots__ = ("_stamp", "_text", "code", "filename", "first_line")

    def __init__(self, code: CodeType, text: bytes | list[str], stamp: Stamp | None) -> None:
        self.code = code
        self.filename = code.co_filename
        self.first_line = code.co_firstlineno
        self._text = text
        self._stamp = stamp

    def lines(self) -> tuple[str, ...]:
        """Return the lines of the function, without newlines.

        The first is the one of number `first_line`. Those of a module's own
        code are all lines of the file.

        Raises
        ------
        NoSourceError
            The text that was taken cannot be decoded or is not the function's.
        SourceChangedError
            The text that was taken cannot be what ran: the file had changed
            before the function was first profiled.
        """
        every = self._decoded()
        if self.code.co_name == "<module>":
            return tuple(every)
        if not _fits(self.code, every):
            if self._stamp is None:
                raise _no_source(self.code, f"it was made from a string ({self.filename})")
            raise SourceChangedError(
                f"{self.filename} changed before {_name(self.code)} was profiled: "
                "its lines are not shown"
            )
        return tuple(every[self.first_line - 1 : _last_line(self.code, every)])

    def check(self) -> None:
        """Make sure that the file is as it was when its text was taken.

        Raises
        ------
        SourceChangedError
            It changed or is gone. `lines` still returns what was there.
        """
        if self._stamp is not None and _stamp(self.filename) != self._stamp:
            raise SourceChangedError(
                f"{self.filename} changed while it ran: "
                "the lines shown are those from when profiling began"
            )

    def rough_lines(self) -> list[str]:
        """Return the lines of the file; of what is not ASCII the characters are not right.

        They cost no import, and all that Python itself means anything by is in them.
        """
        if isinstance(self._text, list):
            return [line.rstrip("\r\n") for line in self._text]
        return [line.rstrip("\r") for line in self._text.decode("latin-1").split("\n")]

    def _decoded(self) -> list[str]:
        if isinstance(self._text, list):
            return self.rough_lines()
        import io
        import tokenize

        try:
            encoding, _ = tokenize.detect_encoding(io.BytesIO(self._text).readline)
            text = io.TextIOWrapper(io.BytesIO(self._text), encoding).read()
        except (SyntaxError, UnicodeDecodeError, LookupError) as error:
            reason = f"{self.filename} cannot be decoded ({error})"
            raise _no_source(self.code, reason) from None
        return text.removesuffix("\n").split("\n")


# ---- What to take -----------------------------------------------------------------


def code_of(function: Any) -> CodeType:
    """Return the code object of what was written with ``def`` or ``lambda``; see `function_of`."""
    found: Any = function_of(function)
    code: CodeType = getattr(found, "__code__", found)
    return code


def function_of(function: Any) -> FunctionType | CodeType:
    """Return the function that was written with ``def`` or ``lambda``, or code if that is given.

    Parameters
    ----------
    function : object
        A function, method, class method, static method, property, partial or
        decorated function (what ``__wrapped__`` leads to), or code itself.

    Raises
    ------
    NoSourceError
        It has no Python code, such as a function written in C.
    """
    name = getattr(function, "__qualname__", None) or type(function).__qualname__
    for _ in range(100):  # However it is wrapped: more is a circle.
        if hasattr(function, "co_firstlineno"):
            code: CodeType = function
            return code
        for attribute in ("__wrapped__", "__func__", "fget", "func", "__code__"):
            inner = getattr(function, attribute, None)
            if inner is not None and inner is not function:
                break
        else:
            break
        if attribute == "__code__" and isinstance(function, FunctionType):
            return function
        function = inner
    if callable(function) and not isinstance(function, type):
        raise NoSourceError(f"no source of {name}: it is not written in Python")
    raise NoSourceError(f"no source of {name}: it is not a function")


def take(code: CodeType, module_globals: Mapping[str, Any] | None = None) -> Source:
    """Take the text in which a code object's source is, as it is now.

    Parameters
    ----------
    code : CodeType
        Of the function that is about to be profiled.
    module_globals : mapping, optional
        Those of its module (``function.__globals__``), whose loader has the
        source where no file does. Without them the module is looked for in
        `sys.modules`.

    Raises
    ------
    NoSourceError
        There is none: made by exec, frozen, or the file is gone or cannot be
        read.
    """
    filename = code.co_filename
    kept = _kept.get(filename)
    stamp = _stamp(filename)
    if stamp is not None:
        if kept is None or kept[0] != stamp:
            kept = _kept[filename] = (stamp, _read(code))
        return Source(code, kept[1], stamp)
    import linecache

    if module_globals is None:
        module_globals = _module_globals(filename)
    lines = linecache.getlines(filename, dict(module_globals) if module_globals else None)
    if not lines:
        raise _no_source(code, _why_none(filename))
    return Source(code, lines, None)


# A file's text is shared by its functions. By file name: when it was changed last, the text.
_kept: dict[str, tuple[Stamp, bytes]] = {}


class Stamp(tuple[int, int, int]):
    """What tells one version of a file from another: inode, size, time of change in ns."""

    __slots__ = ()


def _stamp(filename: str) -> Stamp | None:
    """Return the stamp of a file, None if it is not there or no file."""
    try:
        found = os.stat(filename)
    except (OSError, ValueError):
        return None
    if not os.path.isfile(filename):
        return None
    return Stamp((found.st_ino, found.st_size, found.st_mtime_ns))


def _read(code: CodeType) -> bytes:
    try:
        with open(code.co_filename, "rb") as file:
            return file.read()
    except OSError as error:
        raise _no_source(code, f"{code.co_filename}: {error.strerror}") from None


def _module_globals(filename: str) -> Mapping[str, Any] | None:
    for module in list(sys.modules.values()):
        names = getattr(module, "__dict__", {})
        if names.get("__file__") == filename:
            found: Mapping[str, Any] = names
            return found
    return None


# ---- Saying why not ---------------------------------------------------------------


def _name(code: CodeType) -> str:
    return str(getattr(code, "co_qualname", code.co_name))


def _no_source(code: CodeType, reason: str) -> NoSourceError:
    return NoSourceError(f"no source of {_name(code)}: {reason}")


def _why_none(filename: str) -> str:
    if filename.startswith("<frozen"):
        return "its module is frozen into the interpreter"
    if filename.startswith("<") and filename.endswith(">"):
        return f"it was made from a string ({filename})"
    return f"no such file: {filename}"


def line_count(code: CodeType) -> int:
    """Return how many lines there are from the first to the last that has an instruction."""
    numbers = [line for _, _, line in code.co_lines() if line is not None]
    return max([*numbers, code.co_firstlineno]) - code.co_firstlineno + 1


# ---- Cutting the text -------------------------------------------------------------


def _fits(code: CodeType, every: list[str]) -> bool:
    """Say whether the text can be that of the code, by where it begins."""
    if not 1 <= code.co_firstlineno <= len(every):
        return False
    if code.co_name.startswith("<"):  # A lambda or a comprehension may begin anywhere.
        return True
    rest = every[code.co_firstlineno - 1 :]
    start = rest[0].lstrip()
    if start.startswith("@"):
        # What names it is below its decorators.
        return any(_defines(line, code.co_name) for line in rest[1:])
    return _defines(start, code.co_name)


def _defines(line: str, name: str) -> bool:
    words = line.replace("(", " ").replace(":", " ").replace("[", " ").split()
    words = words[1:] if words[:1] == ["async"] else words
    return words[:1] in (["def"], ["class"]) and (len(words) < 2 or _same_name(words[1], name))


def _same_name(written: str, compiled: str) -> bool:
    # The compiler knows names by their normal form, which for ASCII is the name itself.
    return written == compiled or not written.isascii() or written == "\\"


def _last_line(code: CodeType, every: list[str]) -> int:
    """Return the number of the last line: of the block in the text or of the code, the later."""
    import inspect
    import tokenize

    start = code.co_firstlineno - 1
    try:
        block = inspect.getblock([line + "\n" for line in every[start:]])
        last = start + len(block)
    except (SyntaxError, tokenize.TokenError, IndentationError):
        last = start + 1
    return min(max(last, _last_of_code(code)), len(every))


def _last_of_code(code: CodeType) -> int:
    """Return the highest line number that the code or code within it knows."""
    import dis

    last = max((number for _, number in dis.findlinestarts(code) if number), default=0)
    inner = (const for const in code.co_consts if hasattr(const, "co_firstlineno"))
    return max([last, *map(_last_of_code, inner)])
