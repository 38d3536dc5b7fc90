"""Streams that lie about lengths, marks, indices and depths: an error, never a crash.

What an error is must be what the standard module takes it for; it costs no memory.
"""

from __future__ import annotations

import contextlib
import copyreg
import io
import os
import pickle
import random
import resource
import struct
import subprocess
import sys

import pytest
import shoal.pickle as ours

ERRORS = (Exception,)


def u32(number):
    return struct.pack("<I", number)


def u64(number):
    return struct.pack("<Q", number)


def loaders():
    """Yield every way to read a stream."""
    yield ours.loads
    yield lambda data: ours.load(io.BytesIO(data))
    yield lambda data: ours.load(io.BufferedReader(io.BytesIO(data), 64))
    yield lambda data: ours.Unpickler(io.BytesIO(data)).load()


TRUNCATED = [
    b"",
    b"N",
    b"K",
    b"M\x01",
    b"J\x01\x02\x03",
    b"G\0\0\0",
    b"\x8a",
    b"\x8a\x05\x01",
    b"\x8b\x05\0\0\0",
    b"U\x05ab",
    b"C\x05ab",
    b"\x8c\x05ab",
    b"X" + u32(1 << 31) + b"abc",
    b"B" + u32(1 << 31) + b"abc",
    b"T" + u32((1 << 31) - 1) + b"abc",
    b"\x8d" + u64(1 << 40) + b"abc",
    b"\x8e" + u64(1 << 40) + b"abc",
    b"\x96" + u64(1 << 40) + b"abc",
    b"\x95" + u64(1 << 40) + b"N.",
    b"\x8b" + u32((1 << 31) - 1) + b"abc",
    b"I1",
    b"F1.5",
    b"L1L",
    b"S'a'",
    b"Vabc",
    b"cos",
    b"cos\nsystem",
    b"p0",
    b"g0",
]

WRONG = [
    b".",
    b"(.",
    b"0.",
    b"1.",
    b"2.",
    b"(0.",
    b"a.",
    b"e.",
    b"Na.",
    b"](a.",
    b"](Ne",
    b"s.",
    b"u.",
    b"}(Nu.",
    b"}(N(Nu.",
    b"(Nd.",
    b"N(Ne.",
    b"t.",
    b"l.",
    b"d.",
    b"\x85.",
    b"N\x86.",
    b"NN\x87.",
    b"(NN(\x87.",
    b"R.",
    b"NR.",
    b"NNR.",
    b"b.",
    b"Nb.",
    b"o.",
    b"(o.",
    b"i.",
    b"\x81.",
    b"NN\x81.",
    b"\x92.",
    b"NNN\x92.",
    b"\x93.",
    b"NN\x93.",
    b"\x90.",
    b"\x91.",
    b"\x8f(]\x90.",
    b"(]\x91.",
    b"}]Ns.",
    b"\x94.",
    b"q\0.",
    b"(q\0.",
    b"h\0.",
    b"j" + u32(1 << 31) + b".",
    b"g-1\n.",
    b"Np-1\n.",
    b"Np99999999999999999999999\n.",
    b"g\n.",
    b"gx\n.",
    b"I\n.",
    b"Ix\n.",
    b"F\n.",
    b"Fx\n.",
    b"L\n.",
    b"Lx\n.",
    b"S\n.",
    b"S'\n.",
    b"Sa\n.",
    b"S'a\"\n.",
    b"T" + u32(1 << 31) + b".",
    b"\x8b" + u32(1 << 31) + b".",
    b"\x8d" + u64((1 << 64) - 1) + b".",
    b"\x8e" + u64((1 << 64) - 1) + b".",
    b"\x96" + u64((1 << 64) - 1) + b".",
    b"\x95" + u64((1 << 64) - 1) + b".",
    b"\x80\x06.",
    b"\x80\xff.",
    b"\xff.",
    b"\0.",
    b"P0\n.",
    b"NQ.",
    b"P\xff\n.",
    b"\x97.",
    b"\x98.",
    b"N\x98.",
    b"\x82\0.",
    b"\x82\x07.",
    b"\x83\0\0.",
    b"\x84" + u32(1 << 31) + b".",
    b"c\n\n.",
    b"cbuiltins\nno_such_name\n.",
    b"cno_such_module\nname\n.",
    b"\x80\x04\x8c\x08builtins\x8c\x03a.b\x93.",
    b"\x80\x04\x8c\x08builtins\x8c\x01.\x93.",
    b"X\x01\0\0\0\xff.",
    b"(K\x01K\x02K\x03d.",
]


@pytest.mark.parametrize("stream", TRUNCATED, ids=repr)
def test_truncated(stream):
    for load in loaders():
        with pytest.raises((pickle.UnpicklingError, EOFError)):
            load(stream)


@pytest.mark.parametrize("stream", WRONG, ids=repr)
def test_wrong(stream):
    """What the standard module refuses, we refuse, as one of the same family."""
    for load in loaders():
        with pytest.raises(ERRORS) as caught:
            load(stream)
        with pytest.raises(ERRORS) as theirs:
            pickle.loads(stream)
        if not isinstance(caught.value, pickle.UnpicklingError):
            family = (ValueError, TypeError, AttributeError, LookupError, ImportError)
            same = type(theirs.value)
            assert isinstance(caught.value, (*family, EOFError, OverflowError, same))


@pytest.mark.parametrize("stream", [b"F1.5\0\n.", b"I1\0\n.", b"L1\0L\n."], ids=repr)
def test_numbers_end_at_their_line_not_at_a_nul(stream):
    for load in loaders():
        with pytest.raises(ValueError, match="could not convert string"):
            load(stream)


def test_an_index_far_away_costs_nothing():
    usage = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    far = b"".join(b"r" + u32(index) for index in ((1 << 32) - 1, 1 << 31, 1 << 20, 1 << 30))
    gets = b"".join(b"j" + u32(index) + b"0" for index in (1 << 30, 1 << 31, 1 << 20))
    for load in loaders():
        assert load(b"N" + far + gets + b"j" + u32((1 << 32) - 1) + b"0.") is None
        assert load(b"Np9223372036854775807\ng9223372036854775807\n0.") is None
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - usage < 50_000


def test_far_and_near_indices_are_one_memo():
    parts = [b"("]
    for index in [*range(0, 400, 7), *range(400)]:
        parts.append(b"M" + struct.pack("<H", 1000 + index) + b"r" + u32(index))
    stream = b"".join(parts) + b"1(" + b"".join(b"j" + u32(i) for i in range(400)) + b"l."
    for load in loaders():
        assert load(stream) == [1000 + i for i in range(400)]


def test_memoize_counts_what_is_in_use():
    stream = b"K\x01\x94K\x02r" + u32(1 << 20) + b"K\x03\x94h\x02\x87."
    with pytest.raises(pickle.UnpicklingError):
        ours.loads(b"K\x01\x94h\x01.")
    assert ours.loads(b"K\x01\x94K\x02\x94h\x00h\x01\x86.") == (1, 2)
    with pytest.raises(pickle.UnpicklingError):
        ours.loads(stream[:-2] + b"h\x09.")


LENGTHS = {
    "bytes": b"\x8e" + u64(1 << 36),
    "bytearray": b"\x96" + u64(1 << 36),
    "string": b"\x8d" + u64(1 << 36),
    "frame": b"\x95" + u64(1 << 36),
    "int": b"\x8b" + u32((1 << 31) - 1),
    "old string": b"T" + u32((1 << 31) - 1),
}


@pytest.mark.parametrize("what", LENGTHS)
def test_a_length_is_believed_when_the_bytes_are_there(what):
    """Under a limit of address space: believing it would be a MemoryError."""
    code = (
        "import io, resource, sys, shoal.pickle as p\n"
        "from pickle import UnpicklingError\n"
        "resource.setrlimit(resource.RLIMIT_AS, (2**30, 2**30))\n"
        "data = bytes.fromhex(sys.argv[1]) + b'x' * 5000000\n"
        "for file in io.BytesIO(data), io.BufferedReader(io.BytesIO(data)):\n"
        "    try: p.load(file)\n"
        "    except (UnpicklingError, EOFError): pass\n"
        "    else: sys.exit('loaded')\n"
        "try: p.loads(data)\n"
        "except UnpicklingError: pass\n"
        "else: sys.exit('loaded')\n"
    )
    command = [sys.executable, "-c", code, LENGTHS[what].hex()]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


DEPTH = 300_000
DEEP = {
    "lists": b"]" * DEPTH + b"a" * (DEPTH - 1) + b".",
    "tuples": b")" + b"\x85" * DEPTH + b".",
    "marks": b"(" * DEPTH + b"t" * DEPTH + b".",
    "dicts": b"}K\x01" * DEPTH + b"N" + b"s" * DEPTH + b".",
    "pops": b"N" * DEPTH + b"0" * (DEPTH - 1) + b".",
}


@pytest.mark.parametrize("what", DEEP)
def test_depth_is_no_danger(what):
    for load in loaders():
        load(DEEP[what])


@pytest.mark.parametrize("use", [b"}%bNs.", b"\x8f(%b\x90.", b"(%b\x91.", b"(%bNd."])
def test_a_key_too_deep_to_hash(use):
    """The standard module overruns its stack here."""
    deep = b")" + b"\x85" * DEPTH
    with pytest.raises(RecursionError):
        ours.loads(use % deep)


def test_a_stream_that_ends_anywhere():
    value = [1.5, "text", "téxt" * 100, b"bytes" * 100, (1, 2), {3: [4]}, {5}, 1 << 80, Ellipsis]
    for protocol in range(6):
        stream = ours.dumps(value, protocol)
        for end in range(len(stream)):
            for load in loaders():
                with pytest.raises((pickle.UnpicklingError, EOFError)):
                    load(stream[:end])


def test_random_changes_do_no_harm():
    """Where both modules load a changed stream, they load the same."""
    choice = random.Random(20)
    value = [1.5, "text", b"bytes", (1, 2, 3, 4), {3: [4]}, {5}, 1 << 80, None, ["again"] * 2]
    for protocol in range(6):
        stream = ours.dumps([value, value], protocol)
        for _ in range(2000):
            changed = bytearray(stream)
            for _ in range(choice.randint(1, 4)):
                changed[choice.randrange(len(changed))] = choice.randrange(256)
            data = bytes(changed)
            if any(opcode in data for opcode in (b"c", b"i", b"\x93", b"R", b"o")):
                allow = set()
            else:
                allow = None
            try:
                mine = repr(ours.loads(data, allow=allow))
            except ERRORS:
                continue
            try:
                theirs = repr(pickle.loads(data))
            except ERRORS:
                continue
            assert mine == theirs


def test_random_bytes():
    choice = random.Random(21)
    for _ in range(20000):
        data = choice.randbytes(choice.randrange(60))
        for load in (ours.loads, lambda data: ours.load(io.BytesIO(data))):
            with contextlib.suppress(*ERRORS):
                load(data)


def test_only_what_is_allowed_is_found():
    stream = ours.dumps([len, io.BytesIO])
    with pytest.raises(pickle.UnpicklingError, match=r"'builtins.len' is not among"):
        ours.loads(stream, allow=())
    with pytest.raises(pickle.UnpicklingError, match=r"'_io.BytesIO' is not among"):
        ours.loads(stream, allow={"builtins.len"})
    assert ours.loads(stream, allow={"builtins.len", "_io.BytesIO"}) == [len, io.BytesIO]
    with pytest.raises(TypeError, match="not one string"):
        ours.loads(stream, allow="builtins.len")


def test_names_of_python_2_are_allowed_as_those_of_python_3():
    stream = b"c__builtin__\nxrange\n."
    assert ours.loads(stream, allow={"builtins.range"}) is range
    with pytest.raises(pickle.UnpicklingError):
        ours.loads(stream, allow={"__builtin__.xrange"})


def test_a_dotted_name_is_allowed_as_a_whole():
    stream = b"\x80\x04\x8c\x02io\x8c\x10BytesIO.getvalue\x93."
    with pytest.raises(pickle.UnpicklingError):
        ours.loads(stream, allow={"io.BytesIO"})
    assert ours.loads(stream, allow={"io.BytesIO.getvalue"}) is io.BytesIO.getvalue


class Allowed:
    flag = False


@pytest.mark.parametrize(
    "state",
    [b"(N}X\4\0\0\0flagI01\nst", b"}X\4\0\0\0flagI01\ns"],
    ids=["by slots", "by dict"],
)
def test_what_is_allowed_is_not_to_be_changed(state):
    name = f"c{__name__}\nAllowed\n".encode()
    with pytest.raises(pickle.UnpicklingError, match="allowed, but not to be changed"):
        ours.loads(name + state + b"b.", allow={f"{__name__}.Allowed"})
    assert Allowed.flag is False
    instance = ours.loads(name + b")R" + state + b"b.", allow={f"{__name__}.Allowed"})
    assert instance.flag is True


def test_extensions_are_found_only_where_they_are_allowed():
    copyreg.add_extension("os", "system", 0xF0)
    try:
        assert ours.loads(b"\x80\x02\x82\xf0.") is os.system  # is now in copyreg's cache
        with pytest.raises(pickle.UnpicklingError, match=r"'os.system' is not among"):
            ours.loads(b"\x80\x02\x82\xf0.", allow={"os.getcwd"})
    finally:
        copyreg.remove_extension("os", "system", 0xF0)


class Reenters(ours.Unpickler):
    def find_class(self, module_name, global_name):
        return self.load()


def test_an_unpickler_is_not_used_twice_at_once():
    with pytest.raises(RuntimeError, match="already used"):
        Reenters(io.BytesIO(b"cos\nsystem\n.")).load()


class PicklesItself(ours.Pickler):
    def reducer_override(self, value):
        self.dump(value)


def test_a_pickler_is_not_used_twice_at_once():
    with pytest.raises(RuntimeError, match="already used"):
        PicklesItself(io.BytesIO()).dump(len)
