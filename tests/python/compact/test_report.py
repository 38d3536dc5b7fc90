"""`shoal.compact`: what it gives back, when it does nothing, and what it says of it."""

from __future__ import annotations

import re

MEBIBYTE = 1 << 20

SPARSE = """
import json, random, shoal
from shoal import _smaps
shoal.compact(least=0)
random.seed(1)
class Record:
    def __init__(self, i):
        self.number, self.text = i * 1000, "text %d" % i
made = [(Record(i), {{"a": float(i)}}, [i, str(i)], (i, float(i))) for i in range(60_000)]
kept = [record for record in made if random.random() < 0.1]
del made
def shown():
    return json.dumps([(r.number, r.text, *rest) for r, *rest in kept])
expected = shown()
shoal.trim()
before = _smaps.rollup()
report = shoal.compact({arguments})
fell = before - _smaps.rollup()
assert shown() == expected
"""


def sparse(rest, arguments=""):
    return SPARSE.format(arguments=arguments) + rest


def test_it_gives_back_what_survivors_kept(on_shoal):
    given, fell, resident, live, after = on_shoal(
        sparse("""
from shoal import _compact
answer = [report.given_back, fell, report.resident, report.live, _compact.figures()[0]]
""")
    )
    assert resident > 25 * MEBIBYTE
    assert live < resident / 3
    assert after < live * 1.2 + MEBIBYTE
    assert given > 0.8 * (resident - live)
    assert abs(fell - given) < 0.1 * given + MEBIBYTE


def test_a_second_time_finds_little(on_shoal):
    skipped, given = on_shoal(
        sparse("again = shoal.compact(); answer = [again.skipped, again.given_back]")
    )
    assert "of the resident pools is free, and least is 25%" in skipped
    assert given == 0


def test_a_dry_run_moves_nothing(on_shoal):
    moved, would, given = on_shoal(
        sparse(
            "answer = [report.moved_objects, report.would_empty, report.given_back]",
            arguments="dry_run=True",
        )
    )
    assert (moved, given) == (0, 0)
    assert would > 20 * MEBIBYTE


def test_limits_of_time(on_shoal):
    assert on_shoal(sparse("answer = report.skipped", arguments="seconds=0.0001")).startswith(
        "it would take about"
    )
    assert on_shoal(sparse("answer = report.skipped", arguments="share=0.0001")).startswith(
        "compactions would take more than 0.0% of the processor time"
    )


def test_what_stayed_is_told_by_type_and_reason(on_shoal):
    reasons, types, line, seconds = on_shoal(
        sparse("""
held = [object() for _ in range(1000)]
report = shoal.compact(least=0, dry_run=True)
answer = [report.by_reason(), report.by_type(), str(report), report.seconds]
""")
    )
    assert types["object"] >= 1000 * 16
    assert reasons["objects of its type never move"] > 0
    assert list(types.values()) == sorted(types.values(), reverse=True)
    assert re.fullmatch(r"[\d,]+ bytes would be given back, in about [\d.e-]+ s", line)
    assert {"collect", "snapshot", "count", "scan", "judge"} <= set(seconds)


def test_seconds_are_told_by_phase(on_shoal):
    assert set(on_shoal(sparse("answer = report.seconds"))) == {
        *("collect", "snapshot", "count", "scan"),
        *("judge", "move", "rewrite", "free", "trim"),
    }


def test_stress_moves_what_may_move(on_shoal):
    moved, movable = on_shoal(
        sparse("answer = [report.moved_bytes, report.movable]", arguments="stress=True")
    )
    assert moved == movable > 0


def test_values_of_a_session_cache(on_shoal):
    """An OrderedDict, its nodes too, and what closures and caches have."""
    resident, live = on_shoal("""
        import collections, functools, json, random, shoal
        from shoal import _compact
        random.seed(1)
        cache = collections.OrderedDict()
        @functools.lru_cache(maxsize=500)
        def rendered(key): return {"key": key, "parts": [key + str(i) for i in range(5)]}
        recent = collections.deque(maxlen=500)
        for i in range(40_000):
            text = json.dumps({"user": {"id": i, "roles": [f"r{i}"]}, "cart": [i * 1.5] * 3})
            session = json.loads(text)
            cache[f"session {i}"] = session
            recent.append((i, session["cart"]))
            rendered(f"page {i % 900}")
        for key in random.sample(list(cache), 36_000):
            del cache[key]
        expected = json.dumps(cache)
        shoal.compact()
        assert json.dumps(cache) == expected
        answer = _compact.figures()[:2]
    """)
    assert resident < live * 1.35 + MEBIBYTE


def test_values_of_an_lru_cache(on_shoal):
    resident, live = on_shoal("""
        import functools, shoal
        from shoal import _compact
        others = []
        @functools.lru_cache(maxsize=5000)
        def found(key): return {"key": key, "parts": [key + str(i) for i in range(5)]}
        for i in range(60_000):
            found(f"page {i}") if i % 12 == 0 else others.append(found.__wrapped__(f"other {i}"))
        del others[:]
        shoal.compact()
        assert found("page 59988")["parts"][4] == "page 599884"
        answer = _compact.figures()[:2]
    """)
    assert resident < live * 1.1 + MEBIBYTE


def test_another_lru_cache_in_its_place_does_not_matter(on_shoal):
    """As tools put it there that trace calls; what it gives is no cache of the interpreter's."""
    skipped = on_shoal("""
        import functools, shoal
        def plain(function=None, maxsize=128, typed=False):
            def call(*arguments: int) -> object: return function(*arguments)
            return call if callable(function) else plain
        functools.lru_cache = plain
        kept = [[str(i)] for i in range(100_000)][::10]
        answer = shoal.compact(least=0).skipped
    """)
    assert skipped == ""
