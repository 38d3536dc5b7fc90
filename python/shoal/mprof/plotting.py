"""``mprof plot``: which profiles, and how they are drawn."""

from __future__ import annotations

import sys

from shoal.mprof.chart import chart_of
from shoal.mprof.profiles import chosen, read_all

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import Namespace

__all__ = ["plot"]


def plot(options: Namespace) -> int:
    """Draw profiles, into a file or a window.

    Parameters
    ----------
    options : Namespace
        Of the command line; see arguments.py.

    Returns
    -------
    int
        The exit status: 2 if a file could only be read in part.

    Raises
    ------
    MprofError
        There is nothing to draw, or no way to.
    """
    profiles, status = read_all(chosen(options.profiles))
    drawn = [one for one in profiles if one.samples or one.calls or one.children]
    for empty in (one for one in profiles if one not in drawn):
        status = 2
        if not empty.broken_lines:
            print(f"mprof: {empty.filename}: no memory is recorded in it", file=sys.stderr)
    if not drawn:
        return status
    chart = chart_of(drawn, options.title, not options.no_timestamps, options.slope, options.xlim)
    output: str | None = options.output
    if output is not None and output.lower().endswith((".html", ".htm")):
        from shoal.mprof import page

        page.write(chart, output)
    else:
        from shoal.mprof import drawing

        drawing.draw(chart, output, options.backend, options.flame_mode)
    return status
