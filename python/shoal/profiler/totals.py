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
        self._arenas = self._live = 0
        if not self._is_shoal:
            arenas, live = _pymalloc.arenas_and_live()
            if arenas:  # Else profiling has begun before, and that is not known.
                taken, freed, pooled = _profile.arenas()
                self._arenas = arenas - taken + freed
                self._live = live - pooled
        self.begin()

    def begin(self) -> None:
        """Count what is returned from now on."""
        self._returned = 0
        self._returned = self.now()["returned"]

    def now(self) -> dict[str, int]:
        """Return `live`, `held` and `returned`, as in `shoal.profiler.model.Report`."""
        if self._is_shoal:
            usage = _heap.usage()
            live, held, returned = usage["live"], usage["held"], usage["returned"]
        else:
            taken, returned, pooled = _profile.arenas()
            live = max(0, self._live + pooled)
            held = max(0, self._arenas + taken - returned - live)
        return {"live": live, "held": held, "returned": returned - self._returned}
