"""Other tools that trace, as coverage and debuggers do, work as ever beside the profiler."""

# The programs here are about their lines, so they are not made shorter.
# ruff: noqa: RET504, SIM105

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path
from types import FrameType
from typing import Any

import pytest
from shoal import _profile
from shoal.profiler import Profile
from shoal.profiler.collect import Collector

profile = Profile()
profile._collector = Collector()  # One that writes no table when the tests end.

Event = tuple[str, str, int]


class Tracer:
    """Notes the events of some functions: name, kind, line counted from the first."""

    def __init__(self, *functions: Callable[..., Any]) -> None:
        self.codes = {function.__code__ for function in functions}
        self.events: list[Event] = []
        self.arguments: list[Any] = []

    def __call__(self, frame: FrameType, event: str, argument: Any) -> Any:
        code = frame.f_code
        if code in self.codes:
            self.events.append((code.co_name, event, frame.f_lineno - code.co_firstlineno))
            self.arguments.append(argument)
        return self


def traced(*functions: Callable[..., Any]) -> list[Event]:
    """Call the first of the functions, and return the events of all."""
    tracer = Tracer(*functions)
    sys.settrace(tracer)
    try:
        functions[0]()
    finally:
        sys.settrace(None)
    return tracer.events


def hits(function: Callable[..., Any]) -> list[int]:
    return [line[0] for line in _profile.figures(function.__code__)[1]]


@pytest.fixture(autouse=True)
def no_tracer() -> Iterator[None]:
    """Take away the trace function that runs the tests, if any, and what they leave."""
    before = sys.gettrace()
    sys.settrace(None)
    yield
    assert sys.gettrace() is None
    sys.settrace(before)


def make() -> tuple[Callable[..., Any], ...]:
    """Return functions that are profiled or not, fresh ones each time."""

    def loop() -> None:
        for number in range(3):
            plain(number)
        try:
            fails()
        except KeyError:
            pass
        return next(steps())

    def plain(number: int) -> int:
        return number

    def fails() -> None:
        raise KeyError

    def steps() -> Any:
        yield 5

    functions = loop, plain, fails, steps
    for function in functions:
        function.__code__ = function.__code__.replace()
    return functions


def test_a_tracer_sees_what_it_sees_without_us() -> None:
    expected = traced(*make())
    functions = make()
    for number in (0, 2, 3):
        profile(functions[number])
    assert traced(*functions) == expected
    assert {kind for _, kind, _ in expected} == {"call", "line", "return", "exception"}
    assert hits(functions[0])[1:8] == [4, 3, 1, 1, 1, 1, 1]
    assert hits(functions[2])[1] == 1


def test_it_gets_its_arguments() -> None:
    functions = make()
    profile(functions[2])
    tracer = Tracer(functions[2])
    sys.settrace(tracer)
    with pytest.raises(KeyError):
        functions[2]()
    sys.settrace(None)
    kinds = [kind for _, kind, _ in tracer.events]
    assert kinds == ["call", "line", "exception", "return"]
    assert tracer.arguments[2][0] is KeyError


def test_gettrace_gives_what_settrace_was_given() -> None:
    found = []

    @profile
    def looks() -> None:
        found.append(sys.gettrace())

    looks()
    tracer = Tracer()
    sys.settrace(tracer)
    looks()
    after = sys.gettrace()
    sys.settrace(None)
    assert found == [None, tracer]
    assert after is tracer


def breakpoint_here(tracer: Tracer) -> None:
    """Begin to trace the caller and those above it, as pdb.set_trace() does."""
    frame = sys._getframe(1)
    while frame is not None:
        frame.f_trace = tracer
        frame = frame.f_back  # type: ignore[assignment]
    sys.settrace(tracer)


def test_a_breakpoint_in_a_profiled_function_outlives_it() -> None:
    def outer() -> int:
        inner()
        after = 1
        return after

    @profile
    def inner() -> int:
        before = 1
        breakpoint_here(tracer)
        after = before
        called()
        return after

    def called() -> None:
        pass

    tracer = Tracer(outer, inner, called)
    outer()
    still = sys.gettrace()
    sys.settrace(None)
    assert still is tracer
    assert tracer.events == [
        ("inner", "line", 4),
        ("inner", "line", 5),
        ("called", "call", 0),
        ("called", "line", 1),
        ("called", "return", 1),
        ("inner", "line", 6),
        ("inner", "return", 6),
        ("outer", "line", 2),
        ("outer", "line", 3),
        ("outer", "return", 3),
    ]
    assert hits(inner)[2:] == [1, 1, 1, 1, 1]
    # And its frame is as any other for what comes after.
    assert traced(outer)[0] == ("outer", "call", 0)


def test_a_tracer_that_is_taken_away_within() -> None:
    def stop() -> None:
        sys.settrace(None)

    @profile
    def inner() -> int:
        stop()
        after = 1
        return after

    def outer() -> None:
        inner()
        inner()

    tracer = Tracer(outer, inner)
    sys.settrace(tracer)
    outer()
    assert sys.gettrace() is None
    assert tracer.events == [
        ("outer", "call", 0),
        ("outer", "line", 1),
        ("inner", "call", 0),
        ("inner", "line", 2),
    ]
    assert hits(inner)[2:] == [2, 2, 2]


def test_a_tracer_that_fails_is_taken_away_and_we_stay() -> None:
    @profile
    def inner() -> int:
        one = 1
        return one

    def bad(frame: FrameType, event: str, argument: Any) -> Any:
        if frame.f_code is inner.__code__ and event == "line":
            raise LookupError("bad tracer")
        return bad

    sys.settrace(bad)
    with pytest.raises(LookupError, match="bad tracer"):
        inner()
    assert sys.gettrace() is None
    assert inner() == 1
    assert hits(inner)[2:][-1] == 1


def test_what_a_tracer_takes_is_on_no_line() -> None:
    @profile
    def quiet() -> int:
        one = 1
        return one

    kept = []

    def takes(frame: FrameType, event: str, argument: Any) -> Any:
        if frame.f_code is quiet.__code__:
            kept.append(bytes(100_000))
        return takes

    sys.settrace(takes)
    quiet()
    sys.settrace(None)
    assert len(kept) == 4
    if sys.version_info >= (3, 12):
        return  # Each tool's callbacks are the line's, as all that runs in its time.
    live = [line[8] for line in _profile.figures(quiet.__code__)[1]]
    assert max(live) < 1000


def test_a_block_within_frames_that_are_traced_or_not() -> None:
    def plain(deep: bool) -> int:
        before = 1
        with profile:
            inside = before
            called()
        after = inside
        return after

    def called() -> int:
        return 1

    @profile
    def outer() -> int:
        plain(True)
        after = 1
        return after

    plain(False)
    outer()
    assert hits(plain)[3:5] == [2, 2]
    assert hits(plain)[5:7] == [0, 0]
    assert hits(outer)[2:] == [1, 1, 1]
    assert sys.gettrace() is None
    events = traced(plain.__get__(False), called)
    assert ("called", "line", 1) in events


def test_profile_functions_go_on_too() -> None:
    """sys.setprofile, which cProfile uses, is told of calls in profiled functions."""
    functions = make()

    def calls() -> list[str]:
        seen: list[str] = []

        def see(frame: FrameType, event: str, argument: Any) -> None:
            if frame.f_code in {function.__code__ for function in functions}:
                seen.append(f"{frame.f_code.co_name} {event}")

        sys.setprofile(see)
        functions[0]()
        sys.setprofile(None)
        return seen

    expected = calls()
    profile(functions[0])
    profile(functions[3])
    assert calls() == expected
    assert hits(functions[0])[1] == 4


PROGRAM = """\
from shoal import profile

@profile
def work(flag):
    made = [0] * 100
    if flag:
        made = None
    return made

def other():
    return work(True)

other()
"""


@pytest.mark.skipif(not find_spec("coverage"), reason="coverage is not installed")
@pytest.mark.parametrize("core", ["ctrace", "pytrace", "sysmon"])
def test_coverage_is_the_same(plain: Any, tmp_path: Path, core: str) -> None:
    if core == "sysmon" and sys.version_info < (3, 12):
        pytest.skip("before 3.12 there is no sys.monitoring")
    (tmp_path / "script.py").write_text(PROGRAM)
    options = {"env": {"COVERAGE_CORE": core}}
    done = plain("-m", "coverage", "run", "script.py", **options)
    assert done.returncode == 0, done.stderr
    assert "[0] * 100" in done.stdout
    shown = plain("-m", "coverage", "report", "-m", "--include=script.py", **options).stdout
    assert "100%" in shown


def test_pdb_steps_through_a_profiled_function(plain: Any, tmp_path: Path) -> None:
    (tmp_path / "script.py").write_text(
        PROGRAM.replace("    if flag", "    import pdb; pdb.set_trace()\n    if flag")
    )
    done = plain("script.py", input="n\nn\nn\nn\nn\np 6 * 7\nc\n")
    steps = [line for line in done.stdout.splitlines() if line.startswith("-> ")]
    wanted = [
        "-> if flag:",
        "-> made = None",
        "-> return made",
        "-> return work(True)",
        "-> other()",
    ]
    assert [step for step in steps if step in wanted][: len(wanted)] == [
        *wanted[:3], wanted[2], wanted[3],
    ]  # fmt: skip
    assert "42" in done.stdout
    assert "Function: work, called once" in done.stdout
