"""The memory of one record: counted allocations, and nothing that stays."""

from __future__ import annotations

import gc
import io
import subprocess
import sys
import tracemalloc

import pytest
from shoal import flat


class Lines(io.RawIOBase):
    """A file of many lines that is nowhere."""

    def __init__(self, line, count):
        self.line, self.left = line, count

    def readable(self):
        return True

    def read(self, size=-1):
        lines = min(self.left, size // len(self.line))
        self.left -= lines
        return self.line * lines


class Nowhere(io.RawIOBase):
    def writable(self):
        return True

    def write(self, data):
        return len(data)


def peak_of(function):
    """Return how many bytes more than before were allocated at most."""
    gc.collect()
    tracemalloc.start()
    try:
        tracemalloc.reset_peak()  # another test may have left it on
        before = tracemalloc.get_traced_memory()[0]
        result = function()
        after, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    return peak - before, after - before, result


LINE = b"(0.8444218515250481, 'abcdefghijklmnopqrst', 13531284842453252335)\n"


@pytest.mark.parametrize("count", [1000, 200_000])
def test_iterating_takes_the_same_memory_whatever_the_size(count):
    def run():
        return sum(1 for _ in flat.iterate(Lines(LINE, count)))

    peak, after, records = peak_of(run)
    assert records == count
    assert peak < 1_000_000
    assert after < 10_000


@pytest.mark.parametrize("count", [1000, 200_000])
def test_writing_takes_the_same_memory_whatever_the_size(count):
    record = (0.8444218515250481, "abcdefghijklmnopqrst", 13531284842453252335)
    peak, after, records = peak_of(lambda: flat.dump([record] * count, Nowhere()))
    assert records == count
    assert peak - 8 * count < 1_000_000  # the list is ours
    assert after < 10_000


def test_loading_takes_the_data_and_no_more():
    peak, after, records = peak_of(lambda: flat.load(Lines(LINE, 100_000)))
    assert len(records) == 100_000
    each = sys.getsizeof(records[0]) + sum(map(sys.getsizeof, records[0]))
    data = 100_000 * each + sys.getsizeof(records)
    assert data * 0.99 < after < data * 1.05
    assert peak - after < 1_000_000 + sys.getsizeof(records) // 8


def test_a_long_line_that_is_too_long_is_not_kept():
    file = Lines(b"2" * 10_000, 10_000)  # one line of 100 MB
    peak, _, (records, errors) = peak_of(
        lambda: flat.load(file, max_line=100_000, errors="collect")
    )
    assert records == []
    assert len(errors) == 1
    assert peak < 2_000_000


def test_the_buffer_of_a_long_line_does_not_stay():
    long = b"'" + b"a" * 8_000_000 + b"'\n"
    data = long + LINE * 20_000
    reader = flat.iterate(io.BytesIO(data))
    next(reader)
    tracemalloc.start()
    for _ in range(10_000):
        next(reader)
    held = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    assert held < 1_000_000  # the new, short buffer


REFERENCES = """
import gc, sys
from shoal import flat

text = open(sys.argv[1], "rb").read()
lines = [line for line in text.split(b"\\n") if line]
records = [[1.5, "a", {"k": (1, None, b"x")}, {2}, frozenset({3}), 2**100, 1j, "\\u20ac"]] * 3

def round(n):
    for _ in range(n):
        flat.load(text, errors="skip")
        flat.load(text, errors="collect")
        for line in lines:
            try:
                flat.loads(line, share=True)
            except ValueError:
                pass
        flat.loads(flat.dumps(records))
        for bad in ([object()], {1: [object()]}, {(1, object())}):
            try:
                flat.dumps([bad])
            except TypeError:
                pass

round(3)
gc.collect()
before = sys.getallocatedblocks()
round(20)
gc.collect()
print(sys.getallocatedblocks() - before)
"""


def test_nothing_is_left_behind(tmp_path):
    """Errors at every place of a line give back what was read before."""
    whole = (
        "([1, 'é', {'key': (2.5, {3, 4}, b'x')}, frozenset({5}), 6j], '\\u20ac', 1" + 22 * "0" + ")"
    )
    path = tmp_path / "lines"
    path.write_text("\n".join(whole[:end] for end in range(len(whole) + 1)), encoding="utf-8")
    command = [sys.executable, "-c", REFERENCES, str(path)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert abs(int(done.stdout)) < 50
