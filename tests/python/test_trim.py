"""`shoal.trim` and `shoal.release_after_gc`: what they say is what the kernel sees."""

import pytest

MEBIBYTE = 1 << 20

CYCLES = """
import gc, shoal
from shoal import _smaps
gc.disable()
shoal.usage(), shoal.trim()
for i in range(50_000):
    cycle = [bytes(1000)]
    cycle.append(cycle)
del cycle
before, resident = shoal.usage(), _smaps.rollup()
given = shoal.trim()
fell = resident - _smaps.rollup()
after = shoal.usage()
answer = [given, fell, after.returned - before.returned, before.live - after.live, after.reserve]
"""


def test_trim_collects_and_gives_back(on_shoal):
    given, fell, returned, died, reserve = on_shoal(CYCLES)
    assert died > 50 * MEBIBYTE
    assert given > 0.97 * died
    assert abs(returned - given) < MEBIBYTE
    assert abs(fell - given) < 0.03 * given
    assert reserve < MEBIBYTE


def test_a_second_trim_finds_little(on_shoal):
    assert on_shoal("import shoal; shoal.trim(); shoal.trim(); answer = shoal.trim()") < MEBIBYTE


def test_trim_lets_libc_give_back_where_it_serves_malloc(off_shoal):
    given, fell = off_shoal("""
        import shoal
        from shoal import _smaps
        shoal.trim()
        blocks = [b"x" * 10_000 for _ in range(5_000)]
        last = blocks.pop()  # Keeps libc from lowering the end of its heap.
        del blocks
        resident = _smaps.rollup()
        given = shoal.trim()
        answer = [given, resident - _smaps.rollup()]
    """)
    assert given > 40 * MEBIBYTE
    assert abs(fell - given) < 0.03 * given


RESERVE = """
import gc, shoal
{first}
kept = [bytes(1000) for _ in range(50_000)]
del kept
reserve = shoal.usage().reserve
gc.collect(1)
younger = shoal.usage().reserve
gc.collect()
answer = [reserve, younger, shoal.usage().reserve, len(gc.callbacks)]
"""


def test_a_full_collection_gives_the_reserve_back(on_shoal):
    reserve, younger, full, callbacks = on_shoal(
        RESERVE.format(first=""), env={"SHOAL_RELEASE": "never"}
    )
    assert reserve > 40 * MEBIBYTE
    assert younger > 40 * MEBIBYTE
    assert full < MEBIBYTE
    assert callbacks == 1


def test_unless_told_not_to(on_shoal):
    reserve, _, full, callbacks = on_shoal(
        RESERVE.format(first="shoal.release_after_gc(False); shoal.release_after_gc(False)"),
        env={"SHOAL_RELEASE": "never"},
    )
    assert reserve > 40 * MEBIBYTE
    assert full > 40 * MEBIBYTE
    assert callbacks == 0


def test_the_entry_is_added_once_and_by_install(off_shoal):
    assert off_shoal("""
        import gc, shoal
        counts = [len(gc.callbacks)]
        shoal.install()
        shoal.install()
        shoal.release_after_gc()
        counts.append(len(gc.callbacks))
        shoal.release_after_gc(False)
        answer = [*counts, len(gc.callbacks)]
    """) == [0, 1, 0]


def test_the_entry_refuses_nonsense(off_shoal):
    assert (
        off_shoal("""
        from shoal import _heap
        answer = []
        for wrong in ((), ("stop",), (1, {}), ("stop", 2)):
            try:
                _heap.trim_after_gc(*wrong)
            except TypeError as error:
                answer.append(str(error))
        _heap.trim_after_gc("stop", {})
        _heap.trim_after_gc("stop", {"generation": "2"})
    """)
        == ["trim_after_gc() takes a str and a dict"] * 4
    )


def test_malloc_trim_gives_the_whole_reserve_back(on_shoal):
    """ctypes lets the interpreter lock go, which guards the heap that has the reserve."""
    said, reserve, fell, left = on_shoal(
        """
        import ctypes, gc, shoal
        from shoal import _smaps
        gc.disable()
        libc = ctypes.CDLL(None)
        shoal.usage(), libc.malloc_trim(0)
        kept = [bytes(1000) for _ in range(50_000)]
        del kept
        reserve, resident = shoal.usage().reserve, _smaps.rollup()
        said = libc.malloc_trim(0)
        answer = [said, reserve, resident - _smaps.rollup(), shoal.usage().reserve]
        """,
        env={"SHOAL_RELEASE": "never"},
    )
    assert said == 1
    assert reserve > 40 * MEBIBYTE
    assert fell > 0.97 * reserve
    assert left < MEBIBYTE


# Eight threads have malloc make blocks, which they or the main thread free; then they wait.
OTHERS = """
import shoal, threading
from array import array
from ctypes import CDLL, c_size_t, c_void_p, memset
from shoal import _smaps
libc = CDLL(None)
libc.malloc.restype, libc.malloc.argtypes, libc.free.argtypes = c_void_p, [c_size_t], [c_void_p]
size, count, shared = {size}, (40 << 20) // {size} // 8, array("Q")
made, seen, freed = (threading.Barrier(9) for _ in range(3))
never = threading.Event()
def free(blocks):
    for block in blocks:
        libc.free(block)
def own():
    blocks = array("Q", (libc.malloc(size) for _ in range(count)))
    for block in blocks:
        memset(block, 1, size)
    shared.extend(blocks)
    made.wait()
    seen.wait()
    if {owners}:
        free(blocks)
    freed.wait()
    never.wait()
for _ in range(8):
    threading.Thread(target=own, daemon=True).start()
shoal.usage()
made.wait()
high = _smaps.rollup()
seen.wait()
if not {owners}:
    free(shared)
freed.wait()
if {elsewhere}:
    trimmer = threading.Thread(target=shoal.trim)
    trimmer.start()
    trimmer.join()
else:
    shoal.trim()
answer = [8 * count * size, high - _smaps.rollup()]
"""


@pytest.mark.parametrize("size", [64, 1000, 8000, 30_000])
@pytest.mark.parametrize("elsewhere", [False, True])
@pytest.mark.parametrize("owners", [False, True])
def test_trim_gives_back_what_is_free_in_other_threads_heaps(on_shoal, size, owners, elsewhere):
    freed, fell = on_shoal(OTHERS.format(size=size, owners=owners, elsewhere=elsewhere))
    assert fell > 0.95 * freed
