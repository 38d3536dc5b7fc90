"""``python -m shoal.pickle FILE``: what a pickle is made of.

Nothing in the file is executed: no class is looked up, no object made.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from shoal.pickle.contents import Contents, read_contents


def _table(title: str, rows: list[tuple[str, int, int]], total: int) -> list[str]:
    lines = ["", f"{title:<32}{'count':>12}{'bytes':>14}{'share':>8}"]
    for name, count, size in rows:
        share = 100 * size / total if total else 0.0
        lines.append(f"{name:<32}{count:>12,}{size:>14,}{share:>7.1f}%")
    return lines


def report(contents: Contents) -> str:
    """Return the tables that are printed."""
    lines = [
        f"{contents.pickles} pickle{'s' if contents.pickles != 1 else ''}, "
        f"protocol {contents.protocol}, {contents.size:,} bytes, "
        f"{contents.memorized:,} objects in the memo",
        *_table("opcode", contents.by_opcode(), contents.size),
        *_table("type", contents.by_type(), contents.size),
    ]
    if contents.globals:
        lines += ["", f"{'global':<32}{'count':>12}"]
        lines += [f"{name:<32}{count:>12,}" for name, count in contents.globals.most_common()]
    return "\n".join(lines)


def main(arguments: list[str] | None = None) -> int:
    """Print what is in a file and return the exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m shoal.pickle",
        description="Show what a pickle is made of, by opcode and by type. Executes nothing.",
    )
    parser.add_argument("file", metavar="FILE", type=Path)
    path: Path = parser.parse_args(arguments).file
    try:
        with path.open("rb") as file:
            contents = read_contents(file)
    except OSError as error:
        print(f"shoal.pickle: {path}: {error.strerror}", file=sys.stderr)
        return 2
    except ValueError as error:
        print(f"shoal.pickle: {path}: not a pickle: {error}", file=sys.stderr)
        return 2
    try:
        print(report(contents))
    except BrokenPipeError:
        sys.stderr.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
