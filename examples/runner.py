"""Runs the programs of this directory in fresh processes and collects what they measured."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import catalogue

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

HERE = Path(__file__).parent
PATIENCE = 900  # seconds a program may take
FEWEST = 100  # elements, however small the factor


class DemoError(Exception):
    """Something that ends the demo; its text is one clear line."""


@dataclass(frozen=True)
class Side:
    """One of the two allocators, as an environment for programs.

    Attributes
    ----------
    key
        ``own`` or ``shoal``, as the programs and the JSON call it.
    name
        As messages call it.
    environment
        The environment variables of its programs.
    """

    key: str
    name: str
    environment: dict[str, str]


@dataclass(frozen=True)
class Result:
    """What one experiment measured: by side, the document the program wrote."""

    experiment: catalogue.Experiment
    count: int
    documents: dict[str, dict[str, Any]]


@dataclass(frozen=True)
class Survival:
    """What one row of the last table measured."""

    kind: str
    share: float
    count: int
    documents: dict[str, dict[str, Any]]


@dataclass
class Job:
    """One process to run, and where its document goes."""

    side: Side
    program: str
    label: str
    arguments: list[str]
    documents: dict[str, dict[str, Any]] = field(default_factory=dict)


def sides() -> tuple[Side, Side]:
    """Set up the interpreter's own allocator, and Shoal."""
    try:
        import shoal
    except ImportError as error:
        raise DemoError(f"shoal is not installed for {sys.executable} ({error})") from None
    library = shoal.library_path()
    if not Path(library).is_file():
        raise DemoError(f"shoal is installed without its library {library}")
    if not Path("/proc/self/smaps_rollup").exists():
        raise DemoError("/proc/self/smaps_rollup is missing: the demo needs Linux 4.14 or later")
    environment = {
        name: value
        for name, value in os.environ.items()
        if name != "PYTHONMALLOC" and not name.startswith("SHOAL_")
    }
    environment["PYTHONHASHSEED"] = "0"
    # The demo itself may be running on Shoal: its children then must choose.
    others = environment.pop("LD_PRELOAD", "").replace(" ", ":").split(":")
    others = [path for path in others if path and "libshoal" not in path]
    own = {**environment, "LD_PRELOAD": ":".join(others)} if others else environment
    ours = {**environment, "LD_PRELOAD": ":".join([library, *others])}
    return Side("own", "its own allocator", own), Side("shoal", "Shoal", ours)


class Demo:
    """The experiments that were asked for, at one size, in one scratch directory.

    Parameters
    ----------
    factor
        Of the article's sizes.
    letters
        Which experiments.
    scratch
        An empty directory for the data and the documents.
    """

    def __init__(self, factor: float, letters: list[str], scratch: Path) -> None:
        self.factor = factor
        self.scratch = scratch
        self.sides = sides()
        self.results: list[Result] = []
        self.survivals: list[Survival] = []
        self._jobs = [*self._experiment_jobs(letters), *self._survivor_jobs(letters)]

    def __len__(self) -> int:
        return len(self._jobs)

    def scaled(self, count: int) -> int:
        """How many elements this run has where the article has `count`."""
        return max(FEWEST, round(count * self.factor))

    def run(self, begin: Callable[[str], None], end: Callable[[], None]) -> None:
        """Run every program, one after the other.

        Parameters
        ----------
        begin
            Called before each program with a few words that say what runs.
        end
            Called after each program.

        Raises
        ------
        DemoError
            When a program fails.
        """
        for job in self._jobs:
            begin(job.label)
            document = self._measure(job)
            if document["allocator"] != job.side.key:
                raise DemoError(
                    f"{job.label}: {job.program} ran on another allocator: "
                    "was libshoal.so refused by this Python?"
                )
            job.documents[job.side.key] = document
            end()

    def _experiment_jobs(self, letters: list[str]) -> Iterator[Job]:
        chosen = [one for one in catalogue.EXPERIMENTS if one.letter in letters]
        for one in chosen:
            if one.writer is not None and one.writer not in letters:
                yield self._writer_job(one.writer)
            result = Result(one, self.scaled(one.count), {})
            self.results.append(result)
            for side in self.sides:
                label = f"{one.letter} {one.title}, {side.name}"
                arguments = self._arguments(result.count, one.data)
                yield Job(side, one.program, label, arguments, result.documents)

    def _writer_job(self, letter: str) -> Job:
        """Build a job that writes the data of an experiment which was not asked for."""
        writer = next(one for one in catalogue.EXPERIMENTS if one.letter == letter)
        arguments = self._arguments(self.scaled(writer.count), writer.data)
        return Job(self.sides[0], writer.program, f"{letter} {writer.title}", arguments)

    def _survivor_jobs(self, letters: list[str]) -> Iterator[Job]:
        if catalogue.SURVIVORS not in letters:
            return
        for kind, count in catalogue.KINDS.items():
            for share in catalogue.SHARES:
                survival = Survival(kind, share, self.scaled(count), {})
                self.survivals.append(survival)
                arguments = [*self._arguments(survival.count), "--kind", kind, "--keep", str(share)]
                for side in self.sides:
                    label = f"survivors: {kind}, {share:.1%}, {side.name}"
                    program = catalogue.SURVIVORS_PROGRAM
                    yield Job(side, program, label, arguments, survival.documents)

    def _arguments(self, count: int, data: str | None = None) -> list[str]:
        arguments = ["--count", str(count)]
        if data is not None:
            arguments += ["--file", str(self.scratch / data)]
        return arguments

    def _measure(self, job: Job) -> dict[str, Any]:
        """Run one program and read the document it wrote."""
        path = self.scratch / "document.json"
        path.unlink(missing_ok=True)
        command = [sys.executable, str(HERE / job.program), *job.arguments, "--json", str(path)]
        try:
            done = subprocess.run(
                command,
                env=job.side.environment,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                text=True,
                errors="replace",
                timeout=PATIENCE,
                check=False,
            )
        except subprocess.TimeoutExpired:
            raise DemoError(f"{job.label}: {job.program} took over {PATIENCE} s") from None
        except OSError as error:
            raise DemoError(f"{job.label}: cannot start {command[0]}: {error.strerror}") from None
        complaint = (done.stderr.strip().splitlines() or ["nothing on standard error"])[-1]
        if done.returncode != 0:
            raise DemoError(f"{job.label}: {job.program} {_ending(done.returncode)}: {complaint}")
        try:
            document: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            raise DemoError(f"{job.label}: {job.program} reported nothing: {complaint}") from None
        return document


def _ending(status: int) -> str:
    """Say how a process ended that did not end well."""
    if status >= 0:
        return f"ended with status {status}"
    try:
        return f"was ended by {signal.Signals(-status).name}"
    except ValueError:
        return f"was ended by signal {-status}"
