"""Files by name: packed and unpacked, replaced whole, appended to whole or not at all."""

from __future__ import annotations

import errno
import importlib.util
import os
import stat
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from shoal.flat import files
from shoal.flat.appending import TornLineError, appending
from shoal.flat.files import damage, open_reading, replacing

HAS_ZSTD = any(
    importlib.util.find_spec(name.partition(".")[0]) and importlib.util.find_spec(name)
    for name in ("compression.zstd", "backports.zstd")
)
PACKED = [".gz", ".bz2", ".xz", *([".zst"] if HAS_ZSTD else [])]


class Stop(Exception):
    pass


def write(path: Path, data: bytes, **options: bool) -> None:
    with replacing(path, **options) as file:
        file.write(data)


def read(path: Path) -> bytes:
    with open_reading(path) as file:
        return file.read()


@pytest.mark.parametrize("suffix", ["", ".txt", ".lzma", ".GZ", *PACKED])
@pytest.mark.parametrize("durable", [False, True])
def test_what_is_written_is_read(tmp_path: Path, suffix: str, durable: bool) -> None:
    path = tmp_path / f"records{suffix}"
    write(path, b"1\n" * 1000, durable=durable)
    assert read(path) == b"1\n" * 1000
    packed = suffix not in ("", ".txt")
    assert (path.stat().st_size < 200) == packed
    assert os.listdir(tmp_path) == [path.name]


@pytest.mark.parametrize("suffix", PACKED)
def test_what_is_cut_off_is_an_error(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"records{suffix}"
    write(path, os.urandom(50_000))
    os.truncate(path, path.stat().st_size - 9)
    with pytest.raises((*damage(), OSError)):
        read(path)


def test_equal_records_make_equal_files(tmp_path: Path) -> None:
    write(tmp_path / "a.gz", b"1\n")
    write(tmp_path / "b.gz", b"1\n")
    assert (tmp_path / "a.gz").read_bytes() == (tmp_path / "b.gz").read_bytes()


def test_an_exception_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "records"
    path.write_bytes(b"old\n")
    with pytest.raises(Stop), replacing(path) as file:
        file.write(b"new\n" * 100_000)
        raise Stop
    assert path.read_bytes() == b"old\n"
    assert os.listdir(tmp_path) == ["records"]


def test_the_new_file_is_not_seen_before_it_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "records"
    with replacing(path) as file:
        file.write(b"new\n")
        file.flush()
        assert not path.exists()
    assert path.read_bytes() == b"new\n"


def test_the_mode_is_kept(tmp_path: Path) -> None:
    path = tmp_path / "records"
    path.write_bytes(b"")
    path.chmod(0o751)
    write(path, b"1\n")
    assert stat.S_IMODE(path.stat().st_mode) == 0o751


def test_a_new_file_has_the_mode_that_the_umask_leaves(tmp_path: Path) -> None:
    before = os.umask(0o027)
    try:
        write(tmp_path / "records", b"1\n")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "records").stat().st_mode) == 0o640


def test_a_link_stays_and_its_target_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "far").mkdir()
    target, link = tmp_path / "far" / "records", tmp_path / "link"
    target.write_bytes(b"old\n")
    link.symlink_to("far/records")
    write(link, b"new\n")
    assert link.is_symlink()
    assert target.read_bytes() == b"new\n"
    assert os.listdir(tmp_path / "far") == ["records"]


def test_a_name_as_long_as_names_can_be(tmp_path: Path) -> None:
    path = tmp_path / ("é" * 127)
    write(path, b"1\n")
    assert path.read_bytes() == b"1\n"


def test_what_is_no_regular_file_is_written_to(tmp_path: Path) -> None:
    path = tmp_path / "pipe"
    os.mkfifo(path)
    got: list[bytes] = []
    reader = threading.Thread(target=lambda: got.append(path.read_bytes()))
    reader.start()
    write(path, b"1\n")
    reader.join()
    assert got == [b"1\n"]
    assert stat.S_ISFIFO(path.stat().st_mode)


def test_without_the_library_zst_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files, "_ZSTD", ("no.such.zstd",))
    with pytest.raises(ImportError, match=r"a\.zst: \.zst files need a library: pip install"):
        write(tmp_path / "a.zst", b"1\n")
    assert os.listdir(tmp_path) == []


def test_a_full_disk_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "records"
    path.write_bytes(b"old\n")

    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        write(path, b"new\n", durable=True)
    assert path.read_bytes() == b"old\n"
    assert os.listdir(tmp_path) == ["records"]


# ---- Appending ----------------------------------------------------------------------


def append(path: Path, data: bytes, **options: object) -> None:
    with appending(path, **options) as file:  # type: ignore[arg-type]
        file.write(data)


@pytest.mark.parametrize("suffix", ["", *PACKED])
def test_all_that_was_appended_is_read(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"records{suffix}"
    for line in (b"1\n", b"", b"2\n", b"3\n"):
        append(path, line, durable=True)
    assert read(path) == b"1\n2\n3\n"


def test_nothing_is_appended_to_lzma(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"a\.lzma: nothing can be appended"):
        append(tmp_path / "a.lzma", b"1\n")
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("suffix", ["", *PACKED])
def test_an_exception_while_appending_changes_nothing(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"records{suffix}"
    append(path, b"1\n")
    before = path.read_bytes()
    with pytest.raises(Stop), appending(path) as file:
        file.write(os.urandom(1_000_000))
        raise Stop
    assert path.read_bytes() == before


@pytest.mark.parametrize("suffix", ["", *PACKED])
def test_a_torn_line_is_refused_and_can_be_ended(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"records{suffix}"
    write(path, b"1\n(2, 3")
    with pytest.raises(TornLineError, match="the last line has no end"):
        append(path, b"4\n")
    assert read(path) == b"1\n(2, 3"
    append(path, b"4\n", torn="end")
    assert read(path) == b"1\n(2, 3\n4\n"


@pytest.mark.parametrize(
    ("before", "after"),
    [(b"1\n(2, 3", b"1\n4\n"), (b"x" * 200_000, b"4\n"), (b"1\n" + b"x" * 200_000, b"1\n4\n")],
)
def test_a_torn_line_can_be_cut_off(tmp_path: Path, before: bytes, after: bytes) -> None:
    path = tmp_path / "records"
    path.write_bytes(before)
    append(path, b"4\n", torn="cut")
    assert path.read_bytes() == after


@pytest.mark.parametrize("suffix", PACKED)
def test_nothing_is_appended_to_what_is_cut_off(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"records{suffix}"
    write(path, os.urandom(50_000))
    os.truncate(path, path.stat().st_size - 9)
    before = path.read_bytes()
    for torn in ("raise", "cut"):
        with pytest.raises(TornLineError, match="cut off or damaged"):
            append(path, b"1\n", torn=torn)
    assert path.read_bytes() == before


def test_who_appends_at_the_same_time_waits(tmp_path: Path) -> None:
    path = tmp_path / "records"

    def work(name: bytes) -> None:
        for _ in range(20):
            with appending(path) as file:
                for _ in range(50):
                    file.write(name + b"\n")
                    file.flush()

    workers = [threading.Thread(target=work, args=(name,)) for name in (b"a", b"b", b"c")]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    lines = path.read_bytes().split()
    assert len(lines) == 3000
    assert all(len(set(lines[at : at + 50])) == 1 for at in range(0, 3000, 50))


def test_a_wrong_choice_is_named(tmp_path: Path) -> None:
    use: Callable[[], None] = lambda: append(tmp_path / "a", b"", torn="mend")  # noqa: E731
    with pytest.raises(ValueError, match=r"torn: expected .* not 'mend'"):
        use()
