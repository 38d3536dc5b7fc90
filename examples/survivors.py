"""Make many small objects, keep a random few, drop the rest.

What should remain is the few. What does remain is every page (or, in the
interpreter's own allocator, every arena) that one of them lies in.
"""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from sys import getsizeof
from typing import Any, NamedTuple

import measure

SEED = 2013
SLOT = 8  # bytes of a list for each element


class Point:
    """A small object; with slots, so that its size can be asked for."""

    __slots__ = ("x", "y")

    def __init__(self, x: float, y: float) -> None:
        self.x = x
        self.y = y


class Kind(NamedTuple):
    """A kind of object: how one is made, and the bytes it takes all in all."""

    make: Callable[[int], Any]
    weigh: Callable[[Any], int]


KINDS = {
    "float": Kind(lambda i: i * 0.5, getsizeof),
    "str": Kind("value number {:012}".format, getsizeof),
    "dict": Kind(
        lambda i: {"id": i, "seen": False},
        lambda d: getsizeof(d) + getsizeof(d["id"]),
    ),
    "object": Kind(
        lambda i: Point(i * 0.5, i * 0.25),
        lambda p: getsizeof(p) + getsizeof(p.x) + getsizeof(p.y),
    ),
}


def main() -> None:
    parser = measure.options(__doc__, count=1_000_000)
    parser.add_argument("--kind", choices=KINDS, default="dict", help="what to make (dict)")
    parser.add_argument(
        "--keep",
        type=measure.positive(float),
        default=0.001,
        metavar="SHARE",
        help="the share that survives (0.001)",
    )
    run = measure.begin(parser)
    kind, share = KINDS[run.arguments.kind], run.arguments.keep
    make, chance = kind.make, Random(SEED).random

    things = [make(i) for i in range(run.count)]
    run.step("made")

    things = [thing for thing in things if chance() < share]
    run.step("kept")

    weight = sum(kind.weigh(thing) + SLOT for thing in things)
    run.finish(survivors=len(things), live_by_count=weight)


if __name__ == "__main__":
    main()
