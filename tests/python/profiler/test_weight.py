"""What profiling adds to a program before its table is written."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

MOST = 2048  # KiB

HEAVY = {"ast", "dataclasses", "inspect", "json", "linecache", "platform", "re", "rich"}
HEAVY |= {"threading", "tokenize", "typing"}

PROGRAM = """\
import os, sys

def resident():
    fields = {{}}
    with open("/proc/self/smaps_rollup") as file:
        for line in file:
            words = line.split()
            fields[words[0]] = words[1]
    return int(fields["Pss:"]) - int(fields["LazyFree:"])

before = resident()
{}
resident()
after = resident()
print(str([after - before, sorted(sys.modules)]).replace("'", '"'), flush=True)
os._exit(0)  # without the table
"""


def test_profiling_adds_little_until_the_table(plain: Any, tmp_path: Path) -> None:
    def added(what: str) -> tuple[int, set[str]]:
        (tmp_path / "program.py").write_text(PROGRAM.format(what), encoding="utf-8")
        kib, modules = json.loads(plain("-I", "program.py").stdout)
        return kib, set(modules)

    none, modules_before = added("pass")
    ours, modules = added("from shoal import profile; resident = profile(resident)")
    assert ours - none <= MOST
    assert "shoal._profile" in modules
    assert not HEAVY & (modules - modules_before)
