"""What `shoal._serial.dump` leaves to Python: opening a path, drawing a bar."""

from __future__ import annotations

import os

from shoal import _serial
from shoal._progress import ProgressBar
from shoal._replacing import replacing

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from pickle import PickleBuffer

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
            with replacing(file) as opened:
                write(opened)
        else:
            write(file)
    finally:
        if bar:
            bar.close()
