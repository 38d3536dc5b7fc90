"""The pytest plugin, in runs of pytest of their own."""

from __future__ import annotations

import re
import sys
from typing import Any

import pytest
from shoal.testing.limits import parse_size

pytest_plugins = ["pytester"]

ALLOCATORS = ("shoal", "pymalloc")


# ---- limit_memory -------------------------------------------------------------------


@pytest.mark.parametrize("allocator", ALLOCATORS)
def test_the_most_at_once_is_limited(run: Any, allocator: str) -> None:
    done = run(
        """
@pytest.mark.limit_memory("24 MB")
def test_over():
    kept = bytearray(10 << 20)
    data = bytearray(20 << 20)
    del data

@pytest.mark.limit_memory("24 MB")
def test_under():
    for _ in range(5):
        data = bytearray(20 << 20)
        del data
""",
        f"--shoal-allocator={allocator}",
    )
    done.assert_outcomes(passed=1, failed=1)
    done.stdout.fnmatch_lines(
        [
            "30.0 MiB (* B) allocated at once; limit_memory allows 24 MB",
            "  line 6 allocated 20.0 MiB: data = bytearray(20 << 20)",
            "  line 5 allocated 10.0 MiB: kept = bytearray(10 << 20)",
        ]
    )


def test_it_is_exact_but_for_what_pytest_itself_allocates(run: Any) -> None:
    size, most_of_pytest = 30 << 20, 8192
    done = run(f"@pytest.mark.limit_memory(1)\ndef test_over():\n    bytearray({size})\n")
    done.assert_outcomes(failed=1)
    told = re.search(r"\(([\d,]+) B\) allocated at once", done.stdout.str())
    assert told
    assert 0 < int(told[1].replace(",", "")) - size < most_of_pytest


@pytest.mark.parametrize("allocator", ALLOCATORS)
def test_small_objects_count(run: Any, allocator: str) -> None:
    done = run(
        """
def objects(count):
    return [object() for _ in range(count)]  # 16 bytes, and 8 of the list

@pytest.mark.limit_memory("24 MB")
def test_over():
    objects(1_300_000)

@pytest.mark.limit_memory("24 MB")
def test_under():
    objects(900_000)
""",
        f"--shoal-allocator={allocator}",
    )
    done.assert_outcomes(passed=1, failed=1)
    done.stdout.fnmatch_lines(["  line 8 allocated *: objects(1_300_000)"])


def test_all_threads_count(run: Any) -> None:
    run(
        """
import threading

@pytest.mark.limit_memory("24 MB")
def test_over():
    kept = []
    threads = [threading.Thread(target=lambda: kept.append(bytearray(7 << 20))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
"""
    ).assert_outcomes(failed=1)


def test_fixtures_do_not_count_neither_way(run: Any) -> None:
    run(
        """
@pytest.fixture
def box():
    box = [bytearray(30 << 20)]
    yield box
    box.append(bytearray(60 << 20))

@pytest.mark.limit_memory("24 MB")
def test_under(box):
    box.append(bytearray(20 << 20))

@pytest.mark.limit_memory("24 MB")
def test_over(box):
    box.clear()
    box.append(bytearray(26 << 20))
"""
    ).assert_outcomes(passed=1, failed=1)


def test_each_parameter_is_a_test(run: Any) -> None:
    done = run(
        """
@pytest.mark.limit_memory("24 MB")
@pytest.mark.parametrize("mib", [30, 1, 40, 2])
def test_some(mib):
    bytearray(mib << 20)
"""
    )
    done.assert_outcomes(passed=2, failed=2)
    done.stdout.fnmatch_lines(["*test_some?40?*", "40.0 MiB*", "  line 6 allocated 40.0 MiB: *"])


def test_the_closest_mark_counts_and_methods_have_them(run: Any) -> None:
    run(
        """
import unittest

@pytest.mark.limit_memory("1 MB")
class TestSome:
    def test_over(self):
        bytearray(2 << 20)

    @pytest.mark.limit_memory("3 MB")
    def test_under(self):
        bytearray(2 << 20)

class Case(unittest.TestCase):
    @pytest.mark.limit_memory("1 MB")
    def test_over(self):
        bytearray(2 << 20)
"""
    ).assert_outcomes(passed=1, failed=2)


def test_a_test_keeps_its_own_outcome(run: Any) -> None:
    done = run(
        """
@pytest.mark.limit_memory("1 MB")
def test_fails():
    bytearray(2 << 20)
    assert 1 + 1 == 3

@pytest.mark.limit_memory("1 MB")
def test_skips():
    bytearray(2 << 20)
    pytest.skip("no")

@pytest.mark.xfail(strict=True)
@pytest.mark.limit_memory("1 MB")
def test_known():
    bytearray(2 << 20)
"""
    )
    done.assert_outcomes(failed=1, skipped=1, xfailed=1)
    assert "limit_memory allows" not in done.stdout.str()


def test_a_trace_function_goes_on(run: Any) -> None:
    run(
        """
import sys
seen = []

def helper():
    return bytearray(2 << 20)

@pytest.fixture(autouse=True)
def traced():
    before = sys.gettrace()
    sys.settrace(lambda frame, event, argument: seen.append(frame.f_code.co_name))
    yield
    sys.settrace(before)

@pytest.mark.limit_memory("3 MB")
def test_traced():
    helper()
    assert "test_traced" in seen and "helper" in seen

@pytest.mark.limit_memory("1 MB")
def test_over():
    helper()
"""
    ).assert_outcomes(passed=1, failed=1)


def test_lines_that_are_profiled_stay_exact(run: Any) -> None:
    run(
        """
import shoal
from shoal import profile
kept = []

@profile
def work(size):
    kept.append(bytes(size))

@pytest.mark.limit_memory("1 MB")
@pytest.mark.parametrize("size", [1000, 2 << 20])
def test_work(size):
    work(size)

def test_figures():
    kept.pop(0)
    line = profile.report().functions[0].lines[-1]
    assert line.hits == 2
    assert line.live - (33 + (2 << 20)) in range(0, 200)  # the list's own
"""
    ).assert_outcomes(passed=2, failed=1)


def test_of_unittest_the_method_alone_counts(run: Any) -> None:
    done = run(
        """
import unittest

class Case(unittest.TestCase):
    def setUp(self):
        self.kept = bytearray(30 << 20)

    def tearDown(self):
        self.kept = bytearray(60 << 20)

    @pytest.mark.limit_memory("24 MB")
    def test_under(self):
        self.kept.clear()
        data = bytearray(20 << 20)

    @pytest.mark.limit_memory("24 MB")
    def test_over(self):
        data = bytearray(26 << 20)

    @pytest.mark.limit_leaks("1 MB")
    def test_leaks(self):
        Case.leaked = bytearray(2 << 20)

    @pytest.mark.limit_leaks("1 MB")
    def test_leaks_nothing(self):
        self.gone = bytearray(2 << 20)
        del self.gone

    @pytest.mark.limit_memory("1 MB")
    @unittest.skip("no")
    def test_skipped(self):
        bytearray(26 << 20)

    @pytest.mark.limit_memory("1 MB")
    def test_fails(self):
        bytearray(2 << 20)
        self.assertEqual(1 + 1, 3)

class Async(unittest.IsolatedAsyncioTestCase):
    async def asyncSetUp(self):
        self.kept = bytearray(30 << 20)

    @pytest.mark.limit_memory("24 MB")
    async def test_under(self):
        data = bytearray(20 << 20)

    @pytest.mark.limit_memory("24 MB")
    async def test_over(self):
        data = bytearray(26 << 20)
""",
        "--shoal",
    )
    done.assert_outcomes(passed=3, failed=4, skipped=1)
    assert len(re.findall("26.0 MiB .* limit_memory allows 24 MB", done.stdout.str())) == 2
    done.stdout.fnmatch_lines(["1 place left more alive than limit_leaks allows: 1 MB"])
    done.stdout.fnmatch_lines(["*AssertionError: 2 != 3"])
    rows = [line for line in done.outlines if "::test_" in line and " MiB " in line]
    assert sorted(line.split()[0] for line in rows) == ["2.0", "20.0", "20.0", "26.0", "26.0"]


# ---- limit_held ---------------------------------------------------------------------

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


@pytest.mark.parametrize("allocator", ALLOCATORS)
def test_what_survivors_pin_is_limited(run: Any, allocator: str) -> None:
    done = run(SURVIVORS, f"--shoal-allocator={allocator}")
    done.assert_outcomes(passed=1, failed=1)
    told = re.search(r"\(([\d,]+) B\) held: .*; limit_held allows 1 MB", done.stdout.str())
    assert told
    made = 400_000 * 144  # bytes objects of 133 bytes, as both allocators round them
    assert made / 5 < int(told[1].replace(",", "")) < made * 1.2


def test_garbage_is_not_held(run: Any) -> None:
    run(
        """
@pytest.mark.limit_held("1 MB")
def test_cycles():
    for _ in range(100_000):
        made = []
        made.append(made)
"""
    ).assert_outcomes(passed=1)


# ---- Sizes ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("size", "expected"),
    [
        ("24 MB", 24 << 20),
        ("24MiB", 24 << 20),
        ("1.5 GiB", 3 << 29),
        ("512 KiB", 512 << 10),
        (" 7 b ", 7),
        ("2g", 2 << 30),
        ("12", 12),
        (0, 0),
        (4096, 4096),
    ],
)
def test_sizes(size: int | str, expected: int) -> None:
    assert parse_size(size) == expected


@pytest.mark.parametrize(
    "size", ["", "MB", "24 XB", "-1 MB", "1..5 MB", "1 2", "24 i", "nan", -1, True, 1.5, None, b"1"]
)
def test_no_sizes(size: Any) -> None:
    with pytest.raises(ValueError, match="expected a size"):
        parse_size(size)


@pytest.mark.parametrize(
    "mark", ['limit_memory("24 XB")', "limit_held(-1)", "limit_memory()", "limit_held(1, 2)"]
)
def test_a_mark_without_a_size_is_one_usage_error(run: Any, mark: str) -> None:
    done = run(f"@pytest.mark.{mark}\ndef test_some():\n    pass\ndef test_other():\n    pass\n")
    assert done.ret == pytest.ExitCode.USAGE_ERROR
    (line,) = [line for line in done.stderr.lines if line]
    name = mark.partition("(")[0]
    assert line.startswith(f"ERROR: {sys._getframe().f_code.co_name}.py::test_some: {name}: expect")


@pytest.mark.parametrize("option", ["--shoal-top=0", "--shoal-top=x", "--shoal-allocator=libc"])
def test_bad_options_are_usage_errors(run: Any, option: str) -> None:
    done = run("", option)
    assert done.ret == pytest.ExitCode.USAGE_ERROR
    done.stderr.fnmatch_lines([f"*{option.partition('=')[0]}: invalid *"])


def test_a_bad_environment_is_a_usage_error(run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHOAL_ALLOCATOR", "libc")
    done = run("def test_some():\n    pass\n", "--shoal")
    assert done.ret == pytest.ExitCode.USAGE_ERROR
    done.stderr.fnmatch_lines(
        ['ERROR: SHOAL_ALLOCATOR: expected "shoal" or "pymalloc", not *libc*']
    )


# ---- --shoal --------------------------------------------------------------------------

SEVERAL = """
kept = []

@pytest.mark.parametrize("mib", [3, 1, 20, 2])
def test_some(mib):
    kept.append(bytes(mib << 19))
    bytearray(mib << 19)
"""


def _table(done: pytest.RunResult) -> list[list[str]]:
    """Return the rows of the summary: figures with their units, and the test."""
    rows = [re.split(r"\s\s+", line.strip()) for line in done.outlines if "::test_some[" in line]
    return [row for row in rows if len(row) == 5]


@pytest.mark.parametrize("workers", [[], ["-n2"]], ids=["alone", "xdist"])
def test_the_most_expensive_tests_come_first(run: Any, workers: list[str]) -> None:
    if workers:
        pytest.importorskip("xdist")
    done = run(SEVERAL, "--shoal", "--shoal-top=3", *workers)
    done.assert_outcomes(passed=4)
    rows = _table(done)
    assert [row[-1].rpartition("::")[2] for row in rows] == [
        "test_some[20]",
        "test_some[3]",
        "test_some[2]",
    ]
    assert [row[0] for row in rows] == ["20.0 MiB", "3.0 MiB", "2.0 MiB"]
    assert [row[1] for row in rows] == ["10.0 MiB", "1.5 MiB", "1.0 MiB"]
    done.stdout.fnmatch_lines(["3 of 4 tests; see --shoal-top"])


def test_workers_refuse_marks_without_a_size(run: Any) -> None:
    pytest.importorskip("xdist")
    tests = (
        '@pytest.mark.limit_memory("x")\ndef test_bad():\n    pass\ndef test_good():\n    pass\n'
    )
    done = run(tests, "-n1")
    done.assert_outcomes(passed=1, errors=1)
    done.stdout.fnmatch_lines(["*::test_bad: limit_memory: expected a size *"])


def test_what_is_returned(run: Any) -> None:
    tests = "@pytest.mark.parametrize('mib', [20])\ndef test_some(mib):\n    bytearray(mib << 20)\n"
    ((peak, _, _, returned, _),) = _table(run(tests, "--shoal"))
    assert peak == returned == "20.0 MiB"


# ---- Nothing without being asked --------------------------------------------------------


def test_without_marks_and_options_nothing_happens(run: Any) -> None:
    run(
        """
import sys
import shoal

def test_some():
    assert not shoal.is_active()
    assert not {"rich", "shoal._profile", "shoal.profiler", "shoal.testing"} & set(sys.modules)
"""
    ).assert_outcomes(passed=1)


def test_collecting_alone_installs_nothing(run: Any) -> None:
    tests = (
        "import atexit, shoal\natexit.register(lambda: print('active:', shoal.is_active()))\n"
        "@pytest.mark.limit_memory('1 MB')\ndef test_some():\n    pass\n"
    )
    run(tests, "--collect-only").stdout.fnmatch_lines(["active: False"])
