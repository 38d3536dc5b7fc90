"""Objects that CPython would take from its own free lists are the line's that makes them."""

from __future__ import annotations

import sys

import pytest

from .marked import Measure

COUNT = 20_000


class Slot:
    """What an item of a list takes."""

    SIZE = 8


def tracked(thing: object) -> int:
    """Return the bytes of an object with the collector's header."""
    return sys.getsizeof(thing)


KINDS = {
    "list": ("[]", tracked([])),
    "list_with_items": ("[None, None]", tracked([]) + 2 * Slot.SIZE),
    "tuple_of_one": ("(i,)", tracked((0,))),
    "tuple": ("(i, i, i)", tracked((0, 0, 0))),
    "long_tuple": ("(" + "i, " * 20 + ")", tracked((0,) * 20)),
    "dict": ("{}", tracked({})),
    "dict_with_keys": ('{"one": i}', tracked({"one": 0})),
    "float": ("i * 1.5", sys.getsizeof(1.5)),
    "context": ("empty.copy()", 0),
    "slice": ("slice(None, None)", tracked(slice(0))),
}
"""What is made, and its bytes; 0: as many as the first that is ever made."""


@pytest.mark.parametrize("kind", KINDS)
def test_what_lay_in_a_free_list_is_whose_line_takes_it(measure: Measure, kind: str) -> None:
    source, size = KINDS[kind]
    lines = measure(f"""
        import contextvars
        empty = contextvars.Context()
        kept = [None] * {COUNT}
        @profile
        def work(count):
            i = 1000
            gone = [{source} for _ in range(3000)] # temporary
            gone = None
            for at in range(count):
                kept[at] = {source} # keeps
            gone = [{source} for _ in range(3000)] # temporary2
        work(len(kept))
    """)
    line = lines["keeps"]
    assert lines["temporary"].live == lines["temporary2"].live == 0
    assert line.live == pytest.approx(COUNT * (size or line.live // COUNT), abs=0)
    assert line.live_blocks >= COUNT
    assert line.made >= line.live


@pytest.mark.parametrize("kind", ["list_with_items", "tuple", "dict_with_keys", "float"])
def test_what_one_line_frees_another_takes_with_no_event_between(
    measure: Measure, kind: str
) -> None:
    source, size = KINDS[kind]
    lines = measure(f"""
        def exchange(olds, news, i=1000):
            while olds:
                olds.pop()
                news.append({source})
        @profile
        def work(count, i=1000):
            olds = [{source} for _ in range(count)] # old
            news = []
            exchange(olds, news) # exchanges
            return olds, news
        kept = work({COUNT})
    """)
    assert lines["old"].live <= 200  # the list that is empty now
    assert lines["exchanges"].live >= COUNT * size


def test_full_collections_change_nothing(measure: Measure) -> None:
    lines = measure(f"""
        import gc
        kept = [None] * {COUNT}
        @profile
        def work():
            gone = [[float(i)] for i in range(80)] # temporary
            gc.collect()
            gone = None
            for at in range(len(kept)):
                kept[at] = [1.0, at * 0.5] # keeps
        work()
    """)
    assert lines["temporary"].live == 0
    assert lines["keeps"].live == COUNT * (tracked([]) + 2 * Slot.SIZE + sys.getsizeof(0.5))


def test_tables_of_dicts_that_grow(measure: Measure) -> None:
    """Until 3.12 a dict leaves its table in a list when it takes a larger one."""
    lines = measure("""
        names = [f"name{i}" for i in range(9)]
        def grow(olds, news):
            for old in olds:
                for name in names:
                    old[name] = None
                news.append({"a": None})
        @profile
        def work(count):
            olds = [{"a": None} for _ in range(count)] # small
            news = []
            grow(olds, news) # grows
            return olds, news
        kept = work(5000)
    """)
    sizes = sys.getsizeof({}), sys.getsizeof({"a": None})
    small, grows = lines["small"].live, lines["grows"].live
    # Whose table went is gone: what is left of the first line is the objects and their list.
    assert small == pytest.approx(5000 * (sizes[0] + 8.5), rel=0.01)
    assert grows >= 5000 * sizes[1]


def test_what_grows_while_a_call_has_its_tuple_is_all_that_it_takes(measure: Measure) -> None:
    """The table that the dict leaves is found in its list while the call of C is on its way."""
    lines = measure("""
        def grown(n):
            return {f"name{i}": None for i in range(n)}
        @profile
        def work(dicts):
            first, second, third = grown(5), grown(5), grown(5)
            first["more"] = None # alone
            second["more"] = None; divmod(1 << 70, 3) # call
            third["more"] = None; max([1 << 70]) # list
            return first, second, third
        kept = work([])
    """)
    names = {f"name{i}": None for i in range(5)}
    size = sys.getsizeof(names)
    names["more"] = None
    assert lines["alone"].net == sys.getsizeof(names) - size > 0
    assert lines["call"].net == lines["list"].net == lines["alone"].net


def test_names_that_only_the_cache_of_attributes_has(measure: Measure) -> None:
    """It lets go of them when it needs their places, for whoever looks for others."""
    line = measure("""
        class Thing:
            pass
        names = ["a" + str(i) for i in range(20_000)]
        for i in range(20_000):
            hasattr(Thing, "gone" + str(i))
        def look():
            for name in names:
                hasattr(Thing, name)
        @profile
        def work():
            look() # looks
        work()
    """)["looks"]
    assert line.net == 0


def test_a_full_collection_takes_nothing_from_the_line_that_makes_it(measure: Measure) -> None:
    lines = measure("""
        import gc
        gc.collect()
        @profile
        def work():
            gc.collect() # collects
            kept = [gc.collect()] # keeps
            return kept
        kept = work()
    """)
    assert lines["collects"].net == 0
    assert lines["keeps"].net == lines["keeps"].live == tracked([]) + Slot.SIZE


def test_deep_structures_are_freed(measure: Measure) -> None:
    """The interpreter frees them without recursion, and goes on to."""
    lines = measure("""
        @profile
        def work(depth):
            for kind in (lambda x: [x], lambda x: (x,), lambda x: {"x": x}):
                deep = None
                for i in range(depth):
                    deep = kind(deep) # makes
                deep = None
        work(200_000)
    """)
    assert lines["makes"].live == 0


def test_deep_structures_are_freed_by_other_code(measure: Measure) -> None:
    lines = measure("""
        @profile
        def work(depth):
            kept = []
            for kind in (lambda x: [x], lambda x: (x,), lambda x: {"x": x}):
                deep = None
                for i in range(depth):
                    deep = kind(deep) # makes
                kept.append(deep)
            return kept
        kept = work(200_000)
        for i in range(20_000):
            object()
        kept.clear()
        for i in range(20_000):
            object()
    """)
    assert lines["makes"].made >= 200_000 * (48 + 64 + 64)
    assert lines["makes"].live <= 3 * 64


def test_what_asyncio_keeps(measure: Measure) -> None:
    """Async generators and futures have lists of their own."""
    lines = measure("""
        import asyncio
        async def numbers(count):
            for i in range(count):
                yield i
        async def go():
            async for i in numbers(300):
                pass
            for i in range(300):
                future = asyncio.get_running_loop().create_future()
                future.set_result(None)
                await future
        kept = []
        @profile
        def work():
            asyncio.run(go()) # runs
            loop = asyncio.new_event_loop()
            loop.set_debug(False)
            futures = [loop.create_future() for _ in range(100)]
            kept.extend(future.__await__() for future in futures) # awaits
            loop.close()
        work()
        del kept[:]
    """)
    assert lines["awaits"].live == 0
    assert lines["awaits"].made >= 100 * 24


def test_what_is_freed_after_the_function_is_gone_is_seen(measure: Measure) -> None:
    lines = measure("""
        @profile
        def work():
            rows = [[float(i)] for i in range(60)] # rows
            return rows
        kept = work()
        del kept
    """)
    assert lines["rows"].live == 0


@pytest.mark.parametrize(
    "kind",
    [
        *("list", "list_with_items", "tuple_of_one", "tuple", "dict", "dict_with_keys", "float"),
        *("context", "slice"),
    ],
)
def test_what_other_code_frees_and_takes_again_is_no_lines(measure: Measure, kind: str) -> None:
    """While no function that is watched runs the lists are open."""
    source, _ = KINDS[kind]
    line = measure(f"""
        import contextvars
        empty = contextvars.Context()
        @profile
        def work(kept):
            i = 1000
            for at in range(len(kept)):
                kept[at] = {source} # keeps
        def rest():
            for at in range(20_000):
                object()
        def replace(kept, i=1000):
            for at in range(len(kept)):
                kept[at] = None
                kept[at] = {source}
        kept = [None] * 5000
        work(kept)
        rest()
        replace(kept)
    """)["keeps"]
    assert line.made >= 5000 * 24
    assert line.live <= 3 * 56  # what was in the hands of the interpreter when it came to rest
