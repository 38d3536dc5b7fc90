"""The table of the most expensive tests."""

from __future__ import annotations

from shoal.profiler.units import format_bytes
from shoal.testing.cost import PROPERTY, Cost

TYPE_CHECKING = False
if TYPE_CHECKING:
    import pytest

__all__ = ["Summary"]

_HEADINGS = ["Peak", "Live left", "Held", "Returned"]


class Summary:
    """Gathers what tests cost from their reports, those of pytest-xdist's workers too.

    Parameters
    ----------
    top : int
        How many tests to show.
    """

    def __init__(self, top: int) -> None:
        self._top = top
        self._costs: dict[str, Cost] = {}

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Remember what a test cost."""
        for name, value in report.user_properties:
            if name == PROPERTY and isinstance(value, list) and report.when == "call":
                self._costs[report.nodeid] = Cost(*value)

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Write the table: those that had the most at once come first."""
        if not self._costs:
            return
        worst = sorted(self._costs.items(), key=lambda test: test[1].peak, reverse=True)
        shown = worst[: self._top]
        rows = [_HEADINGS] + [_figures(cost) for _, cost in shown]
        widths = [max(map(len, column)) for column in zip(*rows)]
        terminalreporter.section("memory of the most expensive tests")
        for row, name in zip(rows, ["Test", *(nodeid for nodeid, _ in shown)]):
            figures = "  ".join(figure.rjust(width) for figure, width in zip(row, widths))
            terminalreporter.write_line(f"{figures}  {name}")
        if len(worst) > len(shown):
            terminalreporter.write_line(f"{len(shown)} of {len(worst)} tests; see --shoal-top")


def _figures(cost: Cost) -> list[str]:
    return [format_bytes(amount) for amount in (cost.peak, cost.live, cost.held, cost.returned)]
