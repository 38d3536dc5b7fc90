"""Runs every check of `make check`: format, types, layers and sizes.

Changes no file. Prints what each check finds, then one line for each check;
exit status 1 if any failed. Runs in the environment that has the dependency
group ``check``.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BIN = Path(sys.executable).parent

C_FOLDERS = ("include", "src", "tests", "fuzz", "bench", "examples")
TYPED = ("python/shoal", "tools")


def c_files() -> list[str]:
    """Return the C files of the tree, relative to its root."""
    return [
        str(path.relative_to(ROOT))
        for folder in C_FOLDERS
        for path in sorted((ROOT / folder).rglob("*.[ch]"))
    ]


def check_c_format() -> int:
    """Print a line for every C file that is not as .clang-format has it."""
    status = 0
    for path in c_files():
        done = subprocess.run(
            [str(BIN / "clang-format"), "--dry-run", "-Werror", "--ferror-limit=1", path],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            place = done.stderr.partition(": error:")[0]
            print(f"{place}: not in the format of .clang-format; `make fmt` changes it")
            status = 1
    return status


def checks() -> dict[str, list[str]]:
    """Return the command of each check, by the name that is shown."""
    return {
        "C format": [sys.executable, __file__, "--c-format"],
        "Python format": [str(BIN / "ruff"), "format", "--check", "."],
        "Python lint": [str(BIN / "ruff"), "check", "--output-format=concise", "--quiet", "."],
        "types": [str(BIN / "mypy"), "--no-error-summary", *TYPED],
        "layers": [sys.executable, "tools/check_layers.py"],
        "names and sizes": [sys.executable, "tools/check_tree.py"],
    }


def main() -> int:
    """Run the checks and return the exit status."""
    if sys.argv[1:] == ["--c-format"]:
        return check_c_format()
    failed = []
    commands = checks()
    for name, command in commands.items():
        done = subprocess.run(
            command,
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        if done.returncode:
            failed.append(name)
            print(f"---- {name}\n{done.stdout.rstrip()}", flush=True)
    for name in commands:
        print(f"check: {name}: {'FAILED' if name in failed else 'ok'}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
