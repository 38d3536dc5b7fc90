"""The program that ``shoal profile`` runs: found, compiled, and run as ``__main__`` here.

What it finds is what it would find under ``python``: sys.argv, sys.path[0],
``__main__`` with its names. What it raises goes on to the interpreter, which
ends as it always does; only the frames above the program's are taken off its
traceback.
"""

from __future__ import annotations

import builtins
import importlib.machinery
import os
import sys
import types

from shoal._run import CannotRunError, check_module, check_script

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import CodeType, TracebackType
    from typing import Any

__all__ = ["Program", "prepare"]


class Program:
    """A program that is ready to run, as ``__main__`` and with `sys.argv` its own.

    Attributes
    ----------
    code : CodeType
        Of its main module.
    """

    def __init__(self, code: CodeType, names: dict[str, Any]) -> None:
        self.code = code
        self._names = names

    def run(self) -> None:
        """Run it; what it raises is raised.

        An exception that nobody catches is reported as it is under ``python``.
        """
        main = types.ModuleType("__main__")
        main.__dict__.update(self._names, __builtins__=builtins)
        self._main_before = sys.modules["__main__"]  # Its functions are running.
        sys.modules["__main__"] = main
        try:
            exec(self.code, main.__dict__)
        except BaseException as error:
            if not isinstance(error, SystemExit) and error.__traceback__:
                _show_below(error, error.__traceback__.tb_next)
            raise


def prepare(words: Sequence[str]) -> Program:
    """Find and compile a program, and set `sys.argv` and `sys.path` for it.

    Parameters
    ----------
    words : sequence of str
        ``[script, ...]``, ``["-m", module, ...]`` or ``["-c", code, ...]``.

    Raises
    ------
    CannotRunError
        It does not exist, cannot be read or does not parse.
    """
    if not words:
        raise CannotRunError("nothing to run: give a script, -m module or -c code")
    option, value = words[0][:2], words[0][2:]
    if option not in ("-m", "-c"):
        return _script(words[0], words[1:])
    rest = list(words[1:])
    if not value:
        if not rest:
            raise CannotRunError(f"argument expected for the {option} option")
        value = rest.pop(0)
    return _module(value, rest) if option == "-m" else _string(value, rest)


# ---- A script ------------------------------------------------------------------------


def _script(path: str, arguments: Sequence[str]) -> Program:
    if path == "-":
        raise CannotRunError("a script from standard input cannot be profiled: give a file")
    check_script(path)
    from pkgutil import get_importer

    sys.argv = [path, *arguments]
    absolute = os.path.abspath(path)
    importer = get_importer(absolute)
    if importer is not None:  # A directory, or a zip archive.
        _set_first_of_path(absolute)
        spec = importer.find_spec("__main__")
        if spec is None:
            raise CannotRunError(f"no __main__.py in {path}")
        return _of_spec(spec, _got(spec.loader, path))
    _set_first_of_path(os.path.dirname(os.path.realpath(path)))
    if path.endswith(".pyc"):
        sourceless = importlib.machinery.SourcelessFileLoader("__main__", absolute)
        return Program(_got(sourceless, absolute), _names(absolute, sourceless))
    loader = importlib.machinery.SourceFileLoader("__main__", absolute)
    return Program(_compiled(path, absolute), _names(absolute, loader))


def _compiled(path: str, absolute: str) -> CodeType:
    try:
        with open(path, "rb") as file:
            source = file.read()
    except OSError as error:
        raise CannotRunError(f"cannot read the script: {path}: {error.strerror}") from None
    return _parsed(source, absolute)


def _parsed(source: str | bytes, filename: str) -> CodeType:
    try:
        return compile(source, filename, "exec", dont_inherit=True)
    except SyntaxError as error:
        raise _does_not_parse(error, filename) from None
    except (ValueError, RecursionError, MemoryError, OverflowError) as error:
        raise CannotRunError(f"does not parse: {filename}: {error}") from None


def _does_not_parse(error: SyntaxError, filename: str) -> CannotRunError:
    line = f", line {error.lineno}" if error.lineno else ""
    return CannotRunError(f"does not parse: {error.filename or filename}{line}: {error.msg}")


# ---- A module ------------------------------------------------------------------------


def _module(name: str, arguments: Sequence[str]) -> Program:
    check_module(name)
    # While the packages around it are imported it is not known where it is.
    sys.argv = ["-m", *arguments]
    _set_first_of_path(os.getcwd())
    import runpy

    details = runpy._get_module_details  # type: ignore[attr-defined]
    try:
        _, spec, code = details(name, CannotRunError)
    except SyntaxError as error:
        raise _does_not_parse(error, name) from None
    except CannotRunError as error:
        raise CannotRunError(f"cannot run the module: {error}") from None
    sys.argv[0] = spec.origin
    return _of_spec(spec, code)


def _of_spec(spec: importlib.machinery.ModuleSpec, code: CodeType) -> Program:
    names = _names(spec.origin, spec.loader)
    return Program(code, {**names, "__spec__": spec, "__package__": spec.parent})


def _got(loader: Any, where: str) -> CodeType:
    """Return what a loader has as the code of ``__main__``."""
    try:
        code = loader.get_code("__main__")
    except SyntaxError as error:
        raise _does_not_parse(error, where) from None
    except (ImportError, EOFError, ValueError) as error:
        raise CannotRunError(f"cannot run {where}: {error}") from None
    if not isinstance(code, types.CodeType):
        raise CannotRunError(f"cannot run {where}: it has no Python code")
    return code


# ---- Code ----------------------------------------------------------------------------


def _string(source: str, arguments: Sequence[str]) -> Program:
    import linecache

    sys.argv = ["-c", *arguments]
    _set_first_of_path("")
    code = _parsed(source, "<string>")
    # So that its lines can be shown.
    linecache.cache["<string>"] = len(source), None, source.splitlines(True), "<string>"
    names = _names(None, importlib.machinery.BuiltinImporter)
    return Program(code, {name: names[name] for name in names if name not in _OF_FILES})


# ---- What it finds -------------------------------------------------------------------


_OF_FILES = ("__file__", "__cached__")


def _names(file: str | None, loader: object) -> dict[str, Any]:
    names = {
        "__file__": file,
        "__doc__": None,
        "__loader__": loader,
        "__package__": None,
        "__spec__": None,
    }
    if sys.version_info < (3, 14):  # Since then a module has them when it is asked for them.
        names["__annotations__"] = {}
    if sys.version_info < (3, 15):
        names["__cached__"] = None
    return names


def _set_first_of_path(folder: str) -> None:
    """Put the program's folder where this command's own is, or none was to be put (-P, -I)."""
    if not getattr(sys.flags, "safe_path", sys.flags.isolated):
        sys.path[0] = folder


# ---- What it raises ------------------------------------------------------------------


def _show_below(error: BaseException, trace: TracebackType | None) -> None:
    """Have the interpreter show an exception that ends the program from the program's frame on."""
    hook = sys.excepthook

    def show(kind: type[BaseException], shown: BaseException, whole: TracebackType | None) -> None:
        if shown is error:
            whole = sys.last_traceback = trace
        hook(kind, shown.with_traceback(whole), whole)

    sys.excepthook = show
