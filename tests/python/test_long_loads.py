"""A long load asks for arenas in its own way, and leaves everything as it was."""

from __future__ import annotations

import ctypes
import gc
import io
import pickle
import signal
import subprocess
import sys

import pytest
import shoal.pickle as ours
from shoal import flat

LONG = list(range(1 << 20, (1 << 20) + 400_000))  # 2 MB, 3 as text


class ArenaAllocator(ctypes.Structure):
    _fields_ = [(name, ctypes.c_void_p) for name in ("context", "allocate", "free")]


def arena_allocator():
    """How the interpreter asks for arenas."""
    found = ArenaAllocator()
    ctypes.pythonapi.PyObject_GetArenaAllocator(ctypes.byref(found))
    return found.context, found.allocate, found.free


class Looks:
    """Is made of the allocator and the collector's state that it meets."""

    def __reduce__(self):
        return look, ()


def look():
    return arena_allocator(), gc.isenabled()


def ways(stream, tmp_path):
    path = tmp_path / "stream"
    path.write_bytes(stream)
    return (
        lambda: ours.loads(stream),
        lambda: ours.load(path),
        lambda: ours.load(io.BytesIO(stream)),
        lambda: ours.loads(stream, share=True),
        lambda: ours.Unpickler(io.BytesIO(stream)).load(),
    )


def test_the_allocator_is_as_it_was(tmp_path):
    before = look()
    for load in ways(ours.dumps(LONG), tmp_path):
        assert load() == LONG
        assert look() == before


def test_other_code_meets_the_allocator_as_it_was(tmp_path):
    before = look()
    for load in ways(pickle.dumps([*LONG, Looks(), LONG, Looks()]), tmp_path):
        found = load()
        assert found[-1] == found[-3] == before
        assert look() == before


@pytest.mark.parametrize("cut", [1, 100, 500_000])
def test_the_allocator_is_as_it_was_after_an_error(tmp_path, cut):
    before = look()
    for load in ways(ours.dumps(LONG)[:-cut], tmp_path):
        with pytest.raises((pickle.UnpicklingError, EOFError)):
            load()
        assert look() == before


def ways_of_flat(text, tmp_path, errors="raise"):
    path = tmp_path / "records"
    path.write_bytes(text)
    return (
        lambda: flat.load(path, errors=errors),
        lambda: flat.load(io.BytesIO(text), errors=errors),
        lambda: flat.load(text, errors=errors),
        lambda: flat.load(text, errors=errors, share=True),
    )


def test_flat_leaves_the_allocator_as_it_was(tmp_path):
    before = look()
    for load in ways_of_flat(flat.dumps(LONG), tmp_path):
        assert load() == LONG
        assert look() == before


def test_flat_leaves_the_allocator_as_it_was_after_an_error(tmp_path):
    before = look()
    for load in ways_of_flat(flat.dumps(LONG) + b"(1, 2\n", tmp_path):
        with pytest.raises(flat.FlatError):
            load()
        assert look() == before


def test_flat_errors_are_made_with_the_allocator_as_it_was(tmp_path, monkeypatch):
    before, found = look(), []
    made = flat.FlatError.__init__

    def look_and_make(self, *arguments):
        found.append(look())
        made(self, *arguments)

    monkeypatch.setattr(flat.FlatError, "__init__", look_and_make)
    text = b"wrong\n".join([flat.dumps(LONG)] * 3)
    for load in ways_of_flat(text, tmp_path, errors="collect"):
        records, errors = load()
        assert len(records) == 3 * len(LONG)
        assert [str(error.line) for error in errors] == ["400001", "800002"]
        assert found == [before] * 2
        found.clear()


def test_what_the_collector_calls_meets_it_as_it_was(tmp_path):
    """A load of many has it look at the youngest before it is done."""
    before, found = look(), []

    def callback(*_):
        found.append(look())

    gc.callbacks.append(callback)
    try:
        for load in ways_of_flat(flat.dumps(LONG), tmp_path):
            assert load() == LONG
    finally:
        gc.callbacks.remove(callback)
    assert set(found) == {before}


@pytest.mark.parametrize("of", [ways, ways_of_flat])
def test_signals_meet_the_allocator_as_it_was(tmp_path, of):
    before, found = look(), []
    data = ours.dumps(LONG * 10) if of is ways else flat.dumps(LONG * 10)
    former = signal.signal(signal.SIGALRM, lambda *_: found.append(look()))
    signal.setitimer(signal.ITIMER_REAL, 0.005, 0.005)
    try:
        for load in of(data, tmp_path):
            load()
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, former)
    assert found
    assert set(found) == {before}


@pytest.mark.skipif(sys.version_info < (3, 12), reason="interpreters share their lock")
def test_interpreters_beside_each_other(tmp_path):
    """Each in a thread, with a lock of its own where the version has them."""
    code = """
import sys, threading
try:
    import _interpreters as interpreters
except ImportError:
    import _xxsubinterpreters as interpreters
work = '''
import shoal.pickle as p
rows = [[i, {str(i): (i,)}] for i in range(150_000)]
for _ in range(3):
    assert p.loads(p.dumps(rows)) == rows
'''
def run():
    one = interpreters.create()
    interpreters.run_string(one, work)
    interpreters.destroy(one)
threads = [threading.Thread(target=run) for _ in range(3)]
for thread in threads: thread.start()
exec(work)
for thread in threads: thread.join()
print('done')
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (done.stdout, done.returncode) == ("done\n", 0), done.stderr
