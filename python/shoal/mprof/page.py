"""A chart as a page of HTML that needs nothing else: no library, no network.

The drawing is there without JavaScript too; with it, a cursor tells the figures
of each moment, dragging zooms, a double click goes back, and the legend hides
lines. The page's frame, its style and its script are in page.html.
"""

from __future__ import annotations

import html
import json
import math
import os

from shoal.mprof.profiles import MprofError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from shoal.mprof.chart import Chart, Point, Series

__all__ = ["render", "write"]

_WIDTH, _HEIGHT = 1200, 430
_LEFT, _TOP, _RIGHT = 70, 10, 15
_AXIS = 48
"""What is above in pixels is of the drawing: its plot and the room beside and below it."""

_LANE = 20
"""Pixels that a row of calls is high."""

_COLORS = 8

_MOST_POINTS = 8000
"""Of one line; of more, the highest and lowest of each bit of time are kept."""


def write(chart: Chart, output: str) -> None:
    """Write the page.

    Raises
    ------
    MprofError
        The file cannot be written.
    """
    try:
        with open(output, "w", encoding="utf-8") as file:
            file.write(render(chart))
    except OSError as error:
        raise MprofError(f"cannot write {output}: {error.strerror}") from None


def render(chart: Chart) -> str:
    """Return the page."""
    frame = os.path.join(os.path.dirname(os.path.abspath(__file__)), "page.html")
    with open(frame, encoding="utf-8") as file:
        parts = file.read().split("@@")
    drawing = _Drawing(chart)
    filled = {
        "TITLE": html.escape(chart.title),
        "SVG": drawing.svg(),
        "LEGEND": "".join(drawing.legend()),
        "SUMMARY": html.escape(_summary(chart)),
        "DATA": drawing.data(),
    }
    # What is between two marks is the name of what goes there.
    return "".join(filled[part] if at % 2 else part for at, part in enumerate(parts))


def _summary(chart: Chart) -> str:
    lines = [
        f"peak {series.peak[1]:.2f} MiB at {series.peak[0]:.3f} s  {series.label}"
        for series in chart.series
    ]
    return "\n".join([*lines, "drag to zoom, double click to go back"])


class _Drawing:
    """The chart in numbers of pixels."""

    def __init__(self, chart: Chart) -> None:
        self._chart = chart
        self._series = [_thinned(series.points) for series in chart.series]
        everything = [point for points in self._series for point in points]
        times = chart.window or (
            min(moment for moment, _ in everything),
            max([moment for moment, _ in everything] + [span.ended for span in chart.spans]),
        )
        memory = [height for moment, height in everything if times[0] <= moment <= times[1]]
        low, high = min(memory, default=0.0), max(memory, default=1.0)
        margin = (high - low) * 0.05 or 1.0
        self._from, self._to = times[0], max(times[1], times[0] + 1e-3)
        self._low, self._high = low - margin, high + margin
        self._lanes = 1 + max(span.depth for span in chart.spans) if chart.spans else 0
        self._lanes_top = _TOP + _HEIGHT + _AXIS

    def svg(self) -> str:
        """Return the drawing."""
        height = self._lanes_top + self._lanes * _LANE + 4
        inner = _WIDTH - _LEFT - _RIGHT
        down = f'y1="{_TOP}" y2="{_TOP + _HEIGHT}"'
        area = f'x="{_LEFT}" y="{_TOP}" width="{inner}"'
        return "\n".join(
            [
                f'<svg viewBox="0 0 {_WIDTH} {height}" role="img" '
                f'aria-label="memory in MiB over time in seconds">',
                f'<clipPath id="inside"><rect {area} height="{_HEIGHT}"/></clipPath>',
                f'<clipPath id="below"><rect x="{_LEFT}" y="{self._lanes_top}" width="{inner}" '
                f'height="{self._lanes * _LANE}"/></clipPath>',
                f'<g class="grid">{"".join(self._heights())}</g>',
                f'<g class="grid" id="times">{"".join(self._times())}</g>',
                f'<g clip-path="url(#inside)"><g id="plot" transform="{self._plot_matrix()}">',
                *self._lines(),
                "</g></g>",
                f'<rect class="frame" {area} height="{_HEIGHT}"/>',
                f'<text x="{_LEFT + inner / 2}" y="{_TOP + _HEIGHT + 38}" '
                'text-anchor="middle">time (in seconds)</text>',
                f'<text transform="translate(14 {_TOP + _HEIGHT / 2}) rotate(-90)" '
                'text-anchor="middle">memory used (in MiB)</text>',
                f'<g clip-path="url(#below)"><g id="calls" transform="{self._calls_matrix()}">',
                *self._calls(),
                '</g></g><g id="names"></g>',
                f'<line class="cursor" {down}/>',
                f'<rect class="zoom" y="{_TOP}" height="{_HEIGHT}"/>',
                '<rect width="100%" height="100%" fill="transparent" pointer-events="none"/>',
                "</svg>",
            ]
        )

    def legend(self) -> Iterator[str]:
        """Yield the entries of the legend."""
        for number, series in enumerate(self._chart.series):
            color = f"var(--c{number % _COLORS})"
            yield f'<li><i style="background:{color}"></i>{html.escape(series.label)}</li>'

    def data(self) -> str:
        """Return what the script needs, as JSON that may stand in a page."""
        told = {
            "box": {
                "left": _LEFT,
                "top": _TOP,
                "width": _WIDTH - _LEFT - _RIGHT,
                "height": _HEIGHT,
                "lanes": self._lanes_top,
                "lane": _LANE,
            },
            "range": [self._from, self._to, self._low, self._high],
            "series": [
                {"label": series.label, "points": points}
                for series, points in zip(self._chart.series, self._series)
            ],
            "calls": [
                {
                    "name": span.name,
                    "label": span.label,
                    "began": round(span.began, 4),
                    "ended": round(span.ended, 4),
                    "depth": span.depth,
                }
                for span in self._chart.spans
            ],
        }
        return json.dumps(told, separators=(",", ":")).replace("<", "\\u003c")

    def _x_scale(self) -> float:
        return (_WIDTH - _LEFT - _RIGHT) / (self._to - self._from)

    def _y_scale(self) -> float:
        return _HEIGHT / (self._high - self._low)

    def _plot_matrix(self) -> str:
        x, y = self._x_scale(), self._y_scale()
        bottom = _TOP + _HEIGHT + self._low * y
        return f"matrix({x:.8g} 0 0 {-y:.8g} {_LEFT - self._from * x:.8g} {bottom:.8g})"

    def _calls_matrix(self) -> str:
        x = self._x_scale()
        return f"matrix({x:.8g} 0 0 1 {_LEFT - self._from * x:.8g} {self._lanes_top})"

    def _lines(self) -> Iterator[str]:
        for number, series in enumerate(self._chart.series):
            color = f'style="stroke:var(--c{number % _COLORS})"'
            kind = f"line s{number}{' child' if series.is_child else ''}"
            path = "L".join(f"{moment:g} {memory:g}" for moment, memory in self._series[number])
            yield f'<path class="{kind}" {color} d="M{path}"/>'
            if series.trend:
                yield f'<path class="trend s{number}" {color} d="{_trend_path(series)}"/>'
        far = 1e6
        for moment, memory in self._chart.peaks:
            lines = f"M{-far:g} {memory:g}H{far:g}M{moment:g} {-far:g}V{far:g}"
            yield f'<path class="peak" d="{lines}"/>'

    def _calls(self) -> Iterator[str]:
        names = list(dict.fromkeys(span.name for span in self._chart.spans))
        for span in self._chart.spans:
            seconds, growth = span.ended - span.began, span.memory_after - span.memory_before
            color = f"var(--c{1 + names.index(span.name) % (_COLORS - 1)})"
            place = f'x="{span.began:.4f}" width="{seconds:.4f}" y="{span.depth * _LANE}"'
            yield (
                f'<rect class="call" style="fill:{color}" {place} height="{_LANE - 1}">'
                f"<title>{html.escape(span.name)}\n"
                f"{seconds:.3f} s, {span.memory_before:.2f} MiB, {growth:+.2f} MiB</title></rect>"
            )

    def _times(self) -> Iterator[str]:
        for moment, shown in _ticks(self._from, self._to):
            x = f"{_LEFT + (moment - self._from) * self._x_scale():.2f}"
            yield f'<line x1="{x}" x2="{x}" y1="{_TOP}" y2="{_TOP + _HEIGHT}"/>'
            yield f'<text x="{x}" y="{_TOP + _HEIGHT + 18}" text-anchor="middle">{shown}</text>'

    def _heights(self) -> Iterator[str]:
        for memory, shown in _ticks(self._low, self._high):
            y = _TOP + _HEIGHT - (memory - self._low) * self._y_scale()
            yield f'<line x1="{_LEFT}" x2="{_WIDTH - _RIGHT}" y1="{y:.2f}" y2="{y:.2f}"/>'
            yield f'<text x="{_LEFT - 8}" y="{y + 4:.2f}" text-anchor="end">{shown}</text>'


def _trend_path(series: Series) -> str:
    slope, beginning = series.trend or (0.0, 0.0)
    first, last = series.points[0][0], series.points[-1][0]
    return f"M{first:g} {slope * first + beginning:g}L{last:g} {slope * last + beginning:g}"


def _ticks(low: float, high: float) -> list[tuple[float, str]]:
    """Return round numbers between two, at most ten or so, and how they are written."""
    power = 10.0 ** math.floor(math.log10((high - low) / 8))
    step = next(n * power for n in (1, 2, 5, 10) if (high - low) / (n * power) <= 10)
    digits = max(0, -math.floor(math.log10(step)))
    count = math.floor(high / step) - math.ceil(low / step) + 1
    return [
        (tick, f"{tick:.{digits}f}")
        for tick in ((math.ceil(low / step) + n) * step for n in range(count))
    ]


def _thinned(points: tuple[Point, ...]) -> list[Point]:
    """Round points, and of too many keep the lowest and highest of each bit."""
    rounded = [(round(moment, 4), round(memory, 4)) for moment, memory in points]
    size = 2 * math.ceil(len(rounded) / _MOST_POINTS)
    if len(rounded) <= _MOST_POINTS:
        return rounded
    kept = [rounded[0]]
    for at in range(1, len(rounded), size):
        bit = rounded[at : at + size]
        kept += sorted({min(bit, key=lambda point: point[1]), max(bit, key=lambda point: point[1])})
    return [*kept, rounded[-1]]
