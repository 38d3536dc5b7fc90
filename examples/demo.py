"""The article's experiments on the interpreter's own allocator and on Shoal, side by side.

Each program of this directory runs in fresh processes under both; the tables
show its memory line by line. The last table shows what a few survivors keep.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import catalogue
import summary
from measure import OneLineParser
from runner import Demo, DemoError

if TYPE_CHECKING:
    from collections.abc import Callable

SIZES = {"small": 0.2, "full": 1.0}
LARGEST = 20.0


def main() -> int:
    arguments = _arguments()
    try:
        with tempfile.TemporaryDirectory(prefix="shoal-demo-") as scratch:
            show = _printer(arguments.json)
            demo = Demo(arguments.size, arguments.only, Path(scratch))
            _run(demo)
            show(demo)
            sys.stdout.flush()
    except DemoError as error:
        sys.stderr.write(f"demo: {error}\n")
        return 1
    except ImportError as error:
        sys.stderr.write(f"demo: the tables need rich ({error}); --json does without\n")
        return 1
    except BrokenPipeError:  # the reader has seen enough
        sys.stderr.close()
        return 1
    except KeyboardInterrupt:
        sys.stderr.write("demo: interrupted\n")
        return 130
    return 0


def _run(demo: Demo) -> None:
    """Run every program, with a progress line on standard error if that is a terminal."""
    if not sys.stderr.isatty():
        demo.run(lambda _label: None, lambda: None)
        return
    # Here, not above: rich is needed only by those who watch.
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (
        BarColumn(bar_width=20),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("{task.description}", markup=False),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("", total=len(demo))
        demo.run(
            lambda label: progress.update(task, description=label),
            lambda: progress.advance(task),
        )


def _printer(as_json: bool) -> Callable[[Demo], None]:
    """Choose what prints the demo; a missing rich shows now, not after the runs."""
    if as_json:
        return _print_json
    import tables

    return lambda demo: tables.show(demo, tables.console())


def _print_json(demo: Demo) -> None:
    json.dump(summary.as_json(demo), sys.stdout, indent=1)
    sys.stdout.write("\n")


def _arguments() -> argparse.Namespace:
    parser = OneLineParser(
        prog="demo", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--size",
        type=_size,
        default=SIZES["small"],
        metavar="small|full|FACTOR",
        help=f"of the article's sizes: small ({SIZES['small']:g}, the default), full (1), a number",
    )
    parser.add_argument(
        "--only",
        type=_letters,
        default=list(catalogue.LETTERS),
        metavar="A,B,...",
        help=f"the experiments to run, of {','.join(catalogue.LETTERS)} "
        f"({catalogue.SURVIVORS}: the survivors)",
    )
    parser.add_argument("--json", action="store_true", help="print JSON in place of the tables")
    return parser.parse_args()


def _size(text: str) -> float:
    """Turn the name of a size, or a factor, into a factor."""
    if text in SIZES:
        return SIZES[text]
    with contextlib.suppress(ValueError):
        if 0 < (factor := float(text)) <= LARGEST:
            return factor
    raise argparse.ArgumentTypeError(
        f"{text!r} is not small, full or a factor above 0 and up to {LARGEST:g}"
    )


def _letters(text: str) -> list[str]:
    """Read letters with commas between them."""
    letters = [letter.strip().upper() for letter in text.split(",")]
    for letter in letters:
        if letter not in catalogue.LETTERS:
            known = ", ".join(catalogue.LETTERS)
            raise argparse.ArgumentTypeError(f"{letter!r} is no experiment; there are {known}")
    return letters


if __name__ == "__main__":
    sys.exit(main())
