"""`memory_usage`: the memory of a process, or of this one while a callable runs.

A callable is called exactly once. The first sample is taken before it starts
and the last after it ended; one that takes less than four intervals is sampled
up to 32 times as often. It cannot be stopped, so `timeout` does not concern it,
and `max_iterations`, how often it may be called, is met by any number.

A process given by its id is sampled once, or until `timeout`; one given as
Popen until it ends, or until `timeout`. It is only read, never ended.
"""

from __future__ import annotations

import subprocess
import time

from shoal.memory_profiler.backends import MIB, choose_backend, meter, reading_errors
from shoal.memory_profiler.sampling import sampler, taking

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from typing import Any, TextIO

    from shoal.memory_profiler.sampling import Sample

__all__ = ["memory_usage"]


def memory_usage(
    proc: Any = -1,
    interval: float = 0.1,
    timeout: float | None = None,
    timestamps: bool = False,
    include_children: bool = False,
    multiprocess: bool = False,
    max_usage: bool = False,
    retval: bool = False,
    stream: TextIO | None = None,
    backend: str | None = None,
    max_iterations: int | None = None,
) -> Any:
    """Measure the memory of a process, or of this one while a callable runs.

    Parameters
    ----------
    proc : int, str, Popen, callable or tuple
        A process id (-1: of this one), or what to call: ``f`` or ``(f, args, kw)``.
    interval, timeout : float
        Seconds.
    timestamps : bool
        Tell the moment of each sample, in seconds since 1970.
    include_children, multiprocess : bool
        Add what all descendants occupy; tell what each of them does.
    max_usage, retval : bool
        Return only the highest sample; return also what the callable returned.
    stream : text file, optional
        Gets the samples as lines of mprof's format, of a callable when it ended.
    backend : str, optional
        What is read: one of `backends.BACKENDS`.

    Returns
    -------
    list of float, or as asked for
        MiB; `timestamps`: pairs of it and the moment; `multiprocess`: lists of that
        and each descendant's MiB; `max_usage`: one of them; `stream`: None;
        `retval`: a tuple of that and what was returned.

    Raises
    ------
    psutil.NoSuchProcess, psutil.AccessDenied, ProcessLookupError
        There is no such process, or it may not be read.
    ValueError, TypeError
        An argument cannot be meant.
    """
    if interval < 0:
        raise ValueError(f"interval: expected seconds, not {interval!r}")
    shape = _Shape(timestamps, multiprocess, max_usage, stream)
    backend = choose_backend(backend)
    if (called := _as_call(proc)) is None:
        take = taking(meter(_pid(proc), backend), include_children, multiprocess)
        return shape.of_process(_sample_process(take, proc, interval, timeout))
    sampling = sampler(backend, interval, include_children, multiprocess)
    try:
        returned = called()
    finally:
        result = shape.of_call(sampling.stop())
    return (result, returned) if retval else result


def _as_call(proc: Any) -> Callable[[], Any] | None:
    """Return what calls the callable that was given, None for a process."""
    if callable(proc):
        proc = (proc,)
    if not isinstance(proc, (tuple, list)):
        return None
    if not 1 <= len(proc) <= 3 or not callable(proc[0]):
        raise ValueError(f"proc: expected (f, args, kw), not {proc!r}")
    function, *rest = proc
    args = rest[0] if rest else ()
    kw = rest[1] if len(rest) > 1 else {}
    return lambda: function(*args, **kw)


def _pid(proc: Any) -> int:
    if isinstance(proc, subprocess.Popen):
        return proc.pid
    try:
        return int(proc)
    except (TypeError, ValueError):
        raise TypeError(f"proc: expected a process id, Popen or callable, not {proc!r}") from None


def _sample_process(
    take: Callable[[], Sample], proc: Any, interval: float, timeout: float | None
) -> Iterator[Sample]:
    """Yield samples until the time is over or the process is.

    Only the first may fail: then there is nothing to tell.
    """
    yield take()
    child = proc if isinstance(proc, subprocess.Popen) else None
    if child is None and timeout is None:
        return
    start = time.monotonic()
    step = 0
    while True:
        step += 1
        if timeout is not None and step * max(interval, 0.001) >= timeout - interval / 2:
            return
        rest = max(0.0, start + step * interval - time.monotonic())
        if child is None:
            time.sleep(rest)
        elif _ends_within(child, rest):
            return
        try:
            yield take()
        except reading_errors():
            # Its memory goes before it has ended, and a program that became another
            # user's cannot be read any more.
            if child is not None:
                left = None if timeout is None else max(0.0, start + timeout - time.monotonic())
                _ends_within(child, left)
            return


def _ends_within(child: subprocess.Popen[Any], seconds: float | None) -> bool:
    try:
        child.wait(seconds)
    except subprocess.TimeoutExpired:
        return False
    return True


class _Shape:
    """How the samples are returned."""

    def __init__(
        self, timestamps: bool, multiprocess: bool, max_usage: bool, stream: TextIO | None
    ) -> None:
        self._timestamps = timestamps
        self._multiprocess = multiprocess
        self._max_usage = max_usage
        self._stream = stream

    def of_process(self, samples: Iterable[Sample]) -> Any:
        """Return the samples of a process."""
        if self._stream is not None:
            return self._write(samples, self._stream)
        if self._max_usage:
            return max(sample[0] for sample in samples) / MIB
        return list(map(self._one, samples))

    def of_call(self, samples: list[Sample]) -> Any:
        """Return the samples of this process, taken while a callable ran."""
        if self._stream is not None:
            return self._write(samples, self._stream)
        if self._max_usage:
            return self._moment(max(samples, key=lambda sample: sample[0]))
        return list(map(self._one, samples))

    def _moment(self, sample: Sample) -> Any:
        return (sample[0] / MIB, sample[1]) if self._timestamps else sample[0] / MIB

    def _one(self, sample: Sample) -> Any:
        if self._multiprocess:
            return [self._moment(sample), *(size / MIB for _, size in sample[2])]
        return self._moment(sample)

    def _write(self, samples: Iterable[Sample], stream: TextIO) -> None:
        from shoal.mprof.dat_file import write_sample

        for sample in samples:
            write_sample(stream, *sample)
            stream.flush()
