"""memory_profiler's table: equal to what memory_profiler 0.61 writes for the same figures."""

from __future__ import annotations

import io
import linecache
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from shoal.profiler.compat_table import write_rows
from shoal.profiler.model import Report
from shoal.profiler.table import write_report

MIB = 2**20

# Written by memory_profiler 0.61.0, precision 3, for the figures of `copying`.
RECORDED = """\
Filename: app.py

Line #    Mem usage    Increment  Occurrences   Line Contents
=============================================================
     1   13.000 MiB   13.000 MiB           1   @profile
     2                                         def work(count):
     3   52.000 MiB   39.000 MiB           1       x = list(range(count))
     4   61.000 MiB    9.000 MiB           1       y = copy.deepcopy(x)
     5   61.000 MiB    0.000 MiB           1       if not x:
     6                                                 return None
     7   61.000 MiB    0.000 MiB           1       small = object()
     8   31.000 MiB  -30.000 MiB           1       del x
     9   31.000 MiB    0.000 MiB           1       return y


"""

ROWS = [
    (1, (13.0, 13.0, 1), "@profile\n"),
    (2, None, "def work(a):\n"),
    (3, (-0.00390625, 123456.789, 1_000_001), "\tx = '\x1b' # \u3042\n"),
    (4, (0.0, 0.0, 12345678901), "    " + "y" * 200 + "\n"),
    (99999, (-123456.5, 1e-9, 0), "\x0c\n"),
    (1234567, (1e9, 1e9, 7), "    return y"),
]


def test_as_recorded(copying: Report) -> None:
    stream = io.StringIO()
    write_report(copying, stream, precision=3, compat=True)
    assert stream.getvalue() == RECORDED


class Writes(io.StringIO):
    """A stream that knows how it was written to, as memory_profiler's LogFile needs to."""

    def __init__(self) -> None:
        super().__init__()
        self.all: list[str] = []

    def write(self, text: str) -> int:
        self.all.append(text)
        return super().write(text)


def theirs(rows: list, precision: int, path: Path) -> list[str]:
    memory_profiler = pytest.importorskip("memory_profiler", reason="memory_profiler is not there")
    if not memory_profiler.__version__.startswith("0.61") or not hasattr(
        memory_profiler, "_TWO_20"
    ):
        pytest.skip("another memory_profiler than 0.61")
    texts = {number: text for number, _, text in rows}
    lines = [texts.get(number, "\n") for number in range(1, max(texts) + 1)]
    linecache.cache[str(path)] = (1, None, lines, str(path))
    measured = [(number, figures) for number, figures, _ in rows]
    profiler = SimpleNamespace(code_map=SimpleNamespace(items=lambda: [(str(path), measured)]))
    stream = Writes()
    memory_profiler.show_results(profiler, stream, precision)
    return stream.all


@pytest.mark.parametrize("precision", [0, 1, 3, 6, 15])
def test_as_memory_profiler_writes_it(precision: int, tmp_path: Path) -> None:
    path = tmp_path / "app.py"
    stream = Writes()
    write_rows(str(path), ROWS, stream, precision)
    assert stream.all == theirs(ROWS, precision, path)


@pytest.mark.parametrize("precision", [0, 1, 3])
def test_a_report_as_memory_profiler_writes_it(
    copying: Report, precision: int, tmp_path: Path
) -> None:
    function = copying.functions[0]
    rows = []
    for line in function.lines:
        figures = None
        if line.number == 1:
            figures = (13.0, 13.0, 1)
        elif line.rss is not None and line.rss_growth is not None:
            figures = (line.rss_growth / MIB, line.rss / MIB, line.hits)
        rows.append((line.number, figures, line.text + "\n"))
    stream = io.StringIO()
    write_report(copying, stream, precision=precision, compat=True)
    expected = "".join(theirs(rows, precision, tmp_path / "app.py"))
    assert stream.getvalue() == expected.replace(str(tmp_path / "app.py"), "app.py")


def test_the_figures_of_a_real_run(tmp_path: Path) -> None:
    memory_profiler = pytest.importorskip("memory_profiler", reason="memory_profiler is not there")
    path = tmp_path / "app.py"
    path.write_text("def work():\n    kept = []\n    for n in range(99):\n"
                    "        kept.append(bytes(n << 12))\n    return len(kept)\n")  # fmt: skip
    space: dict[str, Any] = {}
    exec(compile(path.read_text(), str(path), "exec"), space)
    profiler = memory_profiler.LineProfiler(backend="psutil")
    assert profiler(space["work"])() == 99
    expected = io.StringIO()
    memory_profiler.show_results(profiler, expected, 6)
    texts = path.read_text().splitlines(keepends=True)
    ((filename, measured),) = profiler.code_map.items()
    stream = io.StringIO()
    write_rows(filename, [(at, of, texts[at - 1]) for at, of in measured], stream, 6)
    assert stream.getvalue() == expected.getvalue()


def test_what_the_encoding_lacks_is_escaped() -> None:
    stream = io.TextIOWrapper(io.BytesIO(), "ascii", newline="\n")
    write_rows("\u3042.py", [(1, None, "x = '\u3042'\n")], stream)
    stream.flush()
    text = stream.buffer.getvalue()  # type: ignore[attr-defined]
    assert text.startswith(b"Filename: \\u3042.py\n\n")
    assert b"x = '\\u3042'\n" in text


def test_nothing_measured_no_table(make_function, make_report) -> None:
    stream = io.StringIO()
    function = make_function("def f():\n    pass", {2: {"hits": 1}})
    write_report(make_report(function), stream, compat=True)
    assert stream.getvalue() == ""


def test_a_wrong_precision_is_named(copying: Report) -> None:
    with pytest.raises(ValueError, match="precision"):
        write_report(copying, io.StringIO(), precision=-2, compat=True)
