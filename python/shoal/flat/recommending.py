"""Which call of `shoal.flat.columns` to recommend: one that was tried."""

from __future__ import annotations

import io
import os
import shlex
from dataclasses import dataclass
from itertools import islice

from shoal.flat.packing import check

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Any

    from shoal.flat.advise import Advice

__all__ = ["AsLines", "Recommendation", "conversion", "recommend"]

_INFERRED = ("int64", "uint64", "float64", "bool", "str", "bytes", "null")
_MOST_NAMED = 9  # columns that a call names

_AT_ONCE = 1000  # records


@dataclass
class Recommendation:
    """What to do with a file.

    Attributes
    ----------
    call : str
        What follows the path in ``flat.columns(path...)``, "" where none works.
    share : float
        The part of what objects take that its columns take.
    reason : str
        Why no call works, else "".
    """

    call: str = ""
    share: float = 0.0
    reason: str = ""


def recommend(advice: Advice, again: Callable[[], Any]) -> Recommendation:
    """Return the call that takes the least and works.

    Parameters
    ----------
    advice : Advice
        About the records.
    again : callable
        Returns them once more, as a source of `shoal.flat.columns`.
    """
    narrow = {
        column.name: column.packed_as
        for column in advice.columns
        if column.packed_as not in _INFERRED
    }
    if len(narrow) > _MOST_NAMED:
        narrow = {}
    sizes = _sizes(advice, narrow)
    reason = ""
    for how in sorted(sizes, key=lambda how: sizes[how]):
        try:
            check(again(), narrow or None, how)  # type: ignore[arg-type]
        except ImportError:
            continue
        except (TypeError, ValueError) as error:  # No literal; records that are not alike.
            reason = reason or str(error)
        else:
            schema = f", {narrow}" if narrow else ""
            return Recommendation(f"{schema}, into={how!r}", sizes[how] / max(1, advice.objects))
    return Recommendation(reason=reason)


def _sizes(advice: Advice, narrow: dict[str, str]) -> dict[str, int]:
    """Return what each way takes that takes None as it is, with these types."""
    has_nulls = any(column.nulls for column in advice.columns)
    sizes = {}
    for how in ("arrow",) if has_nulls else ("array", "numpy", "arrow"):
        size = advice.packed(how)
        if size is not None and advice.records:
            sizes[how] = size + sum(
                8 * sum(column.types.values()) - (getattr(column, how) or 0)
                for column in advice.columns
                if column.packed_as not in _INFERRED and column.name not in narrow
            )
    return sizes


class AsLines(io.RawIOBase):
    """Records as the flat file that ``shoal flat convert`` makes of them."""

    def __init__(self, records: Iterator[Any]) -> None:
        self._records = records
        self._text = memoryview(b"")

    def readable(self) -> bool:
        """Return True."""
        return True

    def readinto(self, room: Any) -> int:
        """Read into a buffer."""
        from shoal import flat

        if not self._text:
            self._text = memoryview(flat.dumps(list(islice(self._records, _AT_ONCE))))
        size = min(len(room), len(self._text))
        room[:size] = self._text[:size]
        self._text = self._text[size:]
        return size


def conversion(name: str, options: list[str]) -> tuple[str, str]:
    """Return the command that makes a flat file of another, and the name of that, a new one."""
    target = os.path.splitext(name)[0] + ".flat"
    if os.path.exists(target):
        target = f"{name}.flat"
    return f"shoal flat convert {shlex.join([*options, name, target])}", target
