"""Appending to files: all of what is written arrives behind what is there, or nothing does."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import stat

from shoal.flat.files import compression_of, damage, open_reading, packed, sync_folder

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import BinaryIO

    from shoal.flat.files import Path

__all__ = ["TornLineError", "appending"]

_NO_LOCKS = (errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP, errno.EINVAL)
_PIECE = 1 << 16  # bytes


class TornLineError(ValueError):
    """The last line of a file has no end: what wrote it may not have come to its end."""


@contextlib.contextmanager
def appending(path: Path, *, durable: bool = False, torn: str = "raise") -> Iterator[BinaryIO]:
    """Write behind what a file has; it is made if it is not there.

    Others who append through this function wait (``flock``), and ``O_APPEND`` keeps any
    other from writing over it. After an exception the file is as long as before. What is
    appended to a compressed file becomes a member of its own (a frame, with zstd), which
    all readers take for one file; the compressed file is read once to see how it ends.

    Parameters
    ----------
    path : str or path
        Its name says how it is compressed.
    durable : bool
        Whether all is to be on the disk, and a new file to be found there, before this returns.
    torn : {"raise", "end", "cut"}
        What to do about a last line that has no newline: raise, give it one, or remove the
        line. Only plain files can be cut.

    Raises
    ------
    TornLineError
        The last line has no newline, or a compressed file is cut off.
    OSError
        It cannot be written. The caller's exceptions come through.
    ValueError
        The format cannot be appended to (``.lzma``).
    """
    if torn not in ("raise", "end", "cut"):
        raise ValueError(f'torn: expected "raise", "end" or "cut", not {torn!r}')
    name = os.fspath(path)
    if name.lower().endswith(".lzma"):
        raise ValueError(f"{name}: nothing can be appended to .lzma files; .xz files can grow")
    is_new = not os.path.exists(name)
    flags = os.O_RDWR if _is_regular(name) else os.O_WRONLY
    descriptor = os.open(name, flags | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o666)
    try:
        with _lock(descriptor):
            missing = _end_of(name, descriptor, torn)
            with _whole_or_nothing(descriptor), open(os.dup(descriptor), "wb") as plain:
                with packed(plain, name) as file:
                    file.write(missing)
                    yield file
                plain.flush()
                if durable and stat.S_ISREG(os.fstat(descriptor).st_mode):
                    os.fsync(descriptor)
    finally:
        os.close(descriptor)
    if durable and is_new:
        sync_folder(name)


def _is_regular(name: str) -> bool:
    try:
        return stat.S_ISREG(os.stat(name).st_mode)
    except FileNotFoundError:
        return True


@contextlib.contextmanager
def _lock(descriptor: int) -> Iterator[None]:
    """Wait for others who append. Some network file systems have no locks: then do not."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
    except OSError as error:
        if error.errno not in _NO_LOCKS:
            raise
        yield
        return
    try:
        yield
    finally:
        fcntl.flock(descriptor, fcntl.LOCK_UN)


@contextlib.contextmanager
def _whole_or_nothing(descriptor: int) -> Iterator[None]:
    """Bring a regular file back to its length after an exception."""
    before = os.fstat(descriptor)
    try:
        yield
    except BaseException:
        if stat.S_ISREG(before.st_mode):
            os.ftruncate(descriptor, before.st_size)
        raise


def _end_of(name: str, descriptor: int, torn: str) -> bytes:
    """Return what the last line lacks. Cuts it off if that was asked for."""
    status = os.fstat(descriptor)
    if not stat.S_ISREG(status.st_mode) or status.st_size == 0:
        return b""
    if compression_of(name):
        complete = _packed_ends(name)
    else:
        complete = os.pread(descriptor, 1, status.st_size - 1) == b"\n"
    if complete:
        return b""
    if torn == "end":
        return b"\n"
    if torn == "raise":
        raise TornLineError(
            f"{name}: the last line has no end, so it may be cut off; "
            'torn="end" keeps it, torn="cut" removes it'
        )
    if compression_of(name):
        raise TornLineError(f"{name}: the last line of a compressed file cannot be cut off")
    os.ftruncate(descriptor, _start_of_last_line(descriptor, status.st_size))
    return b""


def _packed_ends(name: str) -> bool:
    """Say whether what is compressed in a file ends with a newline, or is nothing."""
    last = b"\n"
    unreadable: tuple[type[Exception], ...] = (*damage(), OSError)
    try:
        with open_reading(name) as file:
            while piece := file.read(_PIECE):
                last = piece
    except unreadable as error:
        raise TornLineError(
            f"{name}: cut off or damaged, so nothing is appended: {error}"
        ) from None
    return last.endswith(b"\n")


def _start_of_last_line(descriptor: int, size: int) -> int:
    """Return the offset behind the last newline, 0 if there is none."""
    while size > 0:
        start = max(0, size - _PIECE)
        at = os.pread(descriptor, size - start, start).rfind(b"\n")
        if at >= 0:
            return start + at + 1
        size = start
    return 0
