"""The profilers that are compared, and how a program is run under each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench import harness
from bench.harness import ROOT, SHOAL, BenchError
from bench.peers import Peer, find, proof_of

PYMALLOC = "pymalloc"


@dataclass(frozen=True)
class Profiler:
    """A way to run a program: on an allocator, with a decorator, by a command."""

    name: str
    allocator: str = PYMALLOC
    decorator: str = "none"  # of decorators.py
    command: tuple[str, ...] = ()  # behind the interpreter; {output} is a file of its own
    before_arguments: tuple[str, ...] = ()
    package: str = ""  # at PyPI
    slowness: int = 1  # it gets so much less to do, in programs that count lines

    @property
    def base(self) -> str:
        """What it is compared to: the program alone, on the same allocator."""
        return BASE_OF[self.allocator]


BASE_OF = {PYMALLOC: "none", SHOAL: "none-shoal"}

_MEMRAY = ("-m", "memray", "run", "--quiet", "--force", "--output", "{output}")
_SCALENE = ("-m", "scalene", "run", "--memory", "--program-path", str(ROOT / "bench" / "profile"),
            "--outfile", "{output}")  # fmt: skip

_LISTED = (
    Profiler("none"),
    Profiler("none-shoal", SHOAL),
    Profiler("shoal", SHOAL, "shoal"),
    Profiler("shoal-counters", SHOAL, "shoal-counters"),
    Profiler("shoal-pymalloc", PYMALLOC, "shoal"),
    Profiler("shoal-pymalloc-counters", PYMALLOC, "shoal-counters"),
    Profiler("memory_profiler", decorator="memory_profiler", package="memory_profiler",
             slowness=100),
    Profiler("memray", command=_MEMRAY, package="memray"),
    Profiler("memray-python", command=(*_MEMRAY, "--trace-python-allocators"), package="memray"),
    Profiler("scalene", command=_SCALENE, before_arguments=("---",), package="scalene"),
    Profiler("tracemalloc", decorator="tracemalloc"),
)  # fmt: skip

PROFILERS = {one.name: one for one in _LISTED}


def chosen(names: Sequence[str] | None) -> list[Profiler]:
    """Return the profilers named, or all, with what they are compared to."""
    for name in names or ():
        if name not in PROFILERS:
            raise BenchError(f"unknown profiler '{name}'; known: {', '.join(PROFILERS)}")
    wanted = {name: PROFILERS[name] for name in names or PROFILERS}
    return list(({one.base: PROFILERS[one.base] for one in wanted.values()} | wanted).values())


def versions(python: str, profilers: Sequence[Profiler]) -> str:
    """Return the packages' versions; raise BenchError when the interpreter lacks one of them."""
    names = sorted({one.package for one in profilers if one.package})
    return harness.packages(python, names, "profile")


@dataclass(frozen=True)
class Runs:
    """Runs programs of this folder in an interpreter, under one profiler or another."""

    python: str
    scratch: Path  # a directory for what profilers write
    allocators: Mapping[str, Peer]

    @classmethod
    def of(cls, python: str, scratch: Path) -> Runs:
        """Find the allocators."""
        return cls(python, scratch, {name: find(name, python) for name in BASE_OF})

    def run(self, under: Profiler, program: str, seed: int, *arguments: str) -> str:
        """Return the first line that a program of this folder prints."""
        output = str(self.scratch / under.name)
        command = [self.python, *(word.format(output=output) for word in under.command)]
        file = str(ROOT / "bench" / "profile" / program)
        command += [file, *under.before_arguments, under.decorator, *arguments]
        environment = self.allocators[under.allocator].for_python(seed)
        environment["PYTHONPATH"] = str(ROOT)
        # Profiling would install Shoal's heap, were it not said which is to serve.
        environment["SHOAL_ALLOCATOR"] = under.allocator
        lines = harness.run(command, environment).splitlines()
        found = [line for line in lines if line.startswith("{")]
        if not found:
            raise BenchError(f"{under.name}: {program} printed no result")
        return found[0]

    def proof(self, under: Profiler) -> list[str]:
        """Return the arguments with which a program proves what it runs on."""
        return proof_of(self.allocators[under.allocator])
