"""The few facts of an ELF file that this package needs."""

from __future__ import annotations

import os
import stat
import struct

PT_LOAD = 1
PT_INTERP = 3
CLASS_32, CLASS_64 = 1, 2

MOST_BYTES = 1 << 40
"""Program headers that lie further in a file are none."""

_HEADERS_BYTES = 4096
"""As much as is read at once: 128 KiB, since 3.14, of every library of a process is much."""


class Elf:
    """The program headers of a native ELF file.

    Attributes
    ----------
    bits : int
        32 or 64.
    interpreted : bool
        Whether a dynamic linker starts it (PT_INTERP), which is who obeys
        LD_PRELOAD.
    load : list of (vaddr, offset, filesz, memsz)
        The loaded segments, in bytes; [] for 32 bits.
    """

    __slots__ = ("bits", "interpreted", "load")

    def __init__(self, bits: int, interpreted: bool, load: list[tuple[int, int, int, int]]) -> None:
        self.bits = bits
        self.interpreted = interpreted
        self.load = load


def read(path: str | bytes) -> Elf | None:
    """Read the headers of `path`; None where it is no regular, little-endian ELF file.

    Raises
    ------
    OSError
        `path` cannot be read.
    """
    if not stat.S_ISREG(os.stat(path).st_mode):
        return None  # Opening a device may do things.
    with open(path, "rb", _HEADERS_BYTES, opener=_without_waiting) as file:
        ident = file.read(64)
        if len(ident) < 64 or ident[:4] != b"\x7fELF" or ident[5] != 1:
            return None
        bits = 32 if ident[4] == CLASS_32 else 64
        if bits == 32:
            offset, size, count = *struct.unpack_from("<I", ident, 28), *_counts(ident, 42)
        else:
            offset, size, count = *struct.unpack_from("<Q", ident, 32), *_counts(ident, 54)
        if size != (32 if bits == 32 else 56) or offset > MOST_BYTES:
            return None
        file.seek(offset)
        table = file.read(size * count)
    load = []
    interpreted = False
    for at in range(0, len(table) - size + 1, size):
        kind = struct.unpack_from("<I", table, at)[0]
        interpreted |= kind == PT_INTERP
        if kind == PT_LOAD and bits == 64:
            file_at, vaddr, _, filesz, memsz = struct.unpack_from("<QQQQQ", table, at + 8)
            load.append((vaddr, file_at, filesz, memsz))
    return Elf(bits, interpreted, load)


def _without_waiting(path: str, flags: int) -> int:
    # Whoever maps files can have a pipe put in their place.
    return os.open(path, flags | os.O_NONBLOCK)


def _counts(ident: bytes, at: int) -> tuple[int, int]:
    size, count = struct.unpack_from("<HH", ident, at)
    return size, count
