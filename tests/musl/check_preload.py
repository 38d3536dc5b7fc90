"""libshoal.so on musl: preloaded, and opened late, as an extension module opens it.

Of the programs in tests/preload those that musl has all of.
"""

from __future__ import annotations

import os
import subprocess
import sys
from functools import partial
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "support"))

import checks  # noqa: E402

PROGRAMS = ROOT / "tests" / "preload" / "programs"
LIBRARY = ROOT / "build" / "musl" / "src" / "libshoal.so"
BUILD = ROOT / "build" / "musl-programs"

ALIKE = ("fork_in_threads", "locked_memory", "no_threads", "thread_storm", "timer_storm")

SKIPPED = {
    "containers": "there is no C++ library for musl here",
    "malloc_family": "it asks what glibc does, as of mallinfo2",
    "spawn": "what it starts is a program of glibc's",
    "opening without RTLD_DEEPBIND": "musl has no such flag",
}


def compiled(name: str, *options: str) -> Path:
    """Return a program of tests/preload, built for musl."""
    BUILD.mkdir(parents=True, exist_ok=True)
    source, program = PROGRAMS / f"{name}.c", BUILD / name
    subprocess.run(
        ["musl-gcc", "-O1", "-w", "-pthread", *options, str(source), "-o", str(program)],
        check=True,
    )
    return program


def runs(name: str) -> None:
    """It finds nothing wrong, and has Shoal's malloc."""
    program = compiled(name)
    assert checks.said([program], os.environ) == ""
    environment = {"LD_PRELOAD": str(LIBRARY), "SHOAL_STATS": "all"}
    assert "at exit\n  live " in checks.said([program], environment)


def is_opened_late(preload: str) -> None:
    """The heap is opened by a program that runs already; musl refuses some libraries then."""
    plugin = compiled("plugin", "-shared", "-fPIC")
    loader = compiled("load_plugins")
    assert checks.said([loader, plugin, LIBRARY], {"LD_PRELOAD": preload}) == ""


def main() -> int:
    """Run the checks and return the exit status."""
    named = [(f"{name} runs on Shoal", partial(runs, name)) for name in ALIKE]
    named += [
        ("it is opened late", partial(is_opened_late, "")),
        ("it is opened again", partial(is_opened_late, str(LIBRARY))),
    ]
    return checks.run(named, SKIPPED)


if __name__ == "__main__":
    sys.exit(main())
