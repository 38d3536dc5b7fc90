"""Where memory ends: MemoryError, and nothing lost or damaged."""

import resource

import pytest


@pytest.mark.parametrize(
    "code",
    [
        "[0] * (1 << 60)",
        "bytes(1 << 62)",
        "bytearray(1 << 62)",
        "'x' * (1 << 62)",
        "[0] * (1 << 48)",
    ],
)
def test_a_size_out_of_bounds(on_shoal, code):
    raised, grown, checked = on_shoal(f"""
        import shoal
        from shoal import _heap
        def ask():
            try:
                {code}
            except MemoryError:
                return True
            return False
        ask()
        shoal.usage()
        before = _heap.usage()["live"]
        raised = [ask() for _ in range(100)]
        answer = [all(raised), _heap.usage()["live"] - before, _heap.check()]
    """)
    assert raised
    assert grown < 64 * 1024
    assert checked > 0


def limited(mebibytes):
    """Return what a child does first to have so much address space and no more."""
    limit = mebibytes << 20
    return lambda: resource.setrlimit(resource.RLIMIT_AS, (limit, limit))


EXHAUST = """
import shoal
from shoal import _heap
witness = [str(i) * 5 for i in range(10_000)]
def fill(size):
    made = []
    try:
        while True:
            made.append(bytes(size))
    except MemoryError:
        return len(made) * size
live = _heap.usage()["live"]
sums = [fill(size) for size in ({sizes})]
assert witness == [str(i) * 5 for i in range(10_000)]
_heap.check()
answer = [sums, _heap.usage()["live"] - live]
"""


@pytest.mark.parametrize("mebibytes", [200, 1000])
def test_address_space_that_ends(on_shoal, mebibytes):
    sums, grown = on_shoal(
        EXHAUST.format(sizes="100, 3_000, 100_000, 10_000_000, 100"), preexec_fn=limited(mebibytes)
    )
    # Most of what the limit allows can be had, by every size, and again at the end.
    assert min(sums) > 0.5 * (mebibytes - 60) * (1 << 20)
    assert sums[-1] > 0.8 * sums[0]
    assert grown < 256 * 1024


def test_a_limit_that_a_program_sets_for_itself(on_shoal):
    """It holds, and what is left of it serves others: a thread's stack, a library."""
    size, filled = on_shoal("""
        import os, resource, threading
        limit = 600 << 20
        statm = os.open("/proc/self/statm", os.O_RDONLY)
        made = [str(i) for i in range(100_000)]
        resource.setrlimit(resource.RLIMIT_AS, (limit, resource.RLIM_INFINITY))
        thread = threading.Thread(target=made.clear)
        thread.start()
        thread.join()
        import decimal, sqlite3
        kept = []
        try:
            while len(kept) < 10_000_000:
                kept.append(bytes(1000))
        except MemoryError:
            pass
        filled = len(kept) * 1000
        del kept[-10:]
        size = int(os.pread(statm, 100, 0).split()[0]) * 4096  # while the limit holds
        resource.setrlimit(resource.RLIMIT_AS, (resource.RLIM_INFINITY,) * 2)
        answer = [size, filled]
    """)
    assert 300 << 20 < filled < size <= 600 << 20


def test_a_list_that_cannot_grow_keeps_its_items(on_shoal):
    assert (
        on_shoal(
            """
        items = list(range(1_000_000))
        try:
            while True:
                items.extend(items)
        except MemoryError:
            pass
        assert items[:1_000_000] == list(range(1_000_000))
        assert items[-1] == 999_999
        answer = len(items) % 1_000_000
        """,
            preexec_fn=limited(400),
        )
        == 0
    )


def test_install_where_address_space_is_short(off_shoal):
    active, fine = off_shoal(
        """
        import shoal
        try:
            shoal.install()
        except RuntimeError as error:
            assert str(error) == "Shoal found no address space to reserve"
        answer = [shoal.is_active(), [str(i) for i in range(10_000)][-1]]
        """,
        preexec_fn=limited(150),
    )
    assert fine == "9999"
    assert active in (True, False)
