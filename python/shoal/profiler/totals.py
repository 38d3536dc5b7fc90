"""What the heap that serves the interpreter has in all."""

from __future__ import annotations

from shoal import _heap, _profile, _pymalloc

__all__ = ["Totals"]


class Totals:
    """Sums over the whole process; made just before profiling begins.

    pymalloc says what it has only while nobody stands before it. From then on
    its arenas are counted as they come and go, and blocks as they are told of.
    """

    def __init__(self) -> None:
        self._is_shoal = _heap.state() == 1
        if self._is_shoal:
            self._returned = _heap.usage()["returned"]
        else:
            taken, self._returned, pooled = _profile.arenas()
            arenas, live = _pymalloc.arenas_and_live()
            self._arenas = arenas - taken + self._returned
            self._live = live - pooled

    def now(self) -> dict[str, int]:
        """Return `live`, `held` and `returned`, as in `shoal.profiler.model.Report`."""
        if self._is_shoal:
            usage = _heap.usage()
            returned = usage["returned"] - self._returned
            return {"live": usage["live"], "held": usage["held"], "returned": returned}
        taken, freed, pooled = _profile.arenas()
        live = max(0, self._live + pooled)
        held = max(0, self._arenas + taken - freed - live)
        return {"live": live, "held": held, "returned": freed - self._returned}
