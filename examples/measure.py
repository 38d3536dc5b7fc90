"""Where a program's memory is after each of its lines.

Every program of this directory uses it the same way::

    run = measure.begin(measure.options(__doc__, count=1_000_000))
    x = list(range(run.count))
    run.step("x = list(range(count))")
    run.finish()

`finish` prints a table, or writes JSON to the file that ``--json`` names.
Run by ``python`` a program shows the interpreter's own allocator; run by
``shoal run`` it shows Shoal, with what is live, held and returned as well.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

if TYPE_CHECKING:
    from collections.abc import Callable

MB = 1 << 20

# Imported only where Shoal already serves the process: the other side of the
# comparison must be the plain interpreter. And imported here, at the top, so
# that the import itself is part of no step.
ON_SHOAL = "libshoal" in os.environ.get("LD_PRELOAD", "")
if ON_SHOAL:
    import shoal

    # The import adds a hook to the garbage collector; a program that knows
    # nothing of Shoal, which is what is measured here, runs without it.
    shoal.release_after_gc(False)


@dataclass(frozen=True)
class Step:
    """The memory of the process when a line has been executed, in bytes.

    Attributes
    ----------
    line
        The source of the line.
    resident
        Pss less LazyFree of ``/proc/self/smaps_rollup``: each page counted
        once, and pages the kernel may take at any time not counted.
    peak
        The most that was resident while the line ran; None where the kernel
        does not let a process reset its high-water mark.
    live, held, returned
        As `shoal.usage` gives them (`returned`: since the process began);
        None on the interpreter's own allocator.
    """

    line: str
    resident: int
    peak: int | None
    live: int | None = None
    held: int | None = None
    returned: int | None = None


class OneLineParser(argparse.ArgumentParser):
    """A parser whose complaint is one line, without the usage before it."""

    def error(self, message: str) -> NoReturn:
        """Print `message` with the program's name and exit with status 2."""
        self.exit(2, f"{self.prog}: {message}\n")


class Process:
    """The kernel's account of this process, read through open descriptors."""

    def __init__(self) -> None:
        try:
            self._rollup = os.open("/proc/self/smaps_rollup", os.O_RDONLY)
            self._status = os.open("/proc/self/status", os.O_RDONLY)
        except OSError as error:
            sys.exit(f"measure: cannot read {error.filename}: {error.strerror}")
        try:
            self._clear: int | None = os.open("/proc/self/clear_refs", os.O_WRONLY)
        except OSError:
            self._clear = None

    def resident(self) -> int:
        """Pss less LazyFree, in bytes."""
        fields = _fields(self._rollup)
        return fields["Pss"] - fields.get("LazyFree", 0)

    def above(self) -> int | None:
        """Bytes by which the high-water mark lies above what is resident now."""
        if self._clear is None:
            return None
        fields = _fields(self._status)
        return max(0, fields["VmHWM"] - fields["VmRSS"])

    def reset_peak(self) -> None:
        """Let the high-water mark start again from what is resident now."""
        if self._clear is None:
            return
        try:
            os.write(self._clear, b"5")
        except OSError:
            self._clear = None


def _fields(descriptor: int) -> dict[str, int]:
    """Read the lines ``Name:  123 kB`` of a file in /proc, in bytes."""
    text = os.pread(descriptor, 8192, 0).decode("ascii", "replace")
    words = (line.split() for line in text.splitlines() if line.endswith(" kB"))
    return {name.rstrip(":"): int(kilobytes) * 1024 for name, kilobytes, _ in words}


class Run:
    """One run of a program: its options, and the steps it has made."""

    def __init__(self, arguments: argparse.Namespace) -> None:
        self.arguments = arguments
        self.count: int = arguments.count
        self.steps: list[Step] = []
        self.facts: dict[str, int] = {}
        self._process = Process()
        # The first measurement makes what later ones find made.
        self.step("warm-up")
        self.steps.clear()
        self.step("start")

    def step(self, line: str) -> None:
        """Measure now, and name the measurement after the `line` just executed."""
        # What is resident comes first: reading the rest allocates a little.
        resident = self._process.resident()
        above = self._process.above()
        peak = None if above is None else resident + above
        if ON_SHOAL:
            usage = shoal.usage()
            self.steps.append(Step(line, resident, peak, usage.live, usage.held, usage.returned))
        else:
            self.steps.append(Step(line, resident, peak))
        self._process.reset_peak()

    def finish(self, **facts: int) -> None:
        """Report the steps, and `facts` (bytes or counts) of the program's own."""
        self.facts = facts
        if self.arguments.json is None:
            sys.stdout.write(self.table())
        else:
            Path(self.arguments.json).write_text(json.dumps(self.document()), encoding="utf-8")

    def document(self) -> dict[str, Any]:
        """Everything measured, as JSON can hold it."""
        return {
            "python": platform.python_version(),
            "allocator": "shoal" if ON_SHOAL and shoal.is_active() else "own",
            "count": self.count,
            "steps": [asdict(step) for step in self.steps],
            "facts": self.facts,
        }

    def table(self) -> str:
        """Lay out the steps as lines of text, in MB of 2**20 bytes."""
        columns = ["resident", "peak", *(["live", "held", "returned"] if ON_SHOAL else [])]
        width = max(len(step.line) for step in self.steps)
        lines = [
            f"CPython {platform.python_version()}, {'Shoal' if ON_SHOAL else 'its own allocator'}, "
            f"count {self.count:,}; MB of 2**20 bytes",
            " " * width + "".join(f"{name:>10}" for name in columns),
        ]
        for step in self.steps:
            figures = (getattr(step, name) for name in columns)
            cells = ("" if bytes_ is None else f"{bytes_ / MB:.1f}" for bytes_ in figures)
            lines.append(f"{step.line:{width}}" + "".join(f"{cell:>10}" for cell in cells))
        lines += [f"{name.replace('_', ' ')}: {value:,}" for name, value in self.facts.items()]
        return "\n".join(lines) + "\n"


def positive(kind: Callable[[str], float]) -> Callable[[str], float]:
    """Make a converter of options that takes numbers above 0 only."""

    def convert(text: str) -> float:
        try:
            value = kind(text)
        except ValueError:
            value = 0
        if not 0 < value < float("inf"):
            raise argparse.ArgumentTypeError(f"{text!r} is not a number above 0")
        return value

    return convert


def options(doc: str | None, *, count: int, file: str | None = None) -> argparse.ArgumentParser:
    """Make the options every program has; the caller may add its own.

    Parameters
    ----------
    doc
        The program's docstring, shown by ``--help``.
    count
        How many elements the article's program had: the default.
    file
        The name, beside the programs, of the file that is written or read.
    """
    parser = OneLineParser(description=doc, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--count",
        type=positive(int),
        default=count,
        help=f"how many elements (the article's: {count:,})",
    )
    parser.add_argument("--json", metavar="FILE", help="write the measurements to FILE")
    if file is not None:
        default = Path(__file__).with_name(file)
        parser.add_argument("--file", type=Path, default=default, help=f"the data ({default.name})")
    return parser


def begin(parser: argparse.ArgumentParser) -> Run:
    """Read the command line and make the first step, called ``start``."""
    return Run(parser.parse_args())


def open_input(run: Run, writer: str) -> Path:
    """Find the file to read, or end with one clear line and status 2."""
    path: Path = run.arguments.file
    if not path.is_file():
        sys.stderr.write(f"no file {path}: run {writer} first\n")
        sys.exit(2)
    return path
