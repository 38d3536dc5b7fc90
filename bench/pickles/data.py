"""What is written and read: made in the measured interpreter, the same in every run."""

from __future__ import annotations

import json
import random
import string
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


def tuples(count: int) -> list[Any]:
    """Experiment B: a float, a string of 20 letters, an integer of 64 bits; nothing shared."""
    choice = random.Random(1)
    letters = string.ascii_letters
    return [
        (choice.random(), "".join(choice.choices(letters, k=20)), choice.randrange(2**64))
        for _ in range(count)
    ]


def _record(choice: random.Random, number: int) -> dict[str, Any]:
    return {
        "time": 1_700_000_000_000 + number * 37,
        "level": choice.choice(("INFO", "INFO", "INFO", "DEBUG", "WARNING", "ERROR")),
        "service": choice.choice(("api", "web", "auth", "billing", "search", "mail")),
        "host": f"node-{choice.randrange(40):02}.eu-west.example.net",
        "method": choice.choice(("GET", "GET", "POST", "PUT")),
        "path": f"/v1/{choice.choice(('users', 'orders', 'items'))}/{choice.randrange(200)}",
        "status": choice.choice((200, 200, 200, 201, 304, 404, 500)),
        "bytes": choice.randrange(100_000),
        "duration": round(choice.expovariate(20), 4),
        "country": choice.choice(("DE", "FR", "IT", "ES", "PL", "NL")),
    }


def dicts(count: int) -> list[Any]:
    """A log of one JSON object a line, parsed line by line: every record has its own keys."""
    choice = random.Random(2)
    return [json.loads(json.dumps(_record(choice, number))) for number in range(count)]


class Instance:
    """Says nothing of how it is pickled."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.name = f"name {number}"
        self.half = number / 2


@dataclass
class Slotted:
    """With slots: copyreg makes its state."""

    __slots__ = ("number", "name", "half")  # @dataclass(slots=True) is of 3.10
    number: int
    name: str
    half: float


def instances(count: int) -> list[Any]:
    """Instances of a plain class."""
    return [Instance(number) for number in range(count)]


def slotted(count: int) -> list[Any]:
    """Instances of a dataclass with slots."""
    return [Slotted(number, f"name {number}", number / 2) for number in range(count)]


def cyrillic(count: int) -> list[Any]:
    """Strings that are not ASCII, each another."""
    return [f"{number} рыб в косяке" for number in range(count)]


def small(_count: int) -> Any:
    """About a hundred bytes of pickle."""
    return {
        "id": 5_000_017,
        "name": "a shoal of fish",
        "at": (52.5, 13.4),
        "tags": ["sea", "north"],
    }


MAKERS: dict[str, Callable[[int], Any]] = {
    "tuples": tuples,
    "dicts": dicts,
    "instances": instances,
    "slotted": slotted,
    "cyrillic": cyrillic,
    "small": small,
}
COUNTS = {
    "tuples": 1_000_000,
    "dicts": 300_000,
    "instances": 200_000,
    "slotted": 200_000,
    "cyrillic": 300_000,
    "small": 100_000,  # times, not objects
}
