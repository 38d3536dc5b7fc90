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


def run(target: list[str], stats: bool = False) -> NoReturn:
    """Replace this process by `target`, with libshoal.so preloaded.

    Parameters
    ----------
    target : list of str
        ``[script, ...]``, ``["-m", module, ...]``, ``["-c", code, ...]`` or
        ``["--", program, ...]``.
    stats : bool
        Have the library report on standard error when the process exits.

    Raises
    ------
    CannotRunError
        The target does not exist or cannot be run.
    """
    if not target:
        raise CannotRunError("nothing to run: give a script, -m module, -c code or -- program")
    program, arguments = _program(target[1:]) if target[0] == "--" else _python(target)
    _exec(program, arguments, _environment("run"), stats)


def run_again() -> NoReturn:
    """Replace this process by itself, with the same arguments and libshoal.so preloaded.

    Raises
    ------
    CannotRunError
        The interpreter cannot run on it.
    """
    _check_python()
    _exec(sys.executable, [sys.executable, *sys.orig_argv[1:]], _environment("profile"))


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
    if environment.get("PYTHONDEVMODE"):
        _warn(
            "PYTHONDEVMODE brings Python's debug allocator, so objects will not be Shoal's", command
        )
    preloaded = environment.get("LD_PRELOAD", "")
    library = _library()
    if library not in preloaded.replace(" ", ":").split(":"):
        environment["LD_PRELOAD"] = f"{library}:{preloaded}" if preloaded else library
    return environment


def _library() -> str:
    path = library_path()
    if not os.path.exists(path):
        raise CannotRunError(f"{path} is missing: install the package again")
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


def _check_python() -> None:
    if "t" in getattr(sys, "abiflags", ""):
        raise CannotRunError(
            "this Python is free-threaded, and Shoal needs the interpreter lock: "
            "use a standard build of Python"
        )
    if not sys.executable:
        raise CannotRunError("Python does not know the path of its own executable")


def _python(target: list[str]) -> tuple[str, list[str]]:
    _check_python()
    option, value = target[0][:2], target[0][2:]
    if option in ("-m", "-c"):
        if not value and len(target) == 1:
            raise CannotRunError(f"argument expected for the {option} option")
        if option == "-m":
            check_module(value or target[1])
    elif target[0] != "-":
        check_script(target[0])
    return sys.executable, [sys.executable, *target]


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


def _obstacle(path: str) -> str:
    """Say why the dynamic linker will not preload a library into `path`; "" if it will."""
    try:
        status = os.stat(path)
        elf = _elf.read(path)
    except OSError:
        return ""  # One may run what one may not read.
    if status.st_mode & stat.S_ISUID and status.st_uid != os.getuid():
        return "is setuid"
    if status.st_mode & stat.S_ISGID and status.st_gid != os.getgid():
        return "is setgid"
    if elf is None:
        return ""  # A script: its interpreter is what counts.
    if elf.bits == 32:
        return "is a 32-bit program"
    return "" if elf.interpreted else "is statically linked"
