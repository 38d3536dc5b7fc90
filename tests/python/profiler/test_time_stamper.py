"""`TimeStamper`: a line for each call, however it ends and whatever kind it is."""

from __future__ import annotations

import asyncio
import io
import threading
from typing import Any

import pytest

pytest.importorskip("psutil")

from shoal.memory_profiler import TimeStamper


def lines(stamper: TimeStamper) -> list[list[str]]:
    stream = io.StringIO()
    stamper.show_results(stream)
    return [line.split() for line in stream.getvalue().splitlines()]


def names_and_depths(stamper: TimeStamper) -> list[tuple[str, int]]:
    return sorted((line[1].rpartition(".")[2], int(line[6])) for line in lines(stamper))


def test_a_call_is_a_line_of_seven_fields() -> None:
    stamper = TimeStamper("psutil")

    @stamper
    def work(size: int) -> int:
        """Say how much."""
        return size

    assert work(7) == 7
    assert (work.__name__, work.__doc__) == ("work", "Say how much.")
    (line,) = lines(stamper)
    assert line[:2] == ["FUNC", f"{__name__}.work"]
    before, began, after, ended = map(float, line[2:6])
    assert 0 < before <= after + 1
    assert began <= ended
    assert line[6] == "0"


def test_nested_calls_have_their_depth_also_after_an_exception() -> None:
    stamper = TimeStamper("psutil")

    @stamper
    def inner(fails: bool) -> None:
        if fails:
            raise KeyError

    @stamper(precision=3)
    def outer() -> None:
        with pytest.raises(KeyError):
            inner(True)
        inner(False)

    outer()
    outer()
    assert names_and_depths(stamper) == [("inner", 1)] * 4 + [("outer", 0)] * 2
    assert stamper.current_stack_level == -1


def test_a_block_has_a_name_without_blanks() -> None:
    stamper = TimeStamper("psutil")
    with stamper.timestamp("load it"), stamper.timestamp():
        pass
    assert [line[1] for line in lines(stamper)] == [".load_it", ".<block>"]
    assert [line[6] for line in lines(stamper)] == ["0", "1"]


def test_generators_and_coroutines_last_to_their_end() -> None:
    stamper = TimeStamper("psutil")

    @stamper
    def numbers() -> Any:
        yield 1
        yield 2

    @stamper
    async def waits() -> int:
        await asyncio.sleep(0.02)
        return 3

    assert list(numbers()) == [1, 2]
    assert asyncio.run(waits()) == 3
    spans = {line[1].rpartition(".")[2]: float(line[5]) - float(line[3]) for line in lines(stamper)}
    assert spans["waits"] >= 0.015
    assert names_and_depths(stamper) == [("numbers", 0), ("waits", 0)]


def test_threads_have_depths_of_their_own() -> None:
    stamper = TimeStamper("psutil")
    barrier = threading.Barrier(2, timeout=20)
    work = stamper(lambda: barrier.wait())
    threads = [threading.Thread(target=work) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [line[6] for line in lines(stamper)] == ["0", "0"]


def test_what_still_runs_ends_when_results_are_shown() -> None:
    stamper = TimeStamper("psutil")
    with stamper.timestamp("open"):
        assert len(lines(stamper)) == 1


def test_methods_of_every_kind() -> None:
    stamper = TimeStamper("psutil")

    class Tool:
        @stamper
        def use(self) -> str:
            return "use"

        @stamper
        @staticmethod
        def static() -> str:
            return "static"

        @stamper
        @classmethod
        def of_class(cls) -> str:
            return cls.__name__

    assert (Tool().use(), Tool.static(), Tool.of_class()) == ("use", "static", "Tool")
    assert len(lines(stamper)) == 3


def test_what_cannot_be_called_is_refused() -> None:
    with pytest.raises(ValueError, match="callable"):
        TimeStamper("psutil")(4)  # type: ignore[arg-type]
