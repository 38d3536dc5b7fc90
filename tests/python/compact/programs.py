"""Small programs that break when a rule of the mover is left out: ``programs.py NAME``.

Each moves all that may move (`moved`), most of them while C code is in the midst of
something, and then looks whether everything is as it was. What it would break without is
said beside it.
"""

from __future__ import annotations

import collections
import copy
import ctypes
import functools
import math
import os
import pickle
import random
import struct
import sys
import threading
import weakref
from collections.abc import Callable, Iterator
from typing import Any

import shoal
from shoal import _compact, _heap

PROGRAMS: dict[str, Callable[[], None]] = {}


def program(function: Callable[[], None]) -> Callable[[], None]:
    PROGRAMS[function.__name__] = function
    return function


def moved() -> int:
    """Move all that may move; as `shoal.compact`, but without a collection before."""
    did = _compact.move(True, False)
    assert did["stale_words"] == did["disagreeing"] == 0
    return did["moved_objects"] + did["moved_tables"]


class Plain:
    pass


# ---- All words count: C code has addresses that nobody counts ---------------------------


@program
def keys_compared_during_a_lookup() -> None:
    class Key:
        def __init__(self, value: int) -> None:
            self.value = value

        def __hash__(self) -> int:
            return 1

        def __eq__(self, other: object) -> bool:
            moved()
            return isinstance(other, Key) and self.value == other.value

    table = {Key(i): float(i) for i in range(7)}
    moved()
    for i in range(7):
        assert table[Key(i)] == float(i)


@program
def items_compared_during_a_sort() -> None:
    count = 0

    class Item:
        def __init__(self, value: float) -> None:
            self.value = value

        def __lt__(self, other: Item) -> bool:
            nonlocal count
            count += 1
            if count % 37 == 0:
                moved()
            return self.value < other.value

    items = [Item(random.random()) for _ in range(100)]
    expected = sorted(item.value for item in items)
    items.sort()
    assert [item.value for item in items] == expected


@program
def tables_changed_during_iteration() -> None:
    texts = [str(i) * 3 for i in range(40)]
    table = {text: float(i) for i, text in enumerate(texts)}
    members = set(texts)
    seen = []
    for item in table.items():
        moved()
        seen.append(item)
    assert seen == list(table.items())
    for container in (texts, members, tuple(texts), collections.deque(texts)):
        found = []
        for text in container:
            moved()
            found.append(text)
        assert sorted(found) == sorted(texts)


@program
def calls_out_of_loops_in_c() -> None:
    class Texts:
        def __init__(self) -> None:
            self.left = 30

        def __iter__(self) -> Iterator[str]:
            return self

        def __next__(self) -> str:
            if not self.left:
                raise StopIteration
            self.left -= 1
            moved()
            return f"text {self.left}"

    def halved(value: float) -> float:
        moved()
        return value / 2

    expected = [f"text {i}" for i in range(29, -1, -1)]
    assert "".join(Texts()) == "".join(expected)
    assert tuple(Texts()) == tuple(expected)
    assert list(Texts()) == expected
    assert set(Texts()) == set(expected)
    assert dict.fromkeys(Texts(), 1.5) == dict.fromkeys(expected, 1.5)
    assert list(map(halved, [1.5, 2.5] * 9)) == [0.75, 1.25] * 9
    assert max([[float(i)] for i in range(9)], key=lambda x: halved(x[0])) == [8.0]


@program
def views_of_buffers() -> None:
    buffers = [bytes([i % 256]) * 40 for i in range(400)]
    views = [memoryview(buffer)[3:20] for buffer in buffers]
    moved()
    for i, view in enumerate(views):
        assert bytes(view) == bytes([i % 256]) * 17


@program
def addresses_in_memory_of_c() -> None:
    lists = [[i, str(i)] for i in range(400)]
    table = (ctypes.c_void_p * 400)(*map(id, lists))
    moved()
    for i in range(400):
        assert ctypes.cast(table[i], ctypes.py_object).value is lists[i]


@program
def addresses_in_bytes() -> None:
    lists = [[i, str(i)] for i in range(400)]
    packed = [struct.pack("P", id(item)) for item in lists]
    moved()
    for i, address in enumerate(packed):
        assert struct.unpack("P", address)[0] == id(lists[i])


# ---- Code keeps addresses of what it found in types ----------------------------------------


@program
def attributes_of_types_in_hot_code() -> None:
    class Callable_:
        def __call__(self) -> Any:
            return self.answer

    class Class:
        pass

    Class.method = Callable_()
    Class.method.answer = f"answer {len(sys.argv)}"
    Class.items = ["the", [1.5], f"value {len(sys.argv)}"]
    Class.text = f"text {len(sys.argv)}"

    def hot() -> tuple[Any, ...]:
        return Class.items, Class.text, Class.method()

    expected = copy.deepcopy([hot() for _ in range(1000)][-1])
    clear = getattr(sys, "_clear_internal_caches", None) or sys._clear_type_cache
    clear()
    moved()
    others = [["other", [i], f"other {i}"] for i in range(300)]
    moved()
    assert [hot() for _ in range(100)] == [expected] * 100
    assert len(others) == 300


# ---- Addresses as numbers -------------------------------------------------------------------


@program
def ids_as_keys() -> None:
    lists = [[i] for i in range(400)]
    table = {id(item): item for item in lists}
    moved()
    assert all(table[id(item)] is item for item in lists)


@program
def ids_in_lists_and_tuples() -> None:
    lists = [[i] for i in range(400)]
    ids = [id(item) for item in lists]
    pairs = {(id(item), "seen") for item in lists}
    moved()
    assert ids == [id(item) for item in lists]
    assert all((id(item), "seen") in pairs for item in lists)


@program
def hashes_in_lists() -> None:
    objects = [Plain() for _ in range(400)]
    hashes = [hash(item) for item in objects]
    moved()
    assert hashes == [hash(item) for item in objects]


@program
def memo_of_deepcopy() -> None:
    class Copied:
        def __deepcopy__(self, memo: dict[int, Any]) -> Copied:
            moved()
            return Copied()

    shared = [1.5, "x" * len(sys.argv)]
    data = [shared, Copied(), shared, [2.5, shared], Copied(), shared]
    copied = copy.deepcopy(data)
    assert copied[0] is copied[2] is copied[5] is copied[3][1]
    assert copied[0] == shared


@program
def memo_of_a_pickler() -> None:
    """A table of C's by address, whose type tells the collector of its references."""

    class Reduced:
        def __reduce__(self) -> tuple[type, tuple[()]]:
            moved()
            return Plain, ()

    shared = [f"s{i}" for i in range(20)]
    data = [shared, list(shared), Reduced(), list(shared), Reduced(), list(shared)]
    made = pickle.loads(pickle.dumps(data))
    assert all(made[1][i] is made[3][i] is made[5][i] for i in range(20))


# ---- Addresses as hashes -----------------------------------------------------------------------


@program
def keys_hashed_by_address() -> None:
    keys = [Plain() for _ in range(400)]
    table = {key: i for i, key in enumerate(keys)}
    members = set(keys)
    moved()
    assert [table[key] for key in keys] == list(range(400))
    assert all(key in members for key in keys)


@program
def tuples_of_such_keys() -> None:
    keys = [Plain() for _ in range(400)]
    table = {(key, i): i for i, key in enumerate(keys)}
    nested = {((key,), "x"): i for i, key in enumerate(keys)}
    frozen = {frozenset([key, i]) for i, key in enumerate(keys)}
    moved()
    for i, key in enumerate(keys):
        assert table[key, i] == i
        assert nested[(key,), "x"] == i
        assert frozenset([key, i]) in frozen


@program
def keys_with_a_hash_of_their_own() -> None:
    class Key:
        def __init__(self, of: list[int]) -> None:
            self.of = of

        def __hash__(self) -> int:
            return hash((id(self.of), 3))

        def __eq__(self, other: object) -> bool:
            return isinstance(other, Key) and self.of is other.of

    class Items(tuple):
        def __hash__(self) -> int:
            return hash(id(self[0]))

    lists = [[i] for i in range(400)]
    table = {Key(item): i for i, item in enumerate(lists)}
    tuples = {Items((item,)): i for i, item in enumerate(lists)}
    moved()
    for i, item in enumerate(lists):
        assert table[Key(item)] == i
        assert tuples[Items((item,))] == i


@program
def keys_whose_hash_is_an_address_of_what_they_do_not_have() -> None:
    lists = [[i] for i in range(400)]

    class Key:
        def __init__(self, number: int) -> None:
            self.number = number

        def __hash__(self) -> int:
            return id(lists[self.number])

        def __eq__(self, other: object) -> bool:
            return isinstance(other, Key) and self.number == other.number

    table = {Key(i): i for i in range(400)}
    members = {Key(i) for i in range(400)}
    moved()
    assert all(table[Key(i)] == i and Key(i) in members for i in range(400))


@program
def keys_that_are_no_number() -> None:
    values = [float("nan") for _ in range(400)]
    complexes = [complex(math.nan, i) for i in range(400)]
    table = {value: i for i, value in enumerate(values)}
    pairs = {(value, i): i for i, value in enumerate(values)}
    others = {value: i for i, value in enumerate(complexes)}
    moved()
    for i, value in enumerate(values):
        assert table[value] == i
        assert pairs[value, i] == i
        assert others[complexes[i]] == i


@program
def keys_that_are_bound_methods() -> None:
    owners = [Plain() for _ in range(100)]
    lists = [collections.UserList([i]) for i in range(100)]
    table = {item.append: i for i, item in enumerate(lists)}
    calls = {owner.__repr__: i for i, owner in enumerate(owners)}
    moved()
    assert [table[item.append] for item in lists] == list(range(100))
    assert [calls[owner.__repr__] for owner in owners] == list(range(100))


@program
def keys_of_weak_tables() -> None:
    objects = [Plain() for _ in range(400)]
    references = [weakref.ref(item) for item in objects]
    table = weakref.WeakKeyDictionary((item, i) for i, item in enumerate(objects))
    members = weakref.WeakSet(objects)
    moved()
    for i, item in enumerate(objects):
        assert references[i]() is item
        assert table[item] == i
        assert item in members


@program
def keys_of_caches() -> None:
    calls = []

    @functools.cache
    def cached(*key: Any) -> list[int]:
        calls.append(key)
        return [len(calls)]

    objects = [Plain() for _ in range(200)]
    first = [cached(item, i) for i, item in enumerate(objects)]
    moved()
    assert all(cached(item, i) is first[i] for i, item in enumerate(objects))
    assert len(calls) == 200


@program
def keys_that_are_large_tuples() -> None:
    """Too large for a pool: what is in it must be looked at all the same."""
    keys = [Plain() for _ in range(3)]
    padding = tuple(range(9000))
    table = {(key, *padding): i for i, key in enumerate(keys)}
    moved()
    assert [table[(key, *padding)] for key in keys] == [0, 1, 2]


@program
def tuples_that_share_tuples() -> None:
    """2^60 ways lead through them."""
    shared: tuple[Any, ...] = (Plain(),)
    for _ in range(60):
        shared = (shared, shared)
    held = ctypes.py_object(shared)
    assert moved() > 0
    assert held.value is shared


# ---- State ------------------------------------------------------------------------------------


@program
def interned_texts() -> None:
    names = [sys.intern(f"attribute_{i}") for i in range(400)]
    moved()
    assert all(sys.intern(f"attribute_{i}") is name for i, name in enumerate(names))


@program
def texts_of_every_width() -> None:
    """Before 3.12 the widest have an address of their own characters, and free it."""
    as_utf8 = ctypes.pythonapi.PyUnicode_AsUTF8
    as_utf8.restype, as_utf8.argtypes = ctypes.c_char_p, [ctypes.py_object]
    texts = [f"text {i} of {letter}" for i in range(200) for letter in "a\xe9\u20ac\U0001f40d"]
    expected = [text.encode() for text in texts]
    assert [as_utf8(text) for text in texts[::3]] == expected[::3]
    for _ in range(3):
        moved()
        assert [text.encode() for text in texts] == expected
        assert [as_utf8(text) for text in texts[::3]] == expected[::3]
    texts.clear()
    moved()


@program
def functions_and_generators() -> None:
    def counting(start: list[int]) -> Iterator[list[int]]:
        here = [str(start[0])]
        table = {"a": [1.5]}
        while True:
            yield [*start, len(here), int(table["a"][0])]

    def closure(items: list[Any]) -> Callable[[], list[Any]]:
        return lambda: [*items, default_of()]

    def default_of(item: list[float] = [2.5]) -> list[float]:  # noqa: B006
        return item

    generators = [counting([i]) for i in range(50)]
    functions = [closure([i, str(i)]) for i in range(50)]
    partials = [functools.partial(max, (float(i), 1.0)) for i in range(50)]
    for _ in range(3):
        assert [next(generator) for generator in generators] == [[i, 1, 1] for i in range(50)]
        assert [f() for f in functions] == [[i, str(i), [2.5]] for i in range(50)]
        assert [partial() for partial in partials] == [max(float(i), 1.0) for i in range(50)]
        moved()


@program
def ordered_dicts_go_on_working() -> None:
    table: collections.OrderedDict[str, list[int]] = collections.OrderedDict()
    counts: collections.defaultdict[str, list[int]] = collections.defaultdict(list)
    expected: dict[str, list[int]] = {}
    for i in range(2000):
        table[f"key {i}"] = [i]
        expected[f"key {i}"] = [i]
        counts[f"key {i % 90}"].append(i)
        if i % 3 == 0:
            del table[f"key {i}"], expected[f"key {i}"]
        if i % 7 == 0 and i % 3:
            table.move_to_end(f"key {i}", last=False)
        if i % 500 == 0:
            moved()
    moved()
    assert dict(table) == expected
    assert list(reversed(table)) == list(table)[::-1]
    assert all(table[key] == value for key, value in expected.items())
    while table:
        table.popitem(last=len(table) % 2 == 0)
    assert sum(map(len, counts.values())) == 2000


@program
def attributes_of_every_kind() -> None:
    class Slots:
        __slots__ = ("__dict__", "__weakref__", "a", "b")

    class Dict(dict):
        pass

    made: list[tuple[Any, dict[str, Any]]] = []
    for i in range(300):
        for kind in (Plain, Slots, Dict):
            item = kind()
            for name in ("a", "b", f"c{i}")[: 1 + i % 3]:
                setattr(item, name, [i, name])
            if i % 5 == 0:
                vars(item)[f"key {i}"] = (i,)
            made.append((item, {k: getattr(item, k) for k in ("a", "b") if hasattr(item, k)}))
    for round_ in range(3):
        moved()
        for item, attributes in made:
            assert all(getattr(item, name) == value for name, value in attributes.items())
            item.a = attributes["a"] = [round_]
            vars(item)["new"] = 2.5


# ---- Threads, processes, the collector -------------------------------------------------------


@program
def threads_in_c_without_the_lock() -> None:
    import hashlib
    import zlib

    is_over = threading.Event()
    failures = []

    def work(seed: int) -> None:
        numbers = random.Random(seed)
        while not is_over.is_set():
            texts = tuple(bytes([numbers.randrange(256)]) * 9000 for _ in range(9))
            if any(zlib.decompress(zlib.compress(text)) != text for text in texts):
                failures.append("zlib")
            if len({hashlib.sha256(text).digest() for text in texts}) != len(set(texts)):
                failures.append("hashlib")

    threads = [threading.Thread(target=work, args=(i,)) for i in range(4)]
    for thread in threads:
        thread.start()
    for _ in range(15):
        moved()
    is_over.set()
    for thread in threads:
        thread.join()
    assert not failures


@program
def both_sides_of_a_fork() -> None:
    records = [{"a": float(i), "b": [str(i)]} for i in range(5000)]
    expected = repr(records)
    child = os.fork()
    moved()
    is_right = repr(records) == expected
    shoal.compact(least=0)
    is_right = is_right and repr(records) == expected
    _heap.check()
    if child == 0:
        os._exit(0 if is_right else 1)
    assert is_right
    assert os.waitpid(child, 0)[1] == 0


@program
def frozen_objects() -> None:
    import gc

    records = [{"a": float(i), "b": [str(i)]} for i in range(500)]
    expected = repr(records)
    gc.freeze()
    moved()
    assert repr(records) == expected
    gc.unfreeze()
    moved()
    assert repr(records) == expected


def main() -> None:
    _compact.prove()
    PROGRAMS[sys.argv[1]]()
    _heap.check()
    print("as it was")


if __name__ == "__main__":
    main()
