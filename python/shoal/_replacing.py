"""Files that are written whole or not at all."""

from __future__ import annotations

import contextlib
import os
import stat

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import BinaryIO

__all__ = ["replacing", "sync_folder"]

_LONGEST_NAME = 255  # bytes, on every file system that people use


@contextlib.contextmanager
def replacing(path: str | os.PathLike[str], *, durable: bool = False) -> Iterator[BinaryIO]:
    """Write a new file, which takes the place of the old one when it is whole.

    Others see the old contents until then and the new ones after, never a part. The new
    file has the old one's mode and, where that may be, its owner, or what the umask leaves
    of 0666. A symbolic link stays, and what it leads to is replaced. On an exception the
    old contents remain and nothing else. What is no regular file (``/dev/stdout``, a pipe)
    is just written to.

    Parameters
    ----------
    path : str or path
        Where.
    durable : bool
        Whether it is to be on the disk, and be found there by this name, before this returns.

    Raises
    ------
    OSError
        It cannot be written; the path is named. The caller's exceptions come through.
    """
    if os.path.exists(path) and not os.path.isfile(path):
        with open(path, "wb") as file:
            yield file
        return
    target = os.path.realpath(path)
    temporary = _beside(target)
    try:
        _check_writable(target)
        file = open(temporary, "xb")  # noqa: SIM115
    except OSError as error:
        raise type(error)(error.errno, error.strerror, os.fspath(path)) from None
    try:
        with file:
            yield file
            _take_after(file.fileno(), target)
            file.flush()
            if durable:
                os.fsync(file.fileno())
        os.replace(temporary, target)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(temporary)
        raise
    if durable:
        sync_folder(target)


def sync_folder(path: str) -> None:
    """Bring the name of a file to the disk."""
    descriptor = os.open(os.path.dirname(path) or ".", os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _check_writable(target: str) -> None:
    """Open an existing file for writing, changing nothing: OSError if it may not be."""
    if os.path.exists(target):
        os.close(os.open(target, os.O_WRONLY))


def _take_after(descriptor: int, former: str) -> None:
    """Give a new file the mode and, where that is possible, the owner of the former one."""
    with contextlib.suppress(FileNotFoundError):
        its = os.stat(former)
        with contextlib.suppress(OSError):
            os.fchown(descriptor, its.st_uid, its.st_gid)
        os.fchmod(descriptor, stat.S_IMODE(its.st_mode))


def _beside(path: str) -> str:
    """Return a new name in the folder of a file."""
    folder, name = os.path.split(path)
    end = f".{os.urandom(8).hex()}.tmp"
    kept = os.fsencode(name)[: _LONGEST_NAME - len(end) - 1]
    return os.path.join(folder, "." + os.fsdecode(kept) + end)
