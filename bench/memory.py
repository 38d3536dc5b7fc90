"""Memory of Python programs on each allocator: at start-up, at the peak, and after dropping.

    python -m bench.memory --python PATH [--rounds 3] [--scale 1.0] [--jobs 2]

bench/workers/keep_share.py makes objects of four kinds and keeps a random share of them. What is
still resident is per cent of what pymalloc had resident for the same objects at their peak.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import fmean, median

from bench import harness, table
from bench.harness import SHOAL, Row
from bench.peers import Peer, proof_of, prove, versions, worker
from bench.resident import Watched
from bench.speed import BASE, with_base

# About 80 MB each.
COUNTS = {"float": 2_000_000, "str": 900_000, "dict": 350_000, "object": 600_000}
SHARES = ("0.1", "0.02", "0.001", "0")
START = "start"  # the kind of a run that makes nothing
COLUMNS = (
    "kind", "share", "round", "allocator", "start_pss", "start_rss", "start", "peak",
    "peak_rss", "at_once", "later", "busy", "pages",
)  # fmt: skip
_NOTHING = "import posix; posix.kill(posix.getpid(), 19)"

WHEN = {"at_once": "at once", "later": "1 s later, idle", "busy": "at work again"}

START_AIM = 1024  # KiB over pymalloc's
PEAK_AIM = 1.02  # of pymalloc's
FREED_AIM = 1.0  # per cent
FLOOR_AIM = 1.1  # of what whole free pages allow


@dataclass(frozen=True)
class Plan:
    """What one run measures. `jobs` processes run at the same time: memory does not mind."""

    python: str
    rounds: int
    peers: Sequence[Peer]
    scale: float = 1.0
    jobs: int = 2


def start_up(plan: Plan, peer: Peer) -> dict[str, int]:
    """Measure a Python program that does nothing."""
    command = [plan.python, "-c", _NOTHING]
    with Watched(command, peer.for_python()) as process:
        now = process.at_stop()
        process.finish()
    return {"start_pss": now.pss, "start_rss": now.rss, "peak_rss": now.peak}


def make_and_drop(plan: Plan, peer: Peer, kind: str, share: str) -> dict[str, int]:
    """Measure a program that makes objects of a kind and keeps a share; all in KiB."""
    count = str(round(COUNTS[kind] * plan.scale))
    command = worker(plan.python, "keep_share", kind, count, share, *proof_of(peer))
    with Watched(command, peer.for_python()) as process:
        start, peak, at_once, later, busy = (process.at_stop() for _ in range(5))
        found = json.loads(process.finish())
    return {
        "start_pss": start.pss,
        "start_rss": start.rss,
        "start": start.data,
        "peak": peak.data,
        "peak_rss": peak.peak,
        "at_once": at_once.data,
        "later": later.data,
        "busy": busy.data,
        "pages": found["pages"],
    }


def measure(plan: Plan, output: Path) -> None:
    """Measure every kind and share on every allocator."""
    for peer in plan.peers:
        prove(peer, plan.python)
    runs = [(START, "", peer) for peer in plan.peers] + [
        (kind, share, peer) for kind in COUNTS for share in SHARES for peer in plan.peers
    ]

    def once(number: int, run: tuple[str, str, Peer]) -> dict[str, object]:
        kind, share, peer = run
        got = start_up(plan, peer) if kind == START else make_and_drop(plan, peer, kind, share)
        return {"kind": kind, "share": share, "round": number, "allocator": peer.name, **got}

    facts = harness.provenance(plan.python, scale=str(plan.scale), **versions(plan.peers))
    title = f"memory {harness.short_version(plan.python)}"
    with (
        harness.Results(output, facts, COLUMNS) as results,
        harness.Progress(title, len(runs) * plan.rounds, 3.0 / plan.jobs) as progress,
    ):
        harness.record(once, harness.turns(plan.rounds, runs), results, progress, plan.jobs)


# ---- Results ------------------------------------------------------------------------------------


class Found:
    """The medians over rounds of a file of raw data, in KiB."""

    def __init__(self, path: Path) -> None:
        self.facts, lines = harness.read_results(path)
        self._values: dict[tuple[str, str, str], list[Mapping[str, str]]] = {}
        for line in lines:
            key = line["kind"], line["share"], line["allocator"]
            self._values.setdefault(key, []).append(line)
        self.names = list(dict.fromkeys(name for _, _, name in self._values))

    def value(self, kind: str, share: str, name: str, *columns: str) -> float:
        """Return the median of a column, less that of a second one if given."""
        return median(
            float(line[columns[0]]) - sum(float(line[c]) for c in columns[1:])
            for line in self._values[kind, share, name]
        )

    def per_cent(self, kind: str, share: str, name: str, column: str) -> float:
        """Return how much a column is over the start, in per cent of pymalloc's peak."""
        whole = self.value(kind, share, BASE, "peak", "start")
        return 100 * self.value(kind, share, name, column, "start") / whole

    def floor(self, kind: str, share: str, name: str) -> float:
        """Return what whole free pages allow, in the same per cent, for where the objects are."""
        whole = self.value(kind, share, BASE, "peak", "start")
        return 100 * 4 * self.value(kind, share, name, "pages") / whole


def rows(path: Path) -> list[Row]:
    """Return the lines of the table."""
    found = Found(path)
    version = ".".join(found.facts["python"].split(".")[:2])
    return [
        *start_rows(found, f"Start-up, Python {version}: resident MB"),
        *peak_rows(found, f"Peak, Python {version}"),
        *held_rows(found, f"Resident after dropping, Python {version}: % of pymalloc's peak"),
    ]


def start_rows(found: Found, section: str) -> Iterator[Row]:
    """Yield the rows of a program that does nothing."""
    titles = {"start_pss": "Pss less LazyFree", "start_rss": "RSS"}
    for column, title in titles.items():
        values = {name: found.value(START, "", name, column) for name in found.names}
        met = values[SHOAL] <= values[BASE] + START_AIM if SHOAL in values else None
        megabytes = {name: value / 1024 for name, value in values.items()}
        yield Row(section, title, megabytes, "<= pymalloc + 1", met, digits=2)


def peak_rows(found: Found, section: str) -> Iterator[Row]:
    """Yield the rows of the high points, over pymalloc's."""
    for column, title in {"peak_rss": "peak RSS", "peak": "objects only"}.items():
        less = () if column == "peak_rss" else ("start",)

        def ratio(
            name: str, kind: str, column: str = column, less: tuple[str, ...] = less
        ) -> float:
            mine, base = (found.value(kind, SHARES[0], n, column, *less) for n in (name, BASE))
            return mine / base

        values = {n: harness.geomean(ratio(n, kind) for kind in COUNTS) for n in found.names}
        met = values[SHOAL] <= PEAK_AIM if SHOAL in values else None
        title = f"{title} over pymalloc's, geomean of {len(COUNTS)} kinds"
        yield Row(section, title, values, f"<= {PEAK_AIM}", met)


def held_rows(found: Found, section: str) -> Iterator[Row]:
    """Yield, for every share kept, what is resident and the best that pages allow."""
    for share in SHARES:
        kept = f"keep {100 * float(share):g} %" if float(share) else "keep nothing"
        for column, when in WHEN.items():
            values = {
                name: fmean(found.per_cent(kind, share, name, column) for kind in COUNTS)
                for name in found.names
            }
            freed = share == "0"
            met = values[SHOAL] <= FREED_AIM if freed and SHOAL in values else None
            aim = f"<= {FREED_AIM:g}" if freed else ""
            yield Row(section, f"{kept}, {when}", values, aim, met, digits=1)
        if not freed:
            yield from floor_rows(found, section, kept, share)


def floor_rows(found: Found, section: str, kept: str, share: str) -> Iterator[Row]:
    """Yield the best that whole free 4 KiB pages allow, and how far each is from its own best."""
    best = {name: fmean(found.floor(kind, share, name) for kind in COUNTS) for name in found.names}
    yield Row(section, f"{kept}, whole free pages allow", best, ranked=False, digits=1)
    over = {
        name: fmean(found.per_cent(kind, share, name, "at_once") for kind in COUNTS) / best[name]
        for name in found.names
    }
    met = over[SHOAL] <= FLOOR_AIM if SHOAL in over else None
    yield Row(section, f"{kept}, at once over that", over, f"<= {FLOOR_AIM}", met, digits=2)


def planned(python: str, names: Sequence[str] | None = None) -> Plan:
    """Return the plan of `make bench`. Memory varies little: three rounds are enough."""
    return Plan(python, 3, with_base(names, python))


def quick(plan: Plan) -> Plan:
    """Return a plan of the same breadth that proves the machinery and measures little."""
    return replace(plan, rounds=1, scale=0.02, jobs=4)


def _main() -> None:
    options = harness.parser("Memory of Python programs on each allocator.", rounds=3)
    options.add_argument("--scale", type=float, default=1.0, help="of the number of objects")
    options.add_argument("--jobs", type=harness.positive, default=2, help="processes at a time")
    got = options.parse_args()
    harness.pin(got.cpu)
    peers = with_base(got.allocators, got.python)
    output = got.output or harness.result_file("memory", got.python)
    measure(Plan(got.python, got.rounds, peers, got.scale, got.jobs), output)
    table.show(rows(output))


if __name__ == "__main__":
    harness.main(_main)
