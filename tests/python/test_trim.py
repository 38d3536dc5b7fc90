"""`shoal.trim` and `shoal.release_after_gc`: what they say is what the kernel sees."""

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
