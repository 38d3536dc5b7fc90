"""What a drawing of profiles shows, without drawing it."""

from __future__ import annotations

import time
from dataclasses import dataclass

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from shoal.mprof.dat_file import Call, Profile

    Point = tuple[float, float]
    """Seconds from the start, MiB."""

__all__ = ["Chart", "Series", "Span", "chart_of", "function_labels"]


@dataclass(frozen=True)
class Series:
    """A line of the drawing.

    Attributes
    ----------
    label : str
        For the legend.
    points : tuple of (float, float)
        Seconds from the start of its profile, MiB; in order of time.
    trend : tuple of (float, float) or None
        Slope in MiB/s, and MiB at the start, of the straight line that fits best.
    is_child : bool
        It is one of a descendant of the program.
    """

    label: str
    points: tuple[Point, ...]
    trend: tuple[float, float] | None = None
    is_child: bool = False

    @property
    def peak(self) -> Point:
        """The highest point, the first if there are several."""
        return max(self.points, key=lambda point: point[1])


@dataclass(frozen=True)
class Span:
    """A call of a function: seconds from the start and MiB at both ends."""

    name: str
    label: str
    began: float
    memory_before: float
    ended: float
    memory_after: float
    depth: int


@dataclass(frozen=True)
class Chart:
    """What is drawn.

    Attributes
    ----------
    title : str
        Above it.
    series : tuple of Series
        Each program's, then those of its descendants.
    spans : tuple of Span
        When functions ran; none if there are several profiles.
    window : tuple of (float, float) or None
        The seconds to show.
    """

    title: str
    series: tuple[Series, ...]
    spans: tuple[Span, ...]
    window: tuple[float, float] | None

    @property
    def peaks(self) -> list[Point]:
        """The highest point of the program, and that of all its descendants; of one profile."""
        if sum(not series.is_child for series in self.series) != 1:
            return []
        children = [series.peak for series in self.series if series.is_child]
        highest = [max(children, key=lambda point: point[1])] if children else []
        return [self.series[0].peak, *highest]


def chart_of(
    profiles: Sequence[Profile],
    title: str | None = None,
    functions: bool = True,
    slope: bool = False,
    window: tuple[float, float] | None = None,
) -> Chart:
    """Return what to draw of profiles in which something was measured.

    Parameters
    ----------
    profiles : sequence of Profile
        What was recorded.
    title : str, optional
        By default the command line, if there is only one profile.
    functions : bool
        Show when functions ran, if there is only one profile.
    slope : bool
        Add trends.
    window : tuple of (float, float), optional
        The seconds to show.
    """
    series: list[Series] = []
    for profile in profiles:
        series += _series(profile, slope, f"{profile.filename} " if len(profiles) > 1 else "")
    alone = profiles[0] if len(profiles) == 1 else None
    if title is None:
        title = (alone.command or alone.filename) if alone else "Memory over time"
    spans = _spans(alone) if alone and functions else ()
    return Chart(title, tuple(series), spans, window)


def _series(profile: Profile, slope: bool, prefix: str) -> list[Series]:
    """Return the program's line and those of its descendants, labels with a prefix."""
    start = _start(profile)
    stamped = [(call.memory_before, call.began) for call in profile.calls]
    stamped += [(call.memory_after, call.ended) for call in profile.calls]
    milliseconds = int(start % 1 * 1000)
    begun = f"{time.strftime('%Y-%m-%d %H:%M:%S', time.localtime(start))}.{milliseconds:03}"
    lines = [(f"{prefix}started {begun}", profile.samples + stamped)]
    lines += [(f"{prefix}child {pid}", samples) for pid, samples in profile.children.items()]
    made: list[Series] = []
    for label, samples in lines:
        points = tuple(sorted((moment - start, memory) for memory, moment in samples))
        if not points:
            continue
        trend = _trend(points) if slope else None
        if trend:
            label += f", slope {trend[0]:.5f} MiB/s"
        made.append(Series(label, points, trend, is_child=samples is not lines[0][1]))
    return made


def _start(profile: Profile) -> float:
    moments = [moment for _, moment in profile.samples]
    moments += [call.began for call in profile.calls]
    moments += [samples[0][1] for samples in profile.children.values()]
    return min(moments)


def _trend(points: tuple[Point, ...]) -> tuple[float, float] | None:
    """Return slope and beginning of the line of least squares; None for one moment."""
    count = len(points)
    time_mean = sum(moment for moment, _ in points) / count
    memory_mean = sum(memory for _, memory in points) / count
    spread = sum((moment - time_mean) ** 2 for moment, _ in points)
    if not spread:
        return None
    together = sum((moment - time_mean) * (memory - memory_mean) for moment, memory in points)
    slope = together / spread
    return slope, memory_mean - slope * time_mean


def _spans(profile: Profile) -> tuple[Span, ...]:
    start = _start(profile)
    labels = function_labels(call.name for call in profile.calls)
    return tuple(_span(call, labels[call.name], start) for call in profile.calls)


def _span(call: Call, label: str, start: float) -> Span:
    return Span(
        call.name,
        label,
        call.began - start,
        call.memory_before,
        call.ended - start,
        call.memory_after,
        call.depth,
    )


def function_labels(dotted_function_names: Iterable[str]) -> dict[str, str]:
    """Return for each dotted name its shortest end that no other one ends in."""
    names = list(dict.fromkeys(dotted_function_names))
    parts = {name: name.split(".") for name in names}
    lengths = dict.fromkeys(names, 1)
    while True:
        labels = {name: ".".join(parts[name][-lengths[name] :]) for name in names}
        sharing: dict[str, list[str]] = {}
        for name, label in labels.items():
            sharing.setdefault(label, []).append(name)
        longer = [
            name
            for together in sharing.values()
            for name in together
            if len(together) > 1 and lengths[name] < len(parts[name])
        ]
        if not longer:
            return labels
        for name in longer:
            lengths[name] += 1
