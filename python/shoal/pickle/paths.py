"""What `shoal._serial.dump` leaves to Python: opening a path, drawing a bar."""

from __future__ import annotations

import os
import stat
from contextlib import contextmanager, suppress

from shoal import _serial
from shoal._progress import ProgressBar

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pickle import PickleBuffer
    from typing import BinaryIO

    from shoal._serial import WritableFile


def dump(
    obj: object,
    file: WritableFile | str | os.PathLike[str],
    protocol: int | None = None,
    *,
    fix_imports: bool = True,
    buffer_callback: Callable[[PickleBuffer], object] | None = None,
    exact: bool = False,
    progress: bool | Callable[[int, float | None], object] | None = None,
) -> None:
    """Write a pickle as `shoal.pickle.dump` does; a path is opened and closed."""
    bar = None
    if progress is True:
        bar = ProgressBar.on_terminal()
        progress = bar.update if bar else None

    def write(to: WritableFile) -> None:
        _serial.dump(
            obj,
            to,
            protocol,
            fix_imports=fix_imports,
            buffer_callback=buffer_callback,
            exact=exact,
            progress=progress,
        )

    try:
        if isinstance(file, (str, os.PathLike)):
            with replacing(os.fspath(file)) as opened:
                write(opened)
        else:
            write(file)
    finally:
        if bar:
            bar.close()


@contextmanager
def replacing(path: str) -> Iterator[BinaryIO]:
    """Open a new file that takes the place of the one at a path when it is whole.

    If the body fails, what was there stays as it was. A device or a pipe is
    written to as it is.

    Raises
    ------
    OSError
        Naming the path, when no file can be made beside it or it may not be written.
    """
    if os.path.exists(path) and not os.path.isfile(path):
        with open(path, "wb") as file:
            yield file
        return
    target = os.path.realpath(path)
    beside = os.path.join(os.path.dirname(target), f".shoal-{os.urandom(8).hex()}")
    try:
        check_writable(target)
        file = open(beside, "xb")  # noqa: SIM115
    except OSError as error:
        raise type(error)(error.errno, error.strerror, path) from None
    try:
        with file:
            yield file
        take_over(beside, target)
    except BaseException:
        with suppress(OSError):
            os.unlink(beside)
        raise


def check_writable(target: str) -> None:
    """Open an existing file for writing, changing nothing: OSError if it may not be."""
    if os.path.exists(target):
        os.close(os.open(target, os.O_WRONLY))


def take_over(new: str, target: str) -> None:
    """Give a file the name, mode and, where that is possible, owner of another."""
    with suppress(FileNotFoundError):
        former = os.stat(target)
        with suppress(OSError):
            os.chown(new, former.st_uid, former.st_gid)
        os.chmod(new, stat.S_IMODE(former.st_mode))
    os.replace(new, target)
