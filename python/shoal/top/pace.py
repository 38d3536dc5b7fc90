"""How often which process is read: reading costs no more than a share of one CPU.

Two rules. What took t seconds is not read again before 20 t have passed, so a
big heap is read less often than a small one. And over all processes reading
takes at most a tenth of one CPU: what a long read took too much is saved
afterwards. Only the first round is free, so that the table fills at once.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable

    from shoal.top.readings import Reading

__all__ = ["FINDING_SHARE", "READING_SHARE", "REST", "Pace"]

REST = 20.0
"""A process rests for this many times the seconds that reading it took."""

READING_SHARE = 0.10
"""Of one CPU, for reading."""

FINDING_SHARE = 0.05
"""Of one CPU, for finding the processes."""


class Pace:
    """Says which processes may be read now, and how long to wait until the next round.

    Parameters
    ----------
    interval : float
        Seconds from one round to the next, if their cost allows it.
    """

    def __init__(self, interval: float) -> None:
        self.interval = interval
        self._balance = 0.0  # Seconds that reading may take.
        self._since: float | None = None  # When the first round ended; None: not yet.

    def due(self, readings: dict[Hashable, Reading | None], now: float) -> Iterable[Hashable]:
        """Return which are due, in the order in which to read them.

        Those never read come first, then the longest overdue.
        """
        overdue = {
            key: float("inf") if last is None else now - last.at - REST * last.seconds
            for key, last in readings.items()
        }
        return sorted((key for key in overdue if overdue[key] >= 0), key=lambda key: -overdue[key])

    def may_read(self) -> bool:
        """Say whether the share is not used up."""
        return self._since is None or self._balance > 0

    def begin_round(self, now: float) -> None:
        """Add what the time since the last round allows; idle time is not saved up."""
        if self._since is not None:
            most = READING_SHARE * self.interval
            self._balance = min(most, self._balance + READING_SHARE * (now - self._since))
            self._since = now

    def has_read(self, seconds: float) -> None:
        """Note that a read took so long."""
        if self._since is not None:
            self._balance -= seconds

    def end_round(self, now: float, begun: float, finding_seconds: float) -> float:
        """Return the seconds to wait until the next round.

        Parameters
        ----------
        now, begun : float
            The clock, and what it said when the round began.
        finding_seconds : float
            How long finding the processes took.
        """
        if self._since is None:
            self._since = now
        next_at = begun + max(self.interval, finding_seconds / FINDING_SHARE)
        return max(0.0, next_at - now)
