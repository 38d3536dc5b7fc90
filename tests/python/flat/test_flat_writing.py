"""What is no literal is refused, by place, and nothing of its line is written."""

from __future__ import annotations

import builtins
import collections
import datetime
import enum
import errno
import gc
import io
import sys
import threading

import pytest
from shoal import flat

Point = collections.namedtuple("Point", "x y")


class Colour(enum.IntEnum):
    RED = 1


class Text(str):
    pass


class Liar(tuple):
    def __repr__(self):
        raise AssertionError("code ran")


DATE = datetime.date(2013, 1, 1)

NO_LITERALS = [
    (DATE, "record 2: datetime.date is no literal"),
    ([1, [2, DATE]], "record 2, [1][1]: datetime.date is no literal"),
    ((0, 1, {"key": DATE}), "record 2, [2]['key']: datetime.date is no literal"),
    ({1: {"a'b": DATE}}, 'record 2, [1]["a\'b"]: datetime.date is no literal'),
    ({DATE: 1}, "record 2, {key}: datetime.date is no literal"),
    ({"a": {(1, DATE): 1}}, "record 2, ['a']{key}[1]: datetime.date is no literal"),
    ({(1, 2): DATE}, "record 2, [(...)]: datetime.date is no literal"),
    ([{DATE}], "record 2, [0]{item}: datetime.date is no literal"),
    (frozenset({(DATE,)}), "record 2, {item}[0]: datetime.date is no literal"),
    (Point(1, 2), "record 2: Point is no literal: make it the tuple that it is"),
    ([Colour.RED], "record 2, [0]: Colour is no literal: make it the int that it is"),
    ([Text("a")], "record 2, [0]: Text is no literal: make it the str that it is"),
    ([Liar()], "record 2, [0]: Liar is no literal: make it the tuple that it is"),
    (
        collections.OrderedDict(),
        "record 2: collections.OrderedDict is no literal: make it the dict that it is",
    ),
    (bytearray(b"a"), "record 2: bytearray is no literal"),
    (int, "record 2: type is no literal"),
    (NotImplemented, "record 2: NotImplementedType is no literal"),
    ({"k" * 100: DATE}, "record 2, ['" + "k" * 59 + "...]: datetime.date is no literal"),
]


if sys.version_info >= (3, 15):
    FROZEN = builtins.frozendict(a=1)
    NO_LITERALS += [
        (FROZEN, "record 2: frozendict is no literal"),
        ({"a": [FROZEN]}, "record 2, ['a'][0]: frozendict is no literal"),
        (builtins.sentinel("NONE"), "record 2: sentinel is no literal"),
    ]


@pytest.mark.parametrize(("record", "message"), NO_LITERALS, ids=range(len(NO_LITERALS)))
def test_the_place_is_named_and_nothing_half_written(record, message, tmp_path):
    file = io.BytesIO()
    with pytest.raises(TypeError) as caught:
        flat.dump(iter([1, "two", record, 4]), file)
    assert str(caught.value) == message
    assert file.getvalue() == b"1\n'two'\n"
    path = tmp_path / "records"
    path.write_text("as it was\n")
    with pytest.raises(TypeError):
        flat.dump([record], path)
    assert path.read_text() == "as it was\n"


def test_numpy_scalars_are_no_literals():
    numpy = pytest.importorskip("numpy")
    with pytest.raises(TypeError, match=r"^record 0, \[0\]: numpy.float64 is no literal"):
        flat.dumps([[numpy.float64(1)]])
    with pytest.raises(TypeError, match=r"^record 0: numpy.int64 is no literal"):
        flat.dumps([numpy.int64(1)])


def test_containers_that_contain_themselves():
    one: list = [1]
    one.append({"key": one})
    with pytest.raises(ValueError, match=r"^record 1, \[1\]\['key'\]\[1\].*contains itself$"):
        flat.dumps([0, one])
    shared = [1]
    assert flat.dumps([[shared, shared]]) == b"[[1], [1]]\n"


def test_records_are_an_iterable():
    assert flat.dumps([]) == b""
    assert flat.dumps({1}) == b"1\n"
    assert flat.dumps(i for i in range(3)) == b"0\n1\n2\n"
    for records in ("ab", b"ab", {"a": 1}):
        with pytest.raises(TypeError, match="must be an iterable of records"):
            flat.dumps(records)
    with pytest.raises(TypeError, match="not iterable"):
        flat.dumps(3)


def test_an_exception_of_the_iterable_comes_through():
    def records():
        yield 1
        raise KeyError("mine")

    file = io.BytesIO()
    with pytest.raises(KeyError, match="mine"):
        flat.dump(records(), file)
    assert file.getvalue() == b"1\n"


def test_a_line_over_the_bound_is_not_written():
    file = io.BytesIO()
    with pytest.raises(ValueError, match=r"^record 1: a line of more than 10 bytes"):
        flat.dump(["a" * 8, "a" * 9], file, max_line=10)
    assert file.getvalue() == b"'aaaaaaaa'\n"
    with pytest.raises(ValueError, match=r"^record 0, \[3\]\[0\]: a line of more than"):
        flat.dumps([[1, 2, 3, ["é" * 100_000]]], max_line=10_000)


class Slow(io.RawIOBase):
    """Takes a few bytes at a time."""

    def __init__(self):
        self.taken = bytearray()

    def writable(self):
        return True

    def write(self, data):
        piece = bytes(data)[:1000]
        self.taken += piece
        return len(piece)


def test_files_that_take_a_part_are_given_the_rest():
    file = Slow()
    records = [str(i) for i in range(30000)]
    flat.dump(records, file)
    assert bytes(file.taken) == flat.dumps(records)


class Full(io.RawIOBase):
    """Has room for a few pieces."""

    def __init__(self, pieces):
        self.pieces = pieces
        self.taken = bytearray()

    def writable(self):
        return True

    def write(self, data):
        if self.pieces == 0:
            raise OSError(errno.ENOSPC, "no room")
        self.pieces -= 1
        self.taken += bytes(data)
        return len(data)


def test_what_a_file_refused_is_not_sent_again():
    file = Full(2)
    with pytest.raises(OSError, match="no room"):
        flat.dump([str(i) for i in range(60000)], file)
    whole = flat.dumps([str(i) for i in range(60000)])
    assert whole.startswith(bytes(file.taken))
    assert file.taken.endswith(b"\n")


def test_pieces_are_whole_lines():
    class Pieces(io.RawIOBase):
        def __init__(self):
            self.pieces = []

        def writable(self):
            return True

        def write(self, data):
            self.pieces.append(bytes(data))
            return len(data)

    file = Pieces()
    flat.dump(((i, "x" * 1000) for i in range(1000)), file)
    assert len(file.pieces) > 5
    assert all(piece.endswith(b"\n") for piece in file.pieces)
    assert max(map(len, file.pieces)) < 100_000


def test_progress():
    seen = []
    records = [str(i) for i in range(100_000)]
    file = io.BytesIO()
    flat.dump(records, file, progress=lambda size, part: seen.append((size, part)))
    assert seen[-1] == (len(file.getvalue()), 1.0)
    assert seen == sorted(seen)
    assert len(seen) > 5
    seen.clear()
    flat.dump(iter(records), file, progress=lambda size, part: seen.append(part))
    assert set(seen) == {None}
    seen.clear()
    flat.load(file.getvalue(), progress=lambda size, part: seen.append((size, part)))
    assert seen == sorted(seen)
    assert 0.5 < seen[-1][1] <= 1


def test_progress_that_raises_ends_it():
    def stop(size, part):
        raise InterruptedError

    with pytest.raises(InterruptedError):
        flat.dump([str(i) for i in range(100_000)], io.BytesIO(), progress=stop)
    with pytest.raises(InterruptedError):
        flat.load(b"1\n" * 1_000_000, progress=stop)


def test_a_reader_is_not_used_from_within():
    readers = []

    class File:
        def read(self, size):
            with pytest.raises(ValueError, match="the reader is in use"):
                readers[0].load()
            return b""

    readers.append(flat.iterate(File()))
    assert list(readers[0]) == []


def test_a_set_that_changes_meanwhile_is_an_error_and_no_crash():
    """Other threads write to what is being written; each line is whole or not there."""
    numbers = {i: [i] for i in range(1000)}
    stop = threading.Event()

    def change():
        while not stop.is_set():
            numbers.pop(5, None)
            numbers[5] = [5]

    thread = threading.Thread(target=change)
    thread.start()
    try:
        for _ in range(200):
            for record in flat.loads(flat.dumps([numbers])):
                assert len(record) in (999, 1000)
    finally:
        stop.set()
        thread.join()


def test_the_collector_is_as_it_was():
    data = flat.dumps([(i, [i]) for i in range(10000)])
    for state in (True, False):
        (gc.enable if state else gc.disable)()
        try:
            flat.load(data)
            flat.load(io.BytesIO(data))
            with pytest.raises(flat.FlatError):
                flat.load(data + b"x")
            assert gc.isenabled() == state
        finally:
            gc.enable()


def test_files_that_were_opened_are_closed(tmp_path):
    path = tmp_path / "records"
    flat.dump([1, 2, 3], path)
    reader = flat.iterate(path)
    next(reader)
    reader.close()
    assert list(reader) == []
    with flat.iterate(path) as reader:
        assert next(reader) == 1
    del reader
    half = flat.iterate(path)
    next(half)
    del half  # a ResourceWarning would be an error here
    with open(path, "rb") as file:
        assert list(flat.iterate(file)) == [1, 2, 3]
        assert not file.closed
