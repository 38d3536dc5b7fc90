"""The lines of the table of bench/pickles, from its raw data."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench import harness
from bench.harness import SHOAL, Row, Spread
from bench.pickles.serializers import BASE, SERIALIZERS

Lines = Sequence[Mapping[str, str]]
Values = dict[str, dict[int, float]]  # {serializer: {round: figure}}

TITLES = {
    "tuples": "1,000,000 tuples",
    "dicts": "300,000 parsed dicts",
    "instances": "200,000 plain instances",
    "slotted": "200,000 dataclasses with slots",
    "cyrillic": "300,000 Cyrillic strings",
}


@dataclass(frozen=True)
class Figures:
    """The raw data of one version of Python."""

    lines: Lines
    version: str

    def of(self, kind: str, operation: str, column: str = "cpu") -> Values:
        """Return a column of one operation, by serializer and round."""
        found = harness.by_allocator(self.lines, column, data=kind, operation=operation)
        return {name: found[name] for name in SERIALIZERS if name in found}

    def section(self, text: str) -> str:
        """Return the title of a section."""
        return f"Pickles, Python {self.version}: {text}"


def rows(path: Path) -> list[Row]:
    """Return the lines of the table."""
    facts, lines = harness.read_results(path)
    figures = Figures(lines, ".".join(facts["python"].split(".")[:2]))
    return [
        *_dump_times(figures),
        *_dump_memory(figures),
        *_load_times(figures),
        *_load_memory(figures),
    ]


# ---- Writing ------------------------------------------------------------------------------------


def _dump_times(figures: Figures) -> list[Row]:
    section = figures.section("CPU time of a dump, over pickle.dump's")
    aims = {"tuples": 0.2, "dicts": 0.15, "instances": 0.5, "slotted": 0.5}
    found = [
        _row(section, title, _ratios(figures.of(kind, "dump")), aims.get(kind))
        for kind, title in TITLES.items()
    ]
    small = _ratios(figures.of("small", "small"))
    found.append(_row(section, "100 bytes, again and again", small, 1.0))
    size = _ratios(figures.of("tuples", "dump", "file_bytes"))
    found.append(_row(section, "size of the file, 1,000,000 tuples", size, 1.0))
    return found


def _dump_memory(figures: Figures) -> list[Row]:
    section = figures.section("resident memory of a dump, MB")
    found = []
    for kind, title in TITLES.items():
        values = _megabytes(figures.of(kind, "dump", "peak_kib"))
        if kind in ("instances", "slotted"):
            found.append(_half_of_pickle(section, f"{title}, at the peak", values))
        else:
            aim = None if kind == "cyrillic" else 1.0
            found.append(_row(section, f"{title}, at the peak", _spreads(values), aim, digits=1))
    left = _spreads(_megabytes(figures.of("cyrillic", "dump", "left_kib")))
    found.append(_row(section, "300,000 Cyrillic strings, left behind", left, 0.5, digits=1))
    return found


def _half_of_pickle(section: str, title: str, values: Values) -> Row:
    spreads = _spreads(values)
    row = _row(section, title, spreads, None, digits=1)
    met = None
    if SHOAL in spreads:
        met = spreads[SHOAL].median <= spreads[BASE].median / 2
    return Row(
        section, title, row.values, "<= half of pickle's", met, digits=1, text=row.text
    )  # fmt: skip


# ---- Reading ------------------------------------------------------------------------------------


def _load_times(figures: Figures) -> list[Row]:
    section = figures.section("CPU time of a load, over pickle.load's of its own file")
    modern = figures.version != "3.11"
    found = []
    for kind in ("tuples", "dicts"):
        title, own = TITLES[kind], figures.of(kind, "load")
        base = own[BASE]
        found.append(_row(section, f"{title}, its own file", _ratios(own),
                          0.6 if modern else 0.85))  # fmt: skip
        for operation, text, by, aim in (
            ("load shoal's", "pickle.load of Shoal's file", BASE, 0.95),
            ("load pickle's", "Shoal's load of pickle's file", SHOAL, 0.65 if modern else 1.0),
            ("load shared", "Shoal's load, share=True", SHOAL, 0.5 if kind == "dicts" else None),
        ):
            values = figures.of(kind, operation)
            if by in values:
                spread = _compared({SHOAL: values[by]}, base, lambda one, of: one / of)
                found.append(_row(section, f"{title}, {text}", spread, aim))
    for kind in ("instances", "slotted", "cyrillic"):
        found.append(
            _row(section, f"{TITLES[kind]}, its own file", _ratios(figures.of(kind, "load")), None)
        )
    small = _ratios(figures.of("small", "small", "load_cpu"))
    found.append(_row(section, "100 bytes, again and again", small, None))
    return found


def _load_memory(figures: Figures) -> list[Row]:
    """Above the data: what pickle.load of Shoal's file leaves, which has no memo."""
    section = figures.section("resident memory at the peak of a load, MB over the data")
    found = []
    for kind in ("tuples", "dicts"):
        data = figures.of(kind, "load shoal's", "left_kib").get(BASE)
        if data is None:
            continue
        title = TITLES[kind]
        for operation, text, by in (
            ("load", "its own file", ""),
            ("load shoal's", "pickle.load of Shoal's file", BASE),
            ("load pickle's", "Shoal's load of pickle's file", SHOAL),
        ):
            values = figures.of(kind, operation, "peak_kib")
            chosen = values if not by else {SHOAL: values[by]}
            spreads = _compared(chosen, data, lambda one, of: (one - of) / 1024 * 1.048576)
            row = _row(section, f"{title}, {text}", spreads, 1.0, digits=1)
            if operation == "load pickle's":
                row = _no_more_than_pickle(row, figures, kind, data)
            found.append(row)
    shared = figures.of("dicts", "load shared", "peak_kib")
    base = figures.of("dicts", "load", "peak_kib")[BASE]
    spreads = _compared(shared, base, lambda one, of: one / of)
    if spreads:
        title = "300,000 parsed dicts, share=True, peak over pickle.load's"
        found.append(_row(section, title, spreads, 0.4))
    return found


def _no_more_than_pickle(row: Row, figures: Figures, kind: str, data: dict[int, float]) -> Row:
    peak = figures.of(kind, "load", "peak_kib")[BASE]
    theirs = _compared({BASE: peak}, data, lambda one, of: (one - of) / 1024 * 1.048576)[BASE]
    met = row.values[SHOAL] <= theirs.median
    values = {**row.values, BASE: theirs.median}
    return Row(row.section, row.title, values, "<= pickle's", met, digits=1, text=row.text)


# ---- Figures ------------------------------------------------------------------------------------


def _megabytes(values: Values) -> Values:
    return {
        name: {number: kib * 1024 / 1e6 for number, kib in of.items()}
        for name, of in values.items()
    }


def _spreads(values: Values) -> dict[str, Spread]:
    return {name: Spread.of(of.values()) for name, of in values.items()}


def _ratios(values: Values) -> dict[str, Spread]:
    """Of each serializer to pickle in the same round."""
    return _compared(values, values[BASE], lambda one, of: one / of)


def _compared(
    values: Values, base: Mapping[int, float], compare: Callable[[float, float], float]
) -> dict[str, Spread]:
    return {
        name: Spread.of(compare(of[number], base[number]) for number in of if number in base)
        for name, of in values.items()
    }


def _row(
    section: str, title: str, spreads: dict[str, Spread], aim: float | None, digits: int = 3
) -> Row:
    medians = {name: spread.median for name, spread in spreads.items()}
    text = {
        name: f"{s.median:,.{digits}f} ({s.lower:,.{digits}f}-{s.upper:,.{digits}f})"
        for name, s in spreads.items()
    }
    met = None
    if aim is not None and SHOAL in medians:
        met = round(medians[SHOAL], digits) <= aim
    return Row(
        section, title, medians, f"<= {aim:g}" if aim is not None else "", met,
        digits=digits, text=text,
    )  # fmt: skip
