"""The pickle module without the memory: ``import shoal.pickle as pickle``.

Streams are standard pickle, protocols 0 to 5, and every ``pickle.load`` reads
them. What differs is what is kept while one is written: `pickle` remembers every
object, this module only those that can be met again. ``docs/pickle.md`` has the
rule. The exceptions and `PickleBuffer` are those of the standard module.

Beyond the standard module's parameters there are

- ``dump`` and ``dumps``: ``exact=True`` remembers all that `pickle` does;
- ``load``, ``loads`` and ``Unpickler``: ``allow`` names the only globals that may be
  found, ``share=True`` makes equal immutable leaves one object, as far as a small
  cache sees them;
- ``dump`` and ``load`` take a path as well as a file; ``dump(..., progress=True)`` draws
  a progress bar when the work takes long.
"""

from __future__ import annotations

import os
from pickle import (  # type: ignore[attr-defined]  # the last two: not in typeshed
    DEFAULT_PROTOCOL,
    HIGHEST_PROTOCOL,
    PickleBuffer,
    PickleError,
    PicklingError,
    UnpicklingError,
    compatible_formats,
    format_version,
)

from shoal import _serial
from shoal._serial import Pickler, Unpickler, dumps, loads

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Any

    from shoal._serial import ReadableFile, WritableFile

__all__ = [
    "DEFAULT_PROTOCOL",
    "HIGHEST_PROTOCOL",
    "PickleBuffer",
    "PickleError",
    "Pickler",
    "PicklingError",
    "Unpickler",
    "UnpicklingError",
    "compatible_formats",
    "dump",
    "dumps",
    "format_version",
    "load",
    "loads",
]


def dump(
    obj: object,
    file: WritableFile | str | os.PathLike[str],
    protocol: int | None = None,
    *,
    fix_imports: bool = True,
    buffer_callback: Callable[[PickleBuffer], object] | None = None,
    exact: bool = False,
    progress: bool = False,
) -> None:
    """Write a pickle of ``obj`` to a file.

    Parameters
    ----------
    obj : object
        What to write.
    file : binary file or path
        Open for writing; or where to make one, which replaces what is there.
    protocol : int, optional
        0 to 5; negative: the highest; by default that of the standard module.
    fix_imports : bool
        Up to protocol 2: write the names that Python 2 has for its modules.
    buffer_callback : callable, optional
        Takes the buffers that are not to go into the stream (protocol 5).
    exact : bool
        Remember every object that `pickle` does, at the cost of the memory.
    progress : bool
        Draw a progress bar on standard error when the work takes long.
    """
    if isinstance(file, (str, os.PathLike)):
        with open(file, "wb") as opened:
            dump(
                obj,
                opened,
                protocol,
                fix_imports=fix_imports,
                buffer_callback=buffer_callback,
                exact=exact,
                progress=progress,
            )
        return
    bar = None
    if progress:
        from shoal.pickle.progress import ProgressBar

        bar = ProgressBar()
    try:
        _serial.dump(
            obj,
            file,
            protocol,
            fix_imports=fix_imports,
            buffer_callback=buffer_callback,
            exact=exact,
            progress=bar.update if bar else None,
        )
    finally:
        if bar:
            bar.close()


def load(
    file: ReadableFile | str | os.PathLike[str],
    *,
    fix_imports: bool = True,
    encoding: str = "ASCII",
    errors: str = "strict",
    buffers: Iterable[Any] | None = None,
    allow: Iterable[str] | None = None,
    share: bool = False,
) -> Any:
    """Read a pickle from a file and return the object in it.

    Parameters
    ----------
    file : binary file or path
        Open for reading, and left behind the pickle; or where to find one.
    fix_imports : bool
        Up to protocol 2: know the names that Python 2 has for its modules.
    encoding, errors : str
        How to decode the 8-bit strings of Python 2; "bytes": not at all.
    buffers : iterable, optional
        The buffers that did not go into the stream (protocol 5).
    allow : iterable of str, optional
        The only globals that may be found, as ``"module.name"``.
    share : bool
        Make immutable leaves that are equal one object, as far as a small cache
        sees them.
    """
    if isinstance(file, (str, os.PathLike)):
        with open(file, "rb") as opened:
            return _serial.load(
                opened,
                fix_imports=fix_imports,
                encoding=encoding,
                errors=errors,
                buffers=buffers,
                allow=allow,
                share=share,
            )
    return _serial.load(
        file,
        fix_imports=fix_imports,
        encoding=encoding,
        errors=errors,
        buffers=buffers,
        allow=allow,
        share=share,
    )
