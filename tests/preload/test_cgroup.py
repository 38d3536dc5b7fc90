"""A worker in a cgroup whose limit is little above what it needs: the reserve does not kill it."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import pytest

MOUNTS = Path("/proc/self/mounts")
ROUNDS = 200
# Of what is live and one round of work.
LIMIT = 1.3


@dataclass(frozen=True)
class Kind:
    """A version of cgroups: what its files are called, and where its counts stand."""

    limit: str
    usage: str
    failures: tuple[str, str]  # file, name of the line, "" where the file is the number
    kills: tuple[str, str]


KINDS = {
    "cgroup": Kind(
        "memory.limit_in_bytes",
        "memory.usage_in_bytes",
        ("memory.failcnt", ""),
        ("memory.oom_control", "oom_kill"),
    ),
    "cgroup2": Kind(
        "memory.max", "memory.current", ("memory.events", "max"), ("memory.events", "oom_kill")
    ),
}


@dataclass(frozen=True)
class Group:
    """A cgroup of our own."""

    path: Path
    kind: Kind

    def failures(self) -> int:
        """Return how often the limit was met."""
        return self._count(*self.kind.failures)

    def kills(self) -> int:
        """Return how many processes the kernel killed at it."""
        return self._count(*self.kind.kills)

    def _count(self, file: str, name: str) -> int:
        lines = [line.split() for line in (self.path / file).read_text().splitlines()]
        return next(int(words[-1]) for words in lines if not name or words[0] == name)


def mounted() -> Iterator[tuple[Path, Kind]]:
    """Yield where cgroups that count memory are mounted."""
    for line in MOUNTS.read_text().splitlines():
        _, path, kind, options, *_ = line.split()
        if kind == "cgroup2" or (kind == "cgroup" and "memory" in options.split(",")):
            yield Path(path), KINDS[kind]


def homes(mount: Path) -> Iterator[Path]:
    """Yield the groups in which ours may be made: that of this process, and those above it."""
    for line in Path("/proc/self/cgroup").read_text().splitlines():
        _, controllers, path = line.split(":", 2)
        if not controllers or "memory" in controllers.split(","):
            home = mount / path.lstrip("/")
            yield from (one for one in (home, *home.parents) if one.is_relative_to(mount))


@pytest.fixture
def group() -> Iterator[Group]:
    """Make a cgroup in which memory is counted; skip the test where that is not allowed."""
    name = f"shoal-test-{os.getpid()}"
    for mount, kind in mounted():
        for home in homes(mount):
            path = home / name
            with suppress(OSError):
                path.mkdir()
                try:
                    if os.access(path / kind.limit, os.W_OK):
                        yield Group(path, kind)
                        return
                finally:
                    path.rmdir()
    pytest.skip("no cgroup of memory that can be written to")


# The shell goes into the group before it becomes the interpreter, so that all of it is counted.
ENTER = 'echo $$ > "$1/cgroup.procs" && shift && exec "$@"'
WORK = """
import gc, sys, time
gc.disable()
usage, limit, rounds, share = *sys.argv[1:3], int(sys.argv[3]), float(sys.argv[4])
live = [[i] for i in range(100_000)]
made = [[i] for i in range(200_000)]
with open(usage) as counted, open(limit, "w") as file:
    file.write(str(int(share * int(counted.read()))))
for number in range(rounds):
    made = None
    time.sleep(0.005 * (number % 4))
    made = [(i, str(i)) if number % 2 else [i] for i in range(100_000 + number % 2)]
print(len(live), len(made), number)
"""


def test_a_worker_survives_at_its_limit(preload, group: Group) -> None:
    """200 rounds of small objects, dropped with short pauses, below a limit of 1.3 of one."""
    done = preload(
        "sh", "-c", ENTER, "sh", group.path,
        *(sys.executable, "-c", WORK),
        *(group.path / group.kind.usage, group.path / group.kind.limit, ROUNDS, LIMIT),
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.split() == ["100000", "100001", str(ROUNDS - 1)]
    assert group.kills() == 0
    # What is mapped from files counts, too, and goes first: the limit may be met, but not by each.
    assert group.failures() < ROUNDS // 10
