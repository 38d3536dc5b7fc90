"""The wheels for arm64, installed into arm64 Pythons, which qemu-user runs: `make test-arm64`.

What is wrong with the processor's code would show here: in the heap, the profiler, pickles
and floats. What is Linux's to do is tested where there is one.
"""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
for folder in ("tests/support", "tools"):
    sys.path.insert(0, str(ROOT / folder))

import arm64  # noqa: E402
import checks  # noqa: E402

BUILD = ROOT / "build" / "arm64-package"

SKIPPED = {
    "shoal inspect, shoal top": "what they would read of a process is qemu's",
    "memory after seconds of rest": "qemu-user takes no notice of MADV_FREE",
}

PROFILED = """
from shoal import profile

@profile
def experiment(count):
    x = [[i] for i in range(count)]
    del x

experiment(20_000)
"""

PICKLES = """
import pickle, shoal.pickle
rows = [(i, i / 7, f"name {i}", b"x" * (i % 9), None, i % 2 == 0, {"a": [i]}) for i in range(2000)]
for protocol in range(6):
    assert shoal.pickle.loads(pickle.dumps(rows, protocol)) == rows
    assert pickle.loads(shoal.pickle.dumps(rows, protocol)) == rows
"""

FLAT = """
import array, random, struct, sys
import shoal._flat, shoal.flat
random.seed(1)
floats = [struct.unpack("d", random.randbytes(8))[0] for _ in range(3000)]
floats = [x for x in floats if x - x == 0] + [0.1, -0.0, 5e-324, 1e23, sys.float_info.max]
rows = [(x, i - 5, f"name {i}") for i, x in enumerate(floats)]
shoal.flat.dump(rows, sys.argv[1])
with open(sys.argv[1]) as file:
    assert file.read() == "".join(f"{row!r}\\n" for row in rows)
assert list(shoal.flat.load(sys.argv[1])) == rows
assert shoal._flat.FLOATS == "library"
"""

HEAP = """
import threading, shoal
def work():
    for _ in range(20):
        blocks = [bytearray(n) for n in range(0, 40_000, 97)]
    del blocks
threads = [threading.Thread(target=work) for _ in range(4)]
for thread in threads: thread.start()
for thread in threads: thread.join()
x = [[i] for i in range(100_000)]
live = shoal.usage().live
del x
assert shoal.usage().live < live - 5_000_000
assert shoal.usage().returned > 0
print(shoal.is_active(), shoal.trim() >= 0)
"""


class Package:
    """One wheel in an environment of an arm64 Python."""

    def __init__(self, version: str) -> None:
        self.version = version
        self.home = BUILD / version
        self.python = self.home / "bin" / "python"

    def said(self, *words: object, status: int = 0) -> str:
        """Return what the interpreter prints."""
        environment = {"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8", "COLUMNS": "120"}
        return checks.said([self.python, *words], environment, status)

    def is_installed(self) -> None:
        """Pip finds that the wheel of dist/ fits, and the two packages that it needs.

        It runs on this machine, told of the other: in the emulator it takes minutes.
        """
        shutil.rmtree(self.home, ignore_errors=True)
        environment = {"PATH": os.environ["PATH"]}
        python = arm64.program(self.version)
        checks.said([python, "-m", "venv", "--without-pip", self.home], environment)
        (wheel,) = (ROOT / "dist").glob(f"*-cp{self.version.replace('.', '')}-*_aarch64.whl")
        here = ROOT / f".venv-{self.version}" / "bin" / "python"
        packages = self.home / "lib" / f"python{self.version}" / "site-packages"
        fitting = ["--platform", "manylinux_2_28_aarch64", "--platform", "manylinux2014_aarch64"]
        installing = [here, "-m", "pip", "install", "-q", "--only-binary=:all:", *fitting]
        checks.said([*installing, "--target", packages, wheel], environment)
        code = "import os, shoal; shoal.install(); print(os.uname().machine, shoal.is_active())"
        assert self.said("-c", code) == "aarch64 True\n"

    def runs(self) -> None:
        """The heap serves a program from its start, with threads, and its status is passed on."""
        assert self.said("-m", "shoal", "run", "-c", HEAP) == "True True\n"
        assert self.said("-m", "shoal", "run", "-c", "raise SystemExit(7)", status=7) == ""
        assert "given back to the system" in self.said("-m", "shoal", "run", "--stats", "-c", "1")

    def profiles(self) -> None:
        """The table has what each line left and freed."""
        script = self.home / "profiled.py"
        script.write_text(PROFILED)
        table = self.said("-m", "shoal", "profile", script)
        assert "x = [[i] for i in range(count)]" in table, table
        assert "Line 7 freed" in table, table
        assert f"on Shoal's heap, CPython {self.version}" in table, table

    def pickles(self) -> None:
        """Pickles go both ways between shoal.pickle and the standard module."""
        assert self.said("-c", PICKLES) == ""

    def keeps_flat_files(self) -> None:
        """Floats are written as repr does, and read back bit by bit."""
        assert self.said("-c", FLAT, self.home / "rows.flat") == ""

    def refuses(self) -> None:
        """Bad input gets its one line there too."""
        line = self.said("-m", "shoal", "run", "not-there.py", status=2)
        assert line == "shoal run: no such script: not-there.py\n", line

    def checks(self) -> list[tuple[str, Callable[[], None]]]:
        """Return the checks, by name."""
        named = (
            ("the wheel is installed", self.is_installed),
            ("shoal run", self.runs),
            ("shoal profile", self.profiles),
            ("shoal.pickle", self.pickles),
            ("shoal.flat", self.keeps_flat_files),
            ("bad input", self.refuses),
        )
        return [(f"{self.version}: {name}", check) for name, check in named]


def main() -> int:
    """Run the checks and return the exit status."""
    named = [check for version in arm64.SUITES for check in Package(version).checks()]
    return checks.run(named, SKIPPED)


if __name__ == "__main__":
    sys.exit(main())
