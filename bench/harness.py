"""What every benchmark shares: a fair order, paired ratios, intervals, raw data with its source.

Every benchmark works the same way. Allocators take turns: each round runs each of them once, in a
random order, so that whatever else the machine does falls on all of them alike. A result is a
ratio to the base allocator *of the same round*. Medians and quartiles are over rounds.
"""

from __future__ import annotations

import argparse
import csv
import os
import platform
import random
import shlex
import shutil
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import TextIO, TypeVar

import numpy as np
from scipy import stats
from tqdm import tqdm

ROOT = Path(__file__).resolve().parent.parent
RESULTS = ROOT / "bench" / "results"
SHOAL = "shoal"
MIB = 1024 * 1024

T = TypeVar("T")


class BenchError(Exception):
    """Something that the user must put right; the message is one line that names it."""


# ---- Taking turns -------------------------------------------------------------------------------


def turns(rounds: int, names: Sequence[T], seed: int = 1) -> Iterator[tuple[int, T]]:
    """Yield (round, name): every name once a round, in an order drawn anew for each round."""
    drawn = random.Random(seed)
    for number in range(rounds):
        order = list(names)
        drawn.shuffle(order)
        for name in order:
            yield number, name


def pin(cpu: int | None) -> None:
    """Keep this process, and all that it starts, on one processor; None leaves it alone."""
    if cpu is None:
        return
    try:
        os.sched_setaffinity(0, {cpu})
    except OSError as error:
        raise BenchError(f"--cpu {cpu}: {error.strerror}") from None


def run(command: Sequence[str], environment: Mapping[str, str], timeout: float = 600) -> str:
    """Run a program to its end, in the root of the tree, and return its standard output.

    Raise BenchError with the command and the last line it wrote when it fails.
    """
    try:
        done = subprocess.run(
            command, env=dict(environment), cwd=ROOT, timeout=timeout,
            capture_output=True, text=True, check=False,
        )  # fmt: skip
    except OSError as error:
        raise BenchError(f"{command[0]}: {error.strerror}") from None
    if done.returncode:
        said = (done.stderr.strip() or done.stdout.strip() or "(it said nothing)").splitlines()[-1]
        raise BenchError(f"{shlex.join(command)}: exit status {done.returncode}: {said}")
    return done.stdout


class Progress:
    """A line on standard error: how many measurements are done and how long the rest takes."""

    def __init__(self, title: str, total: int, seconds_each: float) -> None:
        expected = total * seconds_each
        print(f"{title}: {total} measurements, about {minutes(expected)}", file=sys.stderr)
        interval = 0.5 if sys.stderr.isatty() else 30.0
        self._bar = tqdm(total=total, desc=title, mininterval=interval, ncols=100)

    def done(self) -> None:
        """Count one measurement."""
        self._bar.update()

    def __enter__(self) -> Progress:
        return self

    def __exit__(self, *_error: object) -> None:
        self._bar.close()


def minutes(seconds: float) -> str:
    """`95.0` -> `1 min 35 s`."""
    whole = round(seconds)
    return f"{whole // 60} min {whole % 60} s" if whole >= 60 else f"{whole} s"


# ---- Statistics ---------------------------------------------------------------------------------


@dataclass(frozen=True)
class Spread:
    """A median with the quartiles around it."""

    median: float
    lower: float
    upper: float
    count: int

    @classmethod
    def of(cls, values: Iterable[float]) -> Spread:
        """Of at least one value."""
        data = np.fromiter(values, dtype=float)
        lower, median, upper = np.percentile(data, [25, 50, 75])
        return cls(float(median), float(lower), float(upper), data.size)


@dataclass(frozen=True)
class Interval:
    """A figure with its 95 % interval."""

    value: float
    lower: float
    upper: float


def paired(values: Mapping[str, Mapping[int, float]], base: str) -> dict[str, list[float]]:
    """Ratios to `base` of the same round. `values` is {name: {round: value}}."""
    reference = values[base]
    return {
        name: [rounds[n] / reference[n] for n in sorted(rounds) if n in reference]
        for name, rounds in values.items()
    }


def geomean(values: Iterable[float]) -> float:
    """Return the geometric mean."""
    return float(stats.gmean(np.fromiter(values, dtype=float)))


def geomean_of_medians(samples: Sequence[Sequence[float]], resamples: int = 2000) -> Interval:
    """Return the geometric mean over benchmarks of each one's median ratio.

    The interval is a bootstrap over the rounds of every benchmark: it tells what the noise of this
    machine leaves open for *these* benchmarks, not what other benchmarks would give.
    """

    def statistic(*data: np.ndarray, axis: int) -> np.ndarray:
        medians = np.stack([np.median(sample, axis=axis) for sample in data])
        return np.asarray(stats.gmean(medians, axis=0))

    arrays = [np.asarray(sample, dtype=float) for sample in samples]
    value = float(stats.gmean([np.median(sample) for sample in arrays]))
    if min(sample.size for sample in arrays) < 2 or all(np.ptp(one) == 0 for one in arrays):
        return Interval(value, value, value)
    found = stats.bootstrap(
        arrays, statistic, n_resamples=resamples, method="percentile", rng=np.random.default_rng(1)
    ).confidence_interval
    return Interval(value, float(found.low), float(found.high))


# ---- Raw data -----------------------------------------------------------------------------------


def processor() -> str:
    """Return the model of the processor, as the kernel names it."""
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


def commit() -> str:
    """Return the commit of the tree, with `-dirty` where files other than results differ."""

    def git(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = ["git", "-C", str(ROOT), *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=False)

    found = git("rev-parse", "--short=12", "HEAD").stdout.strip()
    changed = git("diff", "--quiet", "HEAD", "--", ".", ":!bench/results").returncode
    return (found or "no commit") + ("-dirty" if changed else "")


def python_version(python: str) -> str:
    """`3.13.0` for the path of an interpreter; BenchError when it does not run."""
    code = "import platform; print(platform.python_version())"
    return run([python, "-c", code], os.environ).strip()


def short_version(python: str) -> str:
    """`3.13` for the path of an interpreter: names result files."""
    return ".".join(python_version(python).split(".")[:2])


def provenance(python: str | None = None, **more: str) -> dict[str, str]:
    """Where a measurement is from: what stands on top of every file of raw data."""
    pages = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    facts = {
        "command": "python -m " + shlex.join([_module_name(), *sys.argv[1:]]),
        "machine": f"{processor()}, {os.cpu_count()} processors, {pages / 2**30:.0f} GiB",
        "kernel": f"{platform.system()} {platform.release()}",
        "libc": " ".join(platform.libc_ver()),
        "commit": commit(),
        "date": time.strftime("%Y-%m-%d %H:%M %z"),
    }
    if python is not None:
        facts["python"] = python_version(python)
    return facts | more


def packages(python: str, names: Sequence[str], part: str) -> str:
    """`flask 3.1.3, gunicorn 27.0.1`: what an interpreter has of these.

    Raise BenchError where it lacks one that bench/<part>/requirements.txt asks for.
    """
    code = f"from importlib.metadata import version as v; print(*map(v, {list(names)!r}))"
    try:
        found = run([python, "-c", code], os.environ).split()
    except BenchError:
        wanted = f"{python} -m pip install -r bench/{part}/requirements.txt"
        raise BenchError(f"{python} lacks one of {', '.join(names)}: {wanted}") from None
    return ", ".join(f"{name} {version}" for name, version in zip(names, found))


def result_file(kind: str, python: str | None = None) -> Path:
    """Return bench/results/<kind>-<version of python>.csv."""
    return RESULTS / (f"{kind}-{short_version(python)}.csv" if python else f"{kind}.csv")


def _module_name() -> str:
    spec = getattr(sys.modules["__main__"], "__spec__", None)
    return spec.name if spec is not None else Path(sys.argv[0]).name


class Results:
    """A CSV file of raw data: `# key: value` lines, then a header, then one line a measurement.

    Lines reach the file as they are measured, so a run that is cut short keeps what it has.
    """

    def __init__(self, path: Path, facts: Mapping[str, str], columns: Sequence[str]) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self.path = path
        self._file: TextIO = path.open("w", encoding="utf-8", newline="")
        for key, value in facts.items():
            self._file.write(f"# {key}: {value}\n")
        self._writer = csv.DictWriter(self._file, columns, lineterminator="\n")
        self._writer.writeheader()

    def add(self, **values: object) -> None:
        """Write one measurement; floats with seven digits."""
        self._writer.writerow(
            {key: f"{v:.7g}" if isinstance(v, float) else v for key, v in values.items()}
        )
        self._file.flush()

    def __enter__(self) -> Results:
        return self

    def __exit__(self, *_error: object) -> None:
        self._file.close()


def record(
    once: Callable[[int, T], Mapping[str, object]],
    order: Iterable[tuple[int, T]],
    results: Results,
    progress: Progress,
    jobs: int = 1,
) -> None:
    """Measure each turn of `order`, so many at the same time, and write what `once` returns."""
    with ThreadPoolExecutor(jobs) as pool:
        for line in pool.map(lambda turn: once(*turn), order):
            results.add(**line)
            progress.done()


def read_results(path: Path) -> tuple[dict[str, str], list[dict[str, str]]]:
    """Return the facts on top of a file that Results wrote, and its lines."""
    facts: dict[str, str] = {}
    with path.open(encoding="utf-8", newline="") as file:
        position = 0
        while (line := file.readline()).startswith("# "):
            key, _, value = line[2:].rstrip("\n").partition(": ")
            facts[key] = value
            position = file.tell()
        file.seek(position)
        return facts, list(csv.DictReader(file))


def by_allocator(
    lines: Iterable[Mapping[str, str]], column: str, **where: str
) -> dict[str, dict[int, float]]:
    """{allocator: {round: value of `column`}} of the lines whose columns equal `where`."""
    found: dict[str, dict[int, float]] = defaultdict(dict)
    for line in lines:
        if all(line[key] == value for key, value in where.items()):
            found[line["allocator"]][int(line["round"])] = float(line[column])
    return dict(found)


# ---- The table ----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Row:
    """One line of the table of `make bench`: a figure for every allocator, and Shoal's place.

    `text` replaces a figure by a longer form, such as one with its interval.
    `met` is whether Shoal reaches what it aims at; None when there is no aim. A row that is not
    `ranked` says what the others are to be read against, and has no place and no best. A `detail`
    is one of many that another row sums up.
    """

    section: str
    title: str
    values: Mapping[str, float]
    aim: str = ""
    met: bool | None = None
    less_is_better: bool = True
    ranked: bool = True
    detail: bool = False
    digits: int = 3
    text: Mapping[str, str] = field(default_factory=dict)

    def shown(self, name: str) -> str:
        """Return the figure of an allocator as text."""
        if name in self.text:
            return self.text[name]
        return f"{self.values[name]:.{self.digits}f}" if name in self.values else "-"

    def place(self) -> str:
        """Shoal's place among those measured, `1 of 8`; figures that print alike share a place."""
        if SHOAL not in self.values or not self.ranked:
            return "-"
        sign = 1 if self.less_is_better else -1
        rounded = {name: sign * round(v, self.digits) for name, v in self.values.items()}
        ahead = sum(value < rounded[SHOAL] for value in rounded.values())
        return f"{ahead + 1} of {len(rounded)}"


def ratio_row(
    section: str,
    title: str,
    ratios: Mapping[str, Iterable[float]],
    aim: float | None = None,
    *,
    less_is_better: bool = True,
    detail: bool = False,
) -> Row:
    """Return the row of the medians over rounds, Shoal's with its quartiles."""
    spreads = {name: Spread.of(values) for name, values in ratios.items()}
    medians = {name: spread.median for name, spread in spreads.items()}
    shoal = spreads.get(SHOAL)
    met = None
    if shoal and aim is not None:
        met = shoal.median <= aim if less_is_better else shoal.median >= aim
    text = {SHOAL: f"{shoal.median:.3f} ({shoal.lower:.3f}-{shoal.upper:.3f})"} if shoal else {}
    said = "" if aim is None else f"{'<=' if less_is_better else '>='} {aim:g}"
    return Row(section, title, medians, said, met, less_is_better, detail=detail, text=text)


# ---- Options ------------------------------------------------------------------------------------


def parser(description: str, rounds: int) -> argparse.ArgumentParser:
    """Return the options that every benchmark of Python programs has."""
    options = argparse.ArgumentParser(description=description)
    options.add_argument("--python", default=sys.executable, type=interpreter, metavar="PATH",
                         help="the interpreter to measure; Shoal is installed in it")  # fmt: skip
    options.add_argument("--rounds", type=positive, default=rounds, help="default: %(default)s")
    options.add_argument("--allocators", type=comma_list, metavar="A,B",
                         help="default: all that bench/peers.py knows")  # fmt: skip
    options.add_argument("--cpu", type=int, metavar="N", help="run on this processor only")
    options.add_argument("--output", type=Path, metavar="FILE", help="where the raw data goes")
    return options


def positive(text: str) -> int:
    """Read a whole number of at least 1: an argparse type."""
    number = int(text)
    if number < 1:
        raise ValueError(text)
    return number


def interpreter(text: str) -> str:
    """Make the path of an interpreter absolute: an argparse type.

    Links stay, as it is the link in a virtual environment that makes it one.
    """
    return os.path.abspath(shutil.which(text) or text)


def comma_list(text: str) -> list[str]:
    """Split `a,b` into ["a", "b"]: an argparse type."""
    return [part.strip() for part in text.split(",") if part.strip()]


def main(body: Callable[[], None]) -> None:
    """Run a benchmark's main function; what the user must put right is one line and status 2."""
    try:
        body()
    except BenchError as error:
        print(f"bench: {error}", file=sys.stderr)
        sys.exit(2)
    except KeyboardInterrupt:
        sys.exit(130)
