"""The pytest plugin: limits on what a test does to memory, and the most expensive tests.

::

    @pytest.mark.limit_memory("24 MB")  # the most it may have allocated at once
    @pytest.mark.limit_held("1 MB")     # what the allocator may keep of it unused

``pytest --shoal`` shows a table at the end. Of a test its call counts alone, in
all threads: no fixtures, and nothing of pytest's own.

A run without such marks and without the option does nothing of all this: no
module is imported, no allocator is changed.
"""

from __future__ import annotations

import os

import pytest

TYPE_CHECKING = False
if TYPE_CHECKING:
    from shoal.testing.limits import Limits

MARKS = {
    "limit_memory": 'limit_memory("24 MB"): the most that the test may have allocated at once',
    "limit_held": 'limit_held("1 MB"): how much more the allocator may keep unused after the test',
}

ALLOCATOR = "SHOAL_ALLOCATOR"
"""In the environment: see `shoal.profiler.allocator`."""

DEFAULT_TOP = 10


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add ours."""
    group = parser.getgroup("shoal", "what tests do to memory")
    group.addoption(
        "--shoal",
        action="store_true",
        help="show the tests that cost the most memory",
    )
    group.addoption(
        "--shoal-top",
        type=_count,
        default=DEFAULT_TOP,
        metavar="N",
        help=f"how many tests --shoal shows (default: {DEFAULT_TOP})",
    )
    group.addoption(
        "--shoal-allocator",
        choices=("shoal", "pymalloc"),
        help="the heap to measure on: Shoal's, as by default, or the interpreter's own",
    )


def _count(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise ValueError  # argparse names the option and the text
    return int(text)


_count.__name__ = "count of tests"


def pytest_configure(config: pytest.Config) -> None:
    """Declare the marks."""
    for description in MARKS.values():
        config.addinivalue_line("markers", description)
    if config.getoption("--shoal-allocator"):
        # For test modules that profile as they are imported, too, and other processes.
        os.environ[ALLOCATOR] = config.getoption("--shoal-allocator")
    elif os.environ.get(ALLOCATOR):
        _check_allocator()
    if config.getoption("--shoal"):
        from shoal.testing.summary import Summary

        config.pluginmanager.register(Summary(config.getoption("--shoal-top")), "shoal-summary")


def _check_allocator() -> None:
    from shoal.profiler import allocator

    try:
        allocator.wanted()
    except ValueError as error:
        raise pytest.UsageError(str(error)) from None


def pytest_collection_finish(session: pytest.Session) -> None:
    """Begin to measure if any test is to be."""
    config = session.config
    limits, wrong = _limits(session.items)
    if wrong and not hasattr(config, "workerinput"):
        raise pytest.UsageError(next(iter(wrong.values())))
    if config.option.collectonly or not (limits or wrong or config.getoption("--shoal")):
        return
    _require_profiler()
    from shoal.testing.cost import Measuring

    measuring = Measuring(limits, wrong, every_test=config.getoption("--shoal"))
    config.pluginmanager.register(measuring, "shoal-measuring")


def _require_profiler() -> None:
    from shoal.profiler import require

    try:
        require()
    except ImportError as error:
        raise pytest.UsageError(str(error)) from None


def _limits(items: list[pytest.Item]) -> tuple[dict[str, Limits], dict[str, str]]:
    """Return the limits of tests that have any, and what is wrong with marks, by node id."""
    limits: dict[str, Limits] = {}
    wrong: dict[str, str] = {}
    marked = [item for item in items if any(map(item.get_closest_marker, MARKS))]
    if marked:
        from shoal.testing.limits import limits_of

        for item in marked:
            try:
                limits[item.nodeid] = limits_of(item)
            except ValueError as error:
                wrong[item.nodeid] = f"{item.nodeid}: {error}"
    return limits, wrong
