"""More of programs.py: ``more_programs.py NAME``."""

from __future__ import annotations

import builtins
import collections
import ctypes
import functools
import gc
import mmap
import os
import random
import struct
import sys
import threading
import time
import weakref
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from programs import Plain, main, moved, program
from shoal import _compact


class HashedByPart:
    """Its hash is made of the address of what it has."""

    def __init__(self) -> None:
        self.part = Plain()

    def __hash__(self) -> int:
        return hash((self.part, 3))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, HashedByPart) and self.part is other.part


@program
def keys_of_weak_tables_with_a_hash_of_their_own() -> None:
    objects = [HashedByPart() for _ in range(400)]
    table = weakref.WeakKeyDictionary((item, i) for i, item in enumerate(objects))
    members = weakref.WeakSet(objects)
    moved()
    for i, item in enumerate(objects):
        assert table[item] == i
        assert item in members


@program
def ints_of_classes() -> None:
    class Number(int):
        pass

    class Bare(int):
        __slots__ = ()

    lists = [[i] for i in range(400)]
    numbers = [Number(id(item)) if i % 2 else Bare(id(item)) for i, item in enumerate(lists)]
    moved()
    assert [int(number) for number in numbers] == [id(item) for item in lists]


@program
def classes_of_c_with_members() -> None:
    class Default(collections.defaultdict[int, list[int]]):
        pass

    def made() -> list[int]:
        return []

    tables = [Default(made) for _ in range(100)]
    moved()
    for i, table in enumerate(tables):
        table[i].append(i)
        assert table == {i: [i]}


@program
def stacks_in_one_mapping() -> None:
    """Words below the stack of a thread that has no page to guard it."""
    libc = ctypes.CDLL(None)
    libc.mmap.restype = ctypes.c_void_p
    libc.mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t, *[ctypes.c_int] * 3, ctypes.c_long]
    lists = [[i] for i in range(400)]
    found = []

    def begin_of_mapping(address: int) -> int:
        for line in Path("/proc/self/maps").read_text().splitlines():
            begin, end = (int(part, 16) for part in line.split()[0].split("-"))
            if begin <= address < end:
                return begin
        raise AssertionError(address)

    def work(_: object) -> None:
        on_stack = ctypes.create_string_buffer(8)
        libc.pthread_self.restype = ctypes.c_ulong
        begin = begin_of_mapping(libc.pthread_self())
        assert on_stack
        private, anonymous, fixed, of_stack = 0x2, 0x20, 0x100000, 0x20000
        flags = private | anonymous | fixed | of_stack
        below = libc.mmap(begin - 65536, 65536, 3, flags, -1, 0)
        words = struct.pack("400P", *map(id, lists))
        ctypes.memmove(below, words, len(words))
        del words
        moved()
        held = struct.unpack("400P", ctypes.string_at(below, 3200))
        found.append(list(held) == [id(item) for item in lists])

    start = ctypes.CFUNCTYPE(None, ctypes.c_void_p)(work)
    attributes, thread = ctypes.create_string_buffer(64), ctypes.c_ulong()
    libc.pthread_attr_init(attributes)
    libc.pthread_attr_setguardsize(attributes, ctypes.c_size_t(0))
    libc.pthread_attr_setstacksize(attributes, ctypes.c_size_t(8 << 20))
    assert libc.pthread_create(ctypes.byref(thread), attributes, start, None) == 0
    libc.pthread_join(thread, None)
    assert found == [True]


@program
def pages_that_cannot_be_read() -> None:
    """As those between stacks are since glibc 2.42; they look as if they were swapped out."""
    guard_install = 102
    memory = mmap.mmap(-1, 8 * mmap.PAGESIZE, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    memory.write(b"x" * len(memory))
    try:
        memory.madvise(guard_install, mmap.PAGESIZE, mmap.PAGESIZE)
    except OSError:
        return  # Before Linux 6.13.
    ends = time.monotonic() + 10
    while len(os.listdir("/proc/self/task")) > 1:  # With threads all is read otherwise.
        assert time.monotonic() < ends
        time.sleep(0.01)
    lists = [[i, str(i)] for i in range(400)]
    assert moved() > 0
    assert lists == [[i, str(i)] for i in range(400)]


@program
def hashes_that_are_kept() -> None:
    """In tuples since 3.14, in frozendicts: they go on to be those of equal ones made anew."""
    frozen = getattr(builtins, "frozendict", lambda items: tuple(items.items()))
    objects = [Plain() for _ in range(400)]
    pairs = [((item,), i) for i, item in enumerate(objects)]
    tables = [frozen({i: item}) for i, item in enumerate(objects)]
    for kept in (*pairs, *tables):
        hash(kept)
    moved()
    found = dict(zip([*pairs, *tables], [*range(400)] * 2))
    for i, item in enumerate(objects):
        assert found[(item,), i] == i
        assert found[frozen({i: item})] == i


@program
def what_a_running_generator_has() -> None:
    """A thread without the lock may have no other address of it."""

    def working() -> Iterator[str]:
        item = [1.5, *sys.argv]
        yield f"{id(item):x}"  # As text: a number would keep it where it is.
        is_ready.set()
        is_over.wait()
        yield f"{id(item):x}"

    is_ready, is_over = threading.Event(), threading.Event()
    for _ in range(10):
        with ThreadPoolExecutor(1) as pool:
            addresses = pool.submit(list, working())
            is_ready.wait()
            gc.collect()
            moved()
            is_over.set()
            before, after = addresses.result()
        assert before == after
        is_ready.clear()
        is_over.clear()


@program
def arguments_that_are_borrowed() -> None:
    def both(first: object, count: int, second: object) -> bool:
        return first is second

    for i in range(20):
        item, holder = [i, str(i)], {"item": (i, float(i))}
        assert both(item, moved(), item)
        assert both(holder["item"], moved(), holder["item"])
        assert item == [i, str(i)]


@program
def frozen_tables() -> None:
    """Only tables before 3.15."""
    frozen = getattr(builtins, "frozendict", dict)

    class Frozen(frozen):
        pass

    made = [frozen({f"a{i}": [i], float(i): (i, str(i))}) for i in range(300)]
    others = [Frozen({i: [i], "b": str(i)}) for i in range(300)]
    for i, other in enumerate(others):
        other.attribute = [i]
    moved()
    for i in range(300):
        assert made[i] == {f"a{i}": [i], float(i): (i, str(i))}
        assert others[i] == {i: [i], "b": str(i)}
        assert others[i].attribute == [i]


@program
def caches_go_on_working() -> None:
    asked: list[Any] = []

    def answer(*key: Any) -> list[Any]:
        asked.append(key)
        return [*key, str(key)]

    cached, endless = functools.lru_cache(200)(answer), functools.lru_cache(None)(answer)
    none, model = functools.lru_cache(0)(answer), collections.OrderedDict[Any, Any]()
    for i in range(4000):
        key = float(random.randrange(300))
        found = cached(key, 1)
        assert found == [key, 1, str((key, 1))] == none(key, 1)
        assert found is model.setdefault(key, found)
        model.move_to_end(key)
        if len(model) > 200:
            del model[next(iter(model))]
        assert endless(key) is endless(key)
        if i % 500 == 0:
            moved()
    assert len(asked) == 4000 + cached.cache_info().misses + endless.cache_info().misses
    assert len(model) == cached.cache_info().currsize
    cached.cache_clear()
    moved()
    assert cached("new") is cached("new")


@program
def caches_whose_keys_are_compared_meanwhile() -> None:
    ended: list[int] = []

    class Key:
        def __eq__(self, other: object) -> bool:
            moved()
            return isinstance(other, Key)

        def __hash__(self) -> int:
            return 7

        def __del__(self) -> None:
            moved()
            ended.append(1)

    small = functools.lru_cache(3)(lambda *key: [key])
    for i in range(20):
        assert small(Key(), i) is small(Key(), i)
        small(Key(), i - 1)
        moved()
    assert small.cache_info()[2:] == (3, 3)
    del small
    assert len(ended) == 60


@program
def items_of_tuples_without_a_hash() -> None:
    class Item:
        pass

    class Odd(tuple[Item]):
        __slots__ = ()

        def __eq__(self, other: object) -> bool:
            return self is other

    # Whoever holds the tuple may use its item, in a thread without the lock.
    held = [ctypes.py_object(Odd((Item(),))) for _ in range(100)]
    never = threading.Event()
    threading.Thread(target=never.wait, daemon=True).start()
    rows = _compact.move(False, True)["stayed"]
    assert sum(row[2] for row in rows if (row[0] or "").endswith("Item")) == 100
    moved()
    assert all(type(one.value[0]) is Item for one in held)


if __name__ == "__main__":
    main()
