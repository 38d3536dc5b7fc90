"""What is written is what repr writes, and comes back as it was; literal_eval agrees."""

from __future__ import annotations

import ast
import io
import math
import struct
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from shoal import flat

FLOATS = st.one_of(
    st.floats(allow_nan=False, allow_infinity=False),
    st.integers(0, 2**64 - 1).map(lambda bits: struct.unpack("<d", struct.pack("<Q", bits))[0]),
).filter(math.isfinite)
INTS = st.one_of(
    st.integers(),
    st.integers(-(2**66), 2**66),
    st.integers(-(10**600), 10**600),
    st.integers(0, 130).map(lambda shift: 1 << shift),
    st.integers(0, 40).map(lambda digits: 10**digits - 1),
)
TEXTS = st.one_of(st.text(), st.text(st.characters(codec=None)), st.text("ab'\"\\\n\x7f\xe9\ud800"))
LEAVES = st.one_of(
    st.none(),
    st.booleans(),
    INTS,
    FLOATS,
    TEXTS,
    st.binary(),
    st.just(...),
    st.builds(complex, FLOATS, FLOATS),
)
KEYS = st.recursive(
    LEAVES, lambda keys: st.tuples(keys, keys) | st.frozensets(keys, max_size=3), max_leaves=4
)
RECORDS = st.recursive(
    LEAVES | st.sets(KEYS, max_size=3),
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.lists(inner, max_size=4).map(tuple),
        st.dictionaries(KEYS, inner, max_size=4),
        st.sets(KEYS, max_size=4),
        st.frozensets(KEYS, max_size=4),
    ),
    max_leaves=20,
)


def same(one, other):
    """Whether two records are of the same types, values and order; 0.0 is not -0.0."""
    if type(one) is not type(other):
        return False
    if isinstance(one, (list, tuple)):
        return len(one) == len(other) and all(map(same, one, other))
    if isinstance(one, dict):
        return same(list(one.items()), list(other.items()))
    if isinstance(one, float):
        return struct.pack("d", one) == struct.pack("d", other) or (one != one and other != other)
    if isinstance(one, complex):
        return same((one.real, one.imag), (other.real, other.imag))
    return one == other


@settings(max_examples=400, deadline=None)
@given(RECORDS)
def test_lines_are_what_repr_writes(record):
    assert flat.dumps([record]) == (repr(record) + "\n").encode()


@settings(max_examples=400, deadline=None)
@given(st.lists(RECORDS, max_size=5))
def test_records_come_back(records):
    assert same(flat.loads(flat.dumps(records)), records)


@settings(max_examples=300, deadline=None)
@given(RECORDS)
def test_what_literal_eval_reads_is_read_as_the_same(record):
    text = repr(record)
    try:
        expected = ast.literal_eval(text)
    except ValueError:  # frozenset and Ellipsis are names to it
        return
    found = flat.loads(text)[0]
    assert found == expected
    assert repr(type(found)) == repr(type(expected))


@settings(max_examples=2000, deadline=None)
@given(FLOATS)
def test_floats_are_exact_both_ways(value):
    text = repr(value)
    assert flat.dumps([value]).decode() == text + "\n"
    assert same(flat.loads(text), [value])
    assert same(flat.loads(f"{value:.25e}"), [float(f"{value:.25e}")])


def test_floats_where_digits_are_hard():
    hard = [5e-324, 2.2250738585072014e-308, 2.2250738585072011e-308, 1.7976931348623157e308]
    hard += [2.0**n for n in range(-1074, 1024)] + [10.0**n for n in range(-323, 309)]
    hard += [math.nextafter(x, 0) if sys.version_info >= (3, 9) else x for x in hard]
    hard += [9007199254740993.0, 1e16, 1e15, 123456789012345680.0, 1e-4, 1e-5, 0.1, 1 / 3]
    hard += [-x for x in hard] + [0.0, -0.0]
    assert flat.dumps(hard).decode().split() == [repr(x) for x in hard]
    assert same(flat.loads("\n".join(map(repr, hard))), hard)


def test_what_has_no_literal_has_a_spelling():
    inf, nan = math.inf, math.nan
    records = [inf, -inf, nan, complex(inf, nan), complex(1, -inf), [nan, {inf: 1}]]
    lines = flat.dumps(records).decode().splitlines()
    assert lines == [
        "1e999",
        "-1e999",
        "nan",
        "(1e999+nanj)",
        "(1-1e999j)",
        "[nan, {1e999: 1}]",
    ]
    assert same(flat.loads("\n".join(lines)), records)
    assert ast.literal_eval(lines[0]) == inf
    assert ast.literal_eval(lines[4]) == records[4]
    by_repr = "\n".join(map(repr, records))
    assert same(flat.loads(by_repr), records)


@pytest.mark.parametrize("digits", [19, 20, 21, 511, 512, 513, 1023, 1024, 1025, 2049, 4299, 4300])
def test_ints_of_any_size(digits):
    values = [10 ** (digits - 1), 10**digits - 1, -(10**digits - 1), 7 * 10 ** (digits - 1) + 3]
    lines = [str(value) for value in values]
    assert flat.dumps(values).decode().splitlines() == lines
    assert flat.loads("\n".join(lines)) == values


def test_the_interpreters_limit_of_digits_is_not_ours():
    value = 12345678901234567890**300  # 5,728 digits
    line = flat.dumps([value], max_digits=6000)
    assert flat.loads(line, max_digits=6000) == [value]
    assert flat.loads(hex(value)) == [value]  # linear in Python too: no limit
    with pytest.raises(ValueError, match=r"^record 0: an int of more than 4300 digits"):
        flat.dumps([value])
    with pytest.raises(flat.FlatError, match="expected at most 4300 digits"):
        flat.loads(line)
    if hasattr(sys, "set_int_max_str_digits"):
        before = sys.get_int_max_str_digits()
        sys.set_int_max_str_digits(640)
        try:
            assert flat.loads(flat.dumps([10**4000 + 1])) == [10**4000 + 1]
        finally:
            sys.set_int_max_str_digits(before)


@pytest.mark.parametrize("digits", [4299, 4300, 4301, 4302])
def test_the_bound_of_digits_is_exact(digits):
    value = 10 ** (digits - 1)
    assert (digits <= 4300) == (not raises(lambda: flat.dumps([-value])))
    assert (digits <= 4300) == (not raises(lambda: flat.loads("1" + "0" * (digits - 1))))


def raises(function):
    try:
        function()
    except ValueError:
        return True
    return False


def test_by_file_and_by_path(tmp_path):
    records = [(i / 7, str(i), i) for i in range(20000)]
    path = tmp_path / "records.txt"
    assert flat.dump(iter(records), path) == 20000
    assert path.read_text() == "".join(f"{record!r}\n" for record in records)
    assert flat.load(path) == records
    assert list(flat.iterate(str(path))) == records
    assert flat.count(path) == 20000
    assert flat.append([(0,)], path) == 1
    with open(path, "rb") as file:
        assert flat.load(file) == [*records, (0,)]
    with open(path, "rb", buffering=0) as raw:
        assert flat.load(raw) == [*records, (0,)]
    file = io.BytesIO()
    assert flat.dump(records, file) == 20000
    assert file.getvalue() == flat.dumps(records)
    with open(tmp_path / "raw", "wb", buffering=0) as raw:
        flat.dump(records, raw)
    assert (tmp_path / "raw").read_bytes() == flat.dumps(records)


def test_equal_leaves_are_one_object_if_shared():
    text = "\n".join(["{'key': ('a text', 1.5, 12345)}"] * 3)
    first, *others = flat.loads(text, share=True)
    for other in others:
        assert next(iter(other)) is next(iter(first))
        assert all(one is two for one, two in zip(other["key"], first["key"]))
    first, second, _ = flat.loads(text)
    assert next(iter(second)) is next(iter(first))  # keys always
    assert second["key"][0] is not first["key"][0]


@given(st.lists(LEAVES, max_size=50))
@settings(max_examples=100, deadline=None)
def test_sharing_changes_no_value(leaves):
    records = leaves + leaves
    assert same(flat.loads(flat.dumps(records), share=True), records)
