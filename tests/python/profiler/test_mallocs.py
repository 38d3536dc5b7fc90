"""What C code asks malloc for: of the line that runs, where malloc is Shoal's."""

from __future__ import annotations

import os
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from shoal.profiler.model import Line

from .marked import EMPTY, Measure, lines_of

pytest_plugins = ["pytester"]

POINTER = sys.getsizeof(2**47)
"""Of the int that a pointer comes back as."""

FEW = 2048
"""Bytes that what surrounds a call may take: a thread's own, an object of numpy's."""

PRELUDE = """\
import ctypes
C = ctypes.CDLL(None)

def function(name, result, *arguments):
    found = C[name]
    found.restype, found.argtypes = result, arguments
    return found

SIZE, POINTER, INT = ctypes.c_size_t, ctypes.c_void_p, ctypes.c_int
malloc = function("malloc", POINTER, SIZE)
calloc = function("calloc", POINTER, SIZE, SIZE)
realloc = function("realloc", POINTER, POINTER, SIZE)
reallocarray = function("reallocarray", POINTER, POINTER, SIZE, SIZE)
memalign = function("memalign", POINTER, SIZE, SIZE)
free = function("free", None, POINTER)
thread_create = function("pthread_create", INT, POINTER, POINTER, POINTER, POINTER)
thread_join = function("pthread_join", INT, POINTER, POINTER)

def address(name):
    return ctypes.cast(C[name], POINTER).value

MALLOC, FREE = address("malloc"), address("free")
handle, result = ctypes.c_void_p(), ctypes.c_void_p()
HANDLE, RESULT = ctypes.addressof(handle), ctypes.addressof(result)

def in_thread(routine, argument):  # of C: Python never hears of it
    thread_create(HANDLE, None, routine, argument)
    thread_join(handle.value, RESULT)
    return result.value

for size in (10, 100_000):  # what each needs the first time
    free(malloc(size)), free(realloc(calloc(1, size), size)), free(memalign(64, size))
free(in_thread(MALLOC, 100))
"""


@pytest.fixture
def counted(shoal: Any, tmp_path: Path) -> Measure:
    """Run a program by ``shoal profile``, which preloads; return its lines as `measure` does."""

    def run(source: str, *options: str) -> dict[str, Line]:
        (tmp_path / "program.py").write_text(PRELUDE + textwrap.dedent(source))
        done = shoal("profile", *options, "--json", "out.json", "program.py")
        assert done.returncode == 0, done.stderr
        assert not done.stderr
        return lines_of(tmp_path / "out.json")

    return run


@pytest.mark.parametrize("size", [1, 16, 17, 512, 513, 32_768, 32_769, 65_535, 50_000_000])
def test_a_block_of_c_is_live_to_the_byte(counted: Measure, size: int) -> None:
    lines = counted(f"""
        @profile
        def work(box):
            box[0] = malloc({size}) # malloc
            box[1] = calloc(1, {size}) # calloc
            box[2] = realloc(None, {size}) # realloc
            box[3] = reallocarray(None, 1, {size}) # reallocarray
            box[4] = memalign(64, {size}) # memalign
            box[5] = memalign(8192, {size}) # pages
        kept = [None] * 6
        work(kept)
    """)
    assert len(lines) == 6
    for line in lines.values():
        assert line.live == line.net == size + POINTER
        assert line.peak >= size + POINTER
        assert line.live_blocks == 2


def test_posix_memalign(counted: Measure) -> None:
    line = counted("""
        align = function("posix_memalign", INT, POINTER, SIZE, SIZE)
        @profile
        def work(size):
            align(RESULT, 4096, size) # make
        work(3_000_000)
    """)["make"]
    assert line.live == line.net == 3_000_000
    assert line.live_blocks == 1


def test_what_another_line_frees_is_not_live(counted: Measure) -> None:
    lines = counted("""
        @profile
        def work():
            block = malloc(1_000_000) # make
            free(block) # free
            block = None # pointer
        work()
    """)
    assert (lines["make"].live, lines["make"].net) == (0, 1_000_000 + POINTER)
    assert lines["free"].net == -1_000_000


def test_a_peak_of_which_nothing_stays(counted: Measure) -> None:
    line = counted("""
        @profile
        def work():
            free(malloc(3_000_000)) # gone
        work()
    """)["gone"]
    assert (line.live, line.net) == (0, 0)
    assert 3_000_000 <= line.peak <= 3_000_000 + FEW


def test_a_block_that_grows_is_the_lines_that_grows_it(counted: Measure) -> None:
    lines = counted("""
        @profile
        def work(box, size):
            box[0] = malloc(1000) # make
            box[1] = realloc(box[0], size) # grow
        kept = [None, None]
        work(kept, 70_000)
        work(kept, 40_000_000)
    """)
    assert (lines["make"].live, lines["make"].net) == (POINTER, 2 * 1000 + POINTER)
    assert lines["grow"].live == 40_070_000 + POINTER
    assert lines["grow"].peak == pytest.approx(40_000_000 - 1000, abs=FEW)


def test_a_block_that_cannot_grow_stays_its_lines(counted: Measure) -> None:
    lines = counted("""
        @profile
        def work(box):
            box[0] = malloc(100_000) # make
            box[1] = realloc(box[0], 1 << 62) # fail
        kept = [None, None]
        work(kept)
    """)
    assert lines["make"].live == 100_000 + POINTER
    assert (lines["fail"].live, lines["fail"].net) == (0, 0)


@pytest.mark.parametrize("domain", ["PyMem_Raw", "PyMem_", "PyObject_"])
@pytest.mark.parametrize("size", [100, 1000, 40_000, 50_000_000])
def test_what_the_interpreter_asks_malloc_for_counts_once(
    counted: Measure, domain: str, size: int
) -> None:
    lines = counted(f"""
        python = ctypes.PyDLL(None)
        take, give, resize = (python["{domain}" + name] for name in ("Malloc", "Free", "Realloc"))
        take.restype = resize.restype = POINTER
        take.argtypes, give.argtypes, resize.argtypes = (SIZE,), (POINTER,), (POINTER, SIZE)
        give.restype = None
        give(resize(take(10), 20))
        @profile
        def work(box):
            box[0] = take({size}) # make
            box[1] = resize(box[0], {3 * size}) # grow
            give(box[1]) # gone
            box[0] = take({size}) # keep
        kept = [None, None]
        work(kept)
    """)
    assert lines["make"].net == size + POINTER
    assert lines["grow"].net == 2 * size + POINTER
    assert lines["gone"].net == -3 * size
    assert lines["keep"].live == size + POINTER
    assert lines["keep"].live_blocks == 2


def test_a_block_from_before_counts_where_it_goes(counted: Measure) -> None:
    """As one of Python's does: it lowers what the line takes, and is in no line's Live."""
    line = counted("""
        old = malloc(1 << 20)
        @profile
        def work(box):
            free(old); box[0] = malloc(1 << 20) # swap
        kept = [None]
        work(kept)
    """)["swap"]
    assert line.live == (1 << 20) + POINTER
    assert line.net == POINTER
    assert line.peak < FEW


def test_what_a_thread_of_c_takes_is_no_lines(counted: Measure) -> None:
    line = counted("""
        @profile
        def work(box):
            box[0] = in_thread(MALLOC, 5_000_000) # thread
        kept = [None]
        work(kept)
    """)["thread"]
    assert abs(line.live) < FEW
    assert line.peak < FEW


def test_what_a_thread_of_c_frees_is_not_live(counted: Measure) -> None:
    lines = counted("""
        @profile
        def work():
            block = malloc(5_000_000) # make
            in_thread(FREE, block) # thread
            return None
        work()
    """)
    assert lines["make"].live == 0
    assert lines["make"].net == 5_000_000 + POINTER


def test_threads_that_wait_for_nobody(counted: Measure) -> None:
    """ctypes lets the interpreter lock go, and each thread's blocks are its own line's."""
    lines = counted("""
        import threading
        @profile
        def first(box):
            for i in range(2000):
                box[i] = malloc(1000) # first
        @profile
        def second(box):
            for i in range(2000):
                free(malloc(70_000)) # second
        kept = [None] * 2000
        threads = [threading.Thread(target=first, args=(kept,)),
                   threading.Thread(target=second, args=(None,))]
        for thread in threads: thread.start()
        for thread in threads: thread.join()
    """)
    assert lines["first"].net == pytest.approx(2000 * (1000 + POINTER), abs=FEW)
    assert lines["first"].live == pytest.approx(lines["first"].net, abs=FEW)
    assert lines["second"].live == 0
    assert 70_000 <= lines["second"].peak <= 70_000 + FEW


def test_what_is_freed_long_after_is_not_live(counted: Measure) -> None:
    """Nothing is profiled meanwhile, and Python's own blocks are no more told of."""
    lines = counted("""
        @profile
        def work(box):
            for i in range(len(box)):
                box[i] = malloc(300 + 1000 * i) # make
        kept = [None] * 100
        work(kept)
        for _ in range(5):
            objects = [[] for _ in range(20_000)]
            others = [malloc(300 + 1000 * i) for i in range(100)]
            for block in others: free(block)
        kept[1] = realloc(kept[1], 100_000)
        for block in kept[1:]: free(block)
        del kept[1:], block
    """)
    assert lines["make"].live == 300 + POINTER


def test_the_child_of_a_fork_has_its_own(counted: Measure, tmp_path: Path) -> None:
    line = counted("""
        import os
        @profile
        def work(box, size):
            box[0] = malloc(size) # make
        kept = [None]
        work(kept, 1_000_000)
        if os.fork() == 0:
            free(kept[0])
            work(kept, 300_000)
        else:
            os.wait()
    """)["make"]
    assert line.live == 1_000_000 + POINTER
    (other,) = tmp_path.glob("out.json.*")
    child = lines_of(other)["make"]
    assert (child.live, child.hits) == (300_000 + POINTER, 1)


def test_what_grows_is_said_to_grow(shoal: Any, tmp_path: Path) -> None:
    source = """
        @profile
        def work():
            malloc(1_000_000)
        for _ in range(12): work()
    """
    (tmp_path / "program.py").write_text(PRELUDE + textwrap.dedent(source))
    done = shoal("profile", "program.py")
    assert "Growing every call: +977 KiB x 12, made by line" in done.stdout


# ---- Libraries ------------------------------------------------------------------------


def test_arrays_of_numpy(counted: Measure) -> None:
    pytest.importorskip("numpy")
    lines = counted("""
        import numpy
        numpy.ones(1_000_000)[::2].copy() + numpy.ones(500_000) * 2  # what each needs once
        @profile
        def work(box):
            box[0] = numpy.ones(1_000_000) # make
            box[0] + box[0] * 2 # temporary
            box[1] = box[0][::2].copy() # copy
            box[0] = None # drop
        kept = [None, None]
        work(kept)
    """)
    assert lines["make"].net == pytest.approx(8_000_000, abs=FEW)
    assert lines["make"].live == pytest.approx(0, abs=FEW)
    assert lines["temporary"].net == pytest.approx(0, abs=FEW)
    assert lines["temporary"].peak == pytest.approx(16_000_000, rel=0.51)
    assert lines["temporary"].peak > 8_000_000
    assert lines["copy"].live == pytest.approx(4_000_000, abs=FEW)
    assert lines["drop"].net == pytest.approx(-8_000_000, abs=FEW)


def test_a_database_in_memory(counted: Measure) -> None:
    pytest.importorskip("sqlite3")
    lines = counted("""
        import sqlite3
        @profile
        def work():
            database = sqlite3.connect(":memory:")
            database.execute("create table t (data blob)")
            database.execute("insert into t values (zeroblob(20000000))") # fill
            database.close() # close
        work()
    """)
    assert lines["fill"].net > 20_000_000
    assert lines["fill"].live < 200_000
    assert lines["close"].net < -20_000_000


# ---- Where malloc is not Shoal's ------------------------------------------------------------

ONE_BLOCK = """
@profile
def work(box):
    box[0] = malloc(1_000_000) # make
kept = [None]
work(kept)
"""


def test_on_the_interpreters_own_heap_it_is_not_counted(counted: Callable[..., Any]) -> None:
    assert counted(ONE_BLOCK, "--allocator", "pymalloc")["make"].live == POINTER


def test_without_preloading_it_is_not_counted(plain: Any, tmp_path: Path) -> None:
    source = (
        "from shoal import profile\n"
        + PRELUDE
        + ONE_BLOCK
        + textwrap.dedent("""
        from shoal.profiler import export
        with open("out.json", "w") as file:
            export.write_json(profile.report(), file)
    """)
    )
    (tmp_path / "program.py").write_text(source)
    done = plain("program.py")
    assert done.returncode == 0, done.stderr
    assert lines_of(tmp_path / "out.json")["make"].live == POINTER


# ---- Tools that come between ----------------------------------------------------------------


@pytest.mark.parametrize("where", ["before", "inside"])
def test_beside_tracemalloc(counted: Measure, where: str) -> None:
    start = "import tracemalloc; tracemalloc.start()"
    lines = counted(f"""
        {start if where == "before" else "import tracemalloc"}
        @profile
        def work(box):
            {start if where == "inside" else "pass"}
            box[0] = malloc(1_000_000) # make
            box[1] = bytes(1000) # object
        kept = [None, None]
        work(kept)
    """)
    assert lines["make"].live == pytest.approx(1_000_000 + POINTER, abs=FEW)
    assert lines["object"].live == pytest.approx(1000 + EMPTY, abs=FEW)


# ---- Limits of tests --------------------------------------------------------------------------

C_CALLS = """
import ctypes
malloc = ctypes.CDLL(None).malloc
free = ctypes.CDLL(None).free
malloc.restype, malloc.argtypes = ctypes.c_void_p, (ctypes.c_size_t,)
free.restype, free.argtypes = None, (ctypes.c_void_p,)
"""

LIMITED = (
    C_CALLS
    + """
@pytest.mark.limit_memory("24 MB")
def test_over():
    free(malloc(30 << 20))

@pytest.mark.limit_memory("24 MB")
def test_under():
    for _ in range(5):
        free(malloc(20 << 20))
"""
)


@pytest.fixture
def run_preloaded(shoal: Any, tmp_path: Path) -> Callable[..., Any]:
    """Run pytest on a module of tests by ``shoal run``."""

    def run(tests: str, *options: str, before: tuple[str, ...] = ("run",)) -> Any:
        (tmp_path / "test_it.py").write_text(f"import pytest\n{tests}")
        none = ("-p", "no:cacheprovider", "-p", "no:memray")
        return shoal(*before, "-m", "pytest", *none, *options, "test_it.py")

    return run


def test_the_limit_of_a_test_counts_it(run_preloaded: Callable[..., Any]) -> None:
    done = run_preloaded(LIMITED)
    assert "1 failed, 1 passed" in done.stdout
    assert "allocated at once; limit_memory allows 24 MB" in done.stdout
    assert "allocated 30.0 MiB: free(malloc(30 << 20))" in done.stdout


def test_the_limit_of_a_test_counts_threads_of_c(run_preloaded: Callable[..., Any]) -> None:
    done = run_preloaded(f"""
{PRELUDE}
@pytest.mark.limit_memory("24 MB")
def test_over():
    free(in_thread(MALLOC, 30 << 20))
""")
    assert "1 failed" in done.stdout
    assert "allocated at once; limit_memory allows 24 MB" in done.stdout


def test_the_limit_of_a_test_counts_it_not_without_preloading(run: Any) -> None:
    run(LIMITED).assert_outcomes(passed=2)


def test_arrays_of_numpy_count_in_the_limit_of_a_test(run_preloaded: Callable[..., Any]) -> None:
    pytest.importorskip("numpy")
    done = run_preloaded("""
import numpy
@pytest.mark.limit_memory("24 MB")
def test_over():
    numpy.ones(5_000_000)

@pytest.mark.limit_memory("48 MB")
def test_under():
    numpy.ones(5_000_000)
""")
    assert "1 failed, 1 passed" in done.stdout
    assert "numpy.ones(5_000_000)" in done.stdout


def test_the_table_of_tests_has_it(run_preloaded: Callable[..., Any]) -> None:
    done = run_preloaded(LIMITED, "--shoal", "-k", "under")
    (row,) = (row for row in done.stdout.splitlines() if row.endswith("::test_under"))
    assert row.split()[:2] == ["20.0", "MiB"]
    assert os.path.basename(row.split()[-1]) == "test_it.py::test_under"


LEAKING = """
kept = []
def build(size):
    kept.append(malloc(size))

@pytest.mark.limit_leaks("1 MB")
def test_over():
    data = [bytes(1000) for _ in range(10_000)]
    build(3 << 20)
    del data

@pytest.mark.limit_leaks("1 MB")
def test_under():
    data = [bytes(1000) for _ in range(10_000)]
    free(malloc(3 << 20))
    build(1000)

@pytest.mark.limit_leaks("1 MB", filter_fn=lambda stack: stack.frames[0].function != "test_other")
def test_other():
    build(3 << 20)
"""


def test_leaks_of_c_code_are_limited(run_preloaded: Callable[..., Any]) -> None:
    done = run_preloaded(C_CALLS + LEAKING)
    assert "1 failed, 2 passed" in done.stdout
    assert "1 place left more alive than limit_leaks allows: 1 MB" in done.stdout
    line = (C_CALLS + LEAKING).splitlines().index("    build(3 << 20)") + 2
    assert f"test_it.py:{line} in test_over" in done.stdout
    assert "3.0 MiB allocated here:" in done.stdout


def test_arrays_that_leak_are_told_of_once(run_preloaded: Callable[..., Any]) -> None:
    pytest.importorskip("numpy")
    done = run_preloaded("""
import numpy
kept = []
@pytest.mark.limit_leaks("6 MB")
def test_over():
    kept.append(numpy.ones(1_000_000))

@pytest.mark.limit_leaks("10 MB")
def test_under():
    for _ in range(1):
        kept.append(numpy.ones(1_000_000))
""")
    assert "1 failed, 1 passed" in done.stdout
    assert "1 place left more alive than limit_leaks allows: 6 MB" in done.stdout


def test_leaks_of_c_code_without_preloading(run: Any) -> None:
    run(C_CALLS + LEAKING).assert_outcomes(passed=3)


def test_what_is_freed_to_malloc_was_freed(counted: Measure) -> None:
    """And is not taken to be in use again."""
    lines = counted("""\
    @profile
    def work():
        block = malloc(40_000_000)
        free(block)  # free

    work()
    """)
    freed = lines["free"]
    assert freed.net == pytest.approx(-40_000_000, abs=FEW)
    assert freed.regained <= FEW
