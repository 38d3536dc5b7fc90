"""``mprof plot``: a page without matplotlib, and PNG and SVG with it."""

from __future__ import annotations

import json
import re
import sys
import xml.etree.ElementTree as ElementTree
from pathlib import Path
from typing import Any

import pytest
from shoal.mprof import chart, command, page
from shoal.mprof.dat_file import read_profile

DATA = """\
CMDLINE python a<b>&"c".py @@SVG@@
MEM 10 1000.0
MEM 30 1001.0
MEM 20 1004.0
CHLD 77 5 1001.0
CHLD 77 6 1002.0
FUNC __main__.outer 12 1000.5 22 1003.5 0
FUNC __main__.inner 13 1001.5 23 1002.5 1
"""


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a directory with two profiles, the current one."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "one.dat").write_text(DATA)
    (tmp_path / "two.dat").write_text("MEM 1 5\nMEM 2 6\n")
    return tmp_path


def plot(*options: str) -> int:
    """Run ``mprof plot`` and return its exit status."""
    try:
        return command.main(["plot", *options])
    except SystemExit as stop:
        assert isinstance(stop.code, int)
        return stop.code


def test_the_chart_has_the_curve_with_what_functions_tell(here: Path) -> None:
    made = chart.chart_of([read_profile("one.dat")])
    main, child = made.series
    assert main.points == (
        (0.0, 10.0), (0.5, 12.0), (1.0, 30.0), (1.5, 13.0), (2.5, 23.0), (3.5, 22.0), (4.0, 20.0),
    )  # fmt: skip
    assert (child.label, child.is_child, child.points) == ("child 77", True, ((1, 5), (2, 6)))
    assert made.peaks == [(1.0, 30.0), (2.0, 6.0)]
    assert [(span.label, span.began, span.depth) for span in made.spans] == [
        ("outer", 0.5, 0),
        ("inner", 1.5, 1),
    ]
    assert made.title == 'python a<b>&"c".py @@SVG@@'


def test_the_trend_is_the_line_that_fits_best(here: Path) -> None:
    made = chart.chart_of([read_profile("two.dat")], slope=True)
    assert made.series[0].trend == pytest.approx((1.0, 1.0))
    assert made.series[0].label.endswith("slope 1.00000 MiB/s")


def test_several_profiles_have_no_functions_and_no_peak(here: Path) -> None:
    made = chart.chart_of([read_profile("one.dat"), read_profile("two.dat")])
    assert (made.spans, made.peaks, made.title) == ((), [], "Memory over time")
    assert [series.label.split()[0] for series in made.series] == ["one.dat", "one.dat", "two.dat"]


def test_the_page_needs_nothing_else(here: Path) -> None:
    assert plot("one.dat", "-s", "-o", "out.html") == 0
    text = (here / "out.html").read_text()
    assert not re.search(r"(src|href)=|https?://(?!www\.w3\.org/2000/svg)|@import|url\((?!#)", text)
    assert "<h1>python a&lt;b&gt;&amp;&quot;c&quot;.py @@SVG@@</h1>" in text
    drawing = ElementTree.fromstring(re.search(r"<svg.*?</svg>", text, re.S)[0])  # type: ignore[index]
    kinds = [path.get("class") for path in drawing.iter("path")]
    assert kinds == ["line s0", "trend s0", "line s1 child", "trend s1", "peak", "peak"]
    assert len(list(drawing.iter("title"))) == 2
    data = json.loads(re.search(r'id="data">(.*?)</script>', text, re.S)[1])  # type: ignore[index]
    assert data["series"][0]["points"][2] == [1.0, 30.0]
    assert data["calls"][1]["name"] == "__main__.inner"
    assert data["range"][:2] == [0.0, 4.0]


def test_the_page_without_functions_with_title_and_window(here: Path) -> None:
    assert plot("one.dat", "-n", "-t", "</title>", "--window", "1,3", "-o", "out.html") == 0
    text = (here / "out.html").read_text()
    assert "<h1>&lt;/title&gt;</h1>" in text
    assert 'class="call"' not in text
    assert '"range":[1.0,3.0,' in text


def test_a_long_line_keeps_its_peak_in_the_page(here: Path) -> None:
    lines = [f"MEM {500 if at == 12345 else at % 7} {at}\n" for at in range(50000)]
    (here / "long.dat").write_text("".join(lines))
    assert plot("long.dat", "-o", "long.html") == 0
    text = (here / "long.html").read_text()
    data = json.loads(re.search(r'id="data">(.*?)</script>', text, re.S)[1])  # type: ignore[index]
    points = data["series"][0]["points"]
    assert len(points) < 9000
    assert [12345.0, 500.0] in points
    assert points == sorted(points)


def test_one_sample_is_drawn(here: Path) -> None:
    (here / "short.dat").write_text("MEM 5 100\n")
    assert plot("short.dat", "-s", "-o", "out.html") == 0


def test_ticks_are_round() -> None:
    assert [shown for _, shown in page._ticks(-0.1, 0.83)] == [
        "-0.1", "0.0", "0.1", "0.2", "0.3", "0.4", "0.5", "0.6", "0.7", "0.8",
    ]  # fmt: skip
    assert " ".join(shown for _, shown in page._ticks(0, 40)) == "0 5 10 15 20 25 30 35 40"


def test_a_broken_file_is_drawn_as_far_as_it_goes(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (here / "broken.dat").write_text(DATA + "MEM ?\n")
    assert plot("broken.dat", "-o", "out.html") == 2
    assert capsys.readouterr().err == "mprof: broken.dat:9: not a line of a profile: 'MEM ?'\n"
    assert (here / "out.html").exists()


def test_an_empty_file_is_said(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (here / "empty.dat").write_text("CMDLINE x\n")
    assert plot("empty.dat", "-o", "out.html") == 2
    assert capsys.readouterr().err == "mprof: empty.dat: no memory is recorded in it\n"


def test_without_matplotlib_one_line_says_what_to_do(
    here: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    for options in (["-o", "out.png"], [], ["--backend", "agg"]):
        assert plot("one.dat", *options) == 2
        err = capsys.readouterr().err
        assert err.count("\n") == 1
        assert "pip install 'shoal[plot]'" in err
        assert "-o plot.html" in err


@pytest.fixture
def matplotlib() -> Any:
    """Return matplotlib, if it is there."""
    return pytest.importorskip("matplotlib")


@pytest.mark.parametrize("options", [[], ["-s"], ["-f"], ["-n", "-w", "0,2"], ["-b", "agg"]])
@pytest.mark.parametrize(("ending", "start"), [("png", b"\x89PNG"), ("svg", b"<?xml")])
def test_pictures(
    here: Path, matplotlib: Any, options: list[str], ending: str, start: bytes
) -> None:
    assert plot("one.dat", *options, "-o", f"out.{ending}") == 0
    assert (here / f"out.{ending}").read_bytes().startswith(start)


def test_a_picture_of_several(here: Path, matplotlib: Any) -> None:
    assert plot("one.dat", "two.dat", "-t", "both", "-o", "out.svg") == 0
    assert "both" in (here / "out.svg").read_text()


@pytest.mark.parametrize(
    ("options", "line"),
    [
        (["-o", "out.foo"], "cannot write out.foo: Format 'foo' is not supported"),
        (["-o", "nowhere/out.png"], "cannot write nowhere/out.png: No such file or directory"),
        (["-o", "nowhere/out.html"], "cannot write nowhere/out.html: No such file or directory"),
        (["-b", "crayon", "-o", "out.png"], "--backend: 'crayon' is not a valid value"),
        (["-b", "agg"], "no display to show the plot on: save it, with -o plot.png"),
    ],
)
def test_what_cannot_be_drawn_is_one_line_and_status_2(
    here: Path, matplotlib: Any, options: list[str], line: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert plot("one.dat", *options) == 2
    err = capsys.readouterr().err
    assert err.count("\n") == 1
    assert line in err
