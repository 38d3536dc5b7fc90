"""What is compared: a command that looks at a process, and what of its answer is a figure."""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from bench import harness
from bench.harness import ROOT, SHOAL, BenchError
from bench.inspect.target import told_live

NOBODY = "nobody"
FREEZE = "shoal-freeze"


@dataclass(frozen=True)
class Answer:
    """What a tool told of the three: live bytes, held bytes, types that pin; None is nothing."""

    live: int | None = None
    held: int | None = None
    pins: int | None = None
    reading: float | None = None  # seconds of its own account
    frozen: float | None = None

    def told(self) -> int:
        """How many of the three."""
        return sum(figure is not None for figure in (self.live, self.held, self.pins))


_HELD = ("bytes in available blocks", "bytes lost to", r"\d+ unused pools", "arena alignment")


def _nothing(_said: str, _errors: str) -> Answer:
    return Answer()


def _shoal(said: str, _errors: str) -> Answer:
    found = json.loads(said)
    held = sum(
        found["resident"][name] for name in ("sparse", "free_blocks", "free_pools", "reserve")
    )
    live = sum(arena["live_bytes"] for arena in found["arenas"])
    return Answer(
        live, held, len(found["pinning"]), found["seconds"], found["longest_stop_seconds"]
    )


def _debugmallocstats(_said: str, errors: str) -> Answer:
    """Return what pymalloc wrote on the standard error of the process."""
    held = 0
    for name in _HELD:
        for found in re.findall(rf"# {name}.* = +([\d,]+)$", errors, re.MULTILINE):
            held += int(found.replace(",", ""))
    return Answer(told_live(errors) or None, held or None)


@dataclass(frozen=True)
class Tool:
    """A way to look at a process.

    `command` has "{pid}" and "{output}", a file that need not be; none: guppy is asked, or nobody.
    A process of its own is kept for a tool that leaves something behind in what it looks at.
    """

    name: str
    command: tuple[str, ...] = ()
    answer: Callable[[str, str], Answer] = _nothing
    package: str = ""  # at PyPI
    program: str = ""  # or of the system
    disturbs: bool = False
    on_shoal: bool = False  # whether it is of use where Shoal has the objects
    environment: Mapping[str, str] = field(default_factory=dict)


_INSPECT = ("{python}", "-m", "shoal", "inspect", "{pid}", "--json")
# The function that sys._debugmallocstats calls: it is exported, so that no symbols are needed.
_CALL = "call (int)_PyObject_DebugMallocStats(*(void **)&stderr)"

_LISTED = (
    Tool(NOBODY, on_shoal=True),
    Tool(SHOAL, _INSPECT, _shoal, on_shoal=True),
    Tool(FREEZE, (*_INSPECT, "--freeze"), _shoal, on_shoal=True),
    Tool("py-spy", ("{bin}/py-spy", "dump", "--pid", "{pid}"), package="py-spy"),
    Tool("memray", ("{python}", "-m", "memray", "attach", "--aggregate", "--force",
                    "--duration", "1", "-o", "{output}", "{pid}"),
         package="memray", program="gdb", disturbs=True),
    Tool("guppy3", package="guppy3", disturbs=True),
    Tool("gdb", ("gdb", "-nx", "-batch", "-p", "{pid}", "-ex", _CALL), _debugmallocstats,
         program="gdb", disturbs=True),
)  # fmt: skip

TOOLS = {tool.name: tool for tool in _LISTED}


def chosen(names: Sequence[str] | None) -> list[Tool]:
    """Return the tools named, or all."""
    for name in names or ():
        if name not in TOOLS:
            raise BenchError(f"unknown tool '{name}'; known: {', '.join(TOOLS)}")
    return [TOOLS[name] for name in names or TOOLS]


def versions(python: str, tools: Sequence[Tool]) -> str:
    """Return the versions of what is compared; BenchError names what is missing."""
    found = []
    code = "import sys; from importlib.metadata import version; print(version(sys.argv[1]))"
    for name in sorted({tool.package for tool in tools if tool.package}):
        try:
            version = harness.run([python, "-c", code, name], os.environ).strip()
        except BenchError:
            wanted = f"{python} -m pip install -r bench/inspect/requirements.txt"
            raise BenchError(f"{python} lacks {name}: {wanted}") from None
        found.append(f"{name} {version}")
    for program in sorted({tool.program for tool in tools if tool.program}):
        if shutil.which(program) is None:
            raise BenchError(f"{program} is missing: apt-get install {program}")
        line = harness.run([program, "--version"], os.environ).splitlines()[0]
        found.append(f"{program} {line.split()[-1]}")
    return ", ".join(found)


def filled(tool: Tool, python: str, pid: int, output: Path) -> list[str]:
    """Return the command for a process."""
    words = {"python": python, "bin": str(Path(python).parent), "pid": pid, "output": output}
    return [word.format(**words) for word in tool.command]


TARGET = str(ROOT / "bench" / "inspect" / "target.py")
