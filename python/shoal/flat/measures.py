"""What objects take in memory, to the byte: their size, as the allocator rounds it.

`sys.getsizeof` says what an object asks for. Up to 512 bytes the allocator gives blocks
of 16, 32, 48, ... bytes (pymalloc and Shoal alike); above, the C library's malloc adds
eight bytes and rounds to 16, and from 128 KiB on takes whole pages. Containers that keep
their items elsewhere are two blocks. What the interpreter has once for all takes nothing
here: None, True, False, small ints, the empty and one-letter strings.
"""

from __future__ import annotations

import builtins
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from typing import Any

__all__ = ["POINTER", "Distinct", "block", "is_kept_once", "size_of_blocks", "size_whole"]

POINTER = 8
_SMALL, _ALIGNMENT = 512, 16
_MAPPED, _PAGE = 128 * 1024, 4096
_GC_HEAD = 16
_SMALL_INTS = range(-5, 257)
_DICTS: tuple[type, ...] = (dict, getattr(builtins, "frozendict", dict))  # 3.15
_HEADS: dict[type, int] = {
    kind: kind.__basicsize__ + _GC_HEAD  # a small set has its table inside
    for kind in (list, dict, set, frozenset)
}


def block(size: int) -> int:
    """Return the bytes of the block that a request of `size` bytes gets."""
    if size <= 0:
        return 0
    if size <= _SMALL:
        return -size // _ALIGNMENT * -_ALIGNMENT
    if size < _MAPPED:
        return -(size + 8) // _ALIGNMENT * -_ALIGNMENT
    return -(size + 16) // _PAGE * -_PAGE


def is_kept_once(value: object) -> bool:
    """Say whether the interpreter has this value once, whoever uses it."""
    kind = type(value)
    if value is None or kind is bool or value is ...:
        return True
    if kind is int:
        return value in _SMALL_INTS
    if kind is str:
        return len(value) < 2 and (not value or ord(value) < 256)  # type: ignore[arg-type]
    if kind is bytes:
        return len(value) < 2  # type: ignore[arg-type]
    return value == () if kind is tuple else False


def size_of_blocks(value: object) -> int:
    """Return the bytes of the blocks of one object, not of what it refers to."""
    size = sys.getsizeof(value)
    head = _HEADS.get(type(value), size)
    return block(head) + block(size - head)


def size_whole(value: object, keys: set[object]) -> int:
    """Return the bytes of an object and of all it refers to.

    Parameters
    ----------
    value : object
        A literal.
    keys : set
        The str that are keys of dicts: each is counted once, and put here.
    """
    if is_kept_once(value):
        return 0
    size = size_of_blocks(value)
    if isinstance(value, _DICTS):
        dict_: Mapping[Any, Any] = value  # type: ignore[assignment]
        for key, part in dict_.items():
            if not (isinstance(key, str) and key in keys):
                size += size_whole(key, keys)
            if isinstance(key, str):
                keys.add(key)
            size += size_whole(part, keys)
    elif isinstance(value, (tuple, list, set, frozenset)):
        size += sum(size_whole(part, keys) for part in value)
    return size


class Distinct:
    """How many different values there are, and their bytes, in bounded memory.

    Exact up to `most` of them. From then on only values whose hash ends in a zero bit are
    kept, then in two, and so on, and what is kept stands for all (adaptive sampling, M.
    Wegman): the error is about 1 / sqrt(most / 2), 0.6 %.

    Parameters
    ----------
    most : int
        How many hashes are kept.
    """

    def __init__(self, most: int = 1 << 16) -> None:
        self._most = most
        self._mask = 0
        self._sizes: dict[int, int] = {}

    def add(self, values: Iterable[object]) -> None:
        """Take note of values that are str or bytes."""
        mask, sizes = self._mask, self._sizes
        for value in set(values):
            mixed = hash(value)
            if not mixed & mask and mixed not in sizes:
                sizes[mixed] = 0 if is_kept_once(value) else block(sys.getsizeof(value))
        while len(self._sizes) > self._most:
            self._mask = mask = self._mask * 2 + 1
            self._sizes = {mixed: size for mixed, size in self._sizes.items() if not mixed & mask}

    @property
    def is_exact(self) -> bool:
        """Whether nothing had to be left out."""
        return self._mask == 0

    @property
    def count(self) -> int:
        """How many different values."""
        return len(self._sizes) * (self._mask + 1)

    @property
    def size(self) -> int:
        """Bytes of one object for each."""
        return sum(self._sizes.values()) * (self._mask + 1)
