"""Runs the test suites one after another and adds up what they say.

`make test` builds what the suites need and calls this. Every suite runs even
when an earlier one failed; its output passes through as it comes. The last line
is the sum, ``N passed, N failed, N skipped``; exit status 1 if anything failed,
2 for a suite name that does not exist.
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import pythons

ROOT = Path(__file__).resolve().parent.parent
BIN = Path(sys.executable).parent

THREADED = ("threads", "process", "heap", "mapping", "collect", "idle", "watch")
"""The C tests that ThreadSanitizer is for; it makes the others slow and finds nothing in them."""

HEAP_TESTS = (
    *("tests/preload", "tests/python"),
    *(f"--ignore=tests/python/{room}" for room in ("flat", "inspect", "serial", "top")),
)
"""What depends on how the interpreter was built: what the heap does in it, and the profiler."""

ALL = ("tests/python", "tests/preload")

SAME_IN_ALL = (
    *(
        f"tests/preload/test_{name}.py"
        for name in ("c_programs", "cgroup", "large_pages", "opening", "real_programs")
    ),
    *(f"tests/python/test_{name}.py" for name in ("documents", "examples", "long_loads", "wheels")),
    "tests/python/flat",
    *(
        f"tests/python/top/test_{name}.py"
        for name in ("finding", "live", "readings", "rows", "watch")
    ),
    *(f"tests/python/inspect/test_{name}.py" for name in ("compare", "diagnosis", "screen")),
    *(
        f"tests/python/profiler/test_{name}.py"
        for name in (
            *("compat_table", "export", "magics", "mallocs", "memory_usage", "mprof_files"),
            *("mprof_plot", "mprof_run", "pytest_memrays_marks", "pytest_plugin", "table"),
            *("units", "verdict"),
        )
    ),
)
"""What knows nothing, or next to nothing, of the version: C programs and what C code asks
malloc for, documents, files of literals, other processes watched from outside, screens and
tables of made-up figures. It runs on the oldest and on the newest."""

CPYTHON_BETWEEN = (
    *("test_gc", "test_json", "test_bytes", "test_memoryview", "test_fork1", "test_pickle"),
    *("test_decimal", "test_sqlite3", "test_threading", "test_interpreters", "test__interpreters"),
)
"""What is run of CPython's own suite between the oldest version and the newest, which run all."""

_PYTEST = re.compile(r"(\d+) (passed|failed|skipped|errors?|xfailed|xpassed)\b")
_PLAIN = re.compile(r"(?:\w+: )?(\d+) passed, (\d+) failed(?:, (\d+) skipped)?$")
_MESON = re.compile(r"(Ok|Fail|Unexpected Pass|Timeout|Skipped|Expected Fail):\s+(\d+)$")


@dataclass
class Count:
    """What a suite said of its tests."""

    passed: int = 0
    failed: int = 0
    skipped: int = 0

    def add(self, other: Count) -> None:
        """Add the counts of ``other``."""
        self.passed += other.passed
        self.failed += other.failed
        self.skipped += other.skipped

    def read(self, line: str) -> None:
        """Take the counts from ``line`` if it is a closing line of a test runner."""
        line = line.strip()
        if meson := _MESON.match(line):
            word, number = meson[1], int(meson[2])
            if word in {"Ok", "Expected Fail"}:
                self.passed += number
            elif word == "Skipped":
                self.skipped += number
            else:
                self.failed += number
        elif plain := _PLAIN.match(line):
            self.add(Count(int(plain[1]), int(plain[2]), int(plain[3] or 0)))
        elif line.startswith("==") and line.endswith("=="):
            self.read_pytest(_PYTEST.findall(line))

    def read_pytest(self, counted: list[tuple[str, str]]) -> None:
        """Take the counts of a closing line of pytest: the last there is.

        Those before it are of runs that a failed test of the plugin made.
        """
        if counted:
            self.passed = self.failed = self.skipped = 0
        for number, word in counted:
            if word in {"passed", "xfailed"}:
                self.passed += int(number)
            elif word == "skipped":
                self.skipped += int(number)
            else:
                self.failed += int(number)

    def __str__(self) -> str:
        """Return the counts as a test runner's closing line."""
        return f"{self.passed} passed, {self.failed} failed, {self.skipped} skipped"


def meson_test(build: str, *arguments: str) -> list[str]:
    """Return the command that runs the C tests of the folder ``build``."""
    command = [str(BIN / "meson"), "test", "-C", f"build/{build}", "--print-errorlogs"]
    return [*command, *arguments]


def pytest(python: str, *arguments: str) -> list[str]:
    """Return the command that runs tests in as many processes as there are processors."""
    return [python, "-m", "pytest", "-n", str(os.cpu_count()), "--dist", "loadfile", *arguments]


def fixed_layout() -> list[str]:
    """Return the options of meson that run tests without address randomisation.

    ThreadSanitizer needs it where the kernel randomises more bits than it
    expects. Empty where it is not allowed, as in some containers.
    """
    prefix = ["setarch", os.uname().machine, "--addr-no-randomize"]
    try:
        tried = subprocess.run([*prefix, "true"], capture_output=True, check=False)
    except FileNotFoundError:
        return []
    return [] if tried.returncode else ["--wrapper", " ".join(prefix)]


def python_floats(version: str) -> list[str]:
    """Return the command before one that is to have the package built with -Dfloats=python."""
    folder = ROOT / "build" / f"floats-{version}"
    return ["env", f"PYTHONPATH={folder}", "SHOAL_TEST_FLOATS=python"]


def python_tests(version: str, versions: list[str]) -> tuple[str, ...]:
    """Return what pytest is to run on one of the interpreters."""
    if version == pythons.DEBIAN:
        return (*HEAP_TESTS, *_without(SAME_IN_ALL))
    if version in (versions[0], versions[-1]):
        return ALL
    return (*ALL, *_without(SAME_IN_ALL))


def _without(paths: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(f"--ignore={path}" for path in paths)


def suites() -> dict[str, list[str]]:
    """Return the command of each suite, by name, in the order they run."""
    commands = {
        "c": meson_test("tests"),
        "c-address": meson_test("address"),
        "c-thread": meson_test("thread", *fixed_layout(), *THREADED),
    }
    interpreters = {version: f".venv-{version}/bin/python" for version in pythons.tested()}
    versions = list(interpreters)
    newest = interpreters[versions[-1]]
    # These run C programs on the library: once is enough.
    commands[f"death-{versions[-1]}"] = pytest(newest, "tests/death")
    for version, python in interpreters.items():
        commands[f"python-{version}"] = pytest(python, *python_tests(version, versions))
    if pythons.tested_besides():
        python = f".venv-{pythons.DEBIAN}/bin/python"
        tests = python_tests(pythons.DEBIAN, versions)
        commands[f"python-{pythons.DEBIAN}"] = pytest(python, *tests)
    commands[f"floats-{versions[-1]}"] = [
        *python_floats(versions[-1]),
        *pytest(newest, "tests/python/flat"),
    ]
    for version, python in interpreters.items():
        command = [python, "tests/cpython/run_suite.py", "--python", python]
        if version not in (versions[0], versions[-1]):
            command += ["--only", ",".join(CPYTHON_BETWEEN)]
        commands[f"cpython-{version}"] = command
    for version, python in interpreters.items():
        suite = ["tests/cpython/run_suite.py", "--python", python, "--moving"]
        commands[f"moving-{version}"] = [python, *suite]
    return commands


def elsewhere() -> dict[str, list[str]]:
    """Return those that run only when named: on another processor, and another C library."""
    return {
        "c-arm64": meson_test("arm64"),
        "package-arm64": [sys.executable, "tests/arm64/check_package.py"],
        "c-musl": meson_test("musl"),
        "preload-musl": [sys.executable, "tests/musl/check_preload.py"],
    }


def run(name: str, command: list[str]) -> Count:
    """Run one suite, pass its output on, and return its counts.

    A suite that fails without counting a failure, or that counts no test at
    all, adds one failure.
    """
    print(f"\n==== {name}: {' '.join(command)}", flush=True)
    count = Count()
    started = time.monotonic()
    with subprocess.Popen(
        command,
        cwd=ROOT,
        env={**os.environ, "NINJA": str(BIN / "ninja")},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        errors="replace",
    ) as process:
        assert process.stdout is not None
        for line in process.stdout:
            print(line, end="", flush=True)
            count.read(line)
    if process.returncode and not count.failed:
        print(f"{name}: ended with status {process.returncode}")
        count.failed += 1
    elif not count.passed and not count.failed:
        print(f"{name}: ran no test")
        count.failed += 1
    print(f"==== {name}: {count} in {time.monotonic() - started:.0f} s", flush=True)
    return count


def main() -> int:
    """Run the suites the command line asks for and return the exit status."""
    parser = argparse.ArgumentParser(description="Run the test suites and add up their counts.")
    parser.add_argument("--only", metavar="NAMES", help="these suites, with commas between")
    options = parser.parse_args()

    commands = suites() | elsewhere()
    names = options.only.split(",") if options.only else list(suites())
    for name in names:
        if name not in commands:
            print(f"no suite {name!r}; there are {', '.join(commands)}", file=sys.stderr)
            return 2

    total = Count()
    counts = {name: run(name, commands[name]) for name in names}
    print()
    for name, count in counts.items():
        print(f"  {name:16} {count}")
        total.add(count)
    for version in pythons.missing():
        print(f"  python-{version:9} not tested: no Python {version} with its headers found")
    print(f"\n{total}", flush=True)
    return 1 if total.failed else 0


if __name__ == "__main__":
    sys.exit(main())
