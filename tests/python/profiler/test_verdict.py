"""The sentences under a table, and where there is nothing to say."""

from __future__ import annotations

from typing import Any

import pytest
from shoal.profiler.callee import callee
from shoal.profiler.model import Pin, Report
from shoal.profiler.verdict import verdict

MIB = 2**20


@pytest.fixture
def said(make_function, make_report):
    """Return the sentences for figures by line number."""

    def say(
        source: str,
        figures: dict[int, dict[str, Any]],
        calls: int = 1,
        rss: int = 60 * MIB,
        pins: tuple[Pin, ...] = (),
    ):
        function = make_function(source, figures, calls=calls, pins=pins)
        return list(verdict(function, make_report(function, rss=rss)))

    return say


def test_the_deepcopy_experiment(copying: Report) -> None:
    assert verdict(copying.functions[0], copying) == (
        "Line 4 peaked 48 MiB above what it left: temporaries of copy.deepcopy.",
        "Line 8 freed 38 MiB, of which 30 MiB went back to the system.",
    )


def test_nothing_to_say(said) -> None:
    small = {"hits": 1, "peak": MIB - 1, "live": 56, "live_blocks": 1, "made": MIB, "net": 56}
    assert said("def f():\n    x()", {2: small}) == []
    assert said("def f():\n    x()", {}) == []


# ---- peak -------------------------------------------------------------------------


def test_a_peak_without_a_plain_callee(said) -> None:
    assert said("def f():\n    x = [0] * a + b * 2", {2: {"hits": 1, "peak": 3 * MIB}}) == [
        "Line 2 peaked 3.0 MiB above what it left: temporaries, gone when it ended."
    ]


def test_a_peak_that_stays_is_none(said) -> None:
    stays = {"hits": 1, "peak": 50 * MIB, "worst_growth": 40 * MIB, "net": 40 * MIB}
    assert said("def f():\n    x = g()", {2: stays}) == []


def test_what_replaces_other_lines_blocks_is_no_peak(said) -> None:
    replaces = {"hits": 1, "peak": 50 * MIB, "made": 50 * MIB, "live": 50 * MIB, "live_blocks": 9}
    assert said("def f(x):\n    x = g(x)", {2: replaces}) == []


def test_the_peak_of_many_runs_is_over_the_most_that_one_left(said) -> None:
    runs = {"hits": 10, "peak": 5 * MIB, "worst_growth": 2 * MIB, "net": 11 * MIB}
    assert said("def f():\n    x = g()", {2: runs}) == [
        "Line 2 peaked 3.0 MiB above what it left: temporaries of g."
    ]


def test_in_a_large_process_small_things_are_not_told(said) -> None:
    figures = {2: {"hits": 1, "peak": 30 * MIB}}
    assert len(said("def f():\n    x = g()", figures, rss=2000 * MIB)) == 1
    assert said("def f():\n    x = g()", figures, rss=4000 * MIB) == []


# ---- held -------------------------------------------------------------------------


def test_survivors_that_pin(said) -> None:
    pins = (Pin((3,), 229 * MIB, int(2.2 * MIB)),)
    assert said("def f():\n    x = 1\n    g()", {}, pins=pins) == [
        "Held: 229 MiB pinned by 2.2 MiB that line 3 left alive."
    ]


@pytest.mark.parametrize(
    "pins",
    [
        [Pin((2,), 5 * MIB, 100 * MIB)],  # mostly live
        [Pin((2,), MIB - 1, 100)],
        [Pin((2,), MIB // 4, 9), Pin((2, 3), MIB // 4, 9), Pin((4,), MIB // 2, 9)],
    ],
)
def test_pins_that_are_not_told(said, pins: list[Pin]) -> None:
    assert said("def f():\n    g()", {}, pins=tuple(pins)) == []


def test_lines_that_pin_together_are_named_together(said) -> None:
    pins = (Pin((2, 3), 80 * MIB, 3 * MIB), Pin((3,), 15 * MIB, MIB), Pin((2,), 5 * MIB, MIB))
    assert said("def f():\n    g()", {}, pins=pins) == [
        "Held: 100 MiB pinned by 5.0 MiB that lines 2 and 3 left alive."
    ]


def test_a_line_that_adds_little_is_not_named(said) -> None:
    pins = (Pin((3,), 90 * MIB, 2 * MIB), Pin((2, 3), 10 * MIB, 10))
    assert said("def f():\n    g()", {}, pins=pins) == [
        "Held: 90 MiB pinned by 2.0 MiB that line 3 left alive.",
        "Held: 10 MiB pinned by 10 B that lines 2 and 3 left alive.",
    ]


def test_lines_that_pin_apart_are_named_apart(said) -> None:
    pins = (Pin((9,), 60 * MIB, MIB), Pin((3,), 50 * MIB, MIB))
    assert said("def f():\n    g()", {}, pins=pins) == [
        "Held: 60 MiB pinned by 1.0 MiB that line 9 left alive.",
        "Held: 50 MiB pinned by 1.0 MiB that line 3 left alive.",
    ]


def test_of_many_lines_three_are_named(said) -> None:
    pins = (Pin((2, 3, 5, 6, 8), 60 * MIB, MIB),)
    assert said("def f():\n    g()", {}, pins=pins) == [
        "Held: 60 MiB pinned by 1.0 MiB that lines 2, 3, 5 and 2 more left alive."
    ]


# ---- growing ----------------------------------------------------------------------


def grown(calls: int, each: int, **fields: int) -> dict[str, int]:
    total = calls * each
    figures = {"hits": calls, "live": total, "live_blocks": calls, "made": total, "net": total}
    return {**figures, "peak": each, "worst_growth": each, **fields}


def test_growing_every_call(said) -> None:
    assert said("def f():\n    cache.append(g())", {2: grown(12, int(4.1 * MIB))}, calls=12) == [
        "Growing every call: +4.1 MiB x 12, made by line 2 and still alive."
    ]


def test_several_lines_grow(said) -> None:
    figures = {2: grown(12, MIB), 3: grown(12, MIB), 4: grown(12, MIB)}
    assert said("def f():\n    a\n    b\n    c", figures, calls=12) == [
        "Growing every call: +3.0 MiB x 12, made by lines 2, 3 and 4 and still alive."
    ]


def test_a_line_that_grows_by_next_to_nothing_is_not_named(said) -> None:
    figures = {2: grown(12, 4 * MIB), 3: grown(12, 100), 4: grown(12, MIB)}
    assert said("def f():\n    a\n    b\n    c", figures, calls=12) == [
        "Growing every call: +5.0 MiB x 12, made by lines 2 and 4 and still alive."
    ]


def test_small_growth_of_many_calls(said) -> None:
    assert said("def f():\n    g()", {2: grown(65_536, 56)}, calls=65_536) == [
        "Growing every call: +56 B x 65,536, made by line 2 and still alive."
    ]


def test_growth_while_other_lines_blocks_are_freed(said) -> None:
    figures = {2: grown(12, MIB, net=0, worst_growth=0)}
    assert [sentence.split()[0] for sentence in said("def f():\n    g()", figures, calls=12)] == [
        "Growing"
    ]


def test_what_only_the_last_call_left_is_no_growth(said) -> None:
    replaced = grown(12, 4 * MIB, live=4 * MIB, live_blocks=12, net=4 * MIB)
    assert said("def f():\n    g()", {2: replaced}, calls=12) == []


def test_a_cache_that_is_filled_once_is_no_growth(said) -> None:
    filled = grown(12, 4 * MIB, live=4 * MIB, live_blocks=1, made=4 * MIB)
    assert said("def f():\n    g()", {2: filled}, calls=12) == []


def test_what_one_of_many_calls_made_is_no_growth(said) -> None:
    first = {
        "hits": 1,
        "made": 5 * MIB,
        "live": 5 * MIB,
        "live_blocks": 100_000,
        "peak": 5 * MIB,
        "net": 5 * MIB,
        "worst_growth": 5 * MIB,
    }
    assert said("def f():\n    x = g()", {2: first}, calls=1000) == []


def test_growth_in_some_of_the_calls_is_not_in_every_one(said) -> None:
    assert said("def f():\n    x.append(g())", {2: grown(10, MIB)}, calls=1000) == [
        "Growing: 10 MiB in 1,000 calls, made by line 2 and still alive."
    ]


def test_a_loop_in_few_calls_is_no_growth(said) -> None:
    assert said("def f():\n    g()", {2: grown(100, MIB)}, calls=2) == []


# ---- freed ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("returned", "back"),
    [
        (30 * MIB, "all of which"),
        (32 * MIB, "all of which"),
        (28 * MIB, "of which 28 MiB"),
        (4096, "of which 4,096 B"),
        (0, "of which nothing"),
    ],
)
def test_what_was_freed_and_what_went_back(said, returned: int, back: str) -> None:
    assert said(
        "def f():\n    del x", {2: {"hits": 1, "net": -30 * MIB, "returned": returned}}
    ) == [f"Line 2 freed 30 MiB, {back} went back to the system."]


def test_what_the_allocator_cannot_tell_of_shows_in_resident_memory(said) -> None:
    fell = {"hits": 1, "net": -8 * MIB, "returned": 0, "rss_growth": -8 * MIB}
    assert said("def f():\n    del x", {2: fell}) == [
        "Line 2 freed 8.0 MiB, all of which went back to the system."
    ]


def test_freed_in_many_runs(said) -> None:
    frees = {"hits": 1200, "net": -30 * MIB, "returned": 30 * MIB}
    assert said("def f():\n    del x", {2: frees}) == [
        "Line 2 freed 30 MiB in 1,200 runs, all of which went back to the system."
    ]


def test_two_sentences_and_those_with_most_at_stake(said) -> None:
    source = "def f():\n    a\n    b\n    c\n    d"
    figures = {
        2: {"hits": 1, "peak": 10 * MIB},
        3: {"hits": 1, "net": -300 * MIB, "returned": 300 * MIB},
        4: {"hits": 1, "net": -231 * MIB, "returned": 2 * MIB},
    }
    pins = (Pin((5,), 228 * MIB, 2 * MIB),)
    assert [sentence.split()[:2] for sentence in said(source, figures, pins=pins)] == [
        ["Line", "4"],
        ["Held:", "228"],
    ]


# ---- the callee -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "name"),
    [
        ("y = copy.deepcopy(x)", "copy.deepcopy"),
        ("y = copy.deepcopy(x[len(x):])", "copy.deepcopy"),
        ("return load(x)", "load"),
        ("for item in self.walk(x):", "self.walk"),
        ("with closing(x):", "closing"),
        ("xs = [parse(x) for x in xs]", "parse"),
        ("y = list(range(9))", "list"),
        ("y = list(range(9)) + other(9)", ""),
        ("y = f(g(x))", ""),
        ("y = f(x)(x)", ""),
        ("y = table[3](x)", ""),
        ("y = sorted(x, key=lambda v: cost(v))", "sorted"),
        ("later = lambda: f()", ""),
        ("y = [0] * 9", ""),
        ("y = len(x)", "len"),
    ],
)
def test_the_callee_where_it_is_plain(make_function, line: str, name: str) -> None:
    body = f"        {line}" + ("\n            pass" if line.endswith(":") else "")
    source = f'    @profile\n    def f(self):\n        """Text\nat the margin."""\n{body}'
    assert callee(make_function(source, {}, first_line=40), 44) == name


@pytest.mark.parametrize("source", ["", "def f(:\n    g()", "    )", "\0", "(" * 5000])
def test_text_that_is_no_python_has_no_callee(make_function, source: str) -> None:
    assert callee(make_function(source, {}), 1) == ""


@pytest.mark.filterwarnings("error")
def test_warnings_of_the_source_are_not_told_again(make_function) -> None:
    assert callee(make_function("def f():\n    g('\\d')", {}), 2) == "g"


# ---- growth and freeing over many runs ----------------------------------------------


def test_growth_by_a_container_that_doubles(said) -> None:
    append = {"hits": 200_000, "live": 2 * MIB, "live_blocks": 1, "made": 9 * MIB,
              "worst_growth": MIB, "early_hits": 65_536, "early_live": MIB // 2,
              "low_live": MIB // 2, "peak": 3 * MIB}  # fmt: skip
    make = {"hits": 200_000, "live": 26 * MIB, "live_blocks": 400_000, "made": 27 * MIB,
            "worst_growth": 290, "early_hits": 65_536, "early_live": 8 * MIB,
            "low_live": 8 * MIB, "peak": 290}  # fmt: skip
    assert said(
        "def f(x):\n    h = H(x)\n    all.append(h)", {2: make, 3: append}, calls=200_000
    ) == ["Growing: 28 MiB in 200,000 calls, made by lines 2 and 3 and still alive."]


def test_growth_in_few_runs(said) -> None:
    keeps = {"hits": 5, "live": 30 * MIB, "live_blocks": 5, "worst_growth": 10 * MIB,
             "early_hits": 2, "early_live": 9 * MIB}  # fmt: skip
    assert said("def f(x):\n    keep(x)", {2: keeps}, calls=3000) == [
        "Growing: 30 MiB in 3,000 calls, made by line 2 and still alive."
    ]


@pytest.mark.parametrize(
    "course",
    [
        {"early_live": 29 * MIB, "low_live": 28 * MIB},  # full, and replaced since
        {"early_live": 3 * MIB, "low_live": 0},  # built anew in each call
        {"worst_growth": 25 * MIB},  # most of it made at once
    ],
)
def test_what_is_alive_and_does_not_grow(said, course: dict[str, int]) -> None:
    line = {"hits": 80_000, "live": 30 * MIB, "live_blocks": 40_000, "made": 60 * MIB,
            "worst_growth": MIB, "early_hits": 32_768, "early_live": 12 * MIB,
            "low_live": 12 * MIB}  # fmt: skip
    source = "def f(x):\n    cache[x] = 1"
    assert said(source, {2: line}, calls=80_000) == [
        "Growing: 30 MiB in 80,000 calls, made by line 2 and still alive."
    ]
    assert said(source, {2: {**line, **course}}, calls=80_000) == []


def test_what_is_in_use_again_was_not_freed(said) -> None:
    frees = {"hits": 40_000, "net": -25 * MIB, "regained": 25 * MIB - 600}
    assert said("def f():\n    cache.popitem()", {2: frees}) == []
    frees = {"hits": 5, "net": -96 * MIB, "regained": 76 * MIB, "returned": 20 * MIB}
    assert said("def f():\n    del x", {2: frees}) == [
        "Line 2 freed 20 MiB in 5 runs, all of which went back to the system."
    ]
