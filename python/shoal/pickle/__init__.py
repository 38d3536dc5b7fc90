"""The pickle module without the memory: ``import shoal.pickle as pickle``.

Streams are standard pickle, protocols 0 to 5, and every ``pickle.load`` reads
them. What differs is what is kept while one is written: `pickle` remembers every
object, this module only those that can be met again. ``docs/pickle.md`` has the
rule. All else that the standard module has is here as it is there: exceptions,
opcodes, `PickleBuffer`, `whichmodule`, the classes `_Pickler` and `_Unpickler` in
Python. So it can take the module's place: ``sys.modules["pickle"] = shoal.pickle``.

Beyond the standard module's parameters there are

- ``dump`` and ``dumps``: ``exact=True`` remembers all that `pickle` does;
- ``load``, ``loads`` and ``Unpickler``: ``allow`` names the only globals that may be
  found, ``share=True`` makes equal immutable leaves one object, as far as a small
  cache sees them;
- ``dump`` and ``load`` take a path as well as a file; ``dump(..., progress=True)`` draws
  a progress bar when the work takes long.
"""

from __future__ import annotations

import pickle as _standard

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pickle import (
        DEFAULT_PROTOCOL,
        HIGHEST_PROTOCOL,
        PickleBuffer,
        PickleError,
        PicklingError,
        UnpicklingError,
    )
    from typing import Any
else:
    from pickle import *  # noqa: F403

from shoal._serial import (  # noqa: E402  # in the place of what that gave
    Pickler,
    Unpickler,
    dump,
    dumps,
    load,
    loads,
)

__all__ = [
    "DEFAULT_PROTOCOL",
    "HIGHEST_PROTOCOL",
    "PickleBuffer",
    "PickleError",
    "Pickler",
    "PicklingError",
    "Unpickler",
    "UnpicklingError",
    "dump",
    "dumps",
    "load",
    "loads",
]
__all__ += [name for name in _standard.__all__ if name not in __all__]


def __getattr__(name: str) -> Any:
    """Return what the standard module has besides: `whichmodule`, `_Pickler`, ..."""
    try:
        return getattr(_standard, name)
    except AttributeError:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}") from None


def __dir__() -> list[str]:
    return sorted({*globals(), *dir(_standard)})
