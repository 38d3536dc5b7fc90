"""Which heap is profiled, and figures where many blocks are older than profiling."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Any

import pytest

PYMALLOC = {"SHOAL_ALLOCATOR": "pymalloc"}
ALLOCATORS = [pytest.param({}, id="shoal"), pytest.param(PYMALLOC, id="pymalloc")]

END = """
from atexit import unregister
from shoal.profiler.ending import write_now
unregister(write_now)  # the answer alone is printed
lines = profile.report().functions[0].lines
"""


def test_importing_installs_nothing(off_shoal: Any) -> None:
    code = "import shoal; from shoal import profile; answer = shoal.is_active()"
    assert off_shoal(code) is False


@pytest.mark.parametrize(("env", "expected"), [({}, "shoal"), (PYMALLOC, "pymalloc")])
def test_the_first_function_installs_shoal_unless_told_otherwise(
    off_shoal: Any, env: dict[str, str], expected: str
) -> None:
    code = "import shoal; from shoal import profile; profile(lambda: 0)\n"
    code += "answer = [profile.report().allocator, shoal.is_active()]"
    assert off_shoal(code, env=env) == [expected, expected == "shoal"]


def test_a_program_can_ask_for_pymalloc(off_shoal: Any) -> None:
    code = """
    from shoal import profile
    profile.collector.allocator = "pymalloc"
    profile(lambda: 0)
    answer = profile.report().allocator
    """
    assert off_shoal(code) == "pymalloc"


def test_what_nobody_counts_is_not_told_as_nothing(shoal: Any, tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text("@profile\ndef f():\n    return [0]\nkept = f()\n")
    wish = ("profile", "--allocator", "pymalloc", "app.py")
    counted = shoal(*wish, env={"PYTHONMALLOC": "pymalloc"}).stdout
    assert re.search(r"At the end, after [\d.]+ s: live \d.*, held \d.*, returned ", counted)
    told = shoal(*wish, env={"PYTHONMALLOC": "malloc"}).stdout
    assert re.search(r"At the end, after [\d.]+ s: returned ", told)


def test_a_bad_wish_is_one_line_and_status_2(plain: Any) -> None:
    code = "from shoal import profile; profile(lambda: 0)"
    done = plain("-c", code, env={"SHOAL_ALLOCATOR": "libc"})
    assert done.returncode == 2
    assert done.stderr == 'shoal: SHOAL_ALLOCATOR: expected "shoal" or "pymalloc", not \'libc\'\n'


def test_where_shoal_is_refused_the_interpreters_own_heap_is_profiled(plain: Any) -> None:
    code = """if True:
    import tracemalloc; tracemalloc.start()
    from shoal import profile
    kept = []
    def work():
        kept.append(bytes(1000))
    profile(work)()
    report = profile.report()
    print(report.allocator, report.functions[0].lines[1].live)
    """
    done = plain("-c", code)
    assert done.returncode == 0
    assert done.stdout.splitlines()[0] == "pymalloc 1065"  # with the list's first 32 bytes
    assert done.stderr.splitlines()[0] == (
        "shoal: Shoal cannot be installed while tracemalloc traces: stop it, install, and start "
        "it again; profiling the interpreter's own heap"
    )


def test_pymalloc_cannot_be_had_on_shoal(shoal: Any) -> None:
    code = "from shoal import profile; profile(lambda: 0); print(profile.report().allocator)"
    done = shoal("run", "-c", code, env=PYMALLOC)
    assert (done.returncode, done.stdout) == (0, "shoal\n")
    assert done.stderr == (
        "shoal: pymalloc was asked for, but this process runs on Shoal's heap already\n"
    )


def test_installing_later_is_refused(off_shoal: Any) -> None:
    code = """
    import shoal
    from shoal import profile
    profile(lambda: 0)
    try:
        shoal.install()
    except RuntimeError as error:
        answer = str(error)
    """
    assert "install it first" in off_shoal(code, env=PYMALLOC)
    assert off_shoal(code.replace("shoal.install()", "shoal.install(); answer = ''")) == ""


OLDER = """
old = [bytes(100) for _ in range(50_000)]
lists = [[None] * 20 for _ in range(20_000)]
big = bytearray(1 << 20)
kept = [None] * 8  # has room

from shoal import profile

@profile
def work():
    old.clear()
    kept[0] = bytes(1000)
    [each.append(1) for each in lists]
    kept[1] = bytearray(4999)
    big.extend(bytes(1 << 20))
    lists.clear()
work()
"""
FIRST = 3  # the line of old.clear(), from the decorator on


@pytest.mark.parametrize("env", ALLOCATORS)
def test_older_blocks_are_nobodys(off_shoal: Any, env: dict[str, str]) -> None:
    answer = "answer = [[line.live, line.live_blocks] for line in lines[2:]]"
    freed, made, _, array, grown, gone = off_shoal(OLDER + END + answer, env=env)
    assert freed == gone == [0, 0]
    assert made == [33 + 1000, 1]
    assert array == [sys.getsizeof(bytearray(4999)), 2]
    assert grown[1] == 1
    assert (2 << 20) < grown[0] <= (2 << 20) + (1 << 19)  # all of it is a new block


def test_older_blocks_that_grow_are_not_taken_for_held(off_shoal: Any) -> None:
    answer = "answer = [[line.net, line.held] for line in lines[2:]]"
    freed, _, grew, _, _, gone = off_shoal(OLDER + END + answer)
    assert freed == [0, 0]
    assert grew[0] > 20_000 * 21 * 8
    assert -10_000 < grew[1] < grew[0] / 4
    assert gone[0] < -20_000 * 21 * 8
    assert -100_000 < gone[1] < -gone[0] * 1.25


def test_an_older_block_that_shrinks_is_not_taken_for_held(off_shoal: Any) -> None:
    code = """

lists = [[None] * 9_000 for _ in range(300)]  # 72 kB each

from shoal import profile

@profile
def work():
    for each in lists: each.extend(range(9_000, 9_100))
    for each in lists: del each[100:]
work()
"""
    answer = "answer = [[line.net, line.held] for line in lines[2:]]"
    grew, shrank = off_shoal(code + END + answer)
    assert grew[0] > 300 * 72_000
    assert abs(grew[1]) < 100_000
    assert shrank[0] < -300 * 71_000
    assert shrank[1] > -100_000  # what they take now is in pools, and no part of these


TOTALS = """
from shoal import profile
kept = []

@profile
def work():
    made = [bytes(100) for _ in range(300_000)]
    kept.extend(made[::100])

work()
report = profile.report()
"""
TOTALS += END + "answer = [report.live, report.held, report.returned]"


@pytest.mark.parametrize("env", ALLOCATORS)
def test_the_whole_process_is_told_on_either_heap(off_shoal: Any, env: dict[str, str]) -> None:
    live, held, returned = off_shoal(TOTALS, env=env)
    bytes_made = 300_000 * 144  # and imports take as much as that again, from 3.14 on
    assert 3000 * 144 < live < bytes_made
    assert bytes_made / 5 < held < bytes_made * 1.2
    assert 0 <= returned < 2 * bytes_made


def test_what_was_returned_before_profiling_is_not_told(on_shoal: Any) -> None:
    before = "made = bytes(200_000_000); del made; import shoal; shoal.trim()"
    _, _, returned = on_shoal(before + TOTALS)
    assert returned < 80_000_000


def test_usage_knows_pymallocs_arenas_while_profiling(off_shoal: Any) -> None:
    code = "import shoal; from shoal import profile; work = profile(lambda: 0); work()" + END
    assert off_shoal(code + "answer = shoal.usage().rss.pymalloc", env=PYMALLOC) >= 2**20


def test_a_tool_that_came_between_may_call_for_itself(off_shoal: Any) -> None:
    code = """
import ctypes, tracemalloc
from shoal import profile
kept = []

@profile
def work():
    kept.append(bytes(1000))

work()
for _ in range(100_000):
    [_]  # idle: the allocators step back
tracemalloc.start()
work()
address, untrack = ctypes.c_size_t(16), ctypes.pythonapi.PyTraceMalloc_Untrack
ctypes.pythonapi.PyTraceMalloc_Track(7, address, ctypes.c_size_t(99))
untrack(7, address)  # frees under a lock of tracemalloc's
tracemalloc.stop()
work()
"""
    assert off_shoal(code + END + "answer = [lines[2].hits, lines[2].live_blocks]") == [3, 4]
