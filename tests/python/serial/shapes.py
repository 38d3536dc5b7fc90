"""The shape of a graph of objects: what is in it, and what of it is the same object."""

from __future__ import annotations

from typing import Any


class Node:
    """A plain object of the graphs."""


class Slotted:
    __slots__ = ("left", "right")


def _is_atom(value: object) -> bool:
    return value is None or type(value) in (bool, int, float)


def _order(value: object) -> str:
    return f"{type(value).__name__} {value!r}"


def _parts(value: Any) -> list[Any]:
    kind = type(value)
    if kind in (list, tuple):
        return list(value)
    if kind in (set, frozenset):
        return sorted(value, key=_order)
    if kind is dict:
        return [part for pair in value.items() for part in pair]
    if kind is Node:
        return [value.__dict__]
    if kind is Slotted:
        return [getattr(value, name, None) for name in Slotted.__slots__]
    return []


def shape(root: object) -> list[object]:
    """Return the objects of a graph in the order of a walk, met ones by their number.

    Two graphs have equal shapes if and only if they are the same but for the
    addresses. What a stream never tells apart, numbers and None, counts by value.
    """
    numbers: dict[int, int] = {}
    found: list[object] = []
    waiting = [root]
    while waiting:
        value = waiting.pop()
        if _is_atom(value):
            found.append((type(value).__name__, repr(value)))
        elif id(value) in numbers:
            found.append(("again", numbers[id(value)]))
        else:
            numbers[id(value)] = len(numbers)
            parts = _parts(value)
            leaf = value if isinstance(value, (str, bytes, bytearray)) else len(parts)
            found.append((type(value).__name__, leaf))
            waiting.extend(reversed(parts))
    return found
