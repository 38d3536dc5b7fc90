"""`MemTimer`: samples a process from a process of multiprocessing's.

`memory_usage` does not need it (see sampling.py); it is here for programs that
use memory_profiler's own.
"""

from __future__ import annotations

import multiprocessing

from shoal.memory_profiler.backends import MIB, meter
from shoal.memory_profiler.sampling import taking

TYPE_CHECKING = False
if TYPE_CHECKING:
    from multiprocessing.connection import Connection
    from typing import Any

__all__ = ["MemTimer"]


class MemTimer(multiprocessing.Process):
    """Samples a process until something comes through the pipe.

    Sends 0 when it begins. In the end it sends the samples, as a list of MiB or
    of pairs of MiB and moment, and then their number.

    Parameters
    ----------
    monitor_pid : int
        The process.
    interval : float
        Seconds between samples.
    pipe : multiprocessing.connection.Connection
        Its end of the pipe.
    backend : str
        One of `backends.BACKENDS`.
    max_usage : bool
        Send only the highest sample.
    timestamps, include_children : bool
        As for `memory_usage`; by name.
    """

    def __init__(
        self,
        monitor_pid: int,
        interval: float,
        pipe: Connection,
        backend: str,
        max_usage: bool = False,
        *args: Any,
        timestamps: bool = False,
        include_children: bool = False,
        **kw: Any,
    ) -> None:
        super().__init__(*args, **kw)
        self.monitor_pid = monitor_pid
        self.interval = interval
        self.pipe = pipe
        self.backend = backend
        self.max_usage = max_usage
        self.timestamps = timestamps
        self.include_children = include_children
        self.mem_usage = [self._sample()]
        self.n_measurements = 1

    def _sample(self) -> Any:
        occupied, moment, _ = taking(
            meter(self.monitor_pid, self.backend), self.include_children, False
        )()
        return (occupied / MIB, moment) if self.timestamps else occupied / MIB

    def run(self) -> None:
        """Sample; called in the new process."""
        self.pipe.send(0)
        stopped = False
        while not stopped:
            stopped = self.pipe.poll(self.interval)
            self.mem_usage.append(self._sample())
            self.n_measurements += 1
            if self.max_usage:
                self.mem_usage = [max(self.mem_usage)]
        self.pipe.send(self.mem_usage)
        self.pipe.send(self.n_measurements)
