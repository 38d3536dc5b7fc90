"""The two heaps: a list of records, and a graph of objects.

A visit reads a field of a visited thing that lies in a block far from it, so that nearly every step
of a shuffled walk is to a page that nobody was on lately.
"""

from __future__ import annotations

import copy
import json
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

OTHERS = 4
BATCH = 1000
"""Of records, as text at a time: all of a large heap would be a text as large."""

Record = dict[str, Any]


@dataclass(frozen=True)
class Heap:
    """How a heap is made and used.

    `walk` visits things in the order given. `dumps` is None where the things are not for JSON.
    `parted` takes from a thing what it refers to, so that it keeps nobody else.
    """

    make: Callable[[int], list[Any]]
    walk: Callable[[Sequence[Any]], float]
    dumps: Callable[[Sequence[Any]], None] | None
    parted: Callable[[Any], Any]


# ---- Records ------------------------------------------------------------------------------------


def record(number: int) -> Record:
    """Return a record as a database or a parser gives it: 1.2 KB in 22 blocks."""
    return {
        "id": number + 1000,
        "name": f"customer {number}",
        "mail": f"customer.{number}@example.org",
        "balance": number / 7,
        "tags": [f"tag {number % 977}", f"group {number % 89}", f"since {number}"],
        "scores": [number * 0.25, number * 0.5, number * 0.75, number * 1.25],
        "address": {
            "street": f"{number % 300} Long Street",
            "town": f"town {number % 9999}",
            "code": number * 3 + 10_000,
        },
    }


def records(count: int) -> list[Record]:
    """Make so many."""
    return [record(number) for number in range(count)]


def walk_records(order: Sequence[Record]) -> float:
    """Read one score and the code of the address of each."""
    total = 0.0
    for one in order:
        total += one["scores"][2] + one["address"]["code"]
    return total


def dump_records(things: Sequence[Record]) -> None:
    """Make JSON of all, a batch at a time, and drop it."""
    for start in range(0, len(things), BATCH):
        json.dumps(things[start : start + BATCH])


# ---- A graph ------------------------------------------------------------------------------------


class Node:
    """One of a graph: 560 bytes in 11 blocks."""

    def __init__(self, number: int) -> None:
        self.number = number + 1000
        self.name = f"node {number}"
        self.text = f"what node {number} has to say, at such length as people write into forms"
        self.weight = number * 0.5
        self.place = (number * 0.25, number * 0.75)
        self.others: list[Node] = []

    def __deepcopy__(self, memo: dict[int, Any]) -> Node:
        """Copy what is the node's own; the others stay the same ones.

        Else a copy of one were a copy of all, and went deeper than the interpreter does.
        """
        made = Node.__new__(Node)
        made.number = self.number
        made.name = self.name
        made.text = self.text
        made.weight = self.weight
        made.place = copy.deepcopy(self.place, memo)
        made.others = self.others.copy()
        return made


def graph(count: int) -> list[Node]:
    """Make so many nodes that each refer to random others."""
    nodes = [Node(number) for number in range(count)]
    draw = random.Random(2).choices
    for node in nodes:
        node.others = draw(nodes, k=OTHERS)
    return nodes


def walk_graph(order: Sequence[Node]) -> float:
    """Read a coordinate of each, and the weight of one that it refers to."""
    total = 0.0
    for node in order:
        total += node.place[1] + node.others[2].weight
    return total


def alone(node: Node) -> Node:
    """Let a node forget the others."""
    node.others.clear()
    return node


HEAPS: dict[str, Heap] = {
    "records": Heap(records, walk_records, dump_records, lambda one: one),
    "graph": Heap(graph, walk_graph, None, alone),
}
