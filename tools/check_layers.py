"""Checks that every room of the house sees only what it may see.

The rule, which src/README.md gives with its reasons::

    base <- heap | profile | compact | inspect | serial     these never see each other
    src/python/*   sees include/shoal, its own files and src/python/common, and alone
                   sees Python.h; common sees only itself
    include/shoal  sees only itself
    python/shoal   never imports bench, tests, examples, fuzz or tools

and: only src/base asks which platform this is, and no .c includes a .c. Prints
one line for each violation, ``file:line: what``; exit status 1 if there is one.
"""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

ROOMS = {
    "base": {"base"},
    "heap": {"base", "heap", "shoal"},
    "profile": {"base", "profile", "shoal"},
    "compact": {"base", "compact", "shoal"},
    "inspect": {"base", "inspect", "shoal"},
    "serial": {"base", "serial", "shoal"},
    "python/common": {"python/common"},
    **{
        f"python/{module}": {f"python/{module}", "python/common", "shoal"}
        for module in ("compact", "flat", "heap", "inspect", "profile", "serial")
    },
}
"""For each folder of src/, whose headers it may include (shoal: the public ones)."""

OUTSIDE_THE_PACKAGE = {"bench", "tests", "examples", "fuzz", "tools"}

_INCLUDE = re.compile(r'\s*#\s*include\s*([<"])([^>"]+)[>"]')
_PLATFORM = re.compile(
    r"\s*#\s*(?:el)?if(?:n?def)?\b.*\b"
    r"(__linux__|__APPLE__|_WIN32|__FreeBSD__|__x86_64__|__aarch64__|__GLIBC__)\b"
)
_INTERPRETER = {"Python.h", "structmember.h", "frameobject.h", "pymem.h"}


def room_of(header: str, source: Path) -> str | None:
    """Return the room that ``header``, as ``source`` includes it, belongs to.

    None stands for a system header.
    """
    if (source.parent / header).is_file():
        path = (source.parent / header).resolve()
    else:
        homes = (ROOT / "src" / header, ROOT / "include" / header)
        found = next((home for home in homes if home.is_file()), None)
        if found is None:
            return None
        path = found.resolve()
    return "shoal" if ROOT / "include" in path.parents else folder_of(path)


def folder_of(source: Path) -> str:
    """Return the folder of src/ that a file is in: ``heap``, ``python/heap``."""
    return source.parent.relative_to(ROOT / "src").as_posix()


def check_c(source: Path, room: str, allowed: set[str]) -> Iterator[str]:
    """Yield what is wrong in one C file of ``room``."""
    shown = source.relative_to(ROOT)
    for number, line in enumerate(source.read_text(encoding="utf-8").splitlines(), 1):
        where = f"{shown}:{number}"
        platform = _PLATFORM.match(line)
        if platform and room not in {"base", "shoal"}:
            yield f"{where}: asks for {platform[1]}; only src/base may depend on the platform"
        include = _INCLUDE.match(line)
        if not include:
            continue
        header = include[2]
        if header.endswith(".c"):
            yield f"{where}: includes {header}, a source file"
        if header in _INTERPRETER and not room.startswith("python/"):
            yield f"{where}: includes {header}; only src/python may see the interpreter"
        seen = room_of(header, source)
        if seen is not None and seen not in allowed:
            rooms = ", ".join(sorted(allowed))
            yield f"{where}: {room} includes {header}, but may see only {rooms}"


def check_python(source: Path) -> Iterator[str]:
    """Yield the imports of one file of the package that lead out of it."""
    shown = source.relative_to(ROOT)
    for node in ast.walk(ast.parse(source.read_text(encoding="utf-8"), str(shown))):
        if isinstance(node, ast.Import):
            modules = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            modules = [node.module]
        else:
            continue
        for module in modules:
            if module.partition(".")[0] in OUTSIDE_THE_PACKAGE:
                yield f"{shown}:{node.lineno}: the package imports {module}"


def violations() -> Iterator[str]:
    """Yield a line for every violation in the tree."""
    for source in sorted((ROOT / "src").rglob("*.[ch]")):
        room = folder_of(source)
        if room in ROOMS:
            yield from check_c(source, room, ROOMS[room])
        else:
            yield f"src/{room}: no such room; tools/check_layers.py lists them"
    for header in sorted((ROOT / "include").rglob("*.h")):
        yield from check_c(header, "shoal", {"shoal"})
    for module in sorted((ROOT / "python").rglob("*.py*")):
        if module.suffix in {".py", ".pyi"}:
            yield from check_python(module)


def main() -> int:
    """Print every violation and return the exit status."""
    found = list(violations())
    print("\n".join(found), end="\n" if found else "")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
