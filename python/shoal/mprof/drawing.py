"""A chart drawn by matplotlib: into PNG, SVG and whatever else it writes, or a window."""

from __future__ import annotations

import itertools

from shoal.mprof.profiles import MprofError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from shoal.mprof.chart import Chart, Series, Span

__all__ = ["draw"]

_SIZE = (14, 6)
"""Inches, at 90 dots each."""

_CALL_COLORS = ("tab:cyan", "tab:olive", "tab:green", "tab:red", "tab:purple", "tab:orange")

_MOST_LABELS = 30
"""Calls in the legend; more would leave no room for the plot."""


def draw(chart: Chart, output: str | None, backend: str | None, flame: bool) -> None:
    """Draw a chart.

    Parameters
    ----------
    chart : Chart
        What.
    output : str, optional
        The file, whose ending says what kind; without it a window is opened.
    backend : str, optional
        Of matplotlib.
    flame : bool
        Show functions as a flame graph, not as brackets.

    Raises
    ------
    MprofError
        matplotlib is missing, has no such backend or kind of file, or there is
        no display; or the file cannot be written.
    """
    figure, show = _figure(output, backend)
    axes = figure.add_axes([0.08, 0.1, 0.86 if flame else 0.64, 0.8])
    _draw_series(axes, chart)
    if flame:
        _draw_flames(axes, chart.spans)
    else:
        _draw_brackets(axes, chart.spans)
    for (moment, memory), color in zip(chart.peaks, ("red", "firebrick")):
        axes.axvline(moment, color=color, linestyle="--", linewidth=0.8)
        axes.axhline(memory, color=color, linestyle="--", linewidth=0.8)
    axes.set(title=chart.title, xlabel="time (in seconds)", ylabel="memory used (in MiB)")
    axes.grid(True, alpha=0.4)
    if chart.window is not None:
        axes.set_xlim(*chart.window)
    if flame:
        axes.legend(loc="upper left", framealpha=0.5)
    else:
        axes.legend(loc="center left", bbox_to_anchor=(1, 0.5), framealpha=0.5)
    if output is None:
        show()
        return
    try:
        figure.savefig(output, bbox_inches="tight")
    except ValueError as error:  # It names the kinds that it knows.
        raise MprofError(f"cannot write {output}: {error}") from None
    except OSError as error:
        raise MprofError(f"cannot write {output}: {error.strerror}") from None


def _figure(output: str | None, backend: str | None) -> tuple[Any, Any]:
    """Return an empty figure, and what shows it in a window."""
    try:
        import matplotlib
        from matplotlib.figure import Figure

        if output is not None and backend is None:
            return Figure(figsize=_SIZE, dpi=90), None
        if backend is not None:
            matplotlib.use(backend)
        from matplotlib import pyplot
    except ImportError as error:
        if backend is not None and "matplotlib" not in str(error.name):
            raise MprofError(f"--backend {backend}: {error}") from None
        raise MprofError(
            "drawing needs matplotlib: pip install 'shoal[plot]'; "
            "or write a page that needs nothing, with -o plot.html"
        ) from None
    except ValueError as error:
        raise MprofError(f"--backend: {str(error).splitlines()[0]}") from None
    figure = pyplot.figure(figsize=_SIZE, dpi=90)
    if output is None and type(figure.canvas).required_interactive_framework is None:
        raise MprofError("no display to show the plot on: save it, with -o plot.png")
    return figure, pyplot.show


def _draw_series(axes: Any, chart: Chart) -> None:
    lines = {False: "-", True: "--"}
    for number, series in enumerate(chart.series):
        color = "black" if number == 0 else f"C{(number - 1) % 10}"
        times, memory = zip(*series.points)
        axes.plot(
            times, memory, lines[series.is_child], marker="+", color=color, label=_label(series)
        )
        if series.trend:
            slope, beginning = series.trend
            ends = (times[0], times[-1])
            heights = [slope * moment + beginning for moment in ends]
            axes.plot(ends, heights, "--", color="deepskyblue", linewidth=0.8)


def _label(series: Series) -> str:
    # matplotlib leaves out of the legend what begins with an underscore.
    return f" {series.label}" if series.label.startswith("_") else series.label


def _draw_brackets(axes: Any, spans: tuple[Span, ...]) -> None:
    """Draw [ where a call began and ] where it ended, at the memory of then."""
    (left, right), (bottom, top) = axes.get_xlim(), axes.get_ylim()
    width, height = (right - left) / 60, (top - bottom) / 20
    colors = dict(zip(dict.fromkeys(span.name for span in spans), itertools.cycle(_CALL_COLORS)))
    for number, span in enumerate(spans):
        label = f" {span.label} {span.ended - span.began:.3f}s" if number < _MOST_LABELS else None
        for moment, memory, toward in (
            (span.began, span.memory_before, width),
            (span.ended, span.memory_after, -width),
        ):
            axes.plot(
                [moment + toward, moment, moment, moment + toward],
                [memory + height, memory + height, memory - height, memory - height],
                color=colors[span.name],
                linewidth=2,
                label=label,
            )
            label = None


def _draw_flames(axes: Any, spans: tuple[Span, ...]) -> None:
    """Draw each call as a bar over its time, as high as it is deep."""
    levels = 1 + max((span.depth for span in spans), default=0)
    above = axes.twinx()
    above.set(ylim=(0, levels + 1), yticks=[])
    for number, span in enumerate(spans):
        width = span.ended - span.began
        shade = 0.25 + 0.5 * (1 - span.depth / levels)
        color = ("orangered", "orange")[number % 2]
        above.broken_barh([(span.began, width)], (span.depth, 1), color=color, alpha=shade)
        above.text(
            span.began, span.depth + 0.95, f" {span.label} {width:.3f}s",
            va="top", fontsize=8, clip_on=True,
        )  # fmt: skip
