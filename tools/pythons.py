"""Finds the CPython interpreters that the tests can use.

Looks for ``python3.X`` in every directory of ``PATH``, in the versions that pyenv
keeps (``$PYENV_ROOT/versions``, else ``~/.pyenv/versions``) and in ``.pythons``, where
tools/newer_pythons.py puts those that no release of Debian has yet. An
interpreter counts when it runs, is CPython of that very version with the
interpreter lock, has its C headers and can make a virtual environment.

    python3 tools/pythons.py            one line each: version, path; the newest last
    python3 tools/pythons.py 3.12       the path of that one; status 1 if there is none
    python3 tools/pythons.py debian     the same of the distribution's own
    python3 tools/pythons.py --missing  the supported versions that were not found
    python3 tools/pythons.py --newest   the newest of those that were found
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

SUPPORTED = ("3.11", "3.12", "3.13", "3.14", "3.15")
"""The versions that are tested wherever they are found."""

NEWER = ("3.14", "3.15")
"""Those of them that tools/newer_pythons.py can get. Of CPython's own tests not all are run
there yet: tools/run_suites.py has those that are."""

HOME = Path(__file__).resolve().parent.parent / ".pythons"
"""Where it puts them."""

DEBIAN = "debian"
"""Stands for the distribution's own interpreter. Debian's is not position-independent."""

DEBIAN_PATH = Path("/usr/bin/python3")

_PROBE = """
import importlib.util, os, sys, sysconfig
header = os.path.join(sysconfig.get_paths()["include"], "Python.h")
usable = (
    sys.implementation.name == "cpython"
    and "%d.%d" % sys.version_info[:2] == sys.argv[1]
    and not sysconfig.get_config_var("Py_GIL_DISABLED")
    and os.path.exists(header)
    and importlib.util.find_spec("ensurepip") is not None
)
if not usable:
    sys.exit(1)
print(getattr(sys, "_base_executable", None) or sys.executable)
"""


def candidates(version: str) -> Iterator[Path]:
    """Yield the files that may be the interpreter ``version``, likeliest first."""
    for directory in os.environ.get("PATH", "").split(os.pathsep):
        if directory:
            yield Path(directory, f"python{version}")
    root = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv")
    for home in sorted(root.glob(f"versions/{version}.*"), reverse=True):
        yield home / "bin" / f"python{version}"
    yield HOME / "usr" / "bin" / f"python{version}"


def probe(path: Path, version: str) -> str | None:
    """Return the interpreter behind ``path``, or None if it cannot be used.

    ``path`` may be a wrapper or part of a virtual environment; the answer is
    the interpreter that it stands for.
    """
    if not os.access(path, os.X_OK):
        return None
    try:
        answer = subprocess.run(
            [str(path), "-I", "-c", _PROBE, version],
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return answer.stdout.strip() or None if answer.returncode == 0 else None


def find(version: str) -> str | None:
    """Return the path of the first usable interpreter ``version``, or None."""
    if version == DEBIAN:
        path = DEBIAN_PATH.resolve()
        version = path.name.removeprefix("python")
        return probe(path, version) if version in SUPPORTED else None
    return next(filter(None, (probe(path, version) for path in candidates(version))), None)


def tested() -> dict[str, str]:
    """Return the interpreters to test, path by version.

    Where no supported one is found, that is the interpreter this runs in.
    """
    found = {version: path for version in SUPPORTED if (path := find(version)) is not None}
    return found or {f"{sys.version_info[0]}.{sys.version_info[1]}": sys.executable}


def tested_besides() -> str | None:
    """Return the distribution's own interpreter, where it is usable and none of ``tested()``."""
    path = find(DEBIAN)
    if path and Path(path) not in [Path(one).resolve() for one in tested().values()]:
        return path
    return None


def missing() -> list[str]:
    """Return the supported versions that this machine does not have."""
    return [version for version in SUPPORTED if find(version) is None]


def main() -> int:
    """Print what the command line asks for and return the exit status."""
    parser = argparse.ArgumentParser(description="Find the interpreters the tests can use.")
    parser.add_argument(
        "version", nargs="?", help="print only the path of this one, as 3.12 or debian"
    )
    parser.add_argument("--missing", action="store_true", help="print the versions not found")
    parser.add_argument("--newest", action="store_true", help="print the newest one found")
    options = parser.parse_args()

    if options.version:
        path = find(options.version)
        if path is None:
            print(f"pythons: no usable Python {options.version} found", file=sys.stderr)
            return 1
        print(path)
    elif options.newest:
        print(list(tested())[-1])
    elif options.missing:
        print("".join(f"{version}\n" for version in missing()), end="")
    else:
        if path := tested_besides():
            print(DEBIAN, path)
        for version, path in tested().items():
            print(version, path)
    return 0


if __name__ == "__main__":
    sys.exit(main())
