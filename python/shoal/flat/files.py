"""Files by name: compressed ones read and written as if they were not, and replaced whole.

What a name ends in says how the file is compressed: ``.gz``, ``.bz2``, ``.xz`` and ``.lzma``
by the standard library, ``.zst`` by the standard library of Python 3.14 or by
``backports.zstd``, which is the same for older ones (``pip install 'shoal[zstd]'``). All of
them unpack only as much as is asked for, so a file that unpacks to terabytes takes the
memory of its longest line and no more.
"""

from __future__ import annotations

import contextlib
import importlib
import os

from shoal import _replacing

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any, BinaryIO

    Path = str | os.PathLike[str]

__all__ = ["compression_of", "damage", "open_reading", "replacing"]

_SUFFIXES = {".gz": "gzip", ".bz2": "bz2", ".xz": "lzma", ".lzma": "lzma", ".zst": "zstd"}
_ZSTD = ("compression.zstd", "backports.zstd")


def compression_of(path: Path) -> str:
    """Return the compression that a name asks for: "", gzip, bz2, lzma or zstd."""
    return _SUFFIXES.get(os.path.splitext(os.fspath(path))[1].lower(), "")


def open_reading(path: Path) -> BinaryIO:
    """Open a file for reading, unpacked.

    Parameters
    ----------
    path : str or path
        Its name says how it is compressed.

    Returns
    -------
    binary file
        Reading raises one of `damage()` where what is compressed is damaged or cut off.

    Raises
    ------
    OSError
        It cannot be read.
    ImportError
        It is compressed with zstd, and the library for it is missing.
    """
    return _opened(path, "rb", None)


@contextlib.contextmanager
def replacing(path: Path, *, durable: bool = False) -> Iterator[BinaryIO]:
    """Write a new file, which takes the place of the old one when it is whole.

    As `shoal._replacing.replacing` does, packed.

    Parameters
    ----------
    path : str or path
        Its name says how it is compressed.
    durable : bool
        Whether it is to be on the disk, and be found there by this name, before this returns.

    Raises
    ------
    OSError
        It cannot be written. The caller's exceptions come through.
    """
    target = os.path.realpath(path)  # A link's own name says nothing of what is packed.
    with _replacing.replacing(path, durable=durable) as plain, packed(plain, target) as file:
        yield file


@contextlib.contextmanager
def packed(plain: BinaryIO, path: Path) -> Iterator[BinaryIO]:
    """Yield a file that packs what is written to it into `plain`, as the name `path` asks."""
    if not compression_of(path):
        yield plain
        return
    file = _opened(path, "wb", plain)
    try:
        yield file
    except BaseException:
        with contextlib.suppress(Exception):  # The disk may be full.
            file.close()
        raise
    file.close()


def damage() -> tuple[type[Exception], ...]:
    """Return the exceptions of compressed files that are damaged or cut off."""
    import lzma
    import zlib

    found: list[type[Exception]] = [EOFError, zlib.error, lzma.LZMAError]
    with contextlib.suppress(ImportError):
        found.append(_zstd("").ZstdError)
    return tuple(found)


def _opened(path: Path, mode: str, plain: BinaryIO | None) -> BinaryIO:
    """Open a file by its name, or pack and unpack one that is open."""
    compression = compression_of(path)
    target: Any = plain or path
    opened: Any
    if not compression:
        opened = open(path, mode)  # noqa: SIM115
    elif compression == "gzip":
        import gzip

        # mtime=0 and no name: equal records make equal files.
        if mode == "wb" and plain is not None:
            opened = gzip.GzipFile(filename="", mode="wb", fileobj=plain, compresslevel=6, mtime=0)
        else:
            opened = gzip.open(target, mode)  # noqa: SIM115
    elif compression == "bz2":
        import bz2

        opened = bz2.BZ2File(target, "wb" if mode == "wb" else "rb")
    elif compression == "lzma":
        import lzma

        alone = mode == "wb" and os.fspath(path).lower().endswith(".lzma")
        form = lzma.FORMAT_ALONE if alone else None
        opened = lzma.LZMAFile(target, mode, format=form)  # noqa: SIM115
    else:
        opened = _zstd(path).ZstdFile(target, mode)
    file: BinaryIO = opened
    return file


def _zstd(path: Path) -> Any:
    for name in _ZSTD:
        with contextlib.suppress(ImportError):
            return importlib.import_module(name)
    raise ImportError(f"{os.fspath(path)}: .zst files need a library: pip install 'shoal[zstd]'")
