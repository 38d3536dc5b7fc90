"""dump() to a path: what was there stays until the new file is whole."""

from __future__ import annotations

import os
import pty
import select
import stat
import subprocess
import sys

import pytest
import shoal.pickle as ours

OLD = ours.dumps("what was there")


def refuse(*_):
    raise RuntimeError("refused")


class Refuses:
    def __reduce__(self):
        raise KeyboardInterrupt


@pytest.fixture
def old(tmp_path):
    path = tmp_path / "old"
    path.write_bytes(OLD)
    return path


@pytest.mark.parametrize("value", [lambda: 0, [0] * 300_000 + [lambda: 0], Refuses()])
def test_a_dump_that_fails_leaves_the_old_file(old, value):
    with pytest.raises((ours.PicklingError, AttributeError, KeyboardInterrupt)):
        ours.dump(value, old)
    assert ours.load(old) == "what was there"
    assert os.listdir(old.parent) == ["old"]


def test_progress_that_fails_leaves_the_old_file(old):
    with pytest.raises(RuntimeError, match="refused"):
        ours.dump(list(range(300_000)), old, progress=refuse)
    assert ours.load(old) == "what was there"


def test_a_dump_that_fails_leaves_no_file(tmp_path):
    with pytest.raises((ours.PicklingError, AttributeError)):
        ours.dump([lambda: 0], tmp_path / "new")
    assert os.listdir(tmp_path) == []


def test_the_mode_is_that_of_the_old_file_or_as_open_has_it(old):
    old.chmod(0o640)
    ours.dump(2, old)
    assert stat.S_IMODE(old.stat().st_mode) == 0o640
    with open(old.parent / "opened", "wb"):
        ours.dump(2, old.parent / "new")
    assert (old.parent / "new").stat().st_mode == (old.parent / "opened").stat().st_mode


def test_a_link_stays_a_link(old):
    link = old.parent / "link"
    link.symlink_to(old)
    ours.dump("new", link)
    assert link.is_symlink()
    assert ours.load(old) == "new"


def test_a_full_disk():
    for value in (1, list(range(300_000))):
        with pytest.raises(OSError, match="No space left"):
            ours.dump(value, "/dev/full")


def test_what_is_no_regular_file():
    ours.dump(list(range(1000)), os.devnull)
    assert stat.S_ISCHR(os.stat(os.devnull).st_mode)
    read, write = os.pipe()
    with open(read, "rb") as file:
        ours.dump("through a pipe", f"/dev/fd/{write}")
        os.close(write)
        assert ours.load(file) == "through a pipe"


def test_errors_name_the_path_that_was_given(tmp_path):
    with pytest.raises(IsADirectoryError) as directory:
        ours.dump(1, tmp_path)
    assert directory.value.filename == str(tmp_path)
    with pytest.raises(FileNotFoundError) as missing:
        ours.dump(1, tmp_path / "no folder" / "file")
    assert missing.value.filename == str(tmp_path / "no folder" / "file")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_file_that_may_not_be_written(old):
    old.chmod(0o400)
    with pytest.raises(PermissionError):
        ours.dump(1, old)
    assert ours.load(old) == "what was there"


@pytest.mark.parametrize("stderr", ["sys.stderr", "None"])
def test_no_bar_where_there_is_no_terminal(tmp_path, stderr):
    code = (
        "import sys, shoal._progress as p, shoal.pickle as ours\n"
        f"sys.stderr = {stderr}\n"
        "p.ProgressBar.PATIENCE = 0\n"
        "ours.dump(list(range(300_000)), sys.argv[1], progress=True)\n"
    )
    command = [sys.executable, "-c", code, str(tmp_path / "file")]
    done = subprocess.run(command, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    assert len(ours.load(tmp_path / "file")) == 300_000


def test_a_bar_on_a_terminal(tmp_path):
    parent, child = pty.openpty()
    code = (
        "import sys, shoal._progress as p, shoal.pickle as ours\n"
        "p.ProgressBar.PATIENCE = 0\n"
        "ours.dump(list(range(300_000)), sys.argv[1], progress=True)\n"
    )
    command = [sys.executable, "-c", code, str(tmp_path / "file")]
    subprocess.run(command, stderr=child, check=True)
    os.close(child)
    assert select.select([parent], [], [], 10)[0], "nothing was drawn"
    assert b" kB" in os.read(parent, 100_000)
    os.close(parent)
