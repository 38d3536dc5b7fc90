"""The files ``mprofile_*.dat``: what was recorded of a program.

Text, a record a line, in any order. Memory is in MiB, moments are seconds since
1970, ids are the system's::

    CMDLINE python script.py
    MEM memory moment                         the program, or it and its descendants
    CHLD id memory moment                     one descendant
    FUNC name memory moment memory moment depth
                                              a call: at its begin, at its end; within
                                              how many others (left out by old versions)
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any, TextIO

__all__ = ["Call", "Profile", "read_mprofile_file", "read_profile", "write_sample"]

_MIB = 1 << 20


@dataclass(frozen=True)
class Call:
    """One call of a function: MiB and seconds since 1970 at its begin and end.

    `depth` says within how many other recorded calls it was.
    """

    name: str
    memory_before: float
    began: float
    memory_after: float
    ended: float
    depth: int = 0


@dataclass
class Profile:
    """What a file says.

    Attributes
    ----------
    filename : str
        Its path.
    command : str or None
        The command line of the program.
    samples : list of (float, float)
        MiB and seconds since 1970.
    children : dict
        The same for each descendant, by its process id.
    calls : list of Call
        As they are in the file.
    broken_lines : int
        How many lines are none of this format.
    first_fault : str
        Which is the first of them and why, in one line for the user.
    """

    filename: str
    command: str | None = None
    samples: list[tuple[float, float]] = field(default_factory=list)
    children: dict[str, list[tuple[float, float]]] = field(default_factory=dict)
    calls: list[Call] = field(default_factory=list)
    broken_lines: int = 0
    first_fault: str = ""

    def fault(self) -> str:
        """Return one line that says what could not be read; "" if all could."""
        more = self.broken_lines - 1
        rest = f" (and {more} more such line{'s' if more > 1 else ''})" if more > 0 else ""
        return self.first_fault + rest


def write_sample(
    stream: TextIO, memory: int, moment: float, children: Iterable[tuple[int, int]] = ()
) -> None:
    """Write one sample, in one call of `stream.write`: other processes may write too.

    Parameters
    ----------
    stream : text file
        Where to.
    memory : int
        Bytes of the program.
    moment : float
        Seconds since 1970.
    children : iterable of (int, int)
        Process id and bytes of each descendant.
    """
    lines = [f"MEM {memory / _MIB:.6f} {moment:.4f}\n"]
    lines += [f"CHLD {pid} {size / _MIB:.6f} {moment:.4f}\n" for pid, size in children]
    stream.write("".join(lines))


def read_profile(filename: str) -> Profile:
    """Read a file; lines that are none of this format are counted, not kept.

    Raises
    ------
    OSError
        It cannot be opened.
    """
    profile = Profile(filename)
    with open(filename, encoding="utf-8", errors="replace") as file:
        for number, line in enumerate(file, 1):
            try:
                _take(profile, line)
            except ValueError as error:
                profile.broken_lines += 1
                profile.first_fault = profile.first_fault or f"{filename}:{number}: {error}"
    return profile


def _take(profile: Profile, line: str) -> None:
    """Add what a line says to a profile; ValueError if it says nothing."""
    if not line.endswith("\n"):
        raise ValueError(f"cut off: {_shown(line)}")
    kind, _, rest = line.rstrip("\n").partition(" ")
    if kind == "CMDLINE":
        profile.command = rest
        return
    fields = rest.split()
    try:
        if kind == "MEM":
            memory, moment = _numbers(fields)
            profile.samples.append((memory, moment))
        elif kind == "CHLD":
            memory, moment = _numbers(fields[1:])
            profile.children.setdefault(fields[0], []).append((memory, moment))
        elif kind == "FUNC":
            profile.calls.append(_call(fields))
        else:
            raise ValueError
    except ValueError:
        raise ValueError(f"not a line of a profile: {_shown(line)}") from None


def _call(fields: list[str]) -> Call:
    depth = int(fields.pop()) if len(fields) == 6 else 0
    name, *numbers = fields
    before, began, after, ended = _numbers(numbers)
    if depth < 0 or ended < began:
        raise ValueError
    return Call(name, before, began, after, ended, depth)


def _numbers(fields: list[str]) -> list[float]:
    numbers = [float(one) for one in fields]
    if not all(map(math.isfinite, numbers)):
        raise ValueError
    return numbers


def _shown(line: str) -> str:
    line = line.rstrip("\n")
    return repr(line if len(line) <= 40 else line[:40] + "...")


def read_mprofile_file(filename: str) -> dict[str, Any]:
    """Read a file as memory_profiler 0.61 returns it.

    Returns
    -------
    dict
        ``mem_usage`` and ``timestamp``, lists of MiB and seconds since 1970;
        ``children``, lists of pairs of both by process id; ``func_timestamp``,
        by function lists of [began, ended, MiB before, MiB after, depth];
        ``cmd_line`` and ``filename``.

    Raises
    ------
    OSError
        It cannot be opened.
    """
    profile = read_profile(filename)
    calls: dict[str, list[list[float]]] = {}
    for call in profile.calls:
        calls.setdefault(call.name, []).append(
            [call.began, call.ended, call.memory_before, call.memory_after, call.depth]
        )
    return {
        "mem_usage": [memory for memory, _ in profile.samples],
        "timestamp": [moment for _, moment in profile.samples],
        "func_timestamp": calls,
        "filename": filename,
        "cmd_line": profile.command,
        "children": profile.children,
    }
