"""Gets what `make test-musl` builds the C tests with: musl-gcc, and cmocka built with it.

Debian's cmocka is for glibc, so it is built from its source (``debian.py``), which is one file.
What C++ there is comes from ziglang, which musl-gcc has nothing for. Meson is told of all that by
build/musl.ini.
"""

from __future__ import annotations

import os
import shutil
import sys

import cross
import debian
from cross import ROOT

HOME = ROOT / "build" / "musl-cmocka"
SETTINGS = ROOT / "build" / "musl.ini"

SUITE = "bookworm"

HAS = (
    *("SIGNAL_H", "STRINGS_H", "MALLOC_H", "INTTYPES_H", "STRUCT_TIMESPEC", "CLOCK_REALTIME"),
    *("STRSIGNAL", "SIGLONGJMP", "SNPRINTF", "VSNPRINTF", "GCC_THREAD_LOCAL_STORAGE"),
)
"""What cmocka is told that the C library and the compiler have."""


def build_cmocka() -> None:
    """Build cmocka into its folder; what it is found by comes last."""
    shutil.rmtree(HOME, ignore_errors=True)
    HOME.mkdir(parents=True)
    source = debian.source("cmocka", HOME, SUITE)
    defined = [f"-DHAVE_{name}" for name in HAS]
    debian.run(
        *("musl-gcc", "-std=gnu11", "-O1", "-w", *defined, f"-I{source}/include"),
        *("-c", source / "src" / "cmocka.c", "-o", HOME / "cmocka.o"),
    )
    debian.run("ar", "rcs", HOME / "libcmocka.a", HOME / "cmocka.o")
    (HOME / "cmocka.pc").write_text(
        "Name: cmocka\n"
        "Description: cmocka for musl\n"
        f"Version: {source.name.rpartition('-')[2]}\n"
        f"Libs: -L{HOME} -lcmocka\n"
        f"Cflags: -I{source}/include\n"
    )


def settings() -> list[str]:
    """Return what meson is told."""
    headers = cross.float_headers(HOME / "headers")
    target = f"{os.uname().machine}-linux-musl"
    return [
        "[binaries]",
        "c = 'musl-gcc'",
        f"cpp = {cross.quoted(cross.compiler(), 'c++', '-target', target)}",
        "[built-in options]",
        f"pkg_config_path = '{HOME}'",
        f"cpp_args = {cross.quoted('-isystem', headers)}",
        "cpp_link_args = ['-nostdlib++']",
    ]


def main() -> int:
    """Get what is missing and return the exit status."""
    try:
        if not (HOME / "cmocka.pc").exists():
            print("make: building cmocka for musl, from Debian's sources", flush=True)
            build_cmocka()
        cross.write_once(SETTINGS, settings())
    except (debian.NotToBeHadError, cross.CannotBuildError) as reason:
        print(f"make: no musl to test on: {reason}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
