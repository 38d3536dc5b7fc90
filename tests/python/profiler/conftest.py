"""What the tests of tables, verdicts and exports share: made-up reports."""

from __future__ import annotations

import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from shoal.profiler.model import Function, Line, Pin, Report

from .heaps import Child, RunSource, run_child
from .marked import Measure, lines_of

MIB = 2**20

MakeFunction = Callable[..., Function]
MakeReport = Callable[..., Report]


@pytest.fixture
def make_function() -> MakeFunction:
    """Make a function from its source and, by line number, the fields of its lines."""

    def make(source: str, figures: dict[int, dict[str, Any]], **fields: Any) -> Function:
        first = fields.pop("first_line", 1)
        lines = tuple(
            Line(number, text, **figures.get(number, {}))
            for number, text in enumerate(source.splitlines(), first)
        )
        named = {"name": "work", "filename": "app.py", "calls": 1, **fields}
        return Function(first_line=first, lines=lines, **named)

    return make


@pytest.fixture
def make_report() -> MakeReport:
    """Make a report of functions."""

    def make(*functions: Function, **fields: Any) -> Report:
        values: dict[str, Any] = {
            "allocator": "shoal",
            "pid": 4242,
            "command": ("app.py", "--fast"),
            "python": "3.12.4",
            "started": 1_700_000_000.5,
            "seconds": 1.25,
            "live": 10 * MIB,
            "held": 2 * MIB,
            "returned": 30 * MIB,
            "rss": 60 * MIB,
        }
        return Report(functions=functions, **{**values, **fields})

    return make


COPY = """\
@profile
def work(count):
    x = list(range(count))
    y = copy.deepcopy(x)
    if not x:
        return None
    small = object()
    del x
    return y"""


@pytest.fixture
def copying(make_function: MakeFunction, make_report: MakeReport) -> Report:
    """The deepcopy experiment: a peak of temporaries, 56 bytes, and most of a list returned."""
    ran = {"hits": 1, "rss": 61 * MIB, "rss_growth": 0}
    list_made = {"live": 0, "made": 38 * MIB, "peak": 38 * MIB, "net": 38 * MIB}
    copy_made = {"live": 8 * MIB, "live_blocks": 1, "made": 60 * MIB, "peak": 56 * MIB}
    figures = {
        3: {"hits": 1, "rss": 52 * MIB, "rss_growth": 39 * MIB, **list_made},
        4: {"hits": 1, "rss": 61 * MIB, "rss_growth": 9 * MIB, **copy_made, "net": 8 * MIB},
        5: ran,
        7: {**ran, "live": 56, "live_blocks": 1, "made": 56, "peak": 56, "net": 56},
        8: {"hits": 1, "rss": 31 * MIB, "rss_growth": -30 * MIB, "net": -38 * MIB},
        9: {**ran, "rss": 31 * MIB},
    }
    figures[3]["worst_growth"] = 38 * MIB
    figures[4].update(worst_growth=8 * MIB, held=2 * MIB)
    figures[8].update(returned=30 * MIB, held=8 * MIB)
    pins = (Pin((4, 7), 2 * MIB, 70_000),)
    return make_report(make_function(COPY, figures, rss_before=13 * MIB, pins=pins))


@pytest.fixture(params=["shoal", "pymalloc"])
def run_source(request: pytest.FixtureRequest, shoal: Any, plain: Any, tmp_path: Path) -> RunSource:
    """Run a program on one of the heaps; see heaps.py for what it begins with."""
    run, before = (shoal, ["run"]) if request.param == "shoal" else (plain, [])

    def run_it(source: str) -> Child:
        child = run_child(run, before, tmp_path / "program.py", source)
        assert child.report.allocator == request.param
        return child

    return run_it


@pytest.fixture(params=["shoal", "pymalloc"])
def measure(request: pytest.FixtureRequest, shoal: Any, tmp_path: Path) -> Measure:
    """Run a program on either heap; return its lines by the word in their comment."""

    def run(source: str) -> dict[str, Line]:
        (tmp_path / "program.py").write_text(textwrap.dedent(source))
        options = ["--allocator", request.param, "--json", "out.json"]
        done = shoal("profile", *options, "program.py")
        assert done.returncode == 0, done.stderr
        assert not done.stderr
        return lines_of(tmp_path / "out.json")

    return run


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, pytester: pytest.Pytester) -> Any:
    """Run pytest, with options, on a module of tests; without what this run was told.

    pytest-memray is left out: beside it is tried where it is said. With CI in the
    environment pytest's summary would say again what a failure said.
    """
    told = ("SHOAL_ALLOCATOR", "PYTEST_ADDOPTS", "PYTHONMALLOC", "LD_PRELOAD", "CI")
    for name in (*told, "BUILD_NUMBER"):
        monkeypatch.delenv(name, raising=False)
    options = "--strict-markers -p no:cacheprovider -p no:memray"
    pytester.makeini(f"[pytest]\naddopts = {options}")

    def run_tests(tests: str, *options: str) -> pytest.RunResult:
        pytester.makepyfile(f"import pytest\n{tests}")
        return pytester.runpytest_subprocess(*options, timeout=120)

    return run_tests
