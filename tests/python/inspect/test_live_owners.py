"""Processes that run, whose memory is known to be someone's: malloc's, a library's, a stack's."""

from __future__ import annotations

import json
import os
import re
import subprocess
import time
from collections.abc import Callable

import pytest

pytest.importorskip("shoal._inspect", reason="the reader is not built")

from shoal import inspect
from shoal.inspect.compare import judge
from shoal.inspect.diagnosis import diagnose
from shoal.inspect.snapshot import Snapshot

Start = Callable[..., int]
Run = Callable[..., "subprocess.CompletedProcess[str]"]

MIB = 2**20

MALLOC = """
import ctypes
libc = ctypes.CDLL(None)
libc.malloc.restype, libc.malloc.argtypes = ctypes.c_void_p, [ctypes.c_size_t]
libc.free.argtypes = [ctypes.c_void_p]
libc.memset.argtypes = [ctypes.c_void_p, ctypes.c_int, ctypes.c_size_t]
def take(size):
    at = libc.malloc(size)
    libc.memset(at, 1, size)
    return at
"""


def bytes_of(snapshot: Snapshot) -> dict[str, int]:
    """Return the bytes of each type, with what belongs to its objects."""
    return {used.name: used.bytes for used in snapshot.types}


def unexplained(snapshot: Snapshot) -> float:
    return 100 * snapshot.resident.other / snapshot.resident.total


# ---- Objects of more than 512 bytes ----------------------------------------------------


def test_larger_objects_have_their_types(start: Start) -> None:
    snapshot = inspect.take(
        start(
            """
import collections
kept = collections.OrderedDict()
for at in range(30_000):
    kept[at] = bytes(1_400)
    if len(kept) > 20_000:
        kept.popitem(last=False)
"""
        )
    )
    (used,) = (used for used in snapshot.types if used.name == "bytes")
    assert used.blocks == pytest.approx(20_000, rel=0.15)  # The code itself has some.
    assert used.bytes == pytest.approx(20_000 * 1_440, rel=0.02)
    assert snapshot.malloc_unread_bytes == 0


@pytest.mark.parametrize(
    ("make", "name", "least"),
    [
        ("[{str(i): i for i in range(20)} for _ in range(3_000)]", "dict", 3_000 * 500),
        ("{i: None for i in range(100_000)}", "dict", 4 * MIB),
        ("[[None] * 50 for _ in range(5_000)]", "list", 5_000 * 400),
        ("[[None] * 500 for _ in range(2_000)]", "list", 2_000 * 4_000),
        ("[[None] * 100_000 for _ in range(9)]", "list", 9 * 800_000),
        ("[set(range(40)) for _ in range(2_000)]", "set", 2_000 * 2_048),
        ("[frozenset(range(40)) for _ in range(2_000)]", "frozenset", 2_000 * 2_048),
        ("[bytearray(700) for _ in range(5_000)]", "bytearray", 5_000 * 700),
        ("[array.array('d', range(90)) for _ in range(5_000)]", "array.array", 5_000 * 720),
        ("collections.deque(range(500_000))", "collections.deque", 500_000 * 8),
        ("odict(50_000)", "collections.OrderedDict", 50_000 * (32 + 8 + 24)),
        ("[Plain(i) for i in range(20_000)]", "__main__.Plain", 20_000 * 64),
    ],
)
def test_what_belongs_to_an_object_counts_with_it(
    start: Start, make: str, name: str, least: int
) -> None:
    code = f"""
import array, collections
class Plain:
    def __init__(self, at):
        self.a, self.b, self.c = at, None, None
def odict(count):
    made = collections.OrderedDict.fromkeys(range(count))
    made.move_to_end(0)
    return made
kept = {make}
"""
    snapshot = inspect.take(start(code))
    assert bytes_of(snapshot)[name] >= least
    assert bytes_of(snapshot)["(not Python objects)"] < MIB


def test_arrays_of_numpy_are_on_the_screen(start: Start, shoal: Run) -> None:
    pytest.importorskip("numpy")
    make = "import numpy\nkept = [numpy.ones(12_000) for _ in range(300)]"
    pid = start(make)
    snapshot = inspect.take(pid)
    assert bytes_of(snapshot)["numpy.ndarray"] == pytest.approx(300 * 96_000, rel=0.02)
    assert re.search(r"^numpy.ndarray +3\d\d ", shoal("inspect", str(pid)).stdout, re.M)


# ---- What is free in malloc's heap -----------------------------------------------------


SPARSE = """
taken = [take(90_000) for _ in range(1_000)]
taken += [take(90_000) for _ in range(1_000)]
for at, block in enumerate(taken):
    if at % 20:
        libc.free(block)
"""


def test_fragmentation_of_mallocs_heap(start: Start, shoal: Run) -> None:
    pid = start(MALLOC + SPARSE)
    snapshot = inspect.take(pid)
    resident = snapshot.resident
    assert resident.libc == pytest.approx(100 * 90_000, rel=0.2)
    assert resident.libc_free == pytest.approx(1_900 * 90_000, rel=0.1)
    found = diagnose(snapshot)
    assert found.kind == "fragmentation"
    assert "malloc's heap" in found.sentence
    assert snapshot.needed < 25 * MIB
    assert "instead of" in found.release
    assert re.search(r"^free, malloc +1\d\d", shoal("inspect", str(pid)).stdout, re.M)


def test_free_blocks_of_every_kind_are_free(start: Start) -> None:
    # Small ones are kept by their threads and in lists that leave them marked as used.
    code = """
import threading
sizes = [24, 40, 100, 120, 500, 1_000, 5_000, 90_000]
def churn():
    for _ in range(3):
        blocks = [take(size) for size in sizes for _ in range(300)]
        for block in blocks:
            libc.free(block)
    ready.wait()
    threading.Event().wait()
ready = threading.Barrier(5)
for _ in range(4):
    threading.Thread(target=churn, daemon=True).start()
ready.wait()
"""
    without, churned = (inspect.take(start(MALLOC + more)) for more in ("", code))
    assert churned.malloc_unread_bytes == 0
    assert churned.resident.libc - without.resident.libc < 300_000
    assert bytes_of(churned)["(not Python objects)"] < MIB


# ---- Leaks of C code -------------------------------------------------------------------


def test_a_leak_of_c_code_is_no_steady_process(start: Start, shoal: Run) -> None:
    pid = start(
        MALLOC
        + """
import threading, time
def leak():
    while True:
        for _ in range(300):
            take(1_500)
        time.sleep(0.02)
threading.Thread(target=leak, daemon=True).start()
"""
    )
    done = shoal("inspect", str(pid), "--watch", "0.5", "--count", "4", "--json")
    growth = json.loads(done.stdout.splitlines()[-1])["growth"]
    assert growth["word"] == "leak-like"
    assert growth["sentence"].startswith("Blocks that are no Python objects grew from each of 4")
    assert "C code" in growth["sentence"]


def test_tasks_that_leak_are_named(start: Start) -> None:
    pid = start(
        """
import asyncio, threading
async def rest():
    await asyncio.sleep(3600)
async def main():
    while True:
        for _ in range(300):
            kept.append(asyncio.ensure_future(rest()))
        await asyncio.sleep(0.02)
kept = []
threading.Thread(target=lambda: asyncio.run(main()), daemon=True).start()
"""
    )
    looks = []
    for _ in range(4):
        looks.append(inspect.take(pid, freeze=True))
        time.sleep(0.4)
    found = judge(looks)
    assert found.kind == "leak-like"
    named = found.sentence.partition(" grew ")[0]
    assert "Task" in named
    assert "coroutine" in named


# ---- Stacks, heaps of threads, libraries -----------------------------------------------


def test_frames_of_deep_recursion_are_stacks(start: Start) -> None:
    snapshot = inspect.take(
        start(
            """
import sys, threading
sys.setrecursionlimit(10**6)
threading.stack_size(512 << 20)
deep = threading.Event()
def dive(n):
    if n:
        dive(n - 1)
    else:
        deep.set()
        threading.Event().wait()
threading.Thread(target=dive, args=(40_000,), daemon=True).start()
deep.wait()
"""
        )
    )
    assert unexplained(snapshot) < 1
    assert snapshot.resident.stacks > 40_000 * 80


@pytest.mark.parametrize("before", [(), ("-m", "shoal", "run")])
def test_many_threads_leave_nothing_unexplained(start: Start, before: tuple[str, ...]) -> None:
    code = """
import threading
ready = threading.Barrier(51)
def work():
    blocks = [take(3_000 + at * 7) for at in range(200)] + [take(400_000)]
    ready.wait()
    threading.Event().wait()
for _ in range(50):
    threading.Thread(target=work, daemon=True).start()
ready.wait()
import shoal
rss = shoal.usage().rss
open("usage", "w").write(f"{100 * rss.unexplained / rss.total}")
"""
    snapshot = inspect.take(start(MALLOC + code, before=before))
    assert unexplained(snapshot) < 1
    assert snapshot.resident.libraries < snapshot.resident.total // 50


def test_what_usage_says_is_what_the_reader_says(off_shoal: Callable[..., object]) -> None:
    # Nothing is explained away: a mapping that nobody has is nobody's on pymalloc too.
    before, after = off_shoal("""
        import ctypes, shoal
        libc = ctypes.CDLL(None)
        libc.mmap.restype = ctypes.c_void_p
        libc.mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t] + [ctypes.c_int] * 3 + [ctypes.c_long]
        libc.memset.argtypes = [ctypes.c_void_p, ctypes.c_int, ctypes.c_size_t]
        shoal.usage()
        answer = []
        for size in (4096, 30 << 20):
            libc.memset(libc.mmap(None, size, 3, 0x22, -1, 0), 1, size)
            rss = shoal.usage().rss
            answer.append([rss.unexplained, rss.pymalloc])
    """)  # noqa: E501
    assert after[0] - before[0] >= (30 << 20) - 65536
    assert after[1] - before[1] < MIB


@pytest.mark.parametrize(
    "made",
    [
        "mmap.mmap(-1, SIZE)",
        "mmap.mmap(sized(os.memfd_create('here')), 0)",
        "mmap.mmap(sized(os.open('file', os.O_RDWR | os.O_CREAT)), 0)",
    ],
)
def test_mapped_files_and_shared_memory_are_not_the_program(start: Start, made: str) -> None:
    pid = start(f"""
import mmap, os
SIZE = 30 << 20
def sized(descriptor):
    os.ftruncate(descriptor, SIZE)
    return descriptor
kept = {made}
kept.write(b"x" * SIZE)
""")
    snapshot = inspect.take(pid)
    assert snapshot.resident.mapped_files == pytest.approx(30 * MIB, abs=MIB)
    assert snapshot.resident.file_backed < 20 * MIB
    assert diagnose(snapshot).sentence.endswith(" is in mapped files and shared memory.")


def test_what_a_process_maps_while_it_is_read_is_not_unexplained(start: Start) -> None:
    pid = start(f"""{MALLOC}
import threading, time
kept = []
def grow():
    for _ in range(3_000):
        kept.append(bytearray(b"x") * 300_000)
        time.sleep(.0005)
threading.Thread(target=grow, daemon=True).start()
""")
    looks = [inspect.take(pid) for _ in range(5)]
    assert looks[-1].resident.total - looks[0].resident.total > 5 * MIB
    assert sorted(unexplained(look) for look in looks)[2] <= 1


def test_libraries_that_map_memory_are_named(start: Start) -> None:
    pytest.importorskip("pyarrow")
    snapshot = inspect.take(
        start("import pyarrow\nkept = pyarrow.array(['text %d' % i for i in range(300_000)])")
    )
    assert unexplained(snapshot) < 1
    assert any("arrow" in part.name for part in snapshot.resident.mapped_by)


# ---- Shoal's own -----------------------------------------------------------------------


RESERVE = """
import shoal, threading, time
def work():
    for _ in range(40):
        made = bytearray(b"x") * (24 << 20)
        small = [str(at) for at in range(100_000)]
        del made, small
work()
kept = [shoal.usage().reserve]
open("reserve", "w").write(str(kept[0]))
"""


def test_the_reserve_of_shoal_has_a_row(start: Start, shoal: Run, tmp_path) -> None:
    pid = start(
        RESERVE, before=("-m", "shoal", "run"), env={**os.environ, "SHOAL_RELEASE": "never"}
    )
    snapshot = inspect.take(pid)
    resident = snapshot.resident
    told = int((tmp_path / "reserve").read_text())
    assert resident.reserve == pytest.approx(told, abs=3 * MIB)
    assert resident.records > 0
    assert unexplained(snapshot) < 1
    assert diagnose(snapshot).kind != "fragmentation" or resident.pinned > 8 * MIB
    done = shoal("inspect", str(pid))
    assert re.search(r"^Shoal's records ", done.stdout, re.M)


# ---- Looking gives a process nothing ---------------------------------------------------


def resident_kib(pid: int) -> int:
    with open(f"/proc/{pid}/smaps_rollup") as lines:
        return next(int(line.split()[1]) for line in lines if line.startswith("Rss:"))


def test_a_forked_worker_gets_no_page_by_being_looked_at(start: Start, tmp_path) -> None:
    start(
        """
import os, signal
kept = [str(at) for at in range(100_000)]
child = os.fork()
if child == 0:
    os.closerange(0, 3)
    signal.pause()
open("child", "w").write(str(child))
"""
    )
    child = int((tmp_path / "child").read_text())
    time.sleep(0.2)
    try:
        before = resident_kib(child)
        snapshot = inspect.take(child)
        assert resident_kib(child) - before <= 64
    finally:
        os.kill(child, 9)
    assert snapshot.resident.total <= (before + 64) * 1024
    assert bytes_of(snapshot)["str"] > 100_000 * 50
