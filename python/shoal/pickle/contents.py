"""What a pickle is made of, found by reading its opcodes and executing none."""

from __future__ import annotations

import pickletools
from collections import Counter
from collections.abc import Callable
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


def _printable(name: str) -> str:
    """Escape what a terminal would obey: the names are a stranger's."""
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in name)


def _add(contents: Contents, names: _Names, opcode: str, argument: object) -> None:
    contents.counts[opcode] += 1
    names.see(opcode, argument)
    if opcode == "PROTO":
        contents.protocol = max(contents.protocol, int(str(argument)))
    elif opcode in ("GLOBAL", "INST"):
        contents.globals[_printable(str(argument).replace(" ", "."))] += 1
    elif opcode == "STACK_GLOBAL":
        contents.globals[_printable(".".join(names.last))] += 1
    elif opcode in _MEMO_STORES:
        contents.memorized += 1


class _Source:
    """A file for pickletools, which believes every length: it gives what there is."""

    PIECE = 1 << 20  # bytes, asked of the file at once

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._ahead = b""  # a byte that at_end() has read
        self._position = 0

    def tell(self) -> int:
        return self._position

    def read(self, size: int) -> bytes:
        data = bytearray(self._take_ahead() if size > 0 else b"")
        while len(data) < size and (piece := self._file.read(min(size - len(data), self.PIECE))):
            data += piece
        self._position += len(data)
        return bytes(data)

    def readline(self) -> bytes:
        line = self._take_ahead()
        if line != b"\n":
            line += self._file.readline()
        self._position += len(line)
        return line

    def at_end(self) -> bool:
        self._ahead = self._ahead or self._file.read(1)
        return not self._ahead

    def _take_ahead(self) -> bytes:
        data, self._ahead = self._ahead, b""
        return data


Told = Callable[[int], object]
TOLD_EVERY = 1 << 14  # opcodes


def _read_one(source: _Source, contents: Contents, told: Told) -> None:
    names = _Names()
    former, start = "", source.tell()
    for number, (opcode, argument, position) in enumerate(pickletools.genops(source)):  # type: ignore[arg-type]
        if former and position is not None:
            contents.sizes[former] += position - start
        former, start = opcode.name, position or 0
        _add(contents, names, former, argument)
        if number % TOLD_EVERY == 0:
            told(start)
    contents.sizes[former] += source.tell() - start
    contents.pickles += 1


def read_contents(file: IO[bytes], told: Told = lambda _: None) -> Contents:
    """Read the pickles of a file, one behind the other, to its end.

    Parameters
    ----------
    file : binary file
        Is read from where it is; need not be one that can seek.
    told : callable
        Called now and then with the bytes that were read.

    Raises
    ------
    ValueError
        What is there is no pickle, or ends too early.
    """
    contents, source = Contents(), _Source(file)
    while True:
        try:
            _read_one(source, contents, told)
        except (MemoryError, OverflowError) as error:
            raise ValueError(str(error) or "a length that cannot be") from None
        contents.size = source.tell()
        if source.at_end():
            return contents
