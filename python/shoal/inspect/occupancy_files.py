"""The map as a picture (PNG, by matplotlib) and as a page that needs nothing else (HTML)."""

from __future__ import annotations

import base64
import html
import json
import os

from shoal.inspect.diagnosis import diagnose
from shoal.inspect.figures import counted, per_cent, tell
from shoal.inspect.occupancy import newspaper, strips
from shoal.inspect.snapshot import FREE_POOL
from shoal.profiler.paint import printable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from shoal.inspect.snapshot import Snapshot

__all__ = ["CannotDrawError", "check", "render_html", "write"]

HTML_ENDINGS = (".html", ".htm")


class CannotDrawError(Exception):
    """Why no map can be drawn to a file, in one line for the user."""


def check(path: str) -> None:
    """See that a map can be drawn to a file of this name.

    Raises
    ------
    CannotDrawError
        It cannot.
    """
    ending = os.path.splitext(path)[1].lower()
    if ending == ".png":
        try:
            import matplotlib  # noqa: F401
        except ImportError:
            raise CannotDrawError(
                "a PNG needs matplotlib: pip install 'shoal[plot]', or draw to .html"
            ) from None
    elif ending not in HTML_ENDINGS:
        raise CannotDrawError(f"cannot draw to {path}: its name must end in .png or .html")


def write(snapshot: Snapshot, path: str) -> None:
    """Draw the map to a file.

    Raises
    ------
    OSError
        The file cannot be written.
    """
    if path.lower().endswith(".png"):
        _write_png(snapshot, path)
        return
    with open(path, "w", encoding="utf-8", errors="backslashreplace") as file:
        file.write(render_html(snapshot))


def _title(snapshot: Snapshot) -> str:
    command = printable(" ".join(snapshot.command))
    return f"Process {snapshot.pid}: {command}"[:200]


def _caption(snapshot: Snapshot) -> str:
    total = sum(arena.bytes for arena in snapshot.arenas)
    return (
        f"{counted(len(snapshot.arenas), 'piece')} of the heap, {tell(total)}, "
        f"{per_cent(snapshot.live_bytes, total)} in use"
    )


# ---- HTML ---------------------------------------------------------------------------


def render_html(snapshot: Snapshot) -> str:
    """Return the page. Its frame, its style and its script are in occupancy.html."""
    frame = os.path.join(os.path.dirname(os.path.abspath(__file__)), "occupancy.html")
    with open(frame, encoding="utf-8") as file:
        parts = file.read().split("@@")
    found = diagnose(snapshot)
    said = [f"{found.kind.capitalize()}: {found.sentence}", found.release]
    filled = {
        "TITLE": html.escape(_title(snapshot)),
        "CAPTION": html.escape(_caption(snapshot)),
        "SAID": "".join(f"<p>{html.escape(sentence)}</p>" for sentence in said if sentence),
        "DATA": json.dumps(_data(snapshot)).replace("<", "\\u003c"),
    }
    # What is between two marks is the name of what goes there.
    return "".join(filled[part] if at % 2 else part for at, part in enumerate(parts))


def _data(snapshot: Snapshot) -> dict[str, Any]:
    # Addresses are text: JavaScript's numbers have 53 bits.
    return {
        "free": FREE_POOL,
        "poolBytes": snapshot.pool_bytes,
        "arenas": [
            [f"{arena.start:#x}", len(strip), arena.live_bytes, arena.bytes]
            for arena, strip in strips(snapshot)
        ],
        "occupancy": base64.b64encode(snapshot.occupancy).decode(),
    }


# ---- PNG ----------------------------------------------------------------------------


def _write_png(snapshot: Snapshot, path: str) -> None:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    picture = _picture(snapshot)
    figure = Figure(figsize=(12, 9), dpi=120, layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    shown = axes.imshow(
        picture, aspect="auto", interpolation="nearest", cmap="RdYlGn", vmin=0, vmax=100
    )
    axes.set_facecolor("#e9ecf1")
    axes.set_xticks([])
    axes.set_yticks([])
    title = _title(snapshot)[:100].replace("$", r"\$")  # Which begins a formula.
    axes.set_title(title, loc="left", fontsize=11)
    axes.set_xlabel(f"{_caption(snapshot)}; a row is a piece, by address; grey: free")
    figure.colorbar(shown, ax=axes, label="in use, per cent", shrink=0.6)
    figure.savefig(path)


def _picture(snapshot: Snapshot) -> Any:
    """Return how full pools are, one a cell, not-a-number where nothing is in use."""
    import numpy

    found = strips(snapshot)
    pools = max((len(strip) for _, strip in found), default=1)
    columns, rows = newspaper(len(found), pools)
    picture = numpy.full((rows, columns * (pools + 2) - 2), numpy.nan)
    for at, (_, strip) in enumerate(found):
        column, row = divmod(at, rows)
        cells = numpy.frombuffer(strip, numpy.uint8).astype(float)
        cells[cells == FREE_POOL] = numpy.nan
        left = column * (pools + 2)
        picture[row, left : left + len(strip)] = cells
    return picture
