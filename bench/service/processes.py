"""Memory and CPU time of running processes, from /proc."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

TICKS = os.sysconf("SC_CLK_TCK")
KIB = 1024


@dataclass(frozen=True)
class Memory:
    """Resident bytes of one process or, added up, of several."""

    pss: int  # proportional: a page that n processes map counts as 1/n; less LazyFree
    lazy: int  # LazyFree: resident, but the kernel's to take
    shared: int  # Shared_Clean + Shared_Dirty: pages that other processes map too
    private: int  # Private_Clean + Private_Dirty

    def __add__(self, other: Memory) -> Memory:
        return Memory(
            self.pss + other.pss,
            self.lazy + other.lazy,
            self.shared + other.shared,
            self.private + other.private,
        )


def memory(pid: int) -> Memory:
    """Return what one process has resident, as the kernel counts it in smaps_rollup."""
    fields: dict[str, int] = {}
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()[1:]:
        name, _, rest = line.partition(":")
        fields[name] = int(rest.split()[0]) * KIB
    return Memory(
        fields["Pss"] - fields["LazyFree"],
        fields["LazyFree"],
        fields["Shared_Clean"] + fields["Shared_Dirty"],
        fields["Private_Clean"] + fields["Private_Dirty"],
    )


def memory_of(pids: Iterable[int]) -> Memory:
    """Return the sum over several processes."""
    return sum((memory(pid) for pid in pids), Memory(0, 0, 0, 0))


def _stat(pid: int) -> list[str]:
    """Return the fields of /proc/PID/stat from the state on: the name may hold blanks."""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()


def cpu_seconds(pids: Iterable[int]) -> float:
    """Return the user and system time that processes have used so far."""
    return sum(int(ticks) for pid in pids for ticks in _stat(pid)[11:13]) / TICKS


def children(pid: int) -> list[int]:
    """Return the processes that a process has forked and that still run."""
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def maps_file(pid: int, path: Path) -> bool:
    """Return whether a process has a file mapped."""
    return str(path) in Path(f"/proc/{pid}/maps").read_text()
