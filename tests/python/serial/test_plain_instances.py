"""Instances that are written without being asked how: byte for byte as pickle has it.

With exact=True our stream is pickle's own, so every class here is compared by it;
the shape is compared without.
"""

from __future__ import annotations

import copyreg
import io
import pickle
import pickletools
import sys
import weakref
from dataclasses import dataclass

import pytest
import shoal.pickle as ours

from .shapes import Node, shape


class Plain:
    def __init__(self, *parts):
        for number, part in enumerate(parts):
            setattr(self, f"part{number}", part)


class Derived(Plain):
    attribute = 1


class Mixed(Derived, Node):
    pass


class WithSlotsToo(Plain):
    __slots__ = ("extra",)


class WithState(Plain):
    def __getstate__(self):
        return {"state": 1}


class WithStateInABase(WithState):
    pass


class WithReduce(Plain):
    def __reduce__(self):
        return Plain, (1,)


class WithReduceEx(Plain):
    def __reduce_ex__(self, protocol):
        return Plain, (protocol,)


class WithArguments(Plain):
    def __new__(cls, *arguments):
        return super().__new__(cls)

    def __getnewargs__(self):
        return ("new",)


class WithKeywords(Plain):
    def __new__(cls, **keywords):
        return super().__new__(cls)

    def __getnewargs_ex__(self):
        return (), {"key": "word"}


class WithGetattr(Plain):
    def __getattr__(self, name):
        if name == "__getnewargs__":
            return lambda: ("from getattr",)
        raise AttributeError(name)


class WithDict(Plain):
    @property
    def __dict__(self):
        return {"not": "its own"}


class WithNone(Plain):
    def __getstate__(self):
        return None


class ListLike(list):
    pass


class DictLike(dict):
    pass


class IntLike(int):
    pass


class Meta(type):
    pass


class OfMeta(metaclass=Meta):
    pass


class Outer:
    class Inner(Plain):
        pass


@dataclass
class Data:
    number: int
    text: str


class Registered(Plain):
    pass


copyreg.pickle(Registered, lambda one: (Plain, ("registered",)))


def with_instance_hook(name, value):
    one = Plain(1)
    one.__dict__[name] = value
    return one


MAKERS = {
    "plain": lambda: Plain(1, "two", [3]),
    "empty": Plain,
    "derived": lambda: Derived(1, 2.5),
    "mixed": lambda: Mixed((1,), {2: 3}),
    "slots too": lambda: WithSlotsToo(1),
    "state": lambda: WithState(1),
    "state in a base": lambda: WithStateInABase(1),
    "no state": lambda: WithNone(1),
    "reduce": lambda: WithReduce(1),
    "reduce_ex": lambda: WithReduceEx(1),
    "arguments": lambda: WithArguments(1),
    "keywords": lambda: WithKeywords(),
    "getattr": lambda: WithGetattr(1),
    "dict": lambda: WithDict(1),
    "list": lambda: ListLike([1, 2]),
    "list with a dict": lambda: setattr(one := ListLike([1]), "x", 1) or one,
    "dict-like": lambda: DictLike({1: 2}),
    "int": lambda: IntLike(5),
    "metaclass": lambda: OfMeta(),
    "nested": lambda: Outer.Inner(1),
    "dataclass": lambda: Data(1, "text"),
    "registered": lambda: Registered(1),
    "exception": lambda: ValueError("text", 1),
    "file": lambda: io.BytesIO(b"abc"),
    "own reduce": lambda: with_instance_hook("__reduce__", lambda: (Plain, (2,))),
    "own reduce_ex": lambda: with_instance_hook("__reduce_ex__", lambda p: (Plain, (p,))),
    "own state": lambda: with_instance_hook("__getstate__", lambda: {"a": 1}),
    "own arguments": lambda: with_instance_hook("__getnewargs__", lambda: ()),
    "own class": lambda: with_instance_hook("__class__", int),
    "odd key": lambda: with_instance_hook("", 1),
}


# Before 3.13 the attribute of a class is reached by another way up to protocol 3.
NAMED_WITH_DOTS = ("nested", "keywords") if sys.version_info < (3, 13) else ()


def outcome(dumps, value, protocol):
    """Return the stream, or what kind of error there was."""
    try:
        return dumps(value, protocol)
    except Exception as error:
        return type(error)


@pytest.mark.parametrize("protocol", range(6))
@pytest.mark.parametrize("name", MAKERS)
def test_as_pickle_writes_it(name, protocol):
    make = MAKERS[name]
    value = [make(), make()]
    expected = outcome(pickle.dumps, value, protocol)
    exact = outcome(lambda *args: ours.dumps(*args, exact=True), value, protocol)
    if not (name in NAMED_WITH_DOTS and protocol < 4):
        assert exact == expected
    if isinstance(expected, bytes):
        loaded = pickle.loads(ours.dumps(value, protocol))
        assert shape(loaded) == shape(pickle.loads(expected))


def instructions(stream):
    return [opcode.name for opcode, _, _ in pickletools.genops(stream)]


def test_plain_instances_stay_out_of_the_memo():
    many = [Plain(i, f"text {i}", [i]) for i in range(50)]
    names = 3  # of attributes
    assert instructions(ours.dumps(many)).count("MEMOIZE") == 1 + 3 + names


def test_what_is_shared_is_not_lost():
    one, weak = Plain(), []
    one.me = one
    one.own = one.__dict__
    other = Plain(one, one.__dict__, weak, weak)
    graph = [one, other, [other], other.__dict__]
    assert shape(pickle.loads(ours.dumps(graph))) == shape(pickle.loads(pickle.dumps(graph)))


class HandsOut:
    def __init__(self, other):
        self.other = weakref.ref(other)

    def __reduce__(self):
        return Plain, (self.other(), self.other().__dict__)


def test_an_instance_and_its_dict_are_handed_out_later():
    graph = [Plain(1)]
    graph.append(HandsOut(graph[0]))
    loaded = pickle.loads(ours.dumps(graph))
    assert loaded[1].part0 is loaded[0]
    assert shape(loaded) == shape(pickle.loads(pickle.dumps(graph)))


class Changing:
    """Gets a __getstate__ while it is written."""


class Changes:
    def __reduce__(self):
        Changing.__getstate__ = lambda self: {"changed": True}
        return int, ()


def test_a_class_that_changes_while_it_is_written():
    graph = [Changing(), Changes(), Changing()]
    for one in graph[::2]:
        one.value = 1
    try:
        loaded = pickle.loads(ours.dumps(graph))
    finally:
        del Changing.__getstate__
    assert vars(loaded[0]) == {"value": 1}
    assert vars(loaded[2]) == {"changed": True}


def test_a_local_class_is_refused_as_ever():
    class Local:
        pass

    for protocol in range(6):
        with pytest.raises((AttributeError, pickle.PicklingError)) as theirs:
            pickle.dumps([Local()], protocol)
        with pytest.raises(theirs.type, match="local object"):
            ours.dumps([Local()], protocol)
