"""``shoal run``: checks the target, then lets it take this process's place.

exec keeps the process id, so exit status, signals, standard streams and job
control are the target's own, and the interpreter sets sys.argv, __main__ and
sys.path as it always does.
"""

from __future__ import annotations

import importlib.machinery
import importlib.util
import os
import shutil
import signal
import stat
import sys

from shoal import _elf, library_path

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NoReturn


class CannotRunError(Exception):
    """Why the target cannot be run, in one line for the user."""


def run(target: list[str], stats: bool = False, compact: bool = False) -> NoReturn:
    """Replace this process by `target`, with libshoal.so preloaded.

    Parameters
    ----------
    target : list of str
        ``[script, ...]``, ``["-m", module, ...]``, ``["-c", code, ...]`` or
        ``["--", program, ...]``.
    stats : bool
        Have the library report on standard error when the process exits.
    compact : bool
        Have full collections followed by `shoal.compact`.

    Raises
    ------
    CannotRunError
        The target does not exist or cannot be run.
    """
    if not target:
        raise CannotRunError("nothing to run: give a script, -m module, -c code or -- program")
    program, arguments = _program(target[1:]) if target[0] == "--" else _python(target)
    environment = _environment("run")
    if compact:
        environment["SHOAL_COMPACT"] = "1"
    environment["SHOAL_RUN"] = str(os.getpid())  # The library tells us what it finds there.
    _exec(program, arguments, environment, stats)


def run_again() -> NoReturn:
    """Replace this process by itself, with the same arguments and libshoal.so preloaded.

    Raises
    ------
    CannotRunError
        The interpreter cannot run on it.
    """
    python = _this_python()
    _exec(python, [python, *sys.orig_argv[1:]], _environment("profile"))


def _exec(
    program: str, arguments: list[str], environment: dict[str, str], stats: bool = False
) -> NoReturn:
    if stats:
        environment["SHOAL_STATS"] = str(os.getpid())
    # Python ignores these two for itself, and exec would hand that down.
    for number in (signal.SIGPIPE, signal.SIGXFSZ):
        signal.signal(number, signal.SIG_DFL)
    try:
        os.execve(program, arguments, environment)
    except OSError as error:
        raise CannotRunError(f"cannot run {arguments[0]}: {error.strerror}") from None


def library_or_name() -> str:
    """Return libshoal.so's path, or its bare name where the package has none."""
    path = library_path()
    return path if os.path.exists(path) else "libshoal.so"


def _warn(message: str, command: str = "run") -> None:
    print(f"shoal {command}: warning: {message}", file=sys.stderr, flush=True)


# ---- The environment ---------------------------------------------------------


def _environment(command: str) -> dict[str, str]:
    environment = dict(os.environ)
    _undo_locale_coercion(environment)
    allocator = environment.pop("PYTHONMALLOC", "")
    if allocator:
        _warn(f"PYTHONMALLOC={allocator} is left out: it would undo Shoal", command)
    preloaded = environment.get("LD_PRELOAD", "")
    path = library_for_preload()
    if path not in preloaded.replace(" ", ":").split(":"):
        environment["LD_PRELOAD"] = f"{path}:{preloaded}" if preloaded else path
    return environment


def library_for_preload() -> str:
    """Return libshoal.so's path.

    Raises
    ------
    CannotRunError
        It is not there, or LD_PRELOAD cannot name it.
    """
    return for_preload(library())


def library() -> str:
    """Return libshoal.so's path; raise CannotRunError if it is not there."""
    path = library_path()
    if not os.path.exists(path):
        raise CannotRunError(f"{path} is missing: install the package again")
    return path


def for_preload(path: str) -> str:
    """Return a path as it is; raise CannotRunError if LD_PRELOAD cannot name it."""
    if " " in path or ":" in path:
        raise CannotRunError(f"LD_PRELOAD cannot name a path with a space or a colon: {path}")
    return path


def _undo_locale_coercion(environment: dict[str, str]) -> None:
    """Put LC_CTYPE back to what this process was started with: Python may set it (PEP 538)."""
    try:
        with open("/proc/self/environ", "rb") as block:
            variables = block.read().split(b"\0")
    except OSError:
        return
    environment.pop("LC_CTYPE", None)
    for variable in variables:
        if variable.startswith(b"LC_CTYPE="):
            environment["LC_CTYPE"] = os.fsdecode(variable.partition(b"=")[2])


# ---- A script, module or code: this interpreter --------------------------------


def _this_python() -> str:
    if not sys.executable:
        raise CannotRunError("Python does not know the path of its own executable")
    return sys.executable


def _python(target: list[str]) -> tuple[str, list[str]]:
    python = _this_python()
    option, value = target[0][:2], target[0][2:]
    if option in ("-m", "-c"):
        if not value and len(target) == 1:
            raise CannotRunError(f"argument expected for the {option} option")
        if option == "-m":
            check_module(value or target[1])
    elif target[0] != "-":
        check_script(target[0])
    return python, [python, *target]


def check_script(path: str) -> None:
    """Refuse a script that is not there or cannot be read."""
    try:
        mode = os.stat(path).st_mode
    except FileNotFoundError:
        raise CannotRunError(f"no such script: {path}") from None
    except OSError as error:
        raise CannotRunError(f"cannot read the script: {path}: {error.strerror}") from None
    if not os.access(path, os.R_OK):
        raise CannotRunError(f"cannot read the script: {path}: Permission denied")
    if stat.S_ISDIR(mode) and not _has_main(path):
        raise CannotRunError(f"no __main__.py in the directory: {path}")


def _has_main(directory: str) -> bool:
    names = ("__main__.py", "__main__.pyc")
    return any(os.path.isfile(os.path.join(directory, name)) for name in names)


def check_module(name: str) -> None:
    """Refuse a module whose top-level package is nowhere; Python itself judges the rest."""
    package = name.partition(".")[0]
    if not package:
        raise CannotRunError(f"no such module: {name!r}")
    # `python -m` looks in the current directory first.
    if importlib.machinery.PathFinder.find_spec(package, [os.getcwd()]) is not None:
        return
    try:
        found = importlib.util.find_spec(package) is not None
    except ValueError:
        return  # A module without a spec, such as __main__.
    if not found:
        raise CannotRunError(f"no such module: {name}")


# ---- Any program ------------------------------------------------------------------

_MOST_SCRIPTS = 5
"""Linux follows no more than so many, each named by the one before."""

_LONGEST_FIRST_LINE = 256
"""In bytes: Linux looks at no more of it."""


def _program(command: list[str]) -> tuple[str, list[str]]:
    if not command or not command[0]:
        raise CannotRunError("a program is expected after --")
    path = shutil.which(command[0])
    if path is None:
        if "/" in command[0] and os.path.exists(command[0]):
            reason = "Is a directory" if os.path.isdir(command[0]) else "Permission denied"
            raise CannotRunError(f"cannot run {command[0]}: {reason}")
        raise CannotRunError(f"no such program: {command[0]}")
    obstacle = _obstacle(path)
    if obstacle:
        _warn(f"{command[0]} {obstacle}, so it keeps its own allocator")
    return path, command


def _obstacle(path: str, scripts: int = 0) -> str:
    """Say why the dynamic linker will not preload a library into `path`; "" if it will.

    What is found out in the program itself (SHOAL_RUN) is not judged here. `scripts` is
    how many led to it, each named in the first line of the one before.
    """
    try:
        status = os.stat(path)
        elf = _elf.read(path)
        if elf is None:
            interpreter = _interpreter(path) if stat.S_ISREG(status.st_mode) else ""
            follow = interpreter and scripts < _MOST_SCRIPTS
            return _obstacle(interpreter, scripts + 1) if follow else ""
    except OSError:
        return ""  # One may run what one may not read.
    obstacle = _own_obstacle(path, status, elf)
    return f"runs on {path}, which {obstacle}" if obstacle and scripts else obstacle


def _own_obstacle(path: str, status: os.stat_result, elf: _elf.Elf) -> str:
    if status.st_mode & stat.S_ISUID and status.st_uid != os.getuid():
        return "is setuid"
    if status.st_mode & stat.S_ISGID and status.st_gid != os.getgid():
        return "is setgid"
    if os.getuid() != 0 and _has_capabilities(path):
        return "has capabilities"
    if elf.bits == 32:
        return "is a 32-bit program"
    return "" if elf.interpreted else "is statically linked"


def _interpreter(path: str) -> str:
    """Return the program that a script names in its first line; "" for none."""
    with open(path, "rb") as file:
        first = file.readline(_LONGEST_FIRST_LINE)
    words = first[2:].split(None, 1) if first.startswith(b"#!") else []
    return os.fsdecode(words[0]) if words else ""


def _has_capabilities(path: str) -> bool:
    try:
        return bool(os.getxattr(path, "security.capability"))
    except OSError:
        return False
