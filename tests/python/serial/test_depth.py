"""Graphs may be as deep as for the standard module: a level takes no more C stack."""

from __future__ import annotations

import io
import pickle
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import shoal.pickle

from . import deep

WAYS = ["dumps", "dumps, protocol 0", "Pickler", "persistent_id", "shared"]


@pytest.fixture(autouse=True)
def empty() -> Iterator[None]:
    yield
    deep.held.clear()


def _writing(module: Any, way: str) -> Callable[[Any], object]:
    """Return what writes a graph with one of the two modules."""
    if way.startswith("dumps"):
        return lambda graph: module.dumps(graph, 0 if way.endswith("0") else 4)
    if way == "shared":
        return lambda graph: module.dumps(graph, 4)

    class Pickler(module.Pickler):  # type: ignore[misc]
        def persistent_id(self, _: object) -> None:
            return None

    made = Pickler if way == "persistent_id" else module.Pickler
    return lambda graph: made(io.BytesIO(), 4).dump(graph)


def _ends(module: Any, shape: str, way: str, depth: int, raised: bool) -> str:
    deep.held.clear()
    graph = deep.nested(shape, depth, shared=way == "shared")
    return deep.outcome(_writing(module, way), graph, raised)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("shape", deep.SHAPES)
def test_what_pickle_can_write_so_can_we(shape: str, way: str) -> None:
    if way == "dumps, protocol 0" and shape in ("slots", "__getnewargs_ex__"):
        pytest.skip("the protocol cannot write it")
    depth = deep.most(lambda depth: _ends(pickle, shape, way, depth, True) == "done")
    assert depth > 200
    assert _ends(shoal.pickle, shape, way, depth, True) == "done"


@pytest.mark.parametrize("shape", deep.SHAPES)
def test_too_deep_is_an_exception_where_it_is_one_in_pickle(shape: str) -> None:
    for depth in (100, 400, 1200):
        expected = _ends(pickle, shape, "dumps", depth, False)
        if expected in ("done", "RecursionError"):
            assert _ends(shoal.pickle, shape, "dumps", depth, False) in ("done", expected)


@pytest.mark.parametrize("shape", deep.SHAPES)
def test_a_look_over_the_graph_stays_on_the_stack(shape: str) -> None:
    """Deep down in tuples comes the first mutable object, and then all below it is looked over."""

    def graph(depth: int) -> Any:
        below = [deep.nested(shape, 200, shared=False), *map(str, range(20))]
        for _ in range(depth):
            below = (below,)  # type: ignore[assignment]
        return below

    depth = deep.most(lambda depth: deep.outcome(pickle.dumps, graph(depth), True) == "done")
    assert depth > 500
    assert deep.outcome(shoal.pickle.dumps, graph(depth), True) == "done"


@pytest.mark.parametrize("shape", ["tuple", "list", "dict", "frozenset", "plain instance"])
def test_loading_takes_no_stack(shape: str) -> None:
    depth = 100_000
    start, one = _level(shape)
    stream = b"\x80\x04" + start * depth + b")" + one * depth + b"."

    # Taking such a graph down is the interpreter's affair: it is kept.
    for module in (pickle, shoal.pickle):
        assert deep.outcome(_keeping(module), stream, False) == "done"


def _keeping(module: Any) -> Callable[[bytes], object]:
    return lambda stream: deep.held.append(module.loads(stream))


def _level(shape: str) -> tuple[bytes, bytes]:
    """Return what comes before and after the inner object in a stream."""
    return {
        "tuple": (b"", b"\x85"),
        "list": (b"]", b"a"),
        "dict": (b"}K\x01", b"s"),
        "frozenset": (b"(", b"\x91"),
        "plain instance": (
            b"c%b\nPlain\n)\x81}" % deep.__name__.encode() + b"\x8c\x05inner",
            b"sb",
        ),
    }[shape]
