"""What `shoal._serial.dump` leaves to Python: opening a path, drawing a bar."""

from __future__ import annotations

import os

from shoal import _serial
from shoal._progress import ProgressBar

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
    is_path = isinstance(file, (str, os.PathLike))
    opened = open(file, "wb") if is_path else None  # type: ignore[arg-type]  # noqa: SIM115
    bar = ProgressBar() if progress is True else None
    try:
        _serial.dump(
            obj,
            opened or file,
            protocol,
            fix_imports=fix_imports,
            buffer_callback=buffer_callback,
            exact=exact,
            progress=bar.update if bar else progress,
        )
    finally:
        if bar:
            bar.close()
        if opened:
            opened.close()
