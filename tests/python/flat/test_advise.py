"""What advice says columns take is what they do take."""

from __future__ import annotations

import builtins
import json
import random
import sys
from array import array
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from shoal import flat
from shoal.flat.advise import ColumnAdvice, advise
from shoal.flat.measures import Distinct, block, is_kept_once, size_of_blocks, size_whole

ROWS = [
    (random.Random(at).random(), f"name {at % 100} {'x' * (at % 7)}", at * 1000, at % 2 == 0)
    for at in range(5000)
]


def column(values: list[Any]) -> ColumnAdvice:
    return advise([(value,) for value in values]).columns[0]


@pytest.mark.parametrize(
    ("asked", "given"),
    [(0, 0), (1, 16), (16, 16), (17, 32), (512, 512), (513, 528), (1000, 1008), (200_000, 200_704)],
)
def test_blocks(asked: int, given: int) -> None:
    assert block(asked) == given


def test_what_the_interpreter_has_once() -> None:
    for value in (None, True, 256, -5, "", "a", "é", b"", b"a", (), ...):
        assert is_kept_once(value), value
    for value in (257, -6, 1.0, "ab", "Ж", b"ab", (1,), [], {}, frozenset()):
        assert not is_kept_once(value), value


def test_objects_in_objects() -> None:
    keys: set[object] = set()
    inner = [1000, "abc"]
    assert size_whole(inner, keys) == (
        block(sys.getsizeof([])) + 16 + block(sys.getsizeof(1000)) + block(sys.getsizeof("abc"))
    )
    one = size_whole({"key": 1.5}, keys)
    assert (
        size_whole([{"key": 1.5}, {"key": 1.5}], keys)
        == 2 * (one - block(sys.getsizeof("key"))) + block(sys.getsizeof([])) + 16
    )


@pytest.mark.skipif(sys.version_info < (3, 15), reason="new in 3.15")
def test_frozen_dicts_with_what_is_in_them() -> None:
    frozen = builtins.frozendict({"key": [1000, "abc"]})
    inner = size_whole(frozen["key"], set())
    assert size_whole(frozen, set()) == (
        size_of_blocks(frozen) + block(sys.getsizeof("key")) + inner
    )
    assert advise([(frozen,)]).columns[0].types == {"frozendict": 1}


def test_objects_are_what_the_heap_hands_out(on_shoal: Callable[..., Any], tmp_path: Path) -> None:
    flat.dump(ROWS, tmp_path / "rows.flat")
    live, said = on_shoal(
        """
        import gc, shoal
        from shoal import flat
        from shoal.flat.advise import advise
        said = advise("rows.flat").objects
        flat.load("rows.flat"), shoal.usage()
        gc.collect()
        before = shoal.usage().live
        records = flat.load("rows.flat")
        answer = shoal.usage().live - before, said
        """
    )
    assert abs(live - said) < 0.02 * said  # the list has some room to grow


def test_packed_columns_take_what_is_said() -> None:
    lines = flat.dumps(ROWS)
    found = {part.name: part for part in advise(ROWS).columns}
    schema = {name: part.packed_as for name, part in found.items()}
    assert schema == {"f0": "float64", "f1": "str", "f2": "uint32", "f3": "bool"}
    packed = flat.columns(lines, schema)
    assert [packed[name].dtype.itemsize * len(packed) for name in found] == [
        part.numpy for part in found.values()
    ]
    arrays = flat.columns(lines, schema, into="array")
    for name, part in found.items():
        values = arrays[name]
        if isinstance(values, array):
            assert part.array == values.itemsize * len(values)
        else:
            assert part.array == len(values.data) + 8 * len(values.offsets)


def test_arrow_takes_what_is_said() -> None:
    pa = pytest.importorskip("pyarrow")
    rows = [(None if at % 3 else at * 1000, f"x{at}", at % 2 == 0) for at in range(5000)]
    found = advise(rows).columns
    table = flat.columns(
        flat.dumps(rows), {part.name: part.packed_as for part in found}, into="arrow"
    )
    sizes = [chunk.combine_chunks().nbytes for chunk in table.columns]
    assert isinstance(table, pa.Table)
    assert [part.arrow for part in found] == pytest.approx(sizes, abs=8)  # the last offset


@pytest.mark.parametrize(
    ("values", "packed_as"),
    [
        ([0, 255], "uint8"),
        ([0, 256], "uint16"),
        ([-1, 127], "int8"),
        ([-129, 0], "int16"),
        ([2**63], "uint64"),
        ([-1, 2**63], ""),
        ([2**64], ""),
        ([1, 1.5], "float64"),
        ([2**53 + 1, 1.5], ""),
        ([True], "bool"),
        ([True, 1], ""),
        (["a", b"a"], ""),
        ([b"a"], "bytes"),
        ([[1]], ""),
        ([None], "null"),
    ],
)
def test_the_narrowest_type(values: list[Any], packed_as: str) -> None:
    assert column(values).packed_as == packed_as


def test_equal_strings_are_counted() -> None:
    texts = ["".join(["name ", str(at % 10)]) for at in range(1000)]
    found = column(texts)
    assert (found.distinct, found.is_exact) == (10, True)
    one = block(sys.getsizeof(texts[0]))
    assert found.objects == 8 * 1000 + 1000 * one
    assert found.shared == 8 * 1000 + 10 * one


def test_a_value_that_several_records_have_counts_once() -> None:
    text, number = "".join(["a", "bc"]), float("1.5")
    found = advise([(text, number)] * 100 + [(text, float("2.5"))]).columns
    assert found[0].objects == 8 * 101 + block(sys.getsizeof(text))
    assert found[1].objects == 8 * 101 + 2 * block(sys.getsizeof(number))


def test_many_different_strings_are_estimated_in_bounded_memory() -> None:
    distinct = Distinct(most=1000)
    for start in range(0, 100_000, 1000):
        distinct.add([f"text {at}" for at in range(start, start + 1000)] * 2)
        assert len(distinct._sizes) <= 1000
    assert not distinct.is_exact
    assert 75_000 < distinct.count < 130_000
    assert distinct.size == pytest.approx(
        distinct.count * block(sys.getsizeof("text 12345")), rel=0.1
    )


def test_records_of_every_shape() -> None:
    advice = advise([{"a": 1000, "b": "xy"}, [1.5, 2.5], 7.5, (), {}, {3: None}])
    assert advice.records == 6
    names = {part.name: part.types for part in advice.columns}
    assert names["a"] == {"int": 1}
    assert names["3"] == {"NoneType": 1}
    assert names["f1"] == {"float": 1}
    assert advice.packed("array") is None
    assert advise([]).objects > 0


def test_too_many_columns_are_refused() -> None:
    with pytest.raises(ValueError, match="more than 1000 columns"):
        advise([{str(at): at} for at in range(2000)])


def test_an_iterator_is_gone_through_once() -> None:
    assert advise(iter([(1000,), (2000,)])).columns[0].objects == 2 * (
        8 + block(sys.getsizeof(1000))
    )


def test_the_command(shoal: Callable[..., Any], tmp_path: Path) -> None:
    flat.dump(ROWS, tmp_path / "rows.flat.gz")
    done = shoal("advise", "rows.flat.gz")
    assert (done.returncode, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    assert lines[0] == "5,000 records"
    assert [line.split()[0] for line in lines[1:8]] == [
        *("column", "f0", "f1", "f2", "f3", "containers", "all")
    ]
    assert "\x1b" not in done.stdout
    assert "Column f1 has 700 different strings: " in done.stdout
    told = json.loads(shoal("advise", "--json", "rows.flat.gz").stdout)
    assert told == json.loads(json.dumps(advise(tmp_path / "rows.flat.gz").fields()))
    assert told["records"] == 5000
    assert told["numpy"] == sum(part["numpy"] for part in told["columns"])


@pytest.mark.parametrize(
    ("name", "data", "status", "said"),
    [
        ("a.flat", b"1\n(\n", 1, "shoal advise: a.flat:2:2: expected "),
        ("a.jsonl", b"{", 1, "shoal advise: a.jsonl:1:2: no JSON: "),
        (
            "a.flat",
            b"".join(b"{'k%d': 1}\n" % at for at in range(2000)),
            2,
            "shoal advise: a.flat: more than 1000 columns",
        ),
    ],
)
def test_bad_input_is_named(
    shoal: Callable[..., Any], tmp_path: Path, name: str, data: bytes, status: int, said: str
) -> None:
    (tmp_path / name).write_bytes(data)
    done = shoal("advise", name)
    assert (done.returncode, done.stdout) == (status, "")
    assert done.stderr.startswith(said)
    assert len(done.stderr.splitlines()) == 1


def test_numpy_agrees() -> None:
    assert np.dtype(column([0, 255]).packed_as) == np.uint8
