"""`shoal.usage`: counts that are exact, and resident memory that adds up."""

import pytest

MEBIBYTE = 1 << 20

# Ten times: the first call imports what the later ones do not.
SUM = """
import shoal
def parts(rss):
    return (rss.shoal_live + rss.shoal_held + rss.shoal_metadata + rss.pymalloc + rss.libc
            + rss.file_backed + rss.stacks + rss.libraries + rss.unexplained)
answer = []
kept = []
for n in range(10):
    kept.append([str(i) * 9 for i in range(20_000)] if n % 3 else bytearray(5_000_000))
    rss = shoal.usage().rss
    least = min(v for v in vars(rss).values() if isinstance(v, int))
    answer.append([parts(rss), rss.total, least])
"""


@pytest.mark.parametrize("where", ["on_shoal", "off_shoal"])
def test_parts_sum_to_rss_exactly(where, request):
    for parts, total, least in request.getfixturevalue(where)(SUM):
        assert parts == total
        assert total > 5 * MEBIBYTE
        assert least >= 0


@pytest.mark.parametrize("where", ["on_shoal", "off_shoal"])
def test_total_is_what_the_kernel_says(where, request):
    kernel, ours = request.getfixturevalue(where)("""
        import shoal
        shoal.usage()
        ours = shoal.usage().rss.total
        fields = dict(line.split(":") for line in open("/proc/self/smaps_rollup") if ":" in line)
        answer = [int(fields["Rss"].split()[0]) * 1024, ours]
    """)
    assert abs(kernel - ours) < MEBIBYTE


def test_every_figure_names_its_source(off_shoal):
    figures, sources = off_shoal("""
        import shoal, dataclasses
        rss = shoal.usage().rss
        answer = [[f.name for f in dataclasses.fields(rss)], rss.sources]
    """)
    assert set(figures) == {*sources, "sources", "mapped_by"}
    assert all(sources.values())


def test_live_grows_by_what_is_made(on_shoal):
    asked, grown, blocks, block_size = on_shoal("""
        import shoal, sys
        shoal.usage()
        before = shoal.usage()
        made = [bytes(1000) for _ in range(100_000)]
        after = shoal.usage()
        size = sys.getsizeof(made[0])
        count = lambda usage: next(c for c in usage.classes if c.block_size >= size)
        try:
            old = count(before).live_blocks if count(before).block_size == count(after).block_size else 0
        except StopIteration:
            old = 0
        answer = [size * len(made) + sys.getsizeof(made), after.live - before.live,
                  count(after).live_blocks - old, count(after).block_size]
    """)  # noqa: E501
    assert asked <= grown <= asked * 1.26
    assert 100_000 <= blocks < 100_100
    assert 1033 <= block_size <= 1033 * 1.25


def test_classes_sum_to_the_pooled_live_bytes(on_shoal):
    live, large, classes, held, pinned = on_shoal("""
        import shoal
        kept = [bytes(n) for n in range(5_000)] + [bytes(10**6) for _ in range(9)]
        shoal.usage()
        u = shoal.usage()
        answer = [u.live, u.large, [[c.block_size, c.pools, c.live_blocks, c.live, c.held]
                  for c in u.classes], u.held, u.pinned]
    """)
    assert large >= 9_000_000
    sizes = [row[0] for row in classes]
    assert sizes == sorted(set(sizes))
    assert all(row[3] == row[0] * row[2] and row[1] > 0 for row in classes)
    # The two passes are a few blocks apart.
    assert abs(sum(row[3] for row in classes) + large - live) < 0.25 * MEBIBYTE
    assert abs(sum(row[4] for row in classes) - pinned) < 0.25 * MEBIBYTE
    assert held >= pinned


@pytest.mark.parametrize(
    "made",
    [
        "[str(i) * 5 for i in range(2_000_000)]",
        "[float(i) for i in range(5_000_000)]",
        "[{} for _ in range(2_000_000)]",
        "[(i, str(i), float(i)) for i in range(1_000_000)]",
    ],
    ids=["str", "float", "dict", "tuple"],
)
def test_what_is_dropped_is_returned_at_once(on_shoal, made):
    grown, before, dropped, trimmed = on_shoal(f"""
        import shoal
        from shoal import _smaps
        shoal.usage()
        def look():
            u = shoal.usage()
            return [u.live, u.pinned, u.reserve, u.returned, _smaps.rollup() - u.metadata]
        before = look()
        made = {made}
        grown = shoal.usage().live - before[0]
        del made
        dropped = look()
        shoal.trim()
        answer = [grown, before, dropped, look()]
    """)
    live, pinned, reserve, returned, resident = (new - old for old, new in zip(before, dropped))
    assert grown > 100 * MEBIBYTE
    assert abs(live) < 0.01 * grown
    assert pinned + reserve < 0.01 * grown
    assert returned > 0.98 * grown
    assert resident < 0.01 * grown  # The kernel's word for it.
    assert trimmed[-1] - before[-1] < 0.01 * grown


def test_few_survivors_pin_few_pages(on_shoal):
    grown, pinned = on_shoal("""
        import random, shoal
        shoal.usage()
        before = shoal.usage()
        made = [float(i) for i in range(1_000_000)]
        grown = shoal.usage().live - before.live
        random.seed(1)
        made = random.sample(made, 1_000)
        answer = [grown, shoal.usage().pinned - before.pinned]
    """)
    # A page of 4 KiB for each at the most, of the 7,800 there were for the floats.
    assert grown > 24 * MEBIBYTE
    assert pinned < 1_000 * 4096


def test_peak_stays(on_shoal):
    high, low, peak = on_shoal("""
        import shoal
        made = [bytes(500) for _ in range(100_000)]
        high = shoal.usage()
        del made
        low = shoal.usage()
        total = lambda u: u.live + u.held + u.metadata
        answer = [total(high), total(low), low.peak]
    """)
    assert low < high - 40 * MEBIBYTE
    assert high * 0.99 <= peak < high + 16 * MEBIBYTE


def test_untouched_blocks_are_live_but_not_resident(on_shoal):
    live, resident = on_shoal("""
        import shoal
        shoal.usage()
        before = shoal.usage()
        block = bytes(1 << 28)
        after = shoal.usage()
        answer = [after.live - before.live, after.rss.shoal_live - before.rss.shoal_live]
    """)
    assert live >= 1 << 28
    assert resident < 4 * MEBIBYTE


def test_what_taking_the_figures_takes_is_explained(on_shoal):
    answer = on_shoal("""
        import shoal
        from shoal import _smaps
        read, kept = _smaps.read, []
        def reading():
            kept.extend(bytes(500) for _ in range(10_000))
            return read()
        _smaps.read = reading
        answer = shoal.usage().rss.unexplained
    """)
    assert answer < MEBIBYTE // 4


def test_mapped_files_are_file_backed(on_shoal, tmp_path):
    (tmp_path / "file").write_bytes(b"x" * (32 * MEBIBYTE))
    grown = on_shoal("""
        import mmap, shoal
        shoal.usage()
        before = shoal.usage().rss
        file = open("file", "rb")
        mapped = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        sum(mapped[::4096])
        answer = shoal.usage().rss.file_backed - before.file_backed
    """)
    assert 0 <= grown - 32 * MEBIBYTE < MEBIBYTE


def test_a_mapping_that_nobody_claims_is_unexplained(on_shoal):
    grown = on_shoal("""
        import mmap, shoal
        shoal.usage()
        before = shoal.usage().rss
        mapped = mmap.mmap(-1, 32 << 20, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
        for at in range(0, 32 << 20, 4096):
            mapped[at] = 1
        answer = shoal.usage().rss.unexplained - before.unexplained
    """)
    assert 0 <= grown - 32 * MEBIBYTE < MEBIBYTE


def test_on_shoal_nothing_is_pymallocs_and_little_is_unexplained(on_shoal):
    pymalloc, unexplained, live, total = on_shoal("""
        import shoal
        made = [str(i) for i in range(500_000)]
        rss = shoal.usage().rss
        answer = [rss.pymalloc, rss.unexplained, rss.shoal_live, rss.total]
    """)
    assert pymalloc == 0
    assert live > 25 * MEBIBYTE
    assert unexplained < 0.05 * total


def test_pymalloc_and_libc_are_seen_without_shoal(off_shoal):
    small, large, shoal_live = off_shoal("""
        import shoal
        shoal.usage()
        before = shoal.usage().rss
        kept = [str(i) * 9 for i in range(300_000)]
        filler = [b"x" * 10_000 for i in range(1_000)]  # what was free before is in use
        between = shoal.usage().rss
        blocks = [b"x" * 10_000 for i in range(3_000)]
        after = shoal.usage().rss
        answer = [between.pymalloc - before.pymalloc, after.libc - between.libc, after.shoal_live]
    """)
    assert 25 * MEBIBYTE < small < 45 * MEBIBYTE
    assert 28 * MEBIBYTE < large < 34 * MEBIBYTE
    assert shoal_live == 0


@pytest.mark.parametrize("where", ["on_shoal", "off_shoal"])
def test_stacks_of_threads_are_seen(where, request):
    grown = request.getfixturevalue(where)("""
        import shoal, threading
        shoal.usage()
        before = shoal.usage().rss.stacks
        leave = threading.Event()
        ready = threading.Semaphore(0)
        def wait():
            ready.release()
            leave.wait()
        threads = [threading.Thread(target=wait) for _ in range(16)]
        for thread in threads:
            thread.start()
        for thread in threads:
            ready.acquire()
        answer = shoal.usage().rss.stacks - before
        leave.set()
    """)
    assert 16 * 4096 <= grown < 16 * MEBIBYTE


def test_the_report_of_pymalloc_leaves_standard_error_as_it_was(plain):
    done = plain(
        "-c",
        "import os, shoal, sys\n"
        "first = len(os.listdir('/proc/self/fd'))\n"
        "shoal.usage()\n"
        "print('here', file=sys.stderr, flush=True)\n"
        "sys.exit(len(os.listdir('/proc/self/fd')) - first)\n",
    )
    assert (done.returncode, done.stderr) == (0, "here\n")


def test_other_threads_lose_nothing_that_they_write_meanwhile(plain):
    done = plain(
        "-c",
        "import os, shoal, threading\n"
        "stop = threading.Event()\n"
        "def count():\n"
        "    for i in range(2000): os.write(2, b'%d\\n' % i)\n"
        "    stop.set()\n"
        "threading.Thread(target=count).start()\n"
        "while not stop.is_set(): shoal.usage()\n",
    )
    assert (done.returncode, done.stderr) == (0, "".join(f"{i}\n" for i in range(2000)))


def test_usage_with_standard_error_closed(off_shoal):
    pymalloc, total, is_open = off_shoal("""
        import os, shoal
        os.close(2)
        rss = shoal.usage().rss
        answer = [rss.pymalloc, rss.total, os.path.exists("/proc/self/fd/2")]
    """)
    assert 0 < pymalloc < total
    assert not is_open


@pytest.mark.parametrize("name", ["Usage", "ClassUsage", "Rss"])
def test_results_are_frozen(name):
    import dataclasses

    import shoal

    kind = getattr(shoal, name)
    assert kind.__dataclass_params__.frozen
    assert dataclasses.fields(kind)
    assert kind.__doc__


def test_the_import_is_light(plain):
    done = plain(
        "-c",
        "import sys; before = set(sys.modules); import shoal; "
        "print(sorted(set(sys.modules) - before))",
    )
    assert set(eval(done.stdout)) <= {"shoal", "shoal._heap", "gc", "__future__"}
