"""``shoal preload``: where the library is, a link to it, and who runs on it."""

from __future__ import annotations

import argparse
import contextlib
import os
import tempfile

import shoal
from shoal import _run
from shoal._command_line import Parser

__all__ = ["main"]

_EXAMPLES = """\
examples:
  LD_PRELOAD=$(shoal preload) node app.js             any program, as `shoal run` does it
  shoal preload --link /usr/local/lib/libshoal.so     a path that images can name in ENV
  shoal preload --check                               is it preloaded here?
  shoal preload --check 4711                          and does that process run on it?

`--check` exits with 0 if so, with 1 if not. Of another process it reads the heap, as
`shoal inspect` does, and needs the same rights.
"""


class _CannotLinkError(Exception):
    """Why there is no link, in one line for the user."""


def main(arguments: list[str]) -> int:
    """Run ``shoal preload``.

    Parameters
    ----------
    arguments : list of str
        Those behind the command's name.

    Returns
    -------
    int
        0; of ``--check`` 1 where Shoal does not serve; 2, with one line on standard
        error, for what cannot be done.
    """
    parser = _parser()
    options = parser.parse_args(arguments)
    if options.check is not None:
        return _check(parser, options.check)
    try:
        print(_link(options.link) if options.link else _run.library_for_preload())
    except (_run.CannotRunError, _CannotLinkError) as reason:
        parser.error(str(reason))
    return 0


def _parser() -> Parser:
    parser = Parser(
        prog="shoal preload",
        description="Print the path of libshoal.so, for LD_PRELOAD.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    either = parser.add_mutually_exclusive_group()
    either.add_argument(
        "--link",
        metavar="PATH",
        type=_path,
        help="put a link to it at PATH, and print that; a link that is there is replaced",
    )
    either.add_argument(
        "--check",
        metavar="PID",
        nargs="?",
        const=0,
        type=_process,
        help="say whether that process runs on Shoal; without PID, this one",
    )
    return parser


def _path(text: str) -> str:
    if not text:
        raise argparse.ArgumentTypeError("a path is expected")
    return text


def _process(text: str) -> int:
    if not text.isascii() or not text.isdigit() or not 0 < int(text) < 1 << 31:
        raise argparse.ArgumentTypeError(f"no process id: {text}")
    return int(text)


# ---- A link ----------------------------------------------------------------------


def _link(path: str) -> str:
    """Put a link to the library at `path`, and return its absolute path."""
    library = _run.library()
    link = _run.for_preload(os.path.abspath(path))
    if os.path.lexists(link) and not os.path.islink(link):
        kind = "a directory" if os.path.isdir(link) else "a file, and no link"
        raise _CannotLinkError(f"{path} is {kind}: name a path for the link")
    try:
        _replace_link(library, link)
    except OSError as error:
        raise _CannotLinkError(f"cannot put a link at {path}: {error.strerror}") from None
    return link


def _replace_link(library: str, link: str) -> None:
    # A process that starts meanwhile finds the old link or the new one.
    with tempfile.TemporaryDirectory(prefix=".shoal-", dir=os.path.dirname(link)) as folder:
        fresh = os.path.join(folder, "link")
        os.symlink(library, fresh)
        os.replace(fresh, link)


# ---- A check ---------------------------------------------------------------------


def _check(parser: Parser, pid: int) -> int:
    try:
        reason = _not_on_it(pid) if pid else _not_here()
    except (OSError, MemoryError) as error:
        parser.error(str(error))
    whose = f"process {pid}" if pid else "this process"
    print(f"{whose} does not run on Shoal: {reason}" if reason else f"{whose} runs on Shoal")
    return 1 if reason else 0


def _not_here() -> str:
    """Say why this process does not run on Shoal; "" if it does."""
    from shoal import _heap

    if _heap.serves_malloc():
        return "" if shoal.is_active() else _other_allocator(dict(os.environ))
    return _not_preloaded(os.environ.get("LD_PRELOAD", ""))


def _other_allocator(environment: dict[str, str]) -> str:
    allocator = environment.get("PYTHONMALLOC")
    if allocator:
        return f"PYTHONMALLOC={allocator} keeps its objects elsewhere"
    return "libshoal.so is preloaded, and its objects are elsewhere"


def _not_preloaded(preloaded: str) -> str:
    if not preloaded:
        return "LD_PRELOAD is not set"
    for path in preloaded.replace(" ", ":").split(":"):
        if os.path.basename(path).startswith("libshoal"):
            there = os.path.exists(path)
            return f"LD_PRELOAD names {path}, which is " + (
                "not the first to bring a malloc" if there else "not there"
            )
    return f"LD_PRELOAD={preloaded} does not name libshoal.so"


def _not_on_it(pid: int) -> str:
    """Say why another process does not run on Shoal; "" if it does.

    Raises
    ------
    OSError
        There is no such process, or it may not be read.
    """
    from shoal import _inspect

    if not _has_library(pid):
        return "libshoal.so is not loaded"
    try:
        allocator = _inspect.read(pid)["allocator"]
    except _inspect.NotPythonError:
        return "nothing in it is Shoal's"
    if allocator == "shoal":
        return ""
    with contextlib.suppress(OSError), open(f"/proc/{pid}/environ", "rb") as block:
        pairs = (os.fsdecode(pair).partition("=") for pair in block.read().split(b"\0"))
        environment = {name: value for name, _, value in pairs}
        if environment.get("PYTHONMALLOC"):
            return _other_allocator(environment)
    return "libshoal.so is loaded, and its objects are elsewhere"


def _has_library(pid: int) -> bool:
    try:
        with open(f"/proc/{pid}/maps", encoding="utf-8", errors="replace") as maps:
            return any("/libshoal" in line for line in maps)
    except FileNotFoundError:
        raise ProcessLookupError(f"no such process: {pid}") from None
    except ProcessLookupError:
        raise ProcessLookupError(f"process {pid} ended while it was read") from None
    except PermissionError:
        return True  # The reader says it better.
