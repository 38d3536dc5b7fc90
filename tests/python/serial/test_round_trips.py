"""Random graphs, with sharing and cycles, have the same shape after either module."""

from __future__ import annotations

import builtins
import io
import pickle
import sys

import pytest
import shoal.pickle as ours
from hypothesis import given, settings
from hypothesis import strategies as st

from .shapes import Node, Slotted, shape

LEAVES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.integers(min_value=-(2**70), max_value=2**70),
    st.floats(allow_nan=False),
    st.text(max_size=20),
    st.text(st.characters(), max_size=5),
    st.binary(max_size=300),
)
KINDS = ("list", "dict", "set", "tuple", "frozenset", "node", "vars", "slotted", "leaf")
STEPS = st.lists(
    st.tuples(
        st.sampled_from(KINDS),
        LEAVES,
        st.lists(st.integers(min_value=0, max_value=60), max_size=5),
        st.lists(st.integers(min_value=0, max_value=60), max_size=3),
    ),
    min_size=1,
    max_size=25,
)


def hashable(value):
    try:
        hash(value)
    except TypeError:
        return False
    return not isinstance(value, (Node, Slotted))


def make(kind, leaf, parts):
    """Make an object from earlier ones; sets and keys take those that they can."""
    keys = [part for part in parts if hashable(part)]
    if kind == "list":
        return list(parts)
    if kind == "tuple":
        return tuple(parts)
    if kind == "dict":
        return dict(zip(keys, reversed(parts)))
    if kind == "set":
        return set(map(leaf_key, keys))
    if kind == "frozenset":
        return frozenset(map(leaf_key, keys))
    if kind == "node":
        node = Node()
        for number, part in enumerate(parts):
            setattr(node, f"part{number}", part)
        return node
    if kind == "vars":
        return next((part.__dict__ for part in parts if type(part) is Node), {})
    if kind == "slotted":
        slotted = Slotted()
        if parts:
            slotted.left = parts[0]
        return slotted
    return leaf


def leaf_key(key):
    """Return what keeps its place in a set: hashes of tuples of strings change nothing."""
    return key if isinstance(key, (str, bytes, int, float, type(None))) else repr(type(key))


def close_cycle(value, target):
    if type(value) is list:
        value.append(target)
    elif type(value) is dict:
        value["cycle"] = target
    elif type(value) is Node:
        value.cycle = target
    elif type(value) is Slotted:
        value.right = target


def build(steps):
    """Build a graph; nothing but the graph itself holds its parts afterwards."""
    made = []
    for kind, leaf, before, _ in steps:
        made.append(make(kind, leaf, [made[i % len(made)] for i in before if made]))
    for value, (_, _, _, after) in zip(made, steps):
        for i in after:
            close_cycle(value, made[i % len(made)])
    root = [made[-1], made[: len(made) // 3]]
    del made, value
    return root


def writers(protocol):
    """Yield each way in which we write, the graph made anew for each."""

    def through_file(graph):
        file = io.BytesIO()
        ours.dump(graph, file, protocol)
        return file.getvalue()

    def through_pickler(graph):
        file = io.BytesIO()
        ours.Pickler(file, protocol).dump(graph)
        return file.getvalue()

    yield lambda graph: ours.dumps(graph, protocol)
    yield lambda graph: ours.dumps(graph, protocol, exact=True)
    yield through_file
    yield through_pickler


@settings(max_examples=200, deadline=None)
@given(STEPS, st.integers(min_value=0, max_value=5))
def test_random_graphs(steps, protocol):
    try:
        theirs = pickle.dumps(build(steps), protocol)
        expected = shape(pickle.loads(theirs))
    except RecursionError:
        return  # some cycles are beyond pickle too
    except (TypeError, AttributeError):
        with pytest.raises((TypeError, AttributeError)):
            pickle.loads(ours.dumps(build(steps), protocol))
        return
    assert shape(ours.loads(theirs)) == expected
    for write in writers(protocol):
        stream = write(build(steps))
        assert shape(pickle.loads(stream)) == expected
        assert shape(ours.loads(stream)) == expected
        assert shape(ours.load(io.BufferedReader(io.BytesIO(stream), 16))) == expected


@settings(max_examples=100, deadline=None)
@given(STEPS, st.integers(min_value=2, max_value=5))
def test_shared_leaves_are_equal(steps, protocol):
    """share=True changes what is one object, never what it is equal to."""
    graph = [step[1] for step in steps] * 3
    loaded = ours.loads(ours.dumps(graph, protocol), share=True)
    assert [(type(one), repr(one)) for one in loaded] == [(type(one), repr(one)) for one in graph]


@settings(max_examples=200, deadline=None)
@given(st.integers(), st.integers(min_value=0, max_value=2100), st.integers(0, 5))
def test_integers_of_all_sizes(base, power, protocol):
    for number in (base, 1 << power, -(1 << power), (1 << power) - 1, 1 - (1 << power)):
        assert ours.dumps(number, protocol) == pickle.dumps(number, protocol)
        assert ours.loads(ours.dumps(number, protocol)) == number


@settings(max_examples=200, deadline=None)
@given(st.text(st.characters()), st.integers(0, 5))
def test_strings_with_every_code_point(text, protocol):
    """Lone surrogates too; and the root is in the memo as it is in pickle's."""
    assert ours.dumps(text, protocol) == pickle.dumps(text, protocol)
    assert ours.loads(ours.dumps(text, protocol)) == text


@pytest.mark.skipif(sys.version_info < (3, 15), reason="new in 3.15")
@pytest.mark.parametrize("protocol", range(2, pickle.HIGHEST_PROTOCOL + 1))
def test_frozen_dicts(protocol):
    inner = ["shared"]
    frozen = builtins.frozendict(a=inner, b=inner, c=builtins.frozendict({(1, 2): None}))
    for write, read in ((ours, ours), (ours, pickle), (pickle, ours)):
        found = read.loads(write.dumps([frozen, frozen], protocol))
        assert found == [frozen, frozen]
        assert found[0] is found[1]
        assert type(found[0]) is builtins.frozendict
        assert found[0]["a"] is found[0]["b"]


@pytest.mark.skipif(sys.version_info < (3, 15), reason="new in 3.15")
@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_sentinels_stay_the_only_ones(protocol, monkeypatch):
    known = builtins.sentinel("KNOWN_HERE")
    with pytest.raises(pickle.PicklingError, match="KNOWN_HERE: it's not found as"):
        ours.dumps(known, protocol)
    monkeypatch.setattr(sys.modules[known.__module__], "KNOWN_HERE", known, raising=False)
    assert ours.loads(ours.dumps([known], protocol))[0] is known
