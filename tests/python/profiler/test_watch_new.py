"""Code is asked about when it is first run, once, and what is not wanted is left alone."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterator
from types import CodeType, FunctionType
from typing import Any

import pytest
from shoal import _profile

Names = Callable[..., dict[str, Any]]

SOURCE = """\
def wanted(n=0):
    kept = bytes(n)
    return kept

def unwanted():
    return 1

def steps():
    yield bytes(1000)
    yield None

def down(n):
    if n:
        down(n - 1)
    return n

async def waits():
    return bytes(10)
"""


@pytest.fixture
def make() -> Iterator[Names]:
    """Return fresh functions, whose code nobody has seen."""
    _profile.start(False)

    def make_them() -> dict[str, Any]:
        names: dict[str, Any] = {}
        exec(compile(SOURCE, "made.py", "exec"), names)
        return names

    yield make_them
    _profile.watch_new(None)


def choose(*names: str) -> tuple[Callable[[CodeType], int], list[str]]:
    """Return a predicate for code of made.py of these names, and whom it was asked about."""
    asked: list[str] = []

    def predicate(code: CodeType) -> int:
        if code.co_filename != "made.py":
            return 0
        asked.append(code.co_name)
        return 5 if code.co_name in names else 0

    return predicate, asked


def hits(function: FunctionType) -> tuple[int, list[int]]:
    calls, lines = _profile.figures(function.__code__)
    return calls, [line[0] for line in lines]


def test_the_first_call_is_counted(make: Names) -> None:
    functions = make()
    predicate, _ = choose("wanted")
    _profile.watch_new(predicate)
    for _ in range(3):
        functions["wanted"](1000)
    assert hits(functions["wanted"]) == (3, [0, 3, 3, 0, 0])


def test_each_is_asked_about_once(make: Names) -> None:
    functions = make()
    predicate, asked = choose("wanted")
    _profile.watch_new(predicate)
    for _ in range(3):
        functions["unwanted"]()
        functions["wanted"]()
    assert asked == ["unwanted", "wanted"]
    with pytest.raises(KeyError, match="never watched"):
        _profile.figures(functions["unwanted"].__code__)


def test_what_was_refused_may_be_watched_later(make: Names) -> None:
    functions = make()
    predicate, asked = choose()
    _profile.watch_new(predicate)
    functions["wanted"]()
    _profile.watch(functions["wanted"].__code__, 3)
    functions["wanted"]()
    functions["wanted"]()
    assert hits(functions["wanted"]) == (2, [0, 2, 2])
    assert asked == ["wanted"]


def test_after_none_nothing_is_asked_and_all_goes_on(make: Names) -> None:
    functions = make()
    predicate, asked = choose("wanted", "unwanted")
    _profile.watch_new(predicate)
    functions["wanted"]()
    _profile.watch_new(None)
    functions["unwanted"]()
    functions["wanted"]()
    assert asked == ["wanted"]
    assert hits(functions["wanted"]) == (2, [0, 2, 2, 0, 0])


def test_unwatched_code_is_not_entered(make: Names) -> None:
    functions = make()
    predicate, _ = choose("wanted")
    _profile.watch_new(predicate)
    functions["wanted"]()
    _profile.unwatch(functions["wanted"].__code__)
    functions["wanted"]()
    assert hits(functions["wanted"]) == (1, [0, 1, 1, 0, 0])


def test_recursion_and_generators_from_their_first_run(make: Names) -> None:
    functions = make()
    predicate, _ = choose("steps", "down", "waits")
    _profile.watch_new(predicate)
    assert len(list(functions["steps"]())) == 2
    assert functions["down"](4) == 4
    with pytest.raises(StopIteration):
        functions["waits"]().send(None)
    assert hits(functions["steps"])[1][:3] == [0, 1, 1]
    assert hits(functions["down"]) == (5, [0, 5, 4, 5, 0])
    assert hits(functions["waits"])[1][:2] == [0, 1]


def test_the_asking_is_on_no_line(make: Names) -> None:
    functions = make()
    kept = []

    def predicate(code: CodeType) -> int:
        if code.co_name == "inner":
            kept.append(bytes(1_000_000))
            bytes(5_000_000)
            return 3
        return 5 if code.co_filename == "made.py" else 0

    exec(compile("def inner():\n    return bytes(300)\n", "made.py", "exec"), functions)
    exec(compile("def calls():\n    return inner()\n", "made.py", "exec"), functions)
    _profile.watch_new(predicate)
    result = functions["calls"]()
    _, lines = _profile.figures(functions["calls"].__code__)
    _, _, _, net, _, peak, held, _, _, _, made, _, _ = lines[1]
    size = sys.getsizeof(result)
    # The interpreter itself keeps some bytes with code that runs for the first time.
    assert size <= net < size + 1000
    assert made < size + 1000
    assert peak < size + 1000
    assert abs(held) < 100_000
    assert kept


def test_an_exception_of_the_predicate_is_told_and_counts_as_no(
    make: Names, monkeypatch: pytest.MonkeyPatch
) -> None:
    functions = make()
    told: list[Any] = []
    monkeypatch.setattr(sys, "unraisablehook", lambda error: told.append(error.exc_value))

    def predicate(code: CodeType) -> int:
        if code.co_name == "wanted":
            raise LookupError("no idea")
        return 0

    _profile.watch_new(predicate)
    assert functions["wanted"](3) == bytes(3)
    _profile.watch_new(None)
    assert [str(error) for error in told] == ["no idea"]
    with pytest.raises(KeyError):
        _profile.figures(functions["wanted"].__code__)


def test_an_exception_that_is_thrown_in_is_not_lost(make: Names) -> None:
    functions = make()
    running = functions["steps"]()
    next(running)
    predicate, _ = choose("steps")
    _profile.watch_new(predicate)
    with pytest.raises(LookupError, match="thrown"):
        running.throw(LookupError("thrown"))


def test_what_it_is_given_is_checked() -> None:
    with pytest.raises(TypeError, match="not callable: 3"):
        _profile.watch_new(3)  # type: ignore[arg-type]


def test_threads_that_run_new_code_at_once(make: Names) -> None:
    functions = make()
    predicate, _ = choose("wanted")
    _profile.watch_new(predicate)
    barrier = threading.Barrier(4, timeout=30)

    def run() -> None:
        barrier.wait()
        for _ in range(100):
            functions["wanted"]()

    threads = [threading.Thread(target=run) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert hits(functions["wanted"]) == (400, [0, 400, 400, 0, 0])


@pytest.mark.skipif(sys.version_info < (3, 12), reason="before 3.12 there is no sys.monitoring")
def test_code_that_is_not_wanted_has_no_events_any_more(make: Names) -> None:
    functions = make()
    predicate, _ = choose()
    _profile.watch_new(predicate)
    functions["unwanted"]()
    import dis

    names = [one.opname for one in dis.get_instructions(functions["unwanted"], adaptive=True)]
    assert "RESUME" in " ".join(names)
    assert not any(name.startswith("INSTRUMENTED") for name in names)
