"""The bar for what takes long, on terminals that are none."""

from __future__ import annotations

import io
import threading

import pytest
from shoal._progress import ProgressBar


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


class Gone(Terminal):
    def write(self, text: str) -> int:
        raise OSError(5, "Input/output error")


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ProgressBar, "PATIENCE", 0.0)


def test_bytes_and_the_part_that_is_done() -> None:
    stream = Terminal()
    bar = ProgressBar(stream)
    bar.update(12_300_000, 0.5)
    bar.close()
    assert "50%" in stream.getvalue()
    assert "12.3/24.6 MB" in stream.getvalue()


def test_nothing_is_drawn_of_short_work(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ProgressBar, "PATIENCE", 60.0)
    stream = Terminal()
    bar = ProgressBar(stream)
    bar.update(12_300_000, 0.5)
    bar.close()
    assert stream.getvalue() == ""


def test_it_has_no_thread() -> None:
    before = threading.active_count()
    bar = ProgressBar(Terminal())
    bar.update(12_300_000, None)
    assert threading.active_count() == before
    bar.close()


def test_the_work_goes_on_when_the_terminal_is_gone() -> None:
    bar = ProgressBar(Gone())
    bar.update(12_300_000, 0.5)
    bar.close()


def test_there_is_none_where_nobody_sees_it(monkeypatch: pytest.MonkeyPatch) -> None:
    for stream in (io.StringIO(), None):
        monkeypatch.setattr("sys.stderr", stream)
        assert ProgressBar.on_terminal() is None
    monkeypatch.setattr("sys.stderr", Terminal())
    assert ProgressBar.on_terminal() is not None
