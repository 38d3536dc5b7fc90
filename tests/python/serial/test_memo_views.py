"""The attribute `memo` of Pickler and Unpickler: what it shows, and what may be assigned."""

from __future__ import annotations

import io
import os
import pickle
import subprocess
import sys

import pytest
import shoal.pickle as ours

SHARED = ["shared"]


def pickler_of(value):
    """Return a Pickler that has written a value, and the file."""
    file = io.BytesIO()
    pickler = ours.Pickler(file)
    pickler.dump(value)
    return pickler, file


def unpickler_of(value):
    """Return an Unpickler that has read a value, and the value."""
    unpickler = ours.Unpickler(io.BytesIO(pickle.dumps(value)))
    return unpickler, unpickler.load()


def test_the_picklers_memo_as_a_dict():
    value = [SHARED, SHARED]
    pickler, _ = pickler_of(value)
    memo = pickler.memo.copy()
    assert {key: index for key, (index, _) in memo.items()} == {
        id(value): 0,
        id(SHARED): 1,
        id(SHARED[0]): 2,
    }
    assert all(id(obj) == key for key, (_, obj) in memo.items())
    assert pickle.loads(pickle.dumps(pickler.memo)).keys() == memo.keys()


def test_the_unpicklers_memo_as_a_dict():
    unpickler, value = unpickler_of([SHARED, SHARED])
    memo = unpickler.memo.copy()
    assert memo == {0: value, 1: SHARED, 2: SHARED[0]}
    assert memo[0] is value
    assert memo[1] is value[0]
    assert pickle.loads(pickle.dumps(unpickler.memo)) == memo


def test_a_view_shows_the_memo_of_now_and_clears_it():
    pickler, _ = pickler_of(SHARED)
    unpickler, _ = unpickler_of(SHARED)
    for owner in (pickler, unpickler):
        view = owner.memo
        assert view.copy()
        assert view.clear() is None
        assert view.copy() == owner.memo.copy() == {}


@pytest.mark.parametrize("by_view", [True, False])
def test_a_memo_is_given_to_another_pickler(by_view):
    pickler, file = pickler_of(SHARED)
    second = ours.Pickler(file)
    second.memo = pickler.memo if by_view else pickler.memo.copy()
    second.dump([SHARED])
    file.seek(0)
    unpickler = ours.Unpickler(file)
    assert unpickler.load() is unpickler.load()[0]


@pytest.mark.parametrize("by_view", [True, False])
def test_a_memo_is_given_to_another_unpickler(by_view):
    unpickler, value = unpickler_of(SHARED)
    second = ours.Unpickler(io.BytesIO(b"\x80\x04h\x00."))  # what is at 0
    second.memo = unpickler.memo if by_view else unpickler.memo.copy()
    assert second.load() is value


def test_what_is_no_memo_is_refused_and_changes_nothing():
    pickler, _ = pickler_of(SHARED)
    unpickler, _ = unpickler_of(SHARED)
    half_wrong = {0: (0, SHARED), "one": ()}
    for owner, other, name in (
        (pickler, unpickler, "a PicklerMemoProxy"),
        (unpickler, pickler, "an UnpicklerMemoProxy"),
    ):
        before = owner.memo.copy()
        for value in (other.memo, 5, None):
            with pytest.raises(TypeError, match=f"must be {name} object or dict, not "):
                owner.memo = value
        with pytest.raises(TypeError, match="deletion is not supported"):
            del owner.memo
        with pytest.raises(TypeError, match=r"2-item tuples|must be integers"):
            owner.memo = half_wrong
        assert owner.memo.copy() == before


def test_a_collection_clears_the_memo_while_it_is_copied():
    # Before 3.12 the collector runs where a tuple is made, and others' code with it.
    code = """
import gc, io
import shoal.pickle as ours

def clear(phase, info):
    pickler.clear_memo()

pickler = ours.Pickler(io.BytesIO())
for i in range(300):
    pickler.dump([str(i)])
view = pickler.memo
gc.callbacks.append(clear)
gc.set_threshold(2)
memo = view.copy()
gc.disable()
assert all(id(value) == key for key, (_, value) in memo.items())
assert len(str(memo)) > len(memo)
"""
    environment = {**os.environ, "PYTHONMALLOC": "debug"}  # what was freed is overwritten
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
