"""`LineProfiler`, `profile`, `CodeMap`, `LogFile`: the right figures, on both engines."""

from __future__ import annotations

import asyncio
import io
import linecache
import logging
import sys
import threading
from collections.abc import Callable
from typing import Any

import pytest

pytest.importorskip("psutil")

from shoal.memory_profiler import (
    CodeMap,
    LineProfiler,
    LogFile,
    line_profiler,
    memory_usage,
    profile,
    show_results,
)
from shoal.memory_profiler.engine import line_engine
from shoal.memory_profiler.tracing import TracingEngine

MIB = 2**20
BIG = 40 * MIB
"""Bytes: more than malloc ever takes from what it has, so that it is resident while it lives."""

Row = tuple[float, float, int]


@pytest.fixture(params=["tracing", "resident"], autouse=True)
def engine(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Run each test on the slow engine, and on Shoal's where it is."""
    if request.param == "tracing":
        monkeypatch.setattr(
            line_profiler, "line_engine", lambda backend, kids, most: TracingEngine(backend, kids)
        )
    elif isinstance(line_engine("psutil", False), TracingEngine):
        pytest.skip("Shoal's engine is not in this installation")
    return str(request.param)


def rows(profiler: LineProfiler, function: Callable[..., Any]) -> dict[int, Row]:
    """Return the measures of a function by line, counted from its first."""
    code = getattr(function, "__wrapped__", function).__code__
    return {number - code.co_firstlineno: row for number, row in profiler.code_map[code].items()}


def take_and_drop() -> None:
    data = bytearray(BIG)
    del data


def loop() -> None:
    for _ in range(12):
        pass


def test_increments_and_occurrences() -> None:
    profiler = LineProfiler()
    profiler(take_and_drop)()
    found = rows(profiler, take_and_drop)
    assert found[0][0] == found[0][1] > 5
    assert found[0][2] == 1
    assert found[1][0] == pytest.approx(40, abs=1)
    assert found[2][0] == pytest.approx(-40, abs=1)
    profiler(loop)()
    assert {row[2] for line, row in rows(profiler, loop).items() if line} == {12, 13}


def test_measures_stay_and_grow_with_calls() -> None:
    profiler = LineProfiler()
    work = profiler(take_and_drop)
    work()
    work()
    assert rows(profiler, take_and_drop)[1][2] == 2
    assert rows(profiler, take_and_drop)[1][0] == pytest.approx(80, abs=2)
    take_and_drop()
    assert rows(profiler, take_and_drop)[1][2] == 2


def test_code_map_has_functions_in_the_order_they_came() -> None:
    profiler = LineProfiler()
    profiler(take_and_drop)()
    profiler(loop)()
    items = [(name, list(lines)) for name, lines in profiler.code_map.items()]
    assert [lines[0][0] for _, lines in items] == [
        take_and_drop.__code__.co_firstlineno,
        loop.__code__.co_firstlineno,
    ]
    assert {name for name, _ in items} == {__file__}
    numbers = [number for number, _ in items[0][1]]
    assert numbers == list(range(numbers[0], numbers[0] + 3))
    assert list(profiler.code_map[take_and_drop.__code__]) == numbers


def test_nothing_measured_is_no_table() -> None:
    profiler = LineProfiler()
    profiler.add_function(loop)
    stream = io.StringIO()
    show_results(profiler, stream)
    assert stream.getvalue() == ""


def test_code_within_a_function_shares_its_measures() -> None:
    def outer() -> Callable[[], int]:
        def inner() -> int:
            return 1

        return inner

    profiler = LineProfiler()
    with profiler:
        profiler(outer)()()
    assert rows(profiler, outer)[2][2] == 1
    code_map = CodeMap(False, "psutil")
    code_map.add(outer.__code__)
    inner_code = next(
        one for one in outer.__code__.co_consts if getattr(one, "co_name", "") == "inner"
    )
    assert code_map[outer.__code__] is code_map[inner_code]
    assert code_map.add(outer.__code__) is None


def test_with_and_runctx_and_counts() -> None:
    profiler = LineProfiler()
    profiler.add_function(loop)
    with profiler:
        loop()
    profiler.enable_by_count()
    profiler.enable_by_count()
    profiler.disable_by_count()
    loop()
    profiler.disable_by_count()
    profiler.disable_by_count()
    loop()
    assert profiler.runctx("loop()", globals(), {}) is profiler
    assert rows(profiler, loop)[1][2] == 39
    assert profiler.enable_count == 0


def test_recursion_counts_nothing_twice() -> None:
    def build(depth: int) -> list[bytearray]:
        mine = bytearray(BIG)
        return [mine, *(build(depth - 1) if depth else ())]

    profiler = LineProfiler()
    assert len(profiler(build)(3)) == 4
    found = rows(profiler, build)
    assert found[1][2] == 4
    assert found[1][0] == pytest.approx(160, abs=2)
    assert abs(found[2][0]) < 2


def test_generator_expressions_are_counted_once() -> None:
    def work() -> list[int]:
        made = (bytearray(BIG) for _ in range(2))
        kept = list(made)
        again = [bytearray(BIG) for _ in range(2)]
        return [len(one) for one in kept + again]

    profiler = LineProfiler()
    assert profiler(work)() == [BIG] * 4
    increments = [row[0] for line, row in rows(profiler, work).items() if line]
    assert sum(increments) == pytest.approx(160, abs=3)


def test_the_first_row_is_what_was_there_before_the_call() -> None:
    profiler = LineProfiler()

    @profiler
    def first() -> Any:
        yield bytearray(BIG)
        yield None

    @profiler
    def second() -> None:
        pass

    running = first()
    before = memory_usage()[0]
    kept = next(running)
    next(running)
    second()
    assert rows(profiler, first)[0][1] == pytest.approx(before, abs=3)
    assert rows(profiler, second)[0][1] == pytest.approx(before + 40, abs=3)
    assert kept


def test_nested_decorated_functions_have_each_their_own() -> None:
    profiler = LineProfiler()

    @profiler
    def inner() -> bytearray:
        return bytearray(BIG)

    @profiler
    def outer() -> bytearray:
        return inner()

    outer()
    assert rows(profiler, inner)[2][0] == pytest.approx(40, abs=1)
    assert rows(profiler, outer)[2][0] == pytest.approx(40, abs=1)


def test_generators_are_charged_for_their_own_steps() -> None:
    profiler = LineProfiler()

    @profiler
    def steps() -> Any:
        first = bytearray(BIG)
        received = yield len(first)
        yield received

    running = steps()
    assert next(running) == BIG
    others = bytearray(BIG)
    assert running.send(5) == 5
    assert list(running) == []
    found = rows(profiler, steps)
    assert found[2][0] == pytest.approx(40, abs=1)
    assert abs(found[3][0]) < 1
    assert others


def test_coroutines_are_not_charged_for_each_other() -> None:
    profiler = LineProfiler()

    @profiler
    async def takes(turn: asyncio.Event, size: int) -> int:
        await turn.wait()
        data = bytearray(size)
        await asyncio.sleep(0.01)
        return len(data)

    async def both() -> list[int]:
        turn = asyncio.Event()
        waiting = [asyncio.ensure_future(takes(turn, BIG)) for _ in range(2)]
        await asyncio.sleep(0)
        turn.set()
        return list(await asyncio.gather(*waiting))

    assert asyncio.run(both()) == [BIG] * 2
    found = rows(profiler, takes)
    assert abs(found[2][0]) < 2
    assert found[3][0] == pytest.approx(80, abs=2)


def test_asynchronous_generators() -> None:
    closed = []

    @profile(stream=io.StringIO())
    async def numbers() -> Any:
        try:
            got = yield 1
            try:
                yield got
            except KeyError:
                yield "caught"
        finally:
            closed.append(True)

    async def use() -> list[Any]:
        running = numbers()
        found = [await running.__anext__(), await running.asend("sent")]
        found.append(await running.athrow(KeyError()))
        await running.aclose()
        return [*found, *[one async for one in numbers()]]

    assert asyncio.run(use()) == [1, "sent", "caught", 1, None]
    assert closed == [True, True]


def test_threads_in_the_same_function() -> None:
    profiler = LineProfiler()
    barrier = threading.Barrier(2, timeout=20)

    @profiler
    def work() -> None:
        barrier.wait()
        for _ in range(50):
            pass

    threads = [threading.Thread(target=work) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert rows(profiler, work)[4][2] == 100


def test_profile_writes_a_table_after_each_call_also_a_failed_one() -> None:
    stream = io.StringIO()

    @profile(stream=stream, precision=4)
    def work(fails: bool) -> str:
        """Doc."""
        if fails:
            raise KeyError
        return "done"

    assert work.__doc__ == "Doc."
    assert work(False) == "done"
    assert stream.getvalue().count("Filename: ") == 1
    assert "." in stream.getvalue().split("MiB")[0][-6:-4]
    with pytest.raises(KeyError):
        work(True)
    assert stream.getvalue().count("Filename: ") == 2
    assert "raise KeyError" in stream.getvalue()


def test_a_function_that_calls_itself_has_one_table() -> None:
    stream = io.StringIO()

    @profile(stream=stream)
    def down(count: int) -> int:
        return down(count - 1) + 1 if count else 0

    assert down(3) == 3
    assert stream.getvalue().count("Filename: ") == 1
    assert stream.getvalue().splitlines()[6].split()[5] == "4"


def test_what_has_no_source_is_run_unprofiled_with_a_warning(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # Since 3.13 it is the name of what `python -c` runs, too.
    monkeypatch.delitem(linecache.cache, "<string>", raising=False)
    names: dict[str, Any] = {}
    exec("def made():\n    return 4", names)
    with pytest.warns(UserWarning, match=r"no source of made: .*<string>"):
        made = profile(names["made"])
    assert made() == 4
    with pytest.warns(UserWarning, match="no source of len"):
        assert LineProfiler()(len)("abc") == 3


def test_methods_of_every_kind_keep_their_kind() -> None:
    stream = io.StringIO()

    class Tool:
        @profile(stream=stream)
        def use(self) -> str:
            return "use"

        @profile(stream=stream)
        @staticmethod
        def static() -> str:
            return "static"

        @profile(stream=stream)
        @classmethod
        def of_class(cls) -> str:
            return cls.__name__

    assert (Tool().use(), Tool.static(), Tool.of_class()) == ("use", "static", "Tool")
    assert stream.getvalue().count("Filename: ") == 3


def test_another_trace_function_goes_on() -> None:
    seen = []

    def tracer(frame: Any, event: str, argument: Any) -> Any:
        if frame.f_code is loop.__code__:
            seen.append(event)
        return tracer

    before = sys.gettrace()
    sys.settrace(tracer)
    try:
        profiler = LineProfiler()
        profiler(loop)()
        assert sys.gettrace() is tracer
    finally:
        sys.settrace(before)
    assert seen.count("line") == 25
    assert rows(profiler, loop)[1][2] == 13


def test_tracemalloc_is_exact() -> None:
    stream = io.StringIO()

    @profile(stream=stream, precision=6, backend="tracemalloc")
    def work(size: int) -> None:
        data = bytearray(size)
        del data

    for size in (100, 10_000, 1_000_000):
        stream.seek(0)
        stream.truncate()
        work(size)
        increments = [
            float(line.split()[3]) * MIB
            for line in stream.getvalue().splitlines()
            if "data" in line
        ]
        taken = sys.getsizeof(bytearray(size))
        assert increments[0] == pytest.approx(taken, abs=64)
        assert increments[1] == pytest.approx(-taken, abs=64)


def test_a_log_file_logs_what_grew(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    log = LogFile("memory", reportIncrementFlag=True)
    show_results(_measured(), log)  # type: ignore[arg-type]
    text = [record.getMessage() for record in caplog.records]
    assert any("bytearray" in message for message in text)
    assert not any("del data" in message for message in text)
    assert "Filename: " in text[0]
    log.flush()
    LogFile("memory").write("whatever", logging.WARNING)
    assert caplog.records[-1].getMessage() == "whatever"


def _measured() -> LineProfiler:
    profiler = LineProfiler()
    profiler(take_and_drop)()
    return profiler


def test_it_leaves_lines_that_shoal_profiles_watched(plain: Any) -> None:
    """Its own measuring ends with each call; that of the decorator below does not."""
    done = plain(
        "-c",
        "from shoal import profile\n"
        "from shoal.memory_profiler import LineProfiler\n"
        "from shoal.profiler import export\n"
        "import sys, linecache\n"
        "def work(count):\n"
        "    return [0] * count\n"
        "outer = LineProfiler()(profile(work))\n"
        "for _ in range(3):\n"
        "    outer(10)\n"
        "work(10)\n"
        "print(profile.report().functions[0].lines[1].hits)\n",
        env={"SHOAL_ALLOCATOR": "pymalloc"},
    )
    assert done.stdout.splitlines()[0] == "4", done.stderr
