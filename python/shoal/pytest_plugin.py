"""The pytest plugin: limits on what a test does to memory, and the most expensive tests.

::

    @pytest.mark.limit_memory("24 MB")  # the most it may have allocated at once
    @pytest.mark.limit_held("1 MB")     # what the allocator may keep of it unused
    @pytest.mark.limit_leaks("1 MB")    # what any one place may leave alive

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
    "limit_leaks": 'limit_leaks("1 MB"): the most that any one place may leave alive',
}

FOREIGN_MARK = "limit_leaked_objects"
"""Of pytest-memray: known, so that a run does not end, and left to it."""

MEMRAY = "memray_manager"
"""Name of pytest-memray's plugin, while it sees to its marks itself."""

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
    config.addinivalue_line("markers", f"{FOREIGN_MARK}(): seen to by pytest-memray alone")
    if config.getoption("--shoal-allocator"):
        # For test modules that profile as they are imported, too, and other processes.
        os.environ[ALLOCATOR] = config.getoption("--shoal-allocator")
    elif os.environ.get(ALLOCATOR):
        _check_allocator()
    if config.getoption("--shoal"):
        _require_profiler()
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
    limits, wrong = _limits(session.items, config.pluginmanager.hasplugin(MEMRAY))
    if wrong and not hasattr(config, "workerinput"):
        raise pytest.UsageError(next(iter(wrong.values())))
    if config.option.collectonly:
        return
    if wrong:
        from shoal.testing.call import Refusing

        config.pluginmanager.register(Refusing(wrong), "shoal-refusing")
    leaks = {name: of.leaks for name, of in limits.items() if of.leaks}
    if leaks:
        from shoal.testing.leaks import LeakChecking

        config.pluginmanager.register(LeakChecking(leaks), "shoal-leaks")
    measured = {name: of for name, of in limits.items() if not of.leaks}
    if config.getoption("--shoal"):
        _add_all(session.items, limits, measured)
    if measured:
        _require_profiler()
        from shoal.testing.cost import Measuring

        measuring = Measuring(measured, reports=config.getoption("--shoal"))
        config.pluginmanager.register(measuring, "shoal-measuring")


def _add_all(
    items: list[pytest.Item], limits: dict[str, Limits], measured: dict[str, Limits]
) -> None:
    """Have tests without limits measured, but for those that another tool measures."""
    from shoal.testing.limits import Limits

    for item in items:
        if item.nodeid not in limits and not _is_memrays(item):
            measured[item.nodeid] = Limits(None, None)


def _is_memrays(item: pytest.Item) -> bool:
    """Say whether pytest-memray measures a test: each would count the other's own memory."""
    if not item.config.pluginmanager.hasplugin(MEMRAY):
        return False
    marks = ("limit_memory", "limit_leaks", FOREIGN_MARK)
    wanted = item.config.getoption("memray", None) or item.config.getini("memray")
    return bool(wanted) or any(map(item.get_closest_marker, marks))


def _require_profiler() -> None:
    from shoal.profiler import require

    try:
        require()
    except ImportError as error:
        raise pytest.UsageError(str(error)) from None


def _limits(items: list[pytest.Item], memrays: bool) -> tuple[dict[str, Limits], dict[str, str]]:
    """Return the limits of tests that have any, and what is wrong with marks, by node id.

    `memrays`: pytest-memray sees to its own marks.
    """
    limits: dict[str, Limits] = {}
    wrong: dict[str, str] = {}
    ours = ["limit_held"] if memrays else [*MARKS, FOREIGN_MARK]
    marked = [item for item in items if any(map(item.get_closest_marker, ours))]
    if marked:
        from shoal.testing.limits import limits_of

        for item in marked:
            if not memrays and item.get_closest_marker(FOREIGN_MARK):
                said = f"{FOREIGN_MARK} is not checked: install pytest-memray for it"
                item.warn(pytest.PytestWarning(said))
            try:
                found = limits_of(item, memrays)
                if any((found.memory, found.held, found.leaks)):
                    limits[item.nodeid] = found
            except ValueError as error:
                wrong[item.nodeid] = f"{item.nodeid}: {error}"
    return limits, wrong
