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
import stat

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any, BinaryIO, Union

    Path = Union[str, "os.PathLike[str]"]

__all__ = ["compression_of", "damage", "open_reading", "replacing"]

_SUFFIXES = {".gz": "gzip", ".bz2": "bz2", ".xz": "lzma", ".lzma": "lzma", ".zst": "zstd"}
_ZSTD = ("compression.zstd", "backports.zstd")
_LONGEST_NAME = 255  # bytes, on every file system that people use


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

    Others see the old contents until then and the new ones after, never a part. The new
    file has the old one's mode, or what the umask leaves of 0666. A symbolic link stays,
    and what it leads to is replaced. On an exception, the old contents remain and nothing
    else. What is no regular file (``/dev/stdout``, a pipe) is just written to.

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
    target = os.path.realpath(path)
    old = _status(target)
    if old is not None and not stat.S_ISREG(old.st_mode):
        with _opened(target, "wb", None) as file:
            yield file
        return
    if old is not None and not os.access(target, os.W_OK):
        raise PermissionError(13, os.strerror(13), os.fspath(path))
    temporary = _beside(target)
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666)
    try:
        with open(descriptor, "wb") as plain:
            if old is not None:
                os.fchmod(descriptor, stat.S_IMODE(old.st_mode))
            with packed(plain, target) as file:
                yield file
            plain.flush()
            if durable:
                os.fsync(descriptor)
        os.replace(temporary, target)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(temporary)
        raise
    if durable:
        sync_folder(target)


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


def sync_folder(path: Path) -> None:
    """Bring the name of a file to the disk."""
    descriptor = os.open(os.path.dirname(path) or ".", os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


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


def _status(path: str) -> os.stat_result | None:
    try:
        return os.stat(path)
    except FileNotFoundError:
        return None


def _beside(path: str) -> str:
    """Return a new name in the folder of a file."""
    folder, name = os.path.split(path)
    end = f".{os.urandom(8).hex()}.tmp"
    kept = os.fsencode(name)[: _LONGEST_NAME - len(end) - 1]
    return os.path.join(folder, "." + os.fsdecode(kept) + end)
