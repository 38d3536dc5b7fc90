"""``python -m shoal.pickle FILE``: what a pickle is made of.

Nothing in the file is executed: no class is looked up, no object made.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from pathlib import Path

from shoal._command_line import drop_output
from shoal._progress import ProgressBar
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


def as_json(contents: Contents) -> str:
    """Return the same as JSON, sizes in bytes."""

    def by_name(rows: list[tuple[str, int, int]]) -> dict[str, dict[str, int]]:
        return {name: {"count": count, "bytes": size} for name, count, size in rows}

    found = {
        "pickles": contents.pickles,
        "protocol": contents.protocol,
        "bytes": contents.size,
        "memorized": contents.memorized,
        "opcodes": by_name(contents.by_opcode()),
        "types": by_name(contents.by_type()),
        "globals": dict(contents.globals.most_common()),
    }
    return json.dumps(found, indent=2)


EXAMPLES = """\
examples:
  python -m shoal.pickle data.pickle         which opcodes and types take the room
  python -m shoal.pickle --json data.pickle  the same, for a program
  cat data.pickle | python -m shoal.pickle /dev/stdin

A file may hold several pickles, one behind the other. "global" lists the classes and
functions that loading the file would import or call: name those you trust in
shoal.pickle.load(file, allow={...}).
"""


def _arguments(given: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m shoal.pickle",
        description="Show what a pickle is made of, by opcode and by type. Executes nothing.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--json", action="store_true", help="print JSON, sizes in bytes")
    parser.add_argument("file", metavar="FILE", type=Path, help="where the pickle is")
    return parser.parse_args(given)


def _read(path: Path) -> Contents:
    """Read a file, with a bar on a terminal when it takes long."""
    bar = ProgressBar.on_terminal()
    try:
        with path.open("rb") as file:
            size = os.fstat(file.fileno()).st_size

            def told(position: int) -> None:
                if bar:
                    bar.update(position, min(position / size, 1.0) if size else None)

            return read_contents(file, told)
    finally:
        if bar:
            bar.close()


def main(arguments: list[str] | None = None) -> int:
    """Print what is in a file and return the exit status."""
    given = _arguments(arguments)
    path: Path = given.file
    try:
        contents = _read(path)
    except OSError as error:
        print(f"shoal.pickle: {path}: {error.strerror}", file=sys.stderr)
        return 2
    except ValueError as error:
        first = str(error).partition("\n")[0]
        print(f"shoal.pickle: {path}: not a pickle: {first}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130
    try:
        print(as_json(contents) if given.json else report(contents))
        sys.stdout.flush()
    except BrokenPipeError:
        drop_output()
    except OSError as error:
        drop_output()
        print(f"shoal.pickle: standard output: {error.strerror}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
