"""`memory_usage`: one call, nobody's child touched, samples before, during and after."""

from __future__ import annotations

import contextlib
import io
import os
import subprocess
import sys
import time
import warnings
from typing import Any

import pytest

psutil = pytest.importorskip("psutil")

from shoal.memory_profiler import backends, choose_backend, memory_usage  # noqa: E402
from shoal.mprof.dat_file import read_profile  # noqa: E402

MIB = 2**20


def take(size: int, seconds: float = 0.06) -> int:
    data = bytearray(size)
    time.sleep(seconds)
    return len(data)


class Calls:
    """Counts its calls."""

    def __init__(self) -> None:
        self.count = 0

    def __call__(self, *args: object, **kw: object) -> object:
        self.count += 1
        return args, kw


@pytest.mark.parametrize("limit", [None, 1, 7])
def test_the_callable_is_called_once(limit: int | None) -> None:
    calls = Calls()
    _, returned = memory_usage((calls, (1, 2), {"a": 3}), retval=True, max_iterations=limit)
    assert calls.count == 1
    assert returned == ((1, 2), {"a": 3})


@pytest.mark.parametrize("form", [lambda f: f, lambda f: (f,), lambda f: [f, (1,)]])
def test_every_way_of_giving_a_callable(form: Any) -> None:
    calls = Calls()
    samples = memory_usage(form(calls))
    assert calls.count == 1
    assert all(isinstance(sample, float) for sample in samples)


def test_first_sample_is_before_the_call_and_last_after_it() -> None:
    marks = []

    def work() -> None:
        marks.append(time.time())
        data = bytearray(40 * MIB)
        time.sleep(0.05)
        del data
        marks.append(time.time())

    samples = memory_usage(work, timestamps=True)
    assert samples[0][1] <= marks[0]
    assert samples[-1][1] >= marks[1]
    assert max(memory for memory, _ in samples) - samples[0][0] > 39
    assert samples == sorted(samples, key=lambda sample: sample[1])


def test_a_short_call_has_many_samples_and_a_long_one_those_of_its_intervals() -> None:
    assert len(memory_usage((take, (MIB,)), interval=0.1)) > 5
    assert 5 <= len(memory_usage((take, (MIB, 0.5)), interval=0.1)) <= 8


def test_max_usage_is_a_float() -> None:
    highest, size = memory_usage((take, (40 * MIB,)), max_usage=True, retval=True)
    assert isinstance(highest, float)
    assert size == 40 * MIB
    memory, moment = memory_usage((take, (MIB,)), max_usage=True, timestamps=True)
    assert memory > 1
    assert abs(moment - time.time()) < 10


def test_an_exception_comes_through() -> None:
    with pytest.raises(NotImplementedError, match="mine"):
        memory_usage((lambda: (_ for _ in ()).throw(NotImplementedError("mine")),))


def test_children_live_on_also_when_the_call_fails() -> None:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as child:
        with pytest.raises(ZeroDivisionError):
            memory_usage((lambda: 1 // 0,))
        assert child.poll() is None
        child.communicate(b"\n", timeout=20)
    assert child.returncode == 0


def test_the_sampler_is_no_child_of_ours() -> None:
    def children() -> list[Any]:
        found: list[Any] = psutil.Process().children(recursive=True)
        return found

    _, seen = memory_usage(children, retval=True)
    assert seen == []
    with pytest.raises(ChildProcessError):
        os.waitpid(-1, os.WNOHANG)


def test_a_child_of_a_fork_within_the_call_does_not_stop_the_sampler() -> None:
    def forks() -> int:
        if (child := os.fork()) == 0:
            raise SystemExit
        time.sleep(0.05)
        return os.waitpid(child, 0)[1]

    parent = os.getpid()
    try:
        samples, status = memory_usage(forks, retval=True)
    finally:
        if os.getpid() != parent:
            os._exit(7)  # The child: memory_usage let its SystemExit through.
    assert os.waitstatus_to_exitcode(status) == 7
    assert len(samples) > 2


def test_children_are_added_or_told_one_by_one() -> None:
    def has_child() -> None:
        code = "import time; data = bytearray(50 << 20); time.sleep(0.4)"
        subprocess.run([sys.executable, "-c", code], check=True)

    alone = memory_usage(has_child, max_usage=True)
    assert memory_usage(has_child, max_usage=True, include_children=True) > alone + 50
    told = memory_usage(has_child, multiprocess=True)
    assert max(len(sample) for sample in told) == 2
    assert max(sample[1] for sample in told if len(sample) == 2) > 50


def test_this_process_is_sampled_once_or_until_the_timeout() -> None:
    assert len(memory_usage()) == 1
    assert len(memory_usage(-1, interval=0.02, timeout=0.1)) == 5
    assert isinstance(memory_usage(str(os.getpid()), max_usage=True), float)


@pytest.mark.parametrize("backend", ["psutil", "posix"])
def test_a_process_that_is_ending_has_ended(backend: str) -> None:
    """The kernel takes a while to free what it had; it occupies nothing then, and is there."""
    size = 300 << 20
    code = f"import mmap, os; held = mmap.mmap(-1, {size}); held.write(bytes({size})); os._exit(0)"
    with subprocess.Popen([sys.executable, "-c", code]) as child:
        reading, occupied = backends.meter(child.pid, backend), []
        with contextlib.suppress(*backends.reading_errors()):
            while True:
                occupied.append(reading.read())
        assert min(occupied) > 0


def test_a_popen_is_sampled_until_it_ends() -> None:
    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(0.4)"]) as child:
        samples = memory_usage(child, interval=0.05)
        assert child.returncode == 0
    assert len(samples) > 3
    assert min(samples) > 0


def test_a_popen_outlives_the_timeout() -> None:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as child:
        assert len(memory_usage(child, interval=0.02, timeout=0.06)) == 3
        assert child.poll() is None
        child.communicate(b"\n", timeout=20)


def test_a_stream_gets_lines_of_mprof(tmp_path: Any) -> None:
    path = tmp_path / "samples.dat"
    with path.open("w") as stream:
        assert memory_usage((take, (MIB,)), stream=stream, multiprocess=True) is None
        assert memory_usage(-1, stream=stream) is None
        assert memory_usage((take, (MIB,)), stream=stream, retval=True) == (None, MIB)
    profile = read_profile(str(path))
    assert profile.fault() == ""
    assert len(profile.samples) > 3


def test_a_stream_has_the_samples_of_a_call_that_failed() -> None:
    stream = io.StringIO()
    with pytest.raises(ZeroDivisionError):
        memory_usage((lambda: 1 // 0,), stream=stream)
    assert stream.getvalue().startswith("MEM ")


def test_a_process_that_is_gone_is_one_error() -> None:
    child = subprocess.Popen([sys.executable, "-c", ""])
    child.wait()
    for proc in (child.pid, child, str(child.pid)):
        with pytest.raises(psutil.NoSuchProcess, match=str(child.pid)):
            memory_usage(proc)


@pytest.mark.parametrize("proc", [(), (1, 2), (take, (), {}, 4), "name", None])
def test_what_is_no_process_is_refused(proc: object) -> None:
    with pytest.raises((ValueError, TypeError), match=r"^proc: expected"):
        memory_usage(proc)


def test_a_negative_interval_is_refused() -> None:
    with pytest.raises(ValueError, match=r"^interval: expected seconds"):
        memory_usage(interval=-1)


@pytest.mark.parametrize("backend", backends.BACKENDS)
def test_every_backend_sees_what_is_taken(backend: str) -> None:
    if backend == "posix" and not any(
        os.access(os.path.join(folder, "ps"), os.X_OK) for folder in os.get_exec_path()
    ):
        pytest.skip("no command ps")
    before = memory_usage(backend=backend, include_children=True)[0]
    highest = memory_usage((take, (40 * MIB, 0.3)), backend=backend, max_usage=True)
    # What libraries share with the sampler's process is less unique, by some MiB.
    assert 35 < highest - before < 60


def test_tracemalloc_knows_no_other_process() -> None:
    with pytest.raises(ValueError, match="this process only"):
        memory_usage(os.getppid(), backend="tracemalloc")


def test_an_unknown_backend_is_refused() -> None:
    with pytest.raises(ValueError, match=r"expected one of psutil, .*, not 'ps_util'"):
        choose_backend("ps_util")
    assert choose_backend() == "psutil"
    assert choose_backend("posix") == "posix"


def test_a_backend_that_is_missing_is_replaced_with_a_warning(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(backends, "_works", lambda backend: not backend.startswith("psutil"))
    with pytest.warns(UserWarning, match="psutil_pss can not be used, posix used instead"):
        assert choose_backend("psutil_pss") == "posix"
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert choose_backend("posix") == "posix"
