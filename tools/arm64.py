"""Gets an arm64 that `make test-arm64` runs programs on: Debian's packages, under qemu-user.

    .venv/bin/python tools/arm64.py get        what is missing in .arm64, and build/arm64.ini
    .venv/bin/python tools/arm64.py skipped    the C tests that were left out, and why

Nothing is installed (``debian.py``). Each suite of Debian's is a folder of its own, from which
qemu takes the C library: the oldest supported Python comes from one, the newest from another.
``.arm64/python3.x`` is what starts each, and what its environments lead to.
"""

from __future__ import annotations

import re
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import cross
import debian
from cross import ROOT

HOME = ROOT / ".arm64"
SETTINGS = ROOT / "build" / "arm64.ini"
LOG = ROOT / "build" / "arm64" / "meson-logs" / "testlog.txt"

SUITES = {"3.11": "bookworm", "3.15": "unstable"}
"""Where each Python is from."""

C_TESTS = SUITES["3.11"]
"""Whose C library and cmocka the C tests have."""

FOLDER = "aarch64-linux-gnu"


def qemu() -> str:
    """Return the path of the emulator."""
    found = shutil.which("qemu-aarch64")
    if not found:
        raise debian.NotToBeHadError("qemu-aarch64 is not there: install qemu-user")
    return found


def program(version: str) -> Path:
    """Return what stands for an interpreter in its suite, and starts it."""
    return HOME / SUITES[version] / "usr" / "bin" / f"python{version}"


def start(version: str) -> None:
    """Put what starts an interpreter in its place: this comes last, and tells that it is there."""
    stands, root = program(version), HOME / SUITES[version]
    real = stands.with_name(f"{stands.name}-{FOLDER}")
    for file in (root / "usr" / "lib" / f"python{version}").glob("_sysconfigdata_*.py"):
        if not file.is_symlink():
            text = file.read_text()
            file.write_text(text.replace("'/usr/share/", f"'{root}/usr/share/"))
    defined = {"QEMU": qemu(), "ROOT": root, "PROGRAM": real}
    debian.run(
        *(cross.compiler(), "cc", "-target", "x86_64-linux-musl", "-static", "-O1"),
        *(f'-D{name}="{value}"' for name, value in defined.items()),
        *(ROOT / "tests" / "arm64" / "starter.c", "-o", HOME / "starter"),
    )
    stands.rename(real)
    (HOME / "starter").rename(stands)


def get(version: str) -> None:
    """Get an interpreter and, with the first, what the C tests need."""
    suite = SUITES[version]
    root = HOME / suite
    shutil.rmtree(root, ignore_errors=True)
    root.mkdir(parents=True)
    names = [f"python{version}-venv", *(["libcmocka-dev"] if suite == C_TESTS else [])]
    debian.unpack(names, root, suite, "arm64")
    if not (root / "lib").exists():
        (root / "lib").symlink_to("usr/lib")
    start(version)


def write_settings() -> None:
    """Write what meson is told: the compiler of the wheels, and where what is built runs."""
    root = HOME / C_TESTS
    cross.write(
        SETTINGS,
        "aarch64",
        "2.36",  # as libcmocka needs it
        cross.float_headers(HOME / "headers"),
        arguments=("-DSHOAL_EMULATED",),
        emulator=(qemu(), "-L", str(root)),
        root=root,
    )


def get_all() -> None:
    """Get what is missing."""
    for version, suite in SUITES.items():
        if not program(version).with_name(f"python{version}-{FOLDER}").exists():
            print(f"make: getting Python {version} for arm64 of Debian's {suite}", flush=True)
            get(version)
    write_settings()


def tell_skipped() -> None:
    """Print the C tests that the emulator cannot run, with what it lacks."""
    said = LOG.read_text(encoding="utf-8", errors="replace") if LOG.exists() else ""
    for name, lacks in re.findall(r"^emulated: (\w+): (.+)$", said, re.MULTILINE):
        print(f"make: skipped, as qemu-user lacks {lacks}: {name}")


def main() -> int:
    """Do what the command line says and return the exit status."""
    actions: dict[str, Callable[[], None]] = {"get": get_all, "skipped": tell_skipped}
    if len(sys.argv) != 2 or sys.argv[1] not in actions:
        print(f"usage: arm64.py {'|'.join(actions)}", file=sys.stderr)
        return 2
    try:
        actions[sys.argv[1]]()
    except (debian.NotToBeHadError, cross.CannotBuildError) as reason:
        print(f"make: no arm64 to test on: {reason}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
