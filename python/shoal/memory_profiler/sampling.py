"""Readings of a process at an interval, while something else runs.

Of another process, or of this one from a process beside it: that one is not
stopped by code that keeps the interpreter lock, so it sees peaks within a
single call. It is nobody's child here (see outside.py): whoever waits for or
ends all children of this process does not meet it.
"""

from __future__ import annotations

import os
import sys
import time

from shoal.memory_profiler.backends import meter, reading_errors

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Protocol

    from shoal.memory_profiler.backends import Meter

    Sample = tuple[int, float, tuple[tuple[int, int], ...]]
    """Bytes (with the descendants' if so wanted), seconds since 1970, and, if
    they are wanted one by one, process id and bytes of each descendant."""

    class Sampler(Protocol):
        """Takes samples from its making until `stop`."""

        def stop(self) -> list[Sample]:
            """Take the last sample and return all."""


__all__ = ["sample_until", "sampler", "taking"]

FINE = 32
"""Into how many an interval is cut at the beginning."""

FINE_INTERVALS = 4
"""How many intervals the beginning has."""

FINEST = 0.001
"""Seconds; no interval is cut into shorter ones."""


def taking(of: Meter, include_children: bool, each_child: bool) -> Callable[[], Sample]:
    """Return a function that takes one sample.

    Parameters
    ----------
    of : Meter
        What reads the process.
    include_children : bool
        Add the descendants' bytes to the process's.
    each_child : bool
        Tell the descendants' one by one.
    """

    def take() -> Sample:
        occupied = of.read()
        now = time.time()
        children = of.children() if include_children or each_child else {}
        if include_children:
            occupied += sum(children.values())
        return occupied, now, tuple(children.items()) if each_child else ()

    return take


def sample_until(
    wait: Callable[[float], bool], take: Callable[[], Sample], first: Sample, interval: float
) -> list[Sample]:
    """Take samples until told to stop or the process is gone.

    What runs shorter than four intervals is sampled more often, so that a
    short call has its course too; of what runs longer, the samples of each
    interval are reduced to the highest.

    Parameters
    ----------
    wait : callable
        Waits so many seconds, or less and returns True: then one more sample
        is taken, the last.
    take : callable
        Takes a sample.
    first : Sample
        Taken before whatever is measured began.
    interval : float
        Seconds.
    """
    samples = [first]
    start = time.monotonic()
    step = min(interval, max(interval / FINE, FINEST))
    stopped = False
    while not stopped:
        if step != interval and time.monotonic() - start >= FINE_INTERVALS * interval:
            samples = _highest(samples, interval)
            step = interval
        stopped = wait(step)
        try:
            samples.append(take())
        except reading_errors():
            break
    return samples


def _highest(samples: list[Sample], interval: float) -> list[Sample]:
    """Keep the first sample, and of each interval after it the highest one."""
    first, *rest = samples
    kept: dict[int, Sample] = {}
    for sample in rest:
        place = int((sample[1] - first[1]) / interval)
        if place not in kept or sample[0] > kept[place][0]:
            kept[place] = sample
    return [first, *kept.values()]


def sampler(backend: str, interval: float, include_children: bool, each_child: bool) -> Sampler:
    """Begin to sample this process; the first sample is taken before this returns.

    Parameters
    ----------
    backend : str
        As for `backends.meter`.
    interval : float
        Seconds.
    include_children, each_child : bool
        As for `taking`.

    Raises
    ------
    NotImplementedError
        This system does not tell what the backend reads.
    """
    take = taking(meter(-1, backend), include_children, each_child)
    first = take()
    if backend != "tracemalloc" and sys.executable and os.name == "posix":
        order = [os.getpid(), backend, interval, include_children, each_child, list(sys.path)]
        try:
            return _Beside(order, first, take)
        except OSError:
            pass  # No memory or no process number left: from within, then.
    return _Within(take, first, interval)


class _Within:
    """By a thread of this process."""

    def __init__(self, take: Callable[[], Sample], first: Sample, interval: float) -> None:
        import threading

        self._samples: list[Sample] = []
        self._stopped = threading.Event()

        def run() -> None:
            self._samples = sample_until(self._stopped.wait, take, first, interval)

        self._thread = threading.Thread(target=run, name="shoal-sampler", daemon=True)
        self._thread.start()

    def stop(self) -> list[Sample]:
        """Take the last sample and return all."""
        self._stopped.set()
        self._thread.join()
        return self._samples


class _Beside:
    """By a process that belongs to nobody; see outside.py."""

    def __init__(self, order: list[object], first: Sample, take: Callable[[], Sample]) -> None:
        import json
        import subprocess

        self._first = first
        self._take = take
        self._process = os.getpid()
        program = os.path.join(os.path.dirname(os.path.abspath(__file__)), "outside.py")
        command = [sys.executable, "-I", "-S", program, json.dumps(order)]
        starter = subprocess.Popen(
            command,
            env={name: value for name, value in os.environ.items() if _harmless(name)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            close_fds=True,
        )
        assert starter.stdin and starter.stdout
        self._orders, self._answer = starter.stdin, starter.stdout
        starter.wait()
        if self._answer.readline() != b"ready\n":
            self._close()
            raise OSError("no process beside this one could be started")

    def stop(self) -> list[Sample]:
        """Take the last sample and return all."""
        if os.getpid() != self._process:  # A child of the measured code's that came here.
            return [self._first]
        import json

        try:
            self._orders.write(b"stop\n")
            self._orders.flush()
            told = json.loads(self._answer.read())
            return [
                (occupied, moment, tuple((pid, size) for pid, size in children))
                for occupied, moment, children in told
            ]
        except (OSError, ValueError):  # Someone ended it, or closed all files.
            return [self._first, self._take()]
        finally:
            self._close()

    def _close(self) -> None:
        import contextlib

        for file in (self._orders, self._answer):
            with contextlib.suppress(OSError):
                file.close()


def _harmless(name: str) -> bool:
    """Say whether a variable of the environment is none that changes interpreters."""
    return name != "LD_PRELOAD" and not name.startswith(("PYTHON", "SHOAL_", "COVERAGE_"))
