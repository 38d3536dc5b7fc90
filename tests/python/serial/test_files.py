"""Files and paths: what is read, what is left, what is written, and the bar."""

from __future__ import annotations

import io
import pickle
import sys

import pytest
import shoal.pickle as ours
from shoal.pickle.progress_bar import ProgressBar


class OnlyReads:
    """A file with nothing but what the documentation asks for, that counts."""

    def __init__(self, data):
        self.file = io.BytesIO(data)

    def read(self, size):
        return self.file.read(size)

    def readline(self):
        return self.file.readline()


def opened(data, tmp_path):
    """Yield the data as files of every kind."""
    path = tmp_path / "data"
    path.write_bytes(data)
    yield OnlyReads(data)
    yield io.BytesIO(data)
    for size in (1, 16, 8192):
        yield io.BufferedReader(io.BytesIO(data), size)
    with open(path, "rb") as file:
        yield file
    with open(path, "rb", buffering=0) as file:
        yield file
    with open(path, "r+b") as file:
        yield file


VALUES = ["first", [1, 2, {"x": "y" * 300}], list(range(30000)), "z" * 200000, b"b" * 200000]


@pytest.mark.parametrize("protocol", range(6))
@pytest.mark.parametrize("dumps", [pickle.dumps, ours.dumps])
def test_pickles_one_behind_the_other(dumps, protocol, tmp_path):
    data = b"".join(dumps(value, protocol) for value in VALUES) + b"rest"
    for file in opened(data, tmp_path):
        for value in VALUES:
            assert ours.load(file) == value
        assert file.read(10) == b"rest"
    for file in opened(data, tmp_path):
        unpickler = ours.Unpickler(file)
        for value in VALUES:
            assert unpickler.load() == value
        assert file.read(10) == b"rest"


@pytest.mark.parametrize("protocol", range(6))
def test_what_is_written_comes_in_bounded_pieces(protocol):
    class Counts:
        def __init__(self):
            self.pieces = []

        def write(self, data):
            self.pieces.append(bytes(data))

    file = Counts()
    ours.dump([*VALUES, VALUES], file, protocol)
    assert pickle.loads(b"".join(file.pieces)) == [*VALUES, VALUES]
    if protocol > 2:  # before, bytes go through a string
        assert max(map(len, file.pieces)) <= 200000


def test_paths(tmp_path):
    path = tmp_path / "by path"
    ours.dump(VALUES, path)
    assert ours.load(str(path)) == VALUES
    with open(path, "rb") as file:
        assert pickle.load(file) == VALUES
    with pytest.raises(FileNotFoundError):
        ours.load(tmp_path / "nothing")


def test_what_is_no_file():
    with pytest.raises(TypeError, match="'write' attribute"):
        ours.dump(1, 2)
    with pytest.raises(TypeError, match="'read' and 'readline' attributes"):
        ours.load(1)
    with pytest.raises(TypeError, match="'write' attribute"):
        ours.Pickler(1)


class Lies:
    """A file whose answers are not what they should be."""

    def __init__(self, **answers):
        for name, answer in {"read": b"", "readline": b"", **answers}.items():
            setattr(self, name, lambda *_, answer=answer: answer)


@pytest.mark.parametrize(
    "answers",
    [
        {"read": b"too long"},
        {"read": "text"},
        {"read": None},
        {"read": b"I", "readline": "text"},
        {"readinto": 1 << 40},
        {"peek": None},
        {"peek": b"", "read": b""},
    ],
    ids=str,
)
def test_files_that_lie(answers):
    with pytest.raises((ValueError, TypeError, EOFError, pickle.UnpicklingError)):
        ours.load(Lies(**answers))


def test_our_buffer_is_given_to_no_stranger():
    class Keeps(io.BytesIO):
        def readinto(self, buffer):
            raise AssertionError("asked to read into a buffer that it could keep")

    assert ours.load(Keeps(ours.dumps(list(range(100000))))) == list(range(100000))


def test_a_file_that_is_closed(tmp_path):
    with open(tmp_path / "file", "w+b") as file:
        ours.dump(VALUES, file)
    with pytest.raises(ValueError, match="closed"):
        ours.load(file)
    with pytest.raises(ValueError, match="closed"):
        ours.dump(VALUES, file)


def test_a_file_that_cannot_be_read(tmp_path):
    with open(tmp_path / "file", "wb", buffering=0) as file, pytest.raises(OSError):
        ours.load(file)


def test_the_bar_is_drawn_for_long_work():
    stream = io.StringIO()
    bar = ProgressBar(stream, patience=0)
    bar.update(12_300_000, 0.5)
    bar.close()
    assert "[###############               ]  50%  12.3 MB" in stream.getvalue()
    assert stream.getvalue().endswith("\n")


def test_the_bar_is_not_drawn_for_short_work(tmp_path, capsys):
    ours.dump(VALUES, tmp_path / "short", progress=True)
    assert capsys.readouterr().err == ""
    assert ours.load(tmp_path / "short") == VALUES


def test_progress_reaches_the_end(tmp_path):
    told = []
    with open(tmp_path / "file", "wb") as file:
        sys.modules["shoal._serial"].dump(
            [str(i) for i in range(100000)], file, progress=lambda *news: told.append(news)
        )
    assert [written for written, _ in told] == sorted(written for written, _ in told)
    assert told[-1] == ((tmp_path / "file").stat().st_size, 1.0)
