"""Random graphs of objects, compared before and after: ``graphs.py FIRST_SEED SECONDS``.

A graph has objects of every kind that moves or is moved past, which share parts and make
cycles. It is described by the order in which its objects are met, so that both what they hold
and who is whom must stay; every key and member is looked up. Then it is changed, and once more
moved and described. Says how many graphs there were; a failure names the seed.
"""

from __future__ import annotations

import builtins
import collections
import datetime
import functools
import gc
import operator
import random
import sys
import time
import weakref
from collections.abc import Callable, Hashable, Iterator
from typing import Any, NamedTuple

import shoal
from shoal import _compact, _heap

OBJECTS = 2500
NAMES = tuple("abcdefgh")


class Plain:
    """Attributes in the order in which they come; hashed by its address."""


class Shown(Plain):
    """One whose dict somebody has asked for."""


class Slots:
    __slots__ = ("a", "b", "c")


class Both(Slots):
    __slots__ = ("__dict__", "__weakref__", "d")


class Keyed:
    """Hashed and compared by what it holds."""

    def __init__(self, of: Hashable) -> None:
        self.a = of

    def __hash__(self) -> int:
        return hash((self.a, 1))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Keyed) and (self.a is other.a or self.a == other.a)


class Pair(NamedTuple):
    x: Any
    y: Any


class Dict(dict[Any, Any]):
    """With attributes besides."""


def holding(item: Any) -> Iterator[Any]:
    while True:
        yield item


def closure(item: Any) -> Callable[[], Any]:
    return lambda: item


def cache(item: Any) -> Callable[[Any], Any]:
    @functools.lru_cache(maxsize=9)
    def cached(key: Any) -> list[Any]:
        return [item, key]

    for key in range(len(str(type(item))) % 12):
        cached(str(key))
    cached("key")
    return cached


# ---- Making one ----------------------------------------------------------------------------


class Maker:
    """Makes objects out of those that it has made so far."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.made: list[Any] = [None]
        self.keys: list[Any] = ["a key"]

    def any(self) -> Any:
        return self.random.choice(self.made)

    def some(self, most: int) -> list[Any]:
        return [self.any() for _ in range(self.random.randrange(most))]

    def key(self) -> Any:
        if self.random.random() < 0.3:
            return f"key {self.random.randrange(10**6)}"
        return self.random.choice(self.keys)

    def some_keys(self, most: int) -> list[Any]:
        return [self.key() for _ in range(self.random.randrange(most))]

    def text(self) -> str:
        letter = self.random.choice("aéж\U0001f600")
        return letter + str(self.random.randrange(10**9))

    def plain(self) -> Any:
        return self.random.choice([item for item in self.made if type(item) is Plain] or [Plain])

    def number(self) -> Any:
        low, high = 10 ** self.random.randrange(1, 6), 10 ** self.random.randrange(6, 40)
        return self.random.choice(
            [self.random.random(), complex(self.random.random(), 1), low, high, float(low)]
        )

    def time(self) -> datetime.datetime:
        return datetime.datetime(2000, 1, 1) + datetime.timedelta(seconds=self.random.random())

    def table(self, kind: Callable[[], Any]) -> Any:
        made = kind()
        for key in self.some_keys(12 if self.random.random() < 0.97 else 300):
            made[key] = self.any()
        return made

    def with_attributes(self, kind: type, names: tuple[str, ...] = NAMES) -> Any:
        made = kind()
        for name in self.random.sample(names, self.random.randrange(len(names))):
            setattr(made, name, self.any())
        if kind is Shown:
            vars(made)["no name"] = self.any()
        return made

    def make(self) -> Any:
        return self.random.choice(_KINDS)(self)

    def graph(self) -> list[Any]:
        """Return about half of the objects: the others go, or are held by these."""
        for _ in range(OBJECTS):
            made = self.make()
            self.made.append(made)
            if _is_hashable(made):
                hash(made)  # Which some keep.
                self.keys.append(made)
            elif isinstance(made, list) and self.random.random() < 0.2:
                made.append(self.any())
                made.append(made)
        return self.random.sample(self.made, OBJECTS // 2)


def _is_hashable(thing: Any) -> bool:
    try:
        hash(thing)
    except TypeError:
        return False
    return True


_KINDS: list[Callable[[Maker], Any]] = [
    Maker.text,
    Maker.text,
    Maker.number,
    Maker.number,
    Maker.time,
    lambda make: make.text().encode(),
    lambda make: tuple(make.some(6)),
    lambda make: tuple(make.some_keys(4)),
    lambda make: Pair(make.any(), make.any()),
    lambda make: make.some(30),
    lambda make: [make.random.random() for _ in range(make.random.randrange(60))],
    lambda make: make.table(dict),
    lambda make: {f"name {i}": item for i, item in enumerate(make.some(9))},
    lambda make: make.table(Dict),
    lambda make: make.table(collections.OrderedDict),
    lambda make: make.table(lambda: collections.defaultdict(list)),
    lambda make: set(make.some_keys(20)),
    lambda make: frozenset(make.some_keys(9)),
    lambda make: collections.deque(make.some(9)),
    lambda make: make.with_attributes(Plain),
    lambda make: make.with_attributes(Plain, ("a", "b")),
    lambda make: make.with_attributes(Shown),
    lambda make: make.with_attributes(Slots, ("a", "b", "c")),
    lambda make: make.with_attributes(Both),
    lambda make: Keyed(make.key()),
    lambda make: closure(make.any()),
    lambda make: holding(make.any()),
    lambda make: functools.partial(print, make.any(), key=make.any()),
    lambda make: make.some(3).append,
    lambda make: cache(make.any()),
    lambda make: weakref.ref(make.plain()),
]
if hasattr(builtins, "frozendict"):  # 3.15
    _KINDS.append(lambda make: builtins.frozendict(make.table(dict)))


# ---- Describing it ---------------------------------------------------------------------------


def _of_table(table: Any) -> list[Any]:
    for key, value in table.items():
        assert table[key] is value
    return [item for pair in table.items() for item in pair]


def _of_members(members: Any) -> list[Any]:
    assert all(member in members for member in members)
    return list(members)


def _of_attributes(thing: Any) -> list[Any]:
    """Names, so that no dict is made of them, and what they stand for."""
    return [part for name in NAMES if hasattr(thing, name) for part in (name, getattr(thing, name))]


_PARTS: dict[type, Callable[[Any], list[Any]]] = {
    tuple: list,
    list: list,
    Pair: list,
    collections.deque: list,
    dict: _of_table,
    Dict: _of_table,
    collections.OrderedDict: lambda table: [*_of_table(table), *reversed(table)],
    collections.defaultdict: lambda table: [*_of_table(table), table.default_factory],
    set: _of_members,
    frozenset: _of_members,
    Plain: _of_attributes,
    Shown: lambda thing: [*_of_attributes(thing), *_of_table(vars(thing))],
    Slots: _of_attributes,
    Both: _of_attributes,
    Keyed: _of_attributes,
    type(closure(0)): lambda function: [function()],
    type(holding(0)): lambda generator: [next(generator)],
    functools.partial: lambda call: [call.args, call.keywords],
    type([].append): lambda method: [method.__self__],
    type(cache(0)): lambda cached: cached("key"),
    weakref.ref: lambda reference: [reference()],
}
if hasattr(builtins, "frozendict"):
    _PARTS[builtins.frozendict] = _of_table


def described(root: Any) -> list[Any]:
    """Return what it holds, each object once and by its place after that; no addresses."""
    places: dict[int, int] = {}
    met: list[Any] = []  # Alive while its address is a key.
    found: list[Any] = []
    waiting = [root]
    while waiting:
        thing = waiting.pop()
        if id(thing) in places:
            found.append(places[id(thing)])
            continue
        places[id(thing)] = len(met)
        met.append(thing)
        parts_of = _PARTS.get(type(thing))
        if parts_of is None:
            found.append((type(thing).__name__, repr(thing)))
            continue
        parts = parts_of(thing)
        found.append((type(thing).__name__, len(parts)))
        waiting += reversed(parts)
    return found


# ---- Moving it -----------------------------------------------------------------------------------


def change(make: Maker, graph: list[Any]) -> None:
    """Do what programs do to objects."""
    for thing in graph:
        if isinstance(thing, list):
            thing[: len(thing) // 2] = make.some(9)
        elif isinstance(thing, dict):
            for key in list(thing)[::3]:
                del thing[key]
            thing[make.key()] = make.any()
            thing["new"] = make.any()
        elif isinstance(thing, set):
            if thing:
                thing.pop()
            thing.add(make.key())
        elif isinstance(thing, (Plain, Both)):
            thing.h = make.any()
    make.random.shuffle(graph)


def moved(everything: bool) -> int:
    if not everything:
        return shoal.compact(least=0).moved_objects
    did = _compact.move(True, False)
    assert did["stale_words"] == did["disagreeing"] == 0
    return did["moved_objects"]


def try_one(seed: int) -> int:
    """Return how many objects of the graph of this seed were moved, or raise AssertionError."""
    make = Maker(seed)
    graph = make.graph()
    count = 0
    for everything in (True, False, True):
        gc.collect()  # What weak references are to is alive, then.
        before = described(graph)
        count += moved(everything)
        after = described(graph)
        assert len(after) == len(before)
        different = [i for i, (a, b) in enumerate(zip(before, after)) if operator.ne(a, b)]
        assert not different, (different[:3], before[different[0]], after[different[0]])
        del before, after
        change(make, graph)
        if not everything:
            make.made, make.keys = [None, *graph], ["a key"]
    _heap.check()
    return count


def main() -> None:
    seed, seconds = int(sys.argv[1]), float(sys.argv[2])
    _compact.prove()
    ends = time.monotonic() + seconds
    graphs = count = 0
    while time.monotonic() < ends or graphs == 0:
        try:
            count += try_one(seed + graphs)
        except AssertionError as error:
            sys.exit(f"seed {seed + graphs}: {error}")
        graphs += 1
    print(f"{graphs} graphs as they were, {count // graphs} objects moved a graph")


if __name__ == "__main__":
    main()
