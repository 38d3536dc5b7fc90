"""Runs tests of CPython's own suite, with Shoal and without, and compares.

    run_suite.py --python PYTHON [--only test_gc,test_json] [--jobs N]
    run_suite.py --python PYTHON --moving [--whole]

Each module of MODULES runs under ``python -m test``, first on the interpreter's own
allocator and then with libshoal.so preloaded. Every single test must end the same
way. The results without Shoal are kept in build/cpython-tests and used again by the
next run of the same interpreter.

A test that hangs or crashes takes its module with it: it is noted as such, and the
module runs again without it. A difference counts only if the test shows it again
when it is run alone, both ways: many of these tests depend on the time of day or the
load of the machine. That the interpreter's objects come from Shoal in the one run and
not in the other is the first test. With ``--moving`` the modules are others, and in the
second run all moves that may (moving.py). An interpreter without a test suite has only that
one; its modules are skipped. Last line: ``N passed, N failed, N skipped``; exit status
1 for a difference, 2 for a wrong argument.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import queue
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import xml.etree.ElementTree as ElementTree
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

HERE = Path(__file__).resolve().parent
CACHE = HERE.parent.parent / "build" / "cpython-tests"

MODULES = (
    "test_multiprocessing_fork",
    "test_subprocess",
    "test_threading",
    "test_interpreters",
    "test__interpreters",
    "test_asyncio",
    "test_pickle",
    "test_capi",
    "test_fork1",
    "test_json",
    "test_sqlite3",
    "test_decimal",
    "test_gc",
    "test_bytes",
    "test_memoryview",
)
"""What is run, as far as the interpreter has it; the longest first."""

STANDINS = {"test_multiprocessing_fork": "test_fork_start_method"}
"""Modules that some builds leave out, and what in standins/ does the same."""

MOVED = (
    *("test_dict", "test_list", "test_set", "test_ordered_dict", "test_deque", "test_iter"),
    *("test_generators", "test_functools", "test_descr"),
)
"""What is run while objects move: what C code does to containers, and calls in between."""

MOVED_AT_LENGTH = (
    *("test_tuple", "test_weakref", "test_json"),
    *("test_coroutines", "test_asyncgen", "test_itertools", "test_sort", "test_heapq", "test_copy"),
    *("test_pickle", "test_dataclasses", "test_typing", "test_enum", "test_collections"),
    *("test_userdict", "test_defaultdict", "test_contextlib", "test_exceptions", "test_struct"),
    *("test_array", "test_memoryview", "test_bytes", "test_unicode", "test_str", "test_re"),
    *("test_long", "test_float", "test_complex", "test_datetime", "test_decimal", "test_sqlite3"),
    *("test_io", "test_threading", "test_thread", "test_queue", "test_context", "test_gc"),
    *("test_class", "test_super", "test_property", "test_call", "test_scope", "test_with"),
    *("test_xml_etree", "test_xml_etree_c", "test_ast", "test_compile", "test_zlib", "test_hash"),
    *("test_capi", "test_asyncio", "test_fork1", "test_ctypes", "test_csv"),
    *("test_concurrent_futures", "test_free_threading", "test_sys_settrace", "test_frame"),
)
"""What is run so besides when there is time."""

EVERY = 300
"""Allocations, on the average, until all moves again; not while that takes most of the time."""

EXPECTED: dict[str, str] = {
    "test.test_subprocess.POSIXProcessTestCase.test_vfork_used_when_expected": (
        "from 3.15 on it leaves itself out where something is preloaded"
    )
}
"""Tests that may end otherwise under Shoal, each with the reason. No patterns."""

SILENCE = 60.0
"""Seconds without a word after which a test counts as hanging."""

ATTEMPTS_WITHOUT = 8
"""How many hanging or crashing tests a module may have before it is given up."""

Results = dict[str, str]
"""How each test ended, by its full name: ok, failed, skipped, hung or crashed."""


@dataclass
class Interpreter:
    """An interpreter under test, and the library it is tested with.

    ``moving`` is what comes before the arguments of the tests in runs in which all moves.
    """

    path: str
    version: str
    stdlib: Path
    library: str
    packages: str
    include: str
    moving: list[str] = field(default_factory=list)

    @staticmethod
    def ask(python: str, library: str | None) -> Interpreter:
        """Return what ``python`` says of itself.

        The tests run in the installation behind a virtual environment, where the suite
        expects to be; the library is the one installed in the environment.
        """
        code = (
            "import json, os, sys, sysconfig\n"
            "try:\n    import shoal; library = shoal.library_path()\n"
            "except ImportError:\n    library = None\n"
            "base = getattr(sys, '_base_executable', None) or sys.executable\n"
            "print(json.dumps([os.path.realpath(base), sys.version,\n"
            "                  sysconfig.get_path('stdlib'), library and str(library),\n"
            "                  sysconfig.get_path('platlib'), sysconfig.get_path('include')]))\n"
        )
        done = subprocess.run([python, "-c", code], capture_output=True, text=True, check=True)
        path, version, stdlib, found, packages, include = json.loads(done.stdout)
        if not (library or found):
            raise LookupError(f"{python} has no package shoal; install it or give --library")
        return Interpreter(path, version, Path(stdlib), str(library or found), packages, include)

    def move(self) -> None:
        """Let all move in the runs on Shoal."""
        folder = CACHE / self.name
        folder.mkdir(parents=True, exist_ok=True)
        extension = folder / "at_allocations.so"
        command = ["cc", "-O2", "-shared", "-fPIC", f"-I{self.include}", "-o", str(extension)]
        subprocess.run([*command, str(HERE / "at_allocations.c")], check=True)
        self.moving = [str(HERE / "moving.py"), self.packages, str(extension), str(EVERY)]

    @property
    def name(self) -> str:
        """Return a name for files: version and path."""
        digest = hashlib.sha256((self.path + self.version).encode()).hexdigest()[:10]
        return f"{self.version.split()[0]}-{digest}"


@dataclass
class Module:
    """One module of the suite, or one file of a package of it."""

    name: str
    directory: Path | None = None

    def command(
        self, start: list[str], ignored: list[str], report: Path, match: list[str]
    ) -> list[str]:
        """Return the command that runs it without the tests of ``ignored``."""
        command = [*start, "-v", "--junit-xml", str(report)]
        if self.directory:
            command += ["--testdir", str(self.directory)]
        for test in ignored:
            command += ["--ignore", test]
        for test in match:
            command += ["--match", test]
        return [*command, self.name]


def start_of(interpreter: Interpreter, preload: bool) -> list[str]:
    """Return what the command of a run begins with."""
    started = interpreter.moving if preload and interpreter.moving else ["-m", "test"]
    return [interpreter.path, "-u", *started]


def environment_of(interpreter: Interpreter, preload: bool) -> dict[str, str]:
    """Return the environment that a run of the interpreter has, on Shoal or without."""
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith(("LD_", "PYTHON"))
    }
    if preload:
        environment["LD_PRELOAD"] = interpreter.library
    return environment


def shoal_serves(interpreter: Interpreter) -> bool:
    """Say, and return, whether the two kinds of runs differ as they should.

    What the interpreter has of pymalloc's blocks tells: none when the OBJ and MEM domains
    have been Shoal's from the start.
    """
    code = (
        "import sys\n"
        "mapped = sum('/libshoal.so' in line for line in open('/proc/self/maps'))\n"
        "print(sys.getallocatedblocks(), mapped)\n"
    )
    seen = {}
    for preload in (False, True):
        done = subprocess.run(
            [interpreter.path, "-c", code],
            env=environment_of(interpreter, preload),
            capture_output=True,
            text=True,
        )
        blocks, mapped = done.stdout.split() if done.returncode == 0 else ("-1", "0")
        seen[preload] = int(blocks), int(mapped) > 0
        way = "on Shoal" if preload else "without "
        print(f"{way}: pymalloc has {blocks} blocks, {mapped} mappings of libshoal.so")
    return seen[True] == (0, True) and seen[False][0] > 0 and not seen[False][1]


def modules_of(interpreter: Interpreter, names: list[str]) -> list[Module]:
    """Return the modules there are, packages that the suite splits cut into files."""
    tests = interpreter.stdlib / "test"
    if not (tests / "libregrtest").is_dir():
        print(f"{interpreter.path} has no test suite in {tests}: {len(names)} modules skipped")
        return []
    modules = []
    for name in names:
        if (tests / name).is_dir() and name in {"test_asyncio", "test_multiprocessing_fork"}:
            files = sorted((tests / name).glob("test_*.py"))
            modules += [Module(f"test.{name}.{file.stem}") for file in files]
        elif (tests / name).is_dir() or (tests / f"{name}.py").is_file():
            modules.append(Module(name))
        elif name in STANDINS:
            modules.append(Module(STANDINS[name], HERE / "standins"))
        else:
            print(f"{name}: not in {interpreter.version.split()[0]}")
    return modules


# ---- One run of one module ---------------------------------------------------

_RUNNING = re.compile(r"^(\w+) \(([\w.]+)\)", re.MULTILINE)


def last_test(output: str) -> str | None:
    """Return the full name of the test that was running when the output ended."""
    found = _RUNNING.findall(output)
    if not found:
        return None
    method, place = found[-1]
    return place if place.endswith(f".{method}") else f"{place}.{method}"


def watch(process: subprocess.Popen[str]) -> tuple[str, bool]:
    """Return what the process says until it ends or falls silent, and whether it did."""
    lines: queue.Queue[str | None] = queue.Queue()

    def read() -> None:
        assert process.stdout is not None
        while text := process.stdout.read(1):
            lines.put(text)
        lines.put(None)

    threading.Thread(target=read, daemon=True).start()
    said: list[str] = []
    while True:
        try:
            text = lines.get(timeout=SILENCE)
        except queue.Empty:
            return "".join(said), True
        if text is None:
            return "".join(said), False
        said.append(text)


def outcomes(report: Path) -> Results:
    """Return the results in a junit report. Subtests count for their test."""
    results: Results = {}
    for case in ElementTree.parse(report).iter("testcase"):
        name = case.get("name", "?").split(" ")[0]
        failed = case.find("failure") is not None or case.find("error") is not None
        skipped = case.find("skipped") is not None
        outcome = "failed" if failed else "skipped" if skipped else "ok"
        if results.get(name) != "failed":
            results[name] = outcome
    return results


def run_once(
    module: Module, interpreter: Interpreter, preload: bool, ignored: list[str], match: list[str]
) -> tuple[Results, str]:
    """Run a module in a process group of its own. Returns its results and its output.

    When it hangs or crashes, the one result is that of the test that was running.
    """
    folder = Path(tempfile.mkdtemp(prefix="cpython-test-"))
    report = folder / "report.xml"
    try:
        process = subprocess.Popen(
            module.command(start_of(interpreter, preload), ignored, report, match),
            cwd=folder,
            env=environment_of(interpreter, preload),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            errors="replace",
            start_new_session=True,
        )
        output, hung = watch(process)
        if hung:
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        if not hung and report.is_file() and report.stat().st_size:
            return outcomes(report), output
        if not hung and f"{module.name.removeprefix('test.')} skipped" in output:
            return {module.name: "skipped"}, output
        return {last_test(output) or module.name: "hung" if hung else "crashed"}, output
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def run_module(
    module: Module, interpreter: Interpreter, preload: bool, ignored: list[str]
) -> Results:
    """Run a module to its end, past tests that hang or crash."""
    started = time.monotonic()
    stopped: Results = {}
    results: Results = {}
    output = ""
    for _ in range(ATTEMPTS_WITHOUT):
        results, output = run_once(module, interpreter, preload, [*ignored, *stopped], [])
        bad = {test for test, outcome in results.items() if outcome in {"hung", "crashed"}}
        if not bad:
            break
        print(f"  {module.name}: {results}", flush=True)
        if preload:
            print("    " + "\n    ".join(output.splitlines()[-25:]), flush=True)
        if bad & stopped.keys() or module.name in bad:
            break
        stopped.update(results)
    way = "on Shoal" if preload else "without"
    seconds = time.monotonic() - started
    moved = "".join(re.findall(r"^moving(:.*)", output, re.MULTILINE)[-1:])
    print(f"  {module.name:42} {way:9} {len(results):5} tests {seconds:6.1f} s{moved}", flush=True)
    return {**results, **stopped}


# ---- Both ways -----------------------------------------------------------------


def without_shoal(module: Module, interpreter: Interpreter, refresh: bool) -> Results:
    """Return the results on the interpreter's own allocator, from the cache if they are there."""
    cached = CACHE / interpreter.name / f"{module.name}.json"
    if cached.is_file() and not refresh:
        return json.loads(cached.read_text())
    results = run_module(module, interpreter, False, [])
    cached.parent.mkdir(parents=True, exist_ok=True)
    cached.write_text(json.dumps(results, indent=1))
    return results


@dataclass
class Comparison:
    """A module's results both ways."""

    module: Module
    plain: Results
    shoal: Results

    def differing(self) -> list[str]:
        """Return the names of the tests that ended in different ways."""
        names = self.plain.keys() | self.shoal.keys()
        hanging = {name for name, outcome in self.plain.items() if outcome in {"hung", "crashed"}}
        return sorted(
            name
            for name in names - hanging
            if self.plain.get(name) != self.shoal.get(name) and name not in EXPECTED
        )


def compare(module: Module, interpreter: Interpreter, refresh: bool) -> Comparison:
    """Run a module both ways. What hangs without Shoal is left out with it."""
    plain = without_shoal(module, interpreter, refresh)
    hanging = [name for name, outcome in plain.items() if outcome in {"hung", "crashed"}]
    return Comparison(module, plain, run_module(module, interpreter, True, hanging))


def confirmed(comparison: Comparison, name: str, interpreter: Interpreter) -> str | None:
    """Run one test alone, both ways. Returns what differs still, None if nothing does.

    One that hangs without Shoal, now and then at least, tells nothing of Shoal.
    """
    words = ""
    for _ in range(2):
        both = []
        output = ""
        for preload in (False, True):
            results, output = run_once(comparison.module, interpreter, preload, [], [name])
            both.append(results.get(name, "not run"))
        if both[0] == both[1] or both[0] in {"hung", "crashed"}:
            return None
        words = f"{name}: {both[0]} without Shoal, {both[1]} with it\n" + "\n".join(
            "    " + line for line in output.splitlines()[-40:]
        )
    return words


def summary(comparisons: list[Comparison], differences: list[str], skipped: int) -> str:
    """Print what differs and return the closing line.

    ``differences`` is also told of the runs not being what they should; ``skipped``
    modules did not run at all.
    """
    counts = Counter(outcome for each in comparisons for outcome in each.shoal.values())
    for comparison in comparisons:
        for name, outcome in comparison.plain.items():
            if outcome in {"hung", "crashed"}:
                print(f"not compared: {name} {outcome} without Shoal")
    for name, reason in EXPECTED.items():
        print(f"expected to differ: {name}: {reason}")
    print("\n".join(differences), end="\n" if differences else "")
    same = 1 + counts["ok"] + counts["failed"] - len(differences)
    skipped += counts["skipped"]
    return f"{max(same, 0)} passed, {len(differences)} failed, {skipped} skipped"


def main() -> int:
    """Run what the command line asks for and return the exit status."""
    parser = argparse.ArgumentParser(description="CPython's own tests, with Shoal and without.")
    parser.add_argument("--python", default=sys.executable, help="interpreter under test")
    parser.add_argument("--library", help="libshoal.so, else that of the package in PYTHON")
    parser.add_argument("--only", metavar="NAMES", help="these modules, with commas between")
    parser.add_argument("--moving", action="store_true", help="while all objects move that may")
    parser.add_argument("--whole", action="store_true", help="with --moving: longer")
    parser.add_argument("--jobs", type=int, default=4, help="modules at a time; most sleep a lot")
    parser.add_argument("--refresh", action="store_true", help="run again what is in the cache")
    options = parser.parse_args()

    known = MOVED + MOVED_AT_LENGTH if options.moving else MODULES
    listed = MOVED if options.moving and not options.whole else known
    names = options.only.split(",") if options.only else list(listed)
    for name in names:
        if name not in known:
            print(f"no module {name!r}; there are {', '.join(known)}", file=sys.stderr)
            return 2
    # What is ignored, as under nohup, stays ignored in children, and tests hang.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        interpreter = Interpreter.ask(options.python, options.library)
        modules = modules_of(interpreter, names)
        if options.moving and modules:
            interpreter.move()
    except (LookupError, OSError, subprocess.CalledProcessError) as error:
        print(f"run_suite: {error}", file=sys.stderr)
        return 2

    print(f"CPython {interpreter.version.split()[0]}, {len(modules)} modules", flush=True)
    started = time.monotonic()
    differences = [] if shoal_serves(interpreter) else ["the runs are not with and without Shoal"]
    with ThreadPoolExecutor(max(options.jobs, 1)) as pool:
        comparisons = list(
            pool.map(lambda module: compare(module, interpreter, options.refresh), modules)
        )
    differences += [
        words
        for comparison in comparisons
        for name in comparison.differing()
        if (words := confirmed(comparison, name, interpreter))
    ]
    line = summary(comparisons, differences, 0 if modules else len(names))
    print(f"in {time.monotonic() - started:.0f} s")
    print(line)
    return 1 if differences else 0


if __name__ == "__main__":
    sys.exit(main())
