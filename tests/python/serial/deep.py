"""Graphs as deep as the C stack lets them be written, and how deep that is."""

from __future__ import annotations

import os
import sys
import threading
from collections import OrderedDict
from collections.abc import Callable
from typing import Any

STACK = 256 << 10
"""Bytes of C stack that a dump has."""


class Plain:
    def __init__(self, inner: Any) -> None:
        self.inner = inner


class Slots:
    __slots__ = ("inner",)

    def __init__(self, inner: Any) -> None:
        self.inner = inner


class State(Plain):
    def __getstate__(self) -> Any:
        return {"inner": self.inner}


class Reduced:
    def __init__(self, inner: Any) -> None:
        self.inner = inner

    def __reduce__(self) -> Any:
        return (Reduced, (self.inner,))


class Setter(Plain):
    def __reduce__(self) -> Any:
        return (Plain, (0,), self.inner, None, None, setattr)


class MadeWithKeywords:
    def __new__(cls, inner: Any = None) -> MadeWithKeywords:
        self = super().__new__(cls)
        self.inner = inner
        return self

    def __getnewargs_ex__(self) -> Any:
        return ((), {"inner": self.inner})

    def __getstate__(self) -> None:
        return None


class Items(list):  # type: ignore[type-arg]
    pass


SHAPES: dict[str, Callable[[Any], Any]] = {
    "tuple": lambda inner: (inner,),
    "tuple of four": lambda inner: (1, 2, 3, inner),
    "list": lambda inner: [inner],
    "list of two": lambda inner: [1, inner],
    "dict": lambda inner: {"a": inner},
    "dict of two": lambda inner: {"a": 1, "b": inner},
    "frozenset": lambda inner: frozenset([inner]),
    "plain instance": Plain,
    "slots": Slots,
    "__getstate__": State,
    "__reduce__": Reduced,
    "state setter": Setter,
    "__getnewargs_ex__": MadeWithKeywords,
    "list subclass": lambda inner: Items([inner]),
    "OrderedDict": lambda inner: OrderedDict(a=inner),
}

held: list[Any] = []


def nested(shape: str, depth: int, shared: bool) -> Any:
    """Return a graph; `shared`: every level has a second reference."""
    graph: Any = ()
    for _ in range(depth):
        graph = SHAPES[shape](graph)
        if shared:
            held.append(graph)
    return graph


def outcome(work: Callable[[Any], object], graph: Any, raised: bool) -> str:
    """Return what work on a graph comes to, in a thread of a child.

    `raised`: the interpreter's own limit is, so that the stack is what there is.
    """
    pid = os.fork()
    if pid == 0:
        status = [3]

        def run() -> None:
            if raised:
                sys.setrecursionlimit(10**6)
            try:
                work(graph)
                status[0] = 0
            except RecursionError:
                status[0] = 1

        threading.stack_size(STACK)
        thread = threading.Thread(target=run)
        thread.start()
        thread.join()
        os._exit(status[0])
    _, status = os.waitpid(pid, 0)
    return {0: "done", 1 << 8: "RecursionError"}.get(status, f"status {status}")


def most(works: Callable[[int], bool], most: int = 3000) -> int:
    """Return the largest depth, as nearly as a sixteenth, that works."""
    low, high = 1, most
    while high - low > low // 16:
        middle = (low + high) // 2
        low, high = (middle, high) if works(middle) else (low, middle)
    return low
