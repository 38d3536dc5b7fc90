"""What the drop-in makes of the engine's figures, which it has for the whole process and life."""

from __future__ import annotations

import sys
import types
from typing import Any

import pytest

pytest.importorskip("psutil")

import shoal
from shoal.profiler.source import take


def outer() -> Any:
    def inner() -> int:
        return 1

    return inner


INNER = next(one for one in outer.__code__.co_consts if getattr(one, "co_name", "") == "inner")


def line(hits: int, rss: int, growth: int) -> tuple[int, ...]:
    return (hits, rss, growth, *[0] * 9)


class MadeUp(types.ModuleType):
    """Stands in for shoal._profile: figures are what the test says."""

    def __init__(self) -> None:
        super().__init__("shoal._profile")
        self.told: dict[Any, Any] = {
            outer.__code__: (5, [line(0, -1, 0)] * 4 + [line(5, 100, 70)]),
            INNER: (3, [line(0, -1, 0), line(3, 90, 10)]),
        }
        self.watched: list[Any] = []

    def start(self, with_rss: bool) -> None:
        assert with_rss

    def watch(self, code: Any, line_count: int) -> None:
        assert code not in self.watched
        assert line_count == len(self.told[code][1])
        self.watched.append(code)

    def unwatch(self, code: Any) -> None:
        self.watched.remove(code)

    def own_resident(self) -> int:
        return 4096

    def figures(self, code: Any) -> Any:
        return self.told[code]


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Return the module of the adapter, on made-up figures."""
    made_up = MadeUp()
    monkeypatch.setitem(sys.modules, "shoal._profile", made_up)
    monkeypatch.setattr(shoal, "_profile", made_up, raising=False)
    monkeypatch.delitem(sys.modules, "shoal.memory_profiler.resident", raising=False)
    import shoal.memory_profiler.resident as adapter

    yield types.SimpleNamespace(made_up=made_up, new=adapter.ResidentEngine)
    sys.modules.pop("shoal.memory_profiler.resident", None)


def test_a_profiler_has_what_figures_grew_by_while_it_was_enabled(engine: Any) -> None:
    measured = engine.new()
    measured.add(outer.__code__, take(outer.__code__))
    assert engine.made_up.watched == []
    measured.enable()
    measured.enable()
    measured.disable()
    assert set(engine.made_up.watched) == {outer.__code__, INNER}
    engine.made_up.told[outer.__code__] = (7, [line(0, -1, 0)] * 4 + [line(7, 130, 95)])
    engine.made_up.told[INNER] = (4, [line(0, -1, 0), line(4, 140, 17)])
    measured.disable()
    assert engine.made_up.watched == []
    engine.made_up.told[INNER] = (9, [line(0, -1, 0), line(9, 999, 99)])

    (function,) = measured.report().functions
    assert (function.name, function.calls) == ("outer", 2)
    assert function.rss_before > 2**20
    assert [(one.hits, one.rss, one.rss_growth) for one in function.lines] == [
        (0, None, None),
        (0, None, None),
        (1, 140, 7),
        (0, None, None),
        (2, 130, 25),
    ]
    assert function.lines[2].text.strip() == "return 1"


def test_two_profilers_of_one_function_watch_it_once(engine: Any) -> None:
    first, second = engine.new(), engine.new()
    for measured in (first, second):
        measured.add(outer.__code__, take(outer.__code__))
        measured.enable()
    first.disable()
    assert outer.__code__ in engine.made_up.watched
    second.disable()
    assert engine.made_up.watched == []


def test_a_function_that_comes_while_it_is_enabled_is_measured(engine: Any) -> None:
    measured = engine.new()
    measured.enable()
    measured.add(outer.__code__, take(outer.__code__))
    assert outer.__code__ in engine.made_up.watched
    measured.disable()
    (function,) = measured.report().functions
    assert function.calls == 0
    assert function.rss_before is None
