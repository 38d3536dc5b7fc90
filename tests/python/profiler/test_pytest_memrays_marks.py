"""Marks as pytest-memray has them, without it and beside it."""

from __future__ import annotations

from typing import Any

import pytest

pytest_plugins = ["pytester"]

SURVIVORS = """
kept = []

@pytest.mark.limit_held("1 MB")
def test_scattered():
    made = [bytes(100) for _ in range(400_000)]
    kept.extend(made[::100])

@pytest.mark.limit_held("1 MB")
def test_none():
    made = [bytes(100) for _ in range(400_000)]
"""


def test_other_threads_can_be_left_out(run: Any) -> None:
    run(
        """
import threading

def in_a_thread(mib):
    thread = threading.Thread(target=lambda: bytearray(mib << 20))
    thread.start()
    thread.join()

@pytest.mark.limit_memory("24 MB", current_thread_only=True)
def test_under():
    data = bytearray(20 << 20)
    in_a_thread(30)

@pytest.mark.limit_memory(limit="24 MB", current_thread_only=True)
def test_over():
    data = bytearray(26 << 20)
    in_a_thread(1)

@pytest.mark.limit_memory("24 MB", current_thread_only=False)
def test_over_with_others():
    data = bytearray(20 << 20)
    in_a_thread(10)
"""
    ).assert_outcomes(passed=1, failed=2)


def test_other_threads_can_be_left_out_while_a_tool_traces(run: Any) -> None:
    run(
        """
import sys, threading
seen = []

@pytest.fixture(autouse=True)
def traced():
    before = sys.gettrace()
    sys.settrace(lambda frame, event, argument: seen.append(frame.f_code.co_name))
    yield
    sys.settrace(before)

def made_by_it():
    return bytearray(20 << 20)

@pytest.mark.limit_memory("24 MB", current_thread_only=True)
def test_under():
    thread = threading.Thread(target=lambda: bytearray(30 << 20))
    thread.start()
    thread.join()
    made_by_it()
    assert "made_by_it" in seen

@pytest.mark.limit_memory("10 MB", current_thread_only=True)
def test_over():
    made_by_it()

def test_traced_as_before():
    made_by_it()
    assert seen.count("made_by_it") == 3
"""
    ).assert_outcomes(passed=2, failed=1)


LEAKS = """
import threading
kept = []

def one_place():
    kept.append(bytearray(2 << 20))

def cached():
    kept.append(bytearray(2 << 20))
"""


def test_what_places_leave_alive_is_limited(run: Any) -> None:
    done = run(
        LEAKS
        + """
@pytest.mark.limit_leaks("1 MB")
def test_over():
    one_place()
    gone = bytearray(2 << 20)

@pytest.mark.limit_leaks("3 MB")
def test_under():
    one_place()

@pytest.mark.limit_leaks("3 MB")
def test_two_places_are_two():
    kept.append(bytearray(2 << 20))
    kept.append(bytearray(2 << 20))

@pytest.mark.limit_leaks("3 MB")
def test_one_place_adds_up():
    for _ in range(2):
        kept.append(bytearray(2 << 20))

@pytest.mark.limit_leaks("1 MB")
def test_cycles_are_no_leaks():
    cycle = [bytearray(2 << 20)]
    cycle.append(cycle)

@pytest.mark.limit_leaks(0)
def test_pytest_itself_does_not_count():
    pass
"""
    )
    done.assert_outcomes(passed=4, failed=2)
    file = "test_what_places_leave_alive_is_limited.py"
    done.stdout.fnmatch_lines(
        [
            "1 place left more alive than limit_leaks allows: 1 MB",
            "  2.0 MiB allocated here:",
            f"    *{file}:7 in one_place",
            f"    *{file}:14 in test_over",
        ],
        consecutive=True,
    )


def test_keywords_of_limit_leaks(run: Any) -> None:
    run(
        LEAKS
        + """
def is_not_cached(stack):
    return not any(frame.function == "cached" for frame in stack.frames)

@pytest.mark.limit_leaks(location_limit="1 MB", filter_fn=is_not_cached)
def test_filtered():
    cached()

@pytest.mark.limit_leaks("1 MB", filter_fn=is_not_cached)
def test_not_filtered():
    one_place()

def in_a_thread():
    thread = threading.Thread(target=one_place)
    thread.start()
    thread.join()

@pytest.mark.limit_leaks("1 MB")
def test_any_thread():
    in_a_thread()

@pytest.mark.limit_leaks("1 MB", current_thread_only=True)
def test_own_thread():
    in_a_thread()

memo = {}

@pytest.mark.limit_leaks("1 MB", warmups=1)
def test_warm():
    memo.setdefault("all", bytearray(2 << 20))

@pytest.mark.limit_leaks("1 MB", warmups=3)
def test_warm_and_failing():
    assert 1 + 1 == 3
"""
    ).assert_outcomes(passed=3, failed=3)


def test_leaks_while_tracemalloc_is_on_anyway(run: Any) -> None:
    done = run(
        LEAKS
        + """
import tracemalloc
tracemalloc.start()

@pytest.mark.limit_leaks("1 MB")
@pytest.mark.parametrize("times", [0, 2, 0])
def test_some(times):
    for _ in range(times):
        one_place()
    assert tracemalloc.is_tracing()
"""
    )
    done.assert_outcomes(passed=2, failed=1)
    done.stdout.fnmatch_lines(["  4.0 MiB allocated here:"])


@pytest.mark.parametrize(
    ("mark", "said"),
    [
        ('limit_memory("1 MB", current_thread="x")', "limit_memory: expected the keywords current"),
        ('limit_memory("1 MB", limit="1 MB")', "limit_memory: expected one size"),
        ('limit_leaks("1 MB", filter_fn=3)', "limit_leaks: filter_fn: expected a function of a"),
        ('limit_leaks("1 MB", warmups=-1)', "limit_leaks: warmups: expected a count, not -1"),
        ("limit_leaks()", "limit_leaks: expected one size"),
        ('limit_held("1 MB", current_thread_only=True)', "limit_held: expected one size alone, no"),
    ],
)
def test_wrong_keywords_are_one_usage_error(run: Any, mark: str, said: str) -> None:
    done = run(f"@pytest.mark.{mark}\ndef test_some():\n    pass\n")
    assert done.ret == pytest.ExitCode.USAGE_ERROR
    (line,) = [line for line in done.stderr.lines if line]
    assert f"::test_some: {said}" in line


def test_leaked_objects_are_pytest_memrays(run: Any) -> None:
    done = run(
        "import sys\n@pytest.mark.limit_leaked_objects(filter_fn=bool)\ndef test_some():\n"
        "    assert 'shoal._profile' not in sys.modules\n"
    )
    done.assert_outcomes(passed=1, warnings=1)
    done.stdout.fnmatch_lines(["*limit_leaked_objects is not checked: install pytest-memray for*"])


BOTH = """
import sys
kept = []

@pytest.mark.limit_memory("24 MB", current_thread_only=True)
def test_memory():
    data = bytearray(26 << 20)

@pytest.mark.limit_leaks("1 MB", filter_fn=lambda stack: True)
def test_leaks():
    kept.append(bytearray(2 << 20))

@pytest.mark.limit_memory("24 MB")
def test_under():
    data = bytearray(20 << 20)
"""


@pytest.mark.parametrize("options", [[], ["--memray"], ["--shoal"], ["--memray", "--shoal"]])
def test_beside_pytest_memray_its_marks_are_its_own(
    run: Any, pytester: pytest.Pytester, options: list[str]
) -> None:
    pytest.importorskip("pytest_memray")
    pytester.makeini("[pytest]\naddopts = --strict-markers -p no:cacheprovider")
    done = run(
        BOTH + "    assert 'shoal.testing' not in sys.modules or '--shoal' in sys.argv", *options
    )
    done.assert_outcomes(passed=1, failed=2)
    done.stdout.fnmatch_lines(["Test was limited to 24.0MiB but allocated *"])
    assert "most expensive tests" not in done.stdout.str()
    done.stdout.fnmatch_lines(["Test was allowed to leak 1.0MiB per location *"])
    assert "limit_memory allows" not in done.stdout.str()
    assert "limit_leaks allows" not in done.stdout.str()


def test_beside_pytest_memray_held_is_ours(run: Any, pytester: pytest.Pytester) -> None:
    pytest.importorskip("pytest_memray")
    pytester.makeini("[pytest]\naddopts = --strict-markers -p no:cacheprovider")
    done = run(SURVIVORS)
    done.assert_outcomes(passed=1, failed=1)
    done.stdout.fnmatch_lines(["*limit_held allows 1 MB"])
