"""Reads how much memory a process has, while it stands still."""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.harness import ROOT, BenchError


@dataclass(frozen=True)
class Resident:
    """What a process has resident, in KiB, from /proc/<pid>/smaps_rollup and status."""

    pss: int  # shared pages count by share, pages that MADV_FREE gave back do not count
    rss: int  # as top shows it
    data: int  # of pss: not from files, so nobody else who runs the same files changes it
    peak: int  # the highest rss so far
    huge: int  # of rss: anonymous, on pages of 2 MiB that the kernel made of small ones

    @classmethod
    def of(cls, pid: int) -> Resident:
        """Read it now."""
        found = _fields(Path(f"/proc/{pid}/smaps_rollup"))
        lazily_freed = found["LazyFree"]
        return cls(
            pss=found["Pss"] - lazily_freed,
            rss=found["Rss"],
            data=found["Pss_Anon"] + found["Pss_Shmem"] - lazily_freed,
            peak=_fields(Path(f"/proc/{pid}/status"))["VmHWM"],
            huge=found["AnonHugePages"],
        )


def _fields(path: Path) -> dict[str, int]:
    """Return the `Name:  123 kB` lines of a file."""
    split = (line.split() for line in path.read_text().splitlines())
    return {words[0][:-1]: int(words[1]) for words in split if words[-1:] == ["kB"]}


class Watched:
    """A program that stops itself (SIGSTOP) where its memory is to be read."""

    def __init__(self, command: Sequence[str], environment: Mapping[str, str]) -> None:
        self._command = shlex.join(command)
        self._process = subprocess.Popen(
            command, env=dict(environment), text=True, cwd=ROOT,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )  # fmt: skip

    def at_stop(self) -> Resident:
        """Wait for the program's next stop, read its memory and let it go on."""
        _, status = os.waitpid(self._process.pid, os.WUNTRACED)
        if not os.WIFSTOPPED(status):
            self._process.returncode = os.waitstatus_to_exitcode(status)
            self.finish()
            raise BenchError(f"{self._command}: ended before it stopped")
        resident = Resident.of(self._process.pid)
        self._process.send_signal(signal.SIGCONT)
        return resident

    def finish(self) -> str:
        """Wait for the end and return what the program printed; BenchError when it failed."""
        output, errors = self._process.communicate()
        if self._process.returncode:
            said = (errors.strip() or "(it said nothing)").splitlines()[-1]
            raise BenchError(f"{self._command}: status {self._process.returncode}: {said}")
        return output

    def __enter__(self) -> Watched:
        return self

    def __exit__(self, *_error: object) -> None:
        if self._process.returncode is None:
            self._process.kill()
            self._process.communicate()
