"""Rounds of finding and reading: each gives the rows of the table as they are now."""

from __future__ import annotations

import time

from shoal.top.pace import Pace
from shoal.top.readings import take_reading
from shoal.top.rows import row_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

    from shoal.top.processes import Process
    from shoal.top.readings import Read, Reading
    from shoal.top.rows import Row

    Publish = Callable[[list[Row]], None]

__all__ = ["Watch"]

PUBLISH_SECONDS = 0.25
"""Within a long round, rows are shown this often."""


class Watch:
    """All Python processes, watched.

    Parameters
    ----------
    find : callable
        Returns the processes that there are.
    read : callable
        ``_inspect.read`` or one like it.
    interval : float
        Seconds from one round to the next, if their cost allows it.
    clock : callable
        Seconds, from any beginning.
    """

    def __init__(
        self,
        find: Callable[[], list[Process]],
        read: Read,
        interval: float = 2.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._find = find
        self._read = read
        self._clock = clock
        self._pace = Pace(interval)
        self._processes: dict[Hashable, Process] = {}
        self._readings: dict[Hashable, Reading | None] = {}

    def rows(self) -> list[Row]:
        """Return the rows as of the last round, by process id."""
        now = self._clock()
        return [
            row_of(process, self._readings[key], now) for key, process in self._processes.items()
        ]

    def look(self, publish: Publish) -> float:
        """Do one round and publish its rows, the first ones before it is done.

        Returns
        -------
        float
            Seconds to wait until the next round.
        """
        begun = self._clock()
        self._pace.begin_round(begun)
        self._find_all()
        found = shown = self._clock()
        if None in self._readings.values():
            publish(self.rows())
        for key in self._pace.due(self._readings, found):
            if not self._pace.may_read():
                break
            reading = take_reading(self._processes[key].pid, self._read, self._clock)
            self._readings[key] = reading
            self._pace.has_read(reading.seconds)
            if reading.at >= shown + PUBLISH_SECONDS:
                shown = reading.at
                publish(self.rows())
        publish(self.rows())
        return self._pace.end_round(self._clock(), begun, found - begun)

    def _find_all(self) -> None:
        self._processes = {(one.pid, one.started): one for one in self._find()}
        self._readings = {key: self._readings.get(key) for key in self._processes}
