"""What a pickle is made of, found by reading its opcodes and executing none."""

from __future__ import annotations

import pickletools
from collections import Counter
from dataclasses import dataclass, field
from typing import IO

TYPES = {
    "NONE": "None",
    "EMPTY_LIST": "list",
    "LIST": "list",
    "APPEND": "list",
    "APPENDS": "list",
    "EMPTY_DICT": "dict",
    "DICT": "dict",
    "SETITEM": "dict",
    "SETITEMS": "dict",
    "EMPTY_SET": "set",
    "ADDITEMS": "set",
    "FROZENSET": "frozenset",
    "GLOBAL": "global",
    "STACK_GLOBAL": "global",
    "EXT1": "global",
    "EXT2": "global",
    "EXT4": "global",
    "INST": "instance",
    "OBJ": "instance",
    "NEWOBJ": "instance",
    "NEWOBJ_EX": "instance",
    "REDUCE": "instance",
    "BUILD": "instance",
    "PERSID": "persistent id",
    "BINPERSID": "persistent id",
    "NEXT_BUFFER": "buffer",
    "READONLY_BUFFER": "buffer",
    "GET": "met again",
    "BINGET": "met again",
    "LONG_BINGET": "met again",
    "PUT": "memo",
    "BINPUT": "memo",
    "LONG_BINPUT": "memo",
    "MEMOIZE": "memo",
}
"""The type that an opcode's bytes belong to, where its name does not say it."""

_BY_NAME = (
    ("BYTEARRAY", "bytearray"),
    ("BYTES", "bytes"),
    ("UNICODE", "str"),
    ("STRING", "str"),
    ("FLOAT", "float"),
    ("TUPLE", "tuple"),
    ("INT", "int"),
    ("LONG", "int"),
    ("TRUE", "bool"),
    ("FALSE", "bool"),
)

_MEMO_STORES = ("PUT", "BINPUT", "LONG_BINPUT", "MEMOIZE")
_MEMO_LOADS = ("GET", "BINGET", "LONG_BINGET")


def type_of(opcode: str) -> str:
    """Return the type of the objects that an opcode, called by name, makes."""
    if opcode in TYPES:
        return TYPES[opcode]
    return next((name for part, name in _BY_NAME if part in opcode), "structure")


@dataclass
class Contents:
    """Counts and sizes of what is in a file of pickles."""

    pickles: int = 0
    protocol: int = 0
    size: int = 0  # bytes
    memorized: int = 0
    counts: Counter[str] = field(default_factory=Counter)
    sizes: Counter[str] = field(default_factory=Counter)  # bytes
    globals: Counter[str] = field(default_factory=Counter)

    def by_opcode(self) -> list[tuple[str, int, int]]:
        """Return name, count and bytes of each opcode, the largest first."""
        return [(name, self.counts[name], size) for name, size in self.sizes.most_common()]

    def by_type(self) -> list[tuple[str, int, int]]:
        """Return name, count of opcodes and bytes of each type, the largest first."""
        counts: Counter[str] = Counter()
        sizes: Counter[str] = Counter()
        for name, size in self.sizes.items():
            counts[type_of(name)] += self.counts[name]
            sizes[type_of(name)] += size
        return [(name, counts[name], size) for name, size in sizes.most_common()]


class _Names:
    """The last two strings that were put on the stack: what STACK_GLOBAL takes."""

    def __init__(self) -> None:
        self.last = ["?", "?"]
        self.memo: dict[int, str] = {}
        self.stored = 0
        self.is_string = False

    def see(self, opcode: str, argument: object) -> None:
        if opcode in _MEMO_STORES:
            index = self.stored if opcode == "MEMOIZE" else int(str(argument))
            self.stored += 1
            if self.is_string:
                self.memo[index] = self.last[1]
            return
        self.is_string = isinstance(argument, str) and type_of(opcode) == "str"
        if self.is_string:
            self.last = [self.last[1], str(argument)[:200]]
        elif opcode in _MEMO_LOADS:
            self.last = [self.last[1], self.memo.get(int(str(argument)), "?")]


def _add(contents: Contents, names: _Names, opcode: str, argument: object) -> None:
    contents.counts[opcode] += 1
    names.see(opcode, argument)
    if opcode == "PROTO":
        contents.protocol = max(contents.protocol, int(str(argument)))
    elif opcode in ("GLOBAL", "INST"):
        contents.globals[str(argument).replace(" ", ".")] += 1
    elif opcode == "STACK_GLOBAL":
        contents.globals[".".join(names.last)] += 1
    elif opcode in _MEMO_STORES:
        contents.memorized += 1


def _read_one(file: IO[bytes], contents: Contents) -> None:
    names = _Names()
    former, start = "", 0
    for opcode, argument, position in pickletools.genops(file):
        if former and position is not None:
            contents.sizes[former] += position - start
        former, start = opcode.name, position or 0
        _add(contents, names, former, argument)
    contents.sizes[former] += file.tell() - start
    contents.pickles += 1


def read_contents(file: IO[bytes]) -> Contents:
    """Read the pickles of a file, one behind the other, to its end.

    Raises
    ------
    ValueError
        What is there is no pickle, or ends too early.
    """
    contents = Contents()
    while True:
        _read_one(file, contents)
        contents.size = file.tell()
        if not file.read(1):
            return contents
        file.seek(contents.size)
