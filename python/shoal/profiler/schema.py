"""Checks that what JSON says is a report; see `shoal.profiler.export` for the schema.

Nothing of a profile's file is believed: each value must have the type and the
range that its field has. What is wrong is named by its place, such as
``functions[0].lines[3].hits``.
"""

from __future__ import annotations

import math

from shoal._json_reading import BadJSONError
from shoal.profiler.model import Function, Line, Pin, Report

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Literal

__all__ = ["VERSION", "VERSION_KEY", "BadProfileError", "report_of"]

VERSION_KEY = "shoal-profile"
VERSION = 1

_ALLOCATORS: dict[str, Literal["shoal", "pymalloc"]] = {"shoal": "shoal", "pymalloc": "pymalloc"}

_LEAST, _MOST = -(2**63), 2**63 - 1
_COUNTS = ("hits", "live", "live_blocks", "made", "peak", "returned", "pinned")
"""Fields of a line that are never below zero."""
_CHANGES = ("net", "held", "worst_growth")
_NEW = ("regained", "early_hits", "early_live", "low_live")
"""Fields that the first files of this version do not have."""


class BadProfileError(BadJSONError):
    """What is wrong with a profile's file, in one line for the user."""

    kind = "profile"


def report_of(found: object) -> Report:
    """Return the report that a JSON object describes.

    Raises
    ------
    BadProfileError
        It describes none.
    """
    if not isinstance(found, dict) or VERSION_KEY not in found:
        raise BadProfileError(f'not a profile: no object with the key "{VERSION_KEY}"')
    version = found[VERSION_KEY]
    if type(version) is not int or version != VERSION:
        raise BadProfileError(f"{VERSION_KEY}: expected version {VERSION}, found {_shown(version)}")
    top = _Fields("", found)
    allocator = _ALLOCATORS.get(top.text("allocator"))
    if allocator is None:
        raise top.wrong("allocator", '"shoal" or "pymalloc"')
    command = top.sequence("command")
    if not all(isinstance(word, str) for word in command):
        raise top.wrong("command", "a list of strings")
    functions = top.sequence("functions")
    return Report(
        functions=tuple(_function(f"functions[{at}]", item) for at, item in enumerate(functions)),
        allocator=allocator,
        pid=top.count("pid"),
        command=tuple(command),
        python=top.text("python"),
        started=top.seconds("started"),
        seconds=top.seconds("seconds"),
        live=top.count("live"),
        held=top.count("held"),
        returned=top.count("returned"),
        rss=top.count("rss"),
    )


def _function(place: str, found: object) -> Function:
    fields = _Fields(place, found)
    first = fields.count("first_line")
    lines: list[Line] = []
    for at, item in enumerate(fields.sequence("lines")):
        lines.append(_line(f"{place}.lines[{at}]", item))
        if lines[-1].number < max(first, lines[at - 1].number + 1 if at else 0):
            raise BadProfileError(f"{place}.lines[{at}].number: {lines[-1].number} is out of order")
    return Function(
        name=fields.text("name"),
        filename=fields.text("filename"),
        first_line=first,
        calls=fields.count("calls"),
        lines=tuple(lines),
        rss_before=fields.count_or_none("rss_before"),
        pins=tuple(
            _pin(f"{place}.pins[{at}]", item) for at, item in enumerate(fields.sequence("pins"))
        ),
    )


def _pin(place: str, found: object) -> Pin:
    fields = _Fields(place, found)
    lines = fields.sequence("lines")
    if not lines or not all(type(line) is int and 0 < line <= _MOST for line in lines):
        raise fields.wrong("lines", "numbers of lines")
    return Pin(lines=tuple(lines), held=fields.count("held"), live=fields.count("live"))


def _line(place: str, found: object) -> Line:
    fields = _Fields(place, found)
    text = fields.text("text")
    if "\n" in text:
        raise fields.wrong("text", "one line of source")
    return Line(
        number=fields.count("number"),
        text=text,
        rss=fields.count_or_none("rss"),
        rss_peak=fields.count_or_none("rss_peak"),
        rss_growth=None if fields.get("rss_growth") is None else fields.change("rss_growth"),
        **{name: fields.count(name) for name in _COUNTS},
        **{name: fields.change(name) for name in _CHANGES},
        **{name: fields.change(name) for name in _NEW if name in fields},
    )


class _Fields:
    """The fields of one JSON object, each checked when it is asked for."""

    def __init__(self, place: str, found: object) -> None:
        if not isinstance(found, dict):
            raise BadProfileError(f"{place}: expected an object, found {_shown(found)}")
        self._place = place
        self._found: dict[str, Any] = found

    def _path(self, name: str) -> str:
        return f"{self._place}.{name}" if self._place else name

    def __contains__(self, name: str) -> bool:
        return name in self._found

    def get(self, name: str) -> Any:
        if name not in self._found:
            raise BadProfileError(f"{self._path(name)}: missing")
        return self._found[name]

    def wrong(self, name: str, expected: str) -> BadProfileError:
        shown = _shown(self._found[name])
        return BadProfileError(f"{self._path(name)}: expected {expected}, found {shown}")

    def text(self, name: str) -> str:
        value = self.get(name)
        if not isinstance(value, str):
            raise self.wrong(name, "a string")
        return value

    def sequence(self, name: str) -> list[Any]:
        value = self.get(name)
        if not isinstance(value, list):
            raise self.wrong(name, "a list")
        return value

    def change(self, name: str) -> int:
        value = self.get(name)
        # Not isinstance: true and false are whole numbers to Python.
        if type(value) is not int or not _LEAST <= value <= _MOST:
            raise self.wrong(name, "a whole number of up to 64 bits")
        return value

    def count(self, name: str) -> int:
        value = self.get(name)
        if type(value) is not int or not 0 <= value <= _MOST:
            raise self.wrong(name, "a whole number, at least 0 and of up to 64 bits")
        return value

    def count_or_none(self, name: str) -> int | None:
        return None if self.get(name) is None else self.count(name)

    def seconds(self, name: str) -> float:
        value = self.get(name)
        number = type(value) is float or (type(value) is int and value <= _MOST)
        if not number or not 0 <= value < math.inf:
            raise self.wrong(name, "seconds, at least 0")
        return float(value)


def _shown(value: object) -> str:
    """Return what was found: short, in one line, in ASCII."""
    if isinstance(value, dict):
        return "an object"
    if isinstance(value, list):
        return f"a list of {len(value):,}"
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, int) and abs(value) > _MOST:
        return "a larger number"
    shown = ascii(value)
    return shown if len(shown) <= 60 else shown[:57] + "..."
