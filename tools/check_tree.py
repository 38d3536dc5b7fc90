"""Checks names, sizes and build lists: what keeps the tree readable.

- a file name occurs once under include/, src/ and python/;
- no file is longer than 600 lines, no function longer than 60;
- every source file is in the list of the meson.build beside it, so that none
  is left out of the build in silence.

Prints one line for each violation; exit status 1 if there is one.
"""

from __future__ import annotations

import sys
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import lizard

ROOT = Path(__file__).resolve().parent.parent
FILE_LINES = 600
FUNCTION_LINES = 60

MEASURED = ("include", "src", "python", "tools", "tests", "fuzz", "bench", "examples")
"""Folders whose C and Python files are measured."""

UNIQUE = ("include", "src", "python")
REPEATABLE = {"meson.build", "README.md", "__init__.py", "__main__.py", "command.py", "py.typed"}
"""File names that are the same everywhere by convention."""


def files(*folders: str) -> Iterator[Path]:
    """Yield the files of ``folders``, sorted, without what tools leave behind."""
    for folder in folders:
        for path in sorted((ROOT / folder).rglob("*")):
            if path.is_file() and "__pycache__" not in path.parts:
                yield path


def repeated_names() -> Iterator[str]:
    """Yield a line for every file name that occurs more than once."""
    homes: dict[str, list[str]] = defaultdict(list)
    for path in files(*UNIQUE):
        if path.name not in REPEATABLE:
            homes[path.name].append(str(path.relative_to(ROOT)))
    for paths in homes.values():
        if len(paths) > 1:
            yield f"{paths[0]}: has the name of {', '.join(paths[1:])}"


def too_long() -> Iterator[str]:
    """Yield a line for every file and function over the limits."""
    for path in files(*MEASURED):
        if path.suffix not in {".c", ".h", ".cc", ".py"}:
            continue
        shown = path.relative_to(ROOT)
        lines = len(path.read_text(encoding="utf-8").splitlines())
        if lines > FILE_LINES:
            yield f"{shown}: {lines} lines, at most {FILE_LINES}"
        for function in lizard.analyze_file(str(path)).function_list:
            length = function.end_line - function.start_line + 1
            if length > FUNCTION_LINES:
                yield (
                    f"{shown}:{function.start_line}: {function.name} has {length} lines, "
                    f"at most {FUNCTION_LINES}"
                )


def not_built() -> Iterator[str]:
    """Yield a line for every source file that no build list names."""
    for path in files("src", "python"):
        if path.suffix not in {".c", ".py", ".pyi"}:
            continue
        build = path.parent / "meson.build"
        if not build.is_file() or f"'{path.name}'" not in build.read_text(encoding="utf-8"):
            yield f"{path.relative_to(ROOT)}: not in {build.relative_to(ROOT)}"


def main() -> int:
    """Print every violation and return the exit status."""
    found = [*repeated_names(), *too_long(), *not_built()]
    print("\n".join(found), end="\n" if found else "")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
