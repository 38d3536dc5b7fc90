"""The profiles of the current directory: which there are, listed, removed, their peaks."""

from __future__ import annotations

import glob
import os
import sys

from shoal.mprof.dat_file import read_profile

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from shoal.mprof.dat_file import Profile

__all__ = [
    "MprofError",
    "chosen",
    "existing",
    "get_profile_filenames",
    "print_list",
    "print_peaks",
    "read_all",
    "remove",
]


class MprofError(Exception):
    """Why a command cannot be carried out, in one line for the user."""


def existing() -> list[str]:
    """Return the profiles of the current directory, the oldest first."""
    return sorted(glob.glob("mprofile_??????????????.dat"))


def get_profile_filenames(args: Sequence[str] | str) -> list[str]:
    """Return the files that are meant, each once, with those that go with them.

    Parameters
    ----------
    args : sequence of str, or "all"
        File names, or numbers: 0 is the oldest profile of the current
        directory, -1 the latest.

    Raises
    ------
    ValueError
        There is no such file.
    """
    try:
        names = existing() if args == "all" else _named(args)
    except MprofError as error:
        raise ValueError(str(error)) from None
    # Time stamps once had a file of their own.
    stems = [os.path.splitext(name) for name in names]
    beside = [f"{stem}_ts{ending}" for stem, ending in stems]
    return names + [name for name in beside if os.path.isfile(name) and name not in names]


def _named(arguments: Sequence[str]) -> list[str]:
    names: list[str] = []
    profiles = existing()
    for argument in arguments:
        if os.path.isdir(argument):
            raise MprofError(f"{argument} is a directory")
        name = argument
        if not os.path.exists(argument):
            try:
                name = profiles[int(argument)]
            except ValueError:
                raise MprofError(f"no such file: {argument}") from None
            except IndexError:
                count = f"{len(profiles)} profile{'' if len(profiles) == 1 else 's'} here"
                raise MprofError(f"no profile number {argument}; there are {count}") from None
        if name not in names:
            names.append(name)
    return names


def chosen(arguments: Sequence[str]) -> list[str]:
    """Return the files to read: as for `get_profile_filenames`, by default the latest.

    Raises
    ------
    MprofError
        There is no such file, or none at all.
    """
    if arguments:
        return _named(arguments)
    profiles = existing()
    if not profiles:
        raise MprofError("no mprofile_*.dat here; `mprof run` makes them")
    print("Using last profile data.")
    return profiles[-1:]


def read_all(names: Sequence[str]) -> tuple[list[Profile], int]:
    """Read files; say on standard error what of them cannot be read.

    Returns
    -------
    tuple of list of Profile and int
        What can be read, and the exit status: 0, or 2 if not all could.

    Raises
    ------
    MprofError
        A file cannot be opened.
    """
    profiles = []
    for name in names:
        try:
            profiles.append(read_profile(name))
        except OSError as error:
            raise MprofError(f"cannot read {name}: {error.strerror}") from None
    faults = [profile.fault() for profile in profiles if profile.broken_lines]
    for fault in faults:
        print(f"mprof: {fault}", file=sys.stderr)
    return profiles, 2 if faults else 0


def print_list() -> int:
    """Print number, name and date of each profile."""
    for number, name in enumerate(existing()):
        stamp = os.path.splitext(name)[0].rpartition("_")[2]
        year, month, day = stamp[:4], stamp[4:6], stamp[6:8]
        hour, minute, second = stamp[8:10], stamp[10:12], stamp[12:14]
        print(f"{number} {name} {hour}:{minute}:{second} {day}/{month}/{year}")
    return 0


def remove(arguments: Sequence[str] | str, dry_run: bool) -> int:
    """Remove profiles, or only print which.

    Raises
    ------
    MprofError
        There is no such file, or it may not be removed; others may have been.
    """
    try:
        names = get_profile_filenames(arguments)
    except ValueError as error:
        raise MprofError(str(error)) from None
    if dry_run:
        print("\n".join(["Files to be removed: ", *names]))
        return 0
    for name in names:
        try:
            os.remove(name)
        except OSError as error:
            raise MprofError(f"cannot remove {name}: {error.strerror}") from None
    return 0


def print_peaks(arguments: Sequence[str], function: str | None) -> int:
    """Print the highest memory of each profile and of each descendant in it.

    Parameters
    ----------
    arguments : sequence of str
        As for `chosen`.
    function : str, optional
        Look only at what was while it ran; a profile without it has ``NaN``.
    """
    profiles, status = read_all(chosen(arguments))
    for profile in profiles:
        peak = max(_memory(profile, function), default=float("nan"))
        shown = "NaN" if peak != peak else f"{peak:.3f}"
        print(f"{profile.filename}\t{shown} MiB")
        for child, samples in profile.children.items() if function is None else ():
            print(f"  Child {child}\t\t\t{max(samples)[0]:.3f} MiB")
    return status


def _memory(profile: Profile, function: str | None) -> list[float]:
    """Return the samples that matter; those of a function with its begin and end."""
    calls = [call for call in profile.calls if function in (None, call.name)]
    stamped = [memory for call in calls for memory in (call.memory_before, call.memory_after)]
    if function is None:
        return [memory for memory, _ in profile.samples] or stamped
    return stamped + [
        memory
        for memory, moment in profile.samples
        if any(call.began <= moment <= call.ended for call in calls)
    ]
