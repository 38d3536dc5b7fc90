"""Looks at programs of many kinds, and writes what of their memory nobody explains.

``.venv-3.13/bin/python -m bench.unexplained -o docs/unexplained.md``: run it in the
interpreter that is measured, which has the package and what requirements.txt names.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from shoal import inspect, library_path

from bench.unexplained.programs import PROGRAMS

TELLS = """
import shoal, json, sys
rss = shoal.usage().rss
print(json.dumps([rss.total, rss.unexplained, dict(rss.mapped_by)]), flush=True)
sys.stdin.read()
"""

INTRODUCTION = """\
# What of the memory nobody explains

Per cent of what is resident: `unexplained` of `shoal.usage()`, asked in the program itself, and
"other" of `shoal inspect`, which looks from outside. "Named" is memory that libraries have
mapped themselves, in per cent too, with the library that has most of it; it is in neither. Made by
`python -m bench.unexplained -o docs/unexplained.md` (CPython {version}).

| program | heap | MiB | usage | inspect | named |
|---|---|---|---|---|---|
"""


@dataclass(frozen=True)
class Found:
    """What was found of a program: bytes."""

    program: str
    heap: str
    total: int
    unexplained: float
    other: float
    named: float
    library: str

    def line(self) -> str:
        """Return it as a row."""
        named = f"{self.named:.1f} {self.library}" if self.named >= 0.05 else ""
        return (
            f"| {self.program} | {self.heap} | {self.total / 2**20:.0f} "
            f"| {self.unexplained:.2f} | {self.other:.2f} | {named} |"
        )


def look(program: str, heap: str) -> Found:
    """Run a program on a heap until it holds what it holds, and look at it."""
    environment = dict(os.environ)
    if heap == "Shoal":
        environment["LD_PRELOAD"] = library_path()
    child = subprocess.Popen(
        [sys.executable, "-c", PROGRAMS[program] + TELLS],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=environment,
        start_new_session=True,
    )
    assert child.stdout is not None
    try:
        total, unexplained, _ = json.loads(child.stdout.readline())
        pid = _worker(child.pid) if program == "a forked worker" else child.pid
        resident = inspect.take(pid).resident
    finally:
        os.killpg(child.pid, 9)
        child.communicate()
    library = resident.mapped_by[0].name if resident.mapped_by else ""
    return Found(
        program,
        heap,
        resident.total,
        100 * unexplained / total,
        100 * resident.other / resident.total,
        100 * resident.libraries / resident.total,
        library,
    )


def _worker(parent: int) -> int:
    children = Path(f"/proc/{parent}/task/{parent}/children").read_text().split()
    return int(children[0])


def main() -> int:
    """Look at all of them."""
    parser = argparse.ArgumentParser(prog="bench.unexplained", description=__doc__)
    parser.add_argument("-o", dest="output", help="write the table to a file")
    parser.add_argument("programs", nargs="*", help="only these; by default all")
    options = parser.parse_args()
    lines = []
    for program in options.programs or PROGRAMS:
        for heap in ("pymalloc", "Shoal"):
            found = look(program, heap)
            lines.append(found.line())
            print(lines[-1], flush=True)
    if options.output:
        introduction = INTRODUCTION.format(version=sys.version.split()[0])
        Path(options.output).write_text(introduction + "\n".join(lines) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
