"""Lines that are no record: where, and what was expected; and what is one after all."""

from __future__ import annotations

import ast
import io
import random
import warnings

import pytest
from shoal import flat

END = "the end of the line"
END_OF_NUMBER = "a digit or the end of the number"

BAD = [
    # line, column, expected, found
    ("(1, 2", 6, "',' or ')'", END),
    ("(1, 2]", 6, "',' or ')'", "']'"),
    ("(", 2, "a value or ')'", END),
    ("(,)", 2, "a value or ')'", "',)'"),
    ("[1 2]", 4, "',' or ']'", "'2]'"),
    ("[1,, 2]", 4, "a value or ']'", "', 2]'"),
    ("{1: }", 5, "a value", "'}'"),
    ("{1: 2, 3}", 9, "':'", "'}'"),
    ("{1, 2: 3}", 6, "',' or '}'", "': 3}'"),
    ("{1: 2: 3}", 6, "',' or '}'", "': 3}'"),
    ("{1", 3, "':', ',' or '}'", END),
    ("{[]: 1}", 2, "a key or item that is hashable", "'[]: 1}'"),
    ("{'ab', ([],)}", 8, "a key or item that is hashable", "'([],)}'"),
    ("(1,))", 5, "',' or the end of the line", "')'"),
    ("1 2", 3, "',' or the end of the line", "'2'"),
    ("'a' 'b'", 5, "',' or the end of the line", "\"'b'\""),
    ("'abc", 5, "the closing quote", END),
    ("'abc\\", 6, "the closing quote", END),
    ("'\\xg'", 4, "a hexadecimal digit", '"g\'"'),
    ("'\\u12'", 6, "a hexadecimal digit", '"\'"'),
    ("'\\U00110000'", 4, "a code point up to 10ffff", '"00110000\'"'),
    ("'\\N{DASH}'", 2, "an escape other than \\N", '"\\\\N{DASH}\'"'),
    ("b'aé'", 4, "an ASCII character, or an escape", '"é\'"'),
    ("f'a'", 1, "a value", "\"f'a'\""),
    ("bb'a'", 1, "a value", "\"bb'a'\""),
    ("None1", 1, "a value", "'None1'"),
    ("none", 1, "a value", "'none'"),
    ("é", 1, "a value", "'é'"),
    ("'é', ß", 6, "a value or the end of the line", "'ß'"),
    ("__import__('os')", 1, "a value", "\"__import__('os')\""),
    ("[1, lambda: 2, 3, 4, 5]", 5, "a value or ']'", "'lambda: 2, 3, 4,'..."),
    ("(lambda: 1)()", 2, "a value or ')'", "'lambda: 1)()'"),
    ("[1, lambda: 2, 3, 4]", 5, "a value or ']'", "'lambda: 2, 3, 4]'"),
    ("frozenset([1])", 11, "a set", "'[1])'"),
    ("frozenset({1: 2})", 11, "a set", "'{1: 2})'"),
    ("frozenset({1}, 2)", 14, "')'", "', 2)'"),
    ("frozenset", 10, "'('", END),
    ("set([1])", 5, "')', as sets with items are written in braces", "'[1])'"),
    ("1_", 3, "a digit", END),
    ("1__0", 3, "a digit", "'_0'"),
    ("1_.0", 3, "a digit", "'.0'"),
    ("007", 1, "an integer without leading zeros", "'007'"),
    ("0_7", 1, "an integer without leading zeros", "'0_7'"),
    ("0x", 3, "a digit", END),
    ("0x_", 4, "a digit", END),
    ("0xfg", 4, END_OF_NUMBER, "'g'"),
    ("0b12", 4, END_OF_NUMBER, "'2'"),
    ("1if 2", 2, END_OF_NUMBER, "'if 2'"),
    ("1.2.3", 4, END_OF_NUMBER, "'.3'"),
    ("1e", 3, "a digit", END),
    ("1e+", 4, "a digit", END),
    ("--1", 2, "a digit", "'-1'"),
    ("-'a'", 2, "a digit", "\"'a'\""),
    ("1+2", 4, "'j'", END),
    ("1j+2j", 3, "',' or the end of the line", "'+2j'"),
    ("1-", 3, "a digit", END),
    (".", 1, "a digit", "'.'"),
    ("..", 1, "a digit", "'..'"),
    ("....", 4, "',' or the end of the line", "'.'"),
    ("nano", 1, "a value", "'nano'"),
    ("9" * 4301, 1, "at most 4300 digits", "'9999999999999999'..."),
    ("1." + "0" * 1023, 1, "a float of at most 1024 characters", "'1.00000000000000'..."),
    ("(" * 201, 201, "at most 200 brackets in one another", "'('"),
    ("1\x00", 2, "',' or the end of the line", "'\\x00'"),
    ("1\r2", 2, "',' or the end of the line", "'\\r2'"),
    (b"'a\xffb'", 3, "valid UTF-8", "byte 0xff"),
    (b"'\xc3'", 2, "valid UTF-8", "byte 0xc3"),
    (b"'\xed\xa0\x80'", 2, "valid UTF-8", "byte 0xed"),
    (b"'\xf4\x90\x80\x80'", 2, "valid UTF-8", "byte 0xf4"),
    (b"'\xc0\xaf'", 2, "valid UTF-8", "byte 0xc0"),
    (b"'\xc3\xa9\xff'", 3, "valid UTF-8", "byte 0xff"),
    (b"\xff", 1, "a value", "byte 0xff"),
]


@pytest.mark.parametrize(("line", "column", "expected", "found"), BAD, ids=range(len(BAD)))
def test_where_and_what(line, column, expected, found):
    data = line if isinstance(line, bytes) else line.encode()
    with pytest.raises(flat.FlatError) as caught:
        flat.load(io.BytesIO(b"1\n# comment\n" + data + b"\n2\n"))
    error = caught.value
    assert (error.line, error.column) == (3, column)
    assert (error.expected, error.found) == (expected, found)
    assert str(error) == f"line 3, column {column}: expected {expected}, found {found}"


def test_the_file_is_named(tmp_path):
    path = tmp_path / "records.txt"
    path.write_bytes(b"1\n(2\n")
    with pytest.raises(flat.FlatError) as caught:
        flat.load(path)
    assert caught.value.file == str(path)
    assert str(caught.value).startswith(f"{path}: line 2, column 3: expected ',' or ')'")
    with open(path, "rb") as file, pytest.raises(flat.FlatError) as caught:
        flat.load(file)
    assert caught.value.file == str(path)


GOOD = [
    ("", []),
    ("  \t", []),
    ("# only a comment", []),
    (" 1 # and a comment", [1]),
    ("1\r\n2\r\n", [1, 2]),
    ("\ufeff1\n2", [1, 2]),
    ("1,2", [(1, 2)]),
    ("1,", [(1,)]),
    ("(1)", [1]),
    ("((1,))", [(1,)]),
    ("[1,]", [[1]]),
    ("{1,}", [{1}]),
    ("\t{ 'a' : 1 , }", [{"a": 1}]),
    ("{1: 2, 1: 3}", [{1: 3}]),
    ("{True: 1, 1: 2}", [{True: 2}]),
    ("u'a'", ["a"]),
    ("r'\\n\\''", ["\\n\\'"]),
    ("Rb'\\x'", [b"\\x"]),
    ("'\\d\\101\\0'", ["\\dA\0"]),
    ("b'\\400\\u'", [b"\0\\u"]),
    ("'\\ud83d\\ude00'", ["\ud83d\ude00"]),
    ("'tab\there'", ["tab\there"]),
    ("- 1", [-1]),
    ("+1", [1]),
    ("1_000", [1000]),
    ("0xFf 0b1 0o7".replace(" ", "\n"), [255, 1, 7]),
    ("00\n0_0", [0, 0]),
    ("007.5\n1.\n.5\n1_0.2_5e1_0", [7.5, 1.0, 0.5, 1_0.2_5e1_0]),
    ("1e400\n-1e400\n1e-400", [float("inf"), -float("inf"), 0.0]),
    ("1 + 2j", [1 + 2j]),
    ("(1+2j)", [1 + 2j]),
    ("-0-0j", [complex(-0.0, -0.0)]),
    ("12_3j", [123j]),
    ("...", [...]),
    ("set()", [set()]),
    ("frozenset ( { 1 } )", [frozenset({1})]),
    ("inf\n-inf\ninfj", [float("inf"), -float("inf"), complex(0, float("inf"))]),
    ("(" * 200 + ")" * 200, None),
]


@pytest.mark.parametrize(("text", "records"), GOOD, ids=range(len(GOOD)))
def test_what_people_write(text, records):
    found = flat.loads(text)
    if records is not None:
        assert repr(found) == repr(records)
    assert flat.load(io.BytesIO(text.encode())) == found


def test_hostile_lines_agree_with_literal_eval():
    """Random lines of what literals are made of: read as literal_eval does, or refused."""
    chance = random.Random(6)
    parts = [*"()[]{},:+-.'\"\\# _", "1", "0", "2.5", "1e3", "j", "x", "b", "r", "None", "..."]
    read = 0
    for _ in range(60000):
        text = "".join(chance.choices(parts, k=chance.randrange(1, 9)))
        try:
            found = flat.loads(text)
        except flat.FlatError:
            continue
        if not found:
            assert not text.strip() or text.strip().startswith("#")
            continue
        read += 1
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of escapes that are none
            expected = ast.literal_eval(text.strip())
        assert found[0] == expected, text
        if "j" not in text:  # the sign of a part that is zero
            assert repr(found[0]) == repr(expected), text
    assert read > 3000


# ---- What becomes of bad lines ---------------------------------------------------

MIXED = b"1\nx\n2\n(\n3"


def test_skipping():
    reader = flat.iterate(MIXED, errors="skip")
    assert list(reader) == [1, 2, 3]
    assert reader.skipped == 2
    assert reader.errors == []
    assert flat.load(MIXED, errors="skip") == [1, 2, 3]


def test_collecting():
    records, errors = flat.load(MIXED, errors="collect")
    assert records == [1, 2, 3]
    assert [(error.line, error.column) for error in errors] == [(2, 1), (4, 2)]
    reader = flat.iterate(MIXED, errors="collect")
    assert list(reader) == [1, 2, 3]
    assert [str(error) for error in reader.errors] == [str(error) for error in errors]


def test_raising_and_going_on():
    reader = flat.iterate(MIXED)
    assert next(reader) == 1
    with pytest.raises(flat.FlatError):
        next(reader)
    assert reader.line == 2
    assert next(reader) == 2
    assert reader.position == 6


def test_what_progress_raises_loses_no_record():
    told = []

    def tell(size, part):
        told.append(size)
        if len(told) == 2:
            raise InterruptedError

    count = 200_000
    reader = flat.iterate(b"".join(b"%d\n" % i for i in range(count)), progress=tell)
    found = []
    with pytest.raises(InterruptedError):
        found.extend(iter(reader.__next__, None))
    before = len(found)
    found += reader
    assert 0 < before < count
    assert found == list(range(count))


def test_wrong_arguments():
    with pytest.raises(ValueError, match="errors: expected 'raise', 'skip' or 'collect'"):
        flat.load(b"", errors="ignore")
    with pytest.raises(ValueError, match="max_depth must be from 1 to"):
        flat.load(b"", max_depth=0)
    with pytest.raises(ValueError, match="max_digits must be from 20 to"):
        flat.load(b"", max_digits=19)
    with pytest.raises(TypeError, match="must be binary"):
        flat.load(io.StringIO("1"))
    with pytest.raises(TypeError, match="expected a binary file or bytes, not int"):
        flat.load(3)


# ---- Bounds ----------------------------------------------------------------------


@pytest.mark.parametrize("open_", [io.BytesIO, bytes])
def test_a_line_over_the_bound_is_passed_over(open_):
    data = b"1\n" + b"2" * 1_000_000 + b"\n'" + b"a" * 98 + b"'\n3\n" + b"4" * 101
    records, errors = flat.load(open_(data), max_line=100, errors="collect")
    assert records == [1, "a" * 98, 3]
    assert [(error.line, error.column) for error in errors] == [(2, 101), (5, 101)]
    assert errors[0].expected == "a line of at most 100 bytes"


def test_depth_is_an_option():
    deep = "[" * 5000 + "]" * 5000
    record = flat.loads(deep, max_depth=5000)
    assert flat.dumps(record, max_depth=5000).decode() == deep + "\n"
    with pytest.raises(flat.FlatError, match="at most 4999 brackets"):
        flat.loads(deep, max_depth=4999)
    with pytest.raises(ValueError, match="more than 4999 brackets"):
        flat.dumps(record, max_depth=4999)


def test_keys_that_are_too_deep_to_hash_are_refused():
    deep = "(" * 50000 + "1," + "),)" * 0 + ")" + ",)" * 49999
    assert flat.loads(deep, max_depth=50000)
    with pytest.raises(flat.FlatError, match="a key of at most 200 brackets"):
        flat.loads("{" + deep + ": 1}", max_depth=60000)


def test_what_is_written_by_default_is_read_by_default():
    nested = 1 + 2j
    for _ in range(199):
        nested = [nested]
    assert flat.loads(flat.dumps([nested])) == [nested]
    with pytest.raises(ValueError, match="more than 200 brackets"):
        flat.dumps([[nested]])
    frozen = frozenset({1})
    for _ in range(99):
        frozen = frozenset({frozen})
    assert flat.loads(flat.dumps([frozen])) == [frozen]
    with pytest.raises(ValueError, match="more than 200 brackets"):
        flat.dumps([[frozen]])


def test_a_line_that_never_ends() -> None:
    with pytest.raises(ValueError, match="line 1"):
        flat.load("/dev/zero", max_line=1000)
    with pytest.raises(ValueError, match="line 1"):
        next(iter(flat.iterate("/dev/zero", max_line=1000)))
