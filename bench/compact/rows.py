"""The table of bench/compact from its raw data."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from statistics import fmean, median

from bench import harness
from bench.harness import SHOAL, Row
from bench.speed import BASE

MOMENTS = ("start", "made", "dropped", "after")
COLUMNS = (
    "program", "kind", "share", "round", "allocator", "traced", *MOMENTS, "seconds", "pools",
    "live",
)  # fmt: skip

# Of what was made: the most of any kind, and the mean of all.
KEEP_AIMS = {"0.1": (0.11, 0.105), "0.02": (0.028, 0.028), "0.001": (0.008, 0.008)}
BURST_AIM = 0.15  # of pymalloc's
CACHE_AIMS = {"dict": 1.1, "ordered": 1.3, "lru": 1.3}  # of what is alive
SECONDS_AIMS = {"1": ("live", 1.2), "0.1": ("pools", 1.5)}  # a gigabyte of these
BEFORE = "shoal before"
"""What Shoal has resident when compact() has not been called yet."""


class Found:
    """The medians over rounds of a file of raw data, in KiB."""

    def __init__(self, path: Path) -> None:
        self.facts, lines = harness.read_results(path)
        self._lines: dict[tuple[str, str, str, str], list[Mapping[str, str]]] = {}
        for line in lines:
            key = line["program"], line["kind"], line["share"], line["allocator"]
            self._lines.setdefault(key, []).append(line)
        self.names = list(dict.fromkeys(key[3] for key in self._lines))

    def kinds(self, program: str) -> list[str]:
        """Return the kinds of a program, in the order in which they were measured first."""
        return list(dict.fromkeys(key[1] for key in sorted(self._lines) if key[0] == program))

    def value(
        self, case: tuple[str, str, str], name: str, of: Callable[[Mapping[str, str]], float]
    ) -> float:
        """Return the median of a figure."""
        return median(of(line) for line in self._lines[(*case, name)])

    def columns(self, case: tuple[str, str, str], of: str, over: str = "") -> dict[str, float]:
        """Return for every allocator, and Shoal before, a growth, or a growth over another."""

        def figure(line: Mapping[str, str], moment: str) -> float:
            grown = float(line[moment]) - float(line["start"])
            if over == "traced":
                return grown / max(1, float(line["traced"]))
            return grown / max(1, float(line[over]) - float(line["start"])) if over else grown

        found = {name: self.value(case, name, lambda line: figure(line, of)) for name in self.names}
        if SHOAL in found:
            found[BEFORE] = self.value(case, SHOAL, lambda line: figure(line, "dropped"))
        return found


def rows(path: Path) -> list[Row]:
    """Return the lines of the table."""
    found = Found(path)
    version = ".".join(found.facts["python"].split(".")[:2])
    return [
        *_keep_rows(found, f"Kept at random, Python {version}: resident over what was made"),
        *_burst_rows(found, f"Realistic bursts compacted, Python {version}"),
        *_cache_rows(found, f"Caches of sessions, Python {version}: resident over what is alive"),
        *_seconds_rows(found, f"What compact() takes, Python {version}: CPU seconds"),
    ]


def _met(values: Mapping[str, float], aim: float) -> bool | None:
    return values[SHOAL] <= aim if SHOAL in values else None


def _mean(of: Sequence[Mapping[str, float]]) -> dict[str, float]:
    return {name: fmean(values[name] for values in of) for name in of[0]}


def _keep_rows(found: Found, section: str) -> Iterator[Row]:
    for share, (most, mean) in KEEP_AIMS.items():
        kept = f"{100 * float(share):g} % of"
        kinds = found.kinds("keep")
        all_ = [found.columns(("keep", kind, share), "after", over="made") for kind in kinds]
        for kind, values in zip(kinds, all_):
            yield Row(section, f"{kept} {kind}", values, f"<= {most}", _met(values, most))
        values = _mean(all_)
        yield Row(section, f"{kept} all kinds, mean", values, f"<= {mean}", _met(values, mean))


def _burst_rows(found: Found, section: str) -> Iterator[Row]:
    names = found.kinds("burst")
    grown = [found.columns(("burst", name, ""), "after") for name in names]
    alive = sum(
        found.value(("burst", n, ""), BASE, lambda line: float(line["traced"])) for n in names
    )
    sums = {name: sum(values[name] for values in grown) for name in grown[0]}
    held = {name: value - alive for name, value in sums.items()}
    megabytes = {name: value / 1024 for name, value in sums.items()}
    yield Row(section, f"sum, MB ({alive / 1024:.0f} live)", megabytes, digits=0)
    for title, of in (("sum", sums), ("sum of held (resident less live)", held)):
        ratio = {name: value / of[BASE] for name, value in of.items()}
        aim = f"<= {BURST_AIM}" if of is sums else ""
        met = _met(ratio, BURST_AIM) if of is sums else None
        yield Row(section, f"{title} over pymalloc's", ratio, aim, met)


def _cache_rows(found: Found, section: str) -> Iterator[Row]:
    for kind, aim in CACHE_AIMS.items():
        values = found.columns(("sessions", kind, ""), "after", over="traced")
        yield Row(section, kind, values, f"<= {aim}", _met(values, aim), digits=2)


def _seconds_rows(found: Found, section: str) -> Iterator[Row]:
    if SHOAL not in found.names:
        return
    for share, (of, aim) in SECONDS_AIMS.items():

        def rate(line: Mapping[str, str], of: str = of) -> float:
            return float(line["seconds"]) / float(line[of]) * 1e9

        kinds = found.kinds("keep")
        value = fmean(found.value(("keep", kind, share), SHOAL, rate) for kind in kinds)
        kept = "a dry run where all is kept, a GB of blocks"
        if share != "1":
            kept = f"{100 * float(share):g} % is kept, a GB of pools"
        yield Row(section, kept, {SHOAL: value}, f"<= {aim}", value <= aim)
