"""Builds the wheels that users install: for each supported Python and each machine.

    .venv/bin/python tools/wheels.py                  all of them, into dist/
    .venv/bin/python tools/wheels.py cp313-aarch64    those
    .venv/bin/python tools/wheels.py --list           their tags
    .venv/bin/python tools/wheels.py --pythons        the versions of Python that build them

No container is needed: ziglang, from PyPI, is a C compiler that carries the stubs of old
C libraries and builds for other machines. What a wheel is linked with is checked by auditwheel.
The floats of shoal.flat are dragonbox's and fast_float's, which are headers: nothing of them
has to be installed where the wheel is.

Each is built by the interpreter in ``.venv-3.x``, with what the dependency group ``wheels``
brings. Its headers serve for both machines, as all that they say of one is the width of C's
types; where Debian keeps that part in a folder of the machine, the other finds it by a link.
What an interpreter says of itself (``sysconfig``) is rewritten for another machine.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path

import cross
import pythons
from cross import ROOT, CannotBuildError

BUILD = ROOT / "build" / "wheels"
DIST = ROOT / "dist"

MACHINES = ("x86_64", "aarch64")
GLIBC = "2.28"
"""The oldest C library that the wheels run on: that of Debian 10, Ubuntu 18.10 and RHEL 8."""

_SYSCONFIG = """
import importlib, pprint, sysconfig
build = importlib.import_module(sysconfig._get_sysconfigdata_name()).build_time_vars
print("build_time_vars =", pprint.pformat(build).replace({here!r}, {there!r}))
"""


def run(*command: str | Path, environment: dict[str, str] | None = None) -> str:
    """Return what ``command`` prints.

    Raises
    ------
    CannotBuildError
        It fails: with its last line.
    """
    done = subprocess.run(
        [str(word) for word in command],
        cwd=ROOT,
        env={**os.environ, **(environment or {})},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        BUILD.mkdir(parents=True, exist_ok=True)
        log = BUILD / "failure.log"
        log.write_text(done.stdout + done.stderr)
        raise CannotBuildError(f"{command[0]} failed: see {log.relative_to(ROOT)}")
    return done.stdout


def names() -> Iterator[tuple[str, str]]:
    """Yield the version and the machine of each wheel."""
    for version in pythons.SUPPORTED:
        for machine in MACHINES:
            yield version, machine


def tag(version: str, machine: str) -> str:
    """Return what stands in the name of a wheel behind that of the package."""
    python = f"cp{version.replace('.', '')}"
    return f"{python}-{python}-manylinux_{GLIBC.replace('.', '_')}_{machine}"


# ---- A wheel ---------------------------------------------------------------------


def disguise(python: Path, version: str, machine: str) -> dict[str, str]:
    """Return the environment in which an interpreter says that it is another machine's."""
    here = os.uname().machine
    if machine == here:
        return {"_PYTHON_HOST_PLATFORM": f"linux-{machine}"}
    folder = BUILD / f"sysconfig-{version}-{machine}"
    folder.mkdir(parents=True, exist_ok=True)
    name = f"_sysconfigdata__linux_{machine}-linux-gnu"
    code = _SYSCONFIG.format(here=f"{here}-linux-gnu", there=f"{machine}-linux-gnu")
    (folder / f"{name}.py").write_text(run(python, "-c", code))
    return {
        "PYTHONPATH": str(folder),
        "_PYTHON_HOST_PLATFORM": f"linux-{machine}",
        "_PYTHON_SYSCONFIGDATA_NAME": name,
    }


def lend_headers(python: Path, machine: str, folder: Path) -> None:
    """Let Debian's Python, which keeps apart what is of a machine, find it for another."""
    include = run(python, "-c", "import sysconfig; print(sysconfig.get_paths()['include'])")
    apart = Path(include.strip()).parent / f"{os.uname().machine}-linux-gnu"
    link = folder / f"{machine}-linux-gnu"
    link.unlink(missing_ok=True)
    if machine != os.uname().machine and apart.is_dir():
        link.symlink_to(apart)


def build(version: str, machine: str) -> Path:
    """Build a wheel, which is not checked yet, and return its path."""
    python = ROOT / f".venv-{version}" / "bin" / "python"
    if not python.exists():
        raise CannotBuildError(f"no Python {version} with its headers was found")
    output = BUILD / f"{version}-{machine}"
    shutil.rmtree(output / "wheel", ignore_errors=True)
    output.mkdir(parents=True, exist_ok=True)
    headers = cross.float_headers(output / "headers")
    lend_headers(python, machine, headers)
    cross_file = cross.write(output / "cross.ini", machine, GLIBC, headers)
    settings = (
        f"-Csetup-args=--cross-file={cross_file}",
        "-Csetup-args=-Dfloats=library",
        f"-Cbuild-dir={output / 'build'}",
    )
    # ninja is found in PATH.
    path = f"{python.parent}{os.pathsep}{os.environ['PATH']}"
    options = ("--wheel", "--no-isolation", "--skip-dependency-check", "-o", output / "wheel")
    run(
        *(python, "-m", "build", *options, *settings, "."),
        environment={**disguise(python, version, machine), "PATH": path},
    )
    (wheel,) = (output / "wheel").glob("*.whl")
    return wheel


def check(wheel: Path, version: str, machine: str) -> Path:
    """Have auditwheel look at what the wheel needs, and put it into dist/ with its tag."""
    said = " ".join(run(sys.executable, "-m", "auditwheel", "show", wheel).split())
    found = re.search(r'platform tag: "(\w+)"', said)
    wanted = tag(version, machine)
    if not found or not wanted.endswith(found[1]):
        raise CannotBuildError(f"{wheel.name} is {found[1] if found else 'nothing'}, not {wanted}")
    platform = wanted.rpartition("-")[2]
    run(sys.executable, "-m", "wheel", "tags", "--remove", "--platform-tag", platform, wheel)
    (tagged,) = wheel.parent.glob("*.whl")
    if not tagged.name.endswith(f"-{wanted}.whl"):
        raise CannotBuildError(f"{tagged.name} has not the tag {wanted}")
    DIST.mkdir(exist_ok=True)
    return Path(shutil.move(tagged, DIST / tagged.name))


def try_it(wheel: Path, version: str) -> None:
    """Import all of the wheel's modules where this machine can."""
    folder = BUILD / f"{version}-tried"
    shutil.rmtree(folder, ignore_errors=True)
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder)
    code = "import shoal, shoal.flat, shoal.pickle, shoal._profile, shoal._inspect; shoal.install()"
    environment = {"PYTHONPATH": str(folder), "PYTHONSAFEPATH": "1"}
    run(ROOT / f".venv-{version}" / "bin" / "python", "-c", code, environment=environment)


def make(version: str, machine: str) -> None:
    """Build a wheel and check it; a line says how large it is, and how long it took."""
    started = time.monotonic()
    wheel = check(build(version, machine), version, machine)
    if machine == os.uname().machine:
        try_it(wheel, version)
    size, seconds = wheel.stat().st_size / 1e3, time.monotonic() - started
    print(f"make: {wheel.relative_to(ROOT)} ({size:.0f} KB, {seconds:.0f} s)", flush=True)


def make_all(wheels: dict[str, tuple[str, str]]) -> int:
    """Build the wheels and return how many could not be built; a line says why."""
    failed = 0
    for number, (name, what) in enumerate(wheels.items(), 1):
        print(f"make: building {name}, {number} of {len(wheels)}", flush=True)
        try:
            make(*what)
        except CannotBuildError as reason:
            print(f"make: not built: {name}: {reason}", file=sys.stderr)
            failed += 1
    return failed


def main() -> int:
    """Build what the command line names and return the exit status."""
    known = {
        f"cp{version.replace('.', '')}-{machine}": (version, machine)
        for version, machine in names()
    }
    parser = argparse.ArgumentParser(description="Build the wheels.")
    parser.add_argument("wheels", nargs="*", metavar="WHEEL", help=f"of {', '.join(known)}")
    parser.add_argument("--list", action="store_true", help="print the tags and build nothing")
    parser.add_argument(
        "--pythons",
        action="store_true",
        help="print the versions that build them and build nothing",
    )
    options = parser.parse_args()
    unknown = [name for name in options.wheels if name not in known]
    if unknown:
        parser.error(f"no such wheel: {unknown[0]}")
    wanted = {name: known[name] for name in options.wheels or known}
    if options.list:
        print("".join(f"{tag(*what)}\n" for what in wanted.values()), end="")
    elif options.pythons:
        print("\n".join(dict.fromkeys(version for version, _ in wanted.values())))
    else:
        return 1 if make_all(wanted) else 0
    return 0


if __name__ == "__main__":
    sys.exit(main())
