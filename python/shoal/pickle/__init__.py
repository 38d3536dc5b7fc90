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

from shoal._serial import Pickler, Unpickler, dump, dumps, load, loads

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
