"""``SHOAL_COMPACT``: compactions of a program that does not ask for them.

They are done after a collection, when the main thread is next between two instructions: the
collector itself is no place for it.
"""

from __future__ import annotations

import gc

from shoal import _compact, _heap
from shoal.compacting import compact, compact_collected

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

SHARE = 0.01
"""Of the processor time, at most."""

LEAST = 0.5


class _Follower:
    """An entry for `gc.callbacks`; `every` is 0 unless it is for stress."""

    def __init__(self, every: int) -> None:
        self.every = every
        self.left = every
        self.is_busy = False

    def __call__(self, phase: str, info: dict[str, Any]) -> None:
        if phase == "stop" and not self.is_busy and self._is_due(info["generation"]):
            self._queue()

    def _queue(self) -> None:
        self.is_busy = True
        if not _compact.soon(self._compact):
            self.is_busy = False

    def _is_due(self, generation: int) -> bool:
        if not self.every:
            return generation == 2
        self.left -= 1
        if self.left > 0:
            return False
        self.left = self.every
        return True

    def _compact(self) -> None:
        if _compact.is_collecting():  # Still in this very call, or in another's beside it.
            self._queue()
            return
        try:
            if self.every:
                compact(stress=True)
            else:
                compact_collected(least=LEAST, share=SHARE)
        except RuntimeError as reason:
            if "defect" in str(reason):
                raise
        finally:
            self.is_busy = False


def follow(value: str) -> str:
    """Begin what `value` says: ``1``, or ``stress:N`` for every Nth collection.

    Nothing where objects are not on Shoal's heap.

    Returns
    -------
    str
        Why it has no effect, in one line; "" if it has.
    """
    if _heap.state() != 1:
        return ""  # As `shoal run` itself: it is for those that it starts.
    word, _, number = value.partition(":")
    every = int(number) if word == "stress" and number.isdecimal() else 0
    if value != "1" and not every:
        return "1, 0 or stress:N is expected"
    gc.callbacks.append(_Follower(every))
    return ""
