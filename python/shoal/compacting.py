"""What `shoal.compact` does around the move itself: when not to, and what to say of it."""

from __future__ import annotations

import functools
import gc
import sys
import time

from shoal import _heap

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import ModuleType

    from shoal._compact import Moved

__all__ = ["CompactReport", "Stay", "compact"]

REASONS = (
    "may move",
    "no container that is understood has it",
    "objects of its type never move",
    "interned, weakly referenced, frozen or an attribute of a type",
    "its address may be its hash",
    "in a tuple that somebody else holds",
    "not all of its references are found",
    "a number equals its address",
    "C code that is running has its address",
    "a code object has its address",
    "memory outside of the heap has its address",
    "a block that is not understood has its address",
    "more words point at it than are known",
    "more references than are counted",
    "it shares memory with another process",
)
"""In the order of enum shoal_reason (include/shoal/compact.h)."""

_A_BLOCK = 150e-9
_A_PAGE = 2.8e-6
"""Seconds that a live block takes, and a page of 4 KiB that may be emptied, collection
included: as measured on one machine. _Costs.pace makes of it what it is on this one."""

_TELLING = 0.02
"""Seconds from which on what one took tells how long others will."""

_LEAST_EMPTIABLE = 0.01
"""Of the resident pools: what could be emptied is not worth looking for if it is less."""


class _Costs:
    """What compactions have taken of this process's processor time so far.

    Attributes
    ----------
    spent : float
        Seconds.
    pace : float
        What they took, over what was expected without it.
    figures : tuple of int
        Of the heap, when it was last looked at.
    next_look : float
        Processor time before which whoever has a share does not look again: looking
        costs, too, when it is done after each request.
    """

    def __init__(self) -> None:
        self.spent = 0.0
        self.pace = 1.0
        self.figures = (0, 0, 0, 0)
        self.next_look = 0.0

    def look(self, move: ModuleType, share: float | None) -> bool:
        """Know what the heap is like; False where it is too early to look again."""
        if share is not None and time.process_time() < self.next_look:
            return False
        self.figures = move.figures()
        return True

    def skip(self, took: float, share: float | None) -> None:
        """Count what it took to see that there is nothing to do: half of the share, at most."""
        self.spent += took
        if share is not None:
            self.next_look = time.process_time() + 2 * took / share

    def expected(self, blocks: int, emptiable: int) -> float:
        """Return the seconds that one will take."""
        return self.pace * (blocks * _A_BLOCK + emptiable / 4096 * _A_PAGE)

    def learn(self, expected: float, took: float) -> None:
        """Know what one took that was expected to take something else."""
        self.spent += took
        if took > _TELLING:
            self.pace *= took / expected


_costs = _Costs()


@functools.cache
def _prove(move: ModuleType) -> None:
    """Look once whether objects are laid out as is known; RuntimeError if not."""
    move.prove()


class Stay:
    """Blocks that cannot move, of one type and for one reason.

    Attributes
    ----------
    type : str
        Of the objects in them, or ``"(table or unknown)"``.
    reason : str
        One of `REASONS`.
    blocks, bytes : int
        How many, and what they take.
    """

    __slots__ = ("blocks", "bytes", "reason", "type")

    def __init__(self, type: str, reason: str, blocks: int, bytes: int) -> None:
        self.type = type
        self.reason = reason
        self.blocks = blocks
        self.bytes = bytes

    def __repr__(self) -> str:
        return f"Stay({self.type!r}, {self.reason!r}, blocks={self.blocks}, bytes={self.bytes})"


class CompactReport:
    """What `compact` did. All sizes are bytes.

    Attributes
    ----------
    skipped : str
        Why nothing was looked at any further; "" if it was.
    resident, live : int
        Of the interpreter's pools, when it began: resident, and of that in live blocks.
    given_back : int
        What went back to the system, of these and of free pages.
    is_dry_run : bool
        Nothing was to be moved.
    would_empty : int
        Bytes of the pools that were emptied or, in a dry run, would be.
    moved_objects, moved_tables, moved_bytes : int
        What was moved; tables are the parts of lists, dicts and sets.
    movable : int
        Bytes of live blocks that nothing keeps where they are.
    stayed : list of Stay
        The others, the most bytes first.
    seconds : dict of str to float
        Processor time by phase: collect, snapshot, count, scan, judge, move, rewrite,
        free, trim.
    expected : float
        Seconds of processor time that all of it was expected to take when it began, if it
        moves anything. The first of a process goes by what was measured elsewhere, later
        ones by those before them.
    """

    def __init__(self, resident: int, live: int, *, is_dry_run: bool) -> None:
        self.skipped = ""
        self.is_dry_run = is_dry_run
        self.resident = resident
        self.live = live
        self.given_back = 0
        self.would_empty = 0
        self.moved_objects = 0
        self.moved_tables = 0
        self.moved_bytes = 0
        self.movable = 0
        self.stayed: list[Stay] = []
        self.seconds: dict[str, float] = {}
        self.expected = 0.0

    def by_reason(self) -> dict[str, int]:
        """Return the bytes that stayed for each reason, the most first."""
        return _summed((stay.reason, stay.bytes) for stay in self.stayed)

    def by_type(self) -> dict[str, int]:
        """Return the bytes that stayed of each type, the most first."""
        return _summed((stay.type, stay.bytes) for stay in self.stayed)

    def __str__(self) -> str:
        if self.skipped:
            return f"not compacted: {self.skipped}"
        if self.is_dry_run:
            return f"{self.would_empty:,} bytes would be given back, in about {self.expected:.2g} s"
        total = sum(self.seconds.values())
        return (
            f"{self.given_back:,} bytes given back, "
            f"{self.moved_objects:,} objects and {self.moved_tables:,} tables moved, "
            f"{total:.3f} s"
        )

    def __repr__(self) -> str:
        return f"<CompactReport: {self}>"


if TYPE_CHECKING:
    from collections.abc import Iterable


def _summed(pairs: Iterable[tuple[str, int]]) -> dict[str, int]:
    sums: dict[str, int] = {}
    for name, size in pairs:
        sums[name] = sums.get(name, 0) + size
    return dict(sorted(sums.items(), key=lambda item: -item[1]))


# ---- When not to -------------------------------------------------------------------------


def _has_jit() -> bool:
    jit = getattr(sys, "_jit", None)  # 3.14
    if jit is not None:
        return bool(jit.is_enabled())
    if sys.version_info < (3, 13):
        return False
    import sysconfig

    return "--enable-experimental-jit" in (sysconfig.get_config_var("CONFIG_ARGS") or "")


def _is_in_finalizer() -> bool:
    frame = sys._getframe()
    while frame is not None:
        if frame.f_code.co_name == "__del__":
            return True
        if frame.f_back is None:
            break
        frame = frame.f_back
    return False


def _obstacle(move: ModuleType) -> str:
    """Say in one line why nothing can move here and now; "" if it can."""
    from shoal import _is_profiled, _is_traced

    if _heap.state() == -2:
        return "compact() needs the interpreter lock, and this Python is free-threaded"
    if _heap.state() != 1:
        return (
            "compact() needs objects on Shoal's heap: "
            "start with `shoal run`, or call shoal.install() first"
        )
    if _is_traced():
        return "compact() cannot run while tracemalloc traces: its notes are by address"
    if _is_profiled():
        return "compact() cannot run once lines are profiled: the notes are by address"
    if not move.is_direct():
        return "compact() cannot run while a tool is wrapped around Python's allocators"
    if _has_jit():
        return "compact() cannot run with the JIT compiler: its code has addresses of objects"
    if move.is_collecting() or _is_in_finalizer():
        return "compact() cannot run in a garbage collection or a finalizer"
    return ""


def _module() -> ModuleType:
    """Return shoal._compact where it can do its work; RuntimeError where it cannot."""
    try:
        from shoal import _compact
    except ImportError:
        raise RuntimeError("compact() runs in the main interpreter only") from None
    why = _obstacle(_compact)
    if why:
        raise RuntimeError(why)
    _prove(_compact)
    return _compact


def _wrong(name: str, value: object, expected: str) -> ValueError:
    return ValueError(f"{name}={value!r}: {expected} is expected")


def _check(least: float, seconds: float | None, share: float | None) -> None:
    for name, value in (("least", least), ("seconds", seconds), ("share", share)):
        if not isinstance(value, (int, float)) and (value is not None or name == "least"):
            raise _wrong(name, value, "a number")
    if not 0 <= least <= 1:
        raise _wrong("least", least, "a part from 0 to 1")
    if seconds is not None and not seconds > 0:
        raise _wrong("seconds", seconds, "a time above 0, or None")
    if share is not None and not 0 < share <= 1:
        raise _wrong("share", share, "a part above 0, up to 1, or None")


def _too_long(expected: float, seconds: float | None, share: float | None) -> str:
    """Say why it would take too long; "" if it would not."""
    if seconds is not None and expected > seconds:
        return f"it would take about {expected:.2g} s, and seconds is {seconds:g}"
    if share is not None and _costs.spent + expected > share * time.process_time():
        return f"compactions would take more than {share:.1%} of the processor time so far"
    return ""


# ---- Doing it ------------------------------------------------------------------------------


def compact(
    *,
    least: float = 0.25,
    seconds: float | None = None,
    share: float | None = None,
    dry_run: bool = False,
    stress: bool = False,
) -> CompactReport:
    """Move objects that survive out of sparse pages, and give the pages back.

    Collects garbage, looks whether it is worth it, and if so moves objects of which every
    reference is found. Read docs/compact.md first: ``id()`` of an object may change.

    Parameters
    ----------
    least : float
        Do nothing unless at least this part of what is resident in the interpreter's
        pools is free, and kept by live blocks on the same pages.
    seconds : float, optional
        Do nothing if it would take longer, as far as `CompactReport.expected` tells.
    share : float, optional
        Do nothing while this and all earlier calls would have taken more than this part
        of the process's processor time.
    dry_run : bool
        Move nothing, and say what would be.
    stress : bool
        For tests of a program: move all that may move whatever `least` says, fill the old
        places with 0xDB and keep them until the next call, and look for addresses that
        were forgotten.

    Returns
    -------
    CompactReport

    Raises
    ------
    RuntimeError
        It cannot be done here and now, and why; nothing has moved.
    ValueError
        An argument is out of bounds.

    Notes
    -----
    The interpreter does nothing else meanwhile. docs/compact.md says how long that takes.
    """
    _check(least, seconds, share)
    return _compact(least, seconds, share, dry_run, stress, is_collected=False)


def compact_collected(*, least: float, share: float) -> CompactReport:
    """Do as `compact` where a full collection has just been done: it is not done again."""
    return _compact(least, None, share, False, False, is_collected=True)


def _compact(
    least: float,
    seconds: float | None,
    share: float | None,
    dry_run: bool,
    stress: bool,
    is_collected: bool,
) -> CompactReport:
    move = _module()
    began = time.thread_time()
    is_new = _costs.look(move, share)
    resident, live, blocks, emptiable = _costs.figures
    report = CompactReport(resident, live, is_dry_run=dry_run)
    report.expected = _costs.expected(blocks, emptiable)
    report.skipped = _too_long(report.expected, seconds, share)
    if not is_new and not report.skipped:
        report.skipped = "it was looked at a moment ago"
    if report.skipped:
        if is_new:
            _costs.skip(time.thread_time() - began, share)
        return report
    given_before = _heap.usage()["returned"]
    if not is_collected:
        gc.collect()
    report.seconds["collect"] = time.thread_time() - began
    report.resident, report.live, _, emptiable = move.figures()
    if not stress:
        report.skipped = _not_worth_it(report, least, dry_run, emptiable)
    if report.skipped:
        _costs.skip(time.thread_time() - began, share)
        return report
    did = _move(report, move, dry_run, stress)
    took = time.thread_time() - began
    report.given_back = 0 if dry_run else _heap.usage()["returned"] - given_before
    if dry_run or stress:
        _costs.spent += took
    else:
        _costs.learn(report.expected, took)
    if did["stale_words"] or did["disagreeing"]:
        raise RuntimeError(
            f"compact() has a defect: {did['stale_words']} words point to where objects were, "
            f"{did['disagreeing']} containers have other references than they say"
        )
    return report


def _not_worth_it(report: CompactReport, least: float, dry_run: bool, emptiable: int) -> str:
    """Say why there is not enough to gain; "" if there is. A dry run looks at what stays, too."""
    free = report.resident - report.live
    if free < least * report.resident:
        part = free / report.resident
        return f"{part:.0%} of the resident pools is free, and least is {least:.0%}"
    if emptiable < _LEAST_EMPTIABLE * report.resident and not dry_run:
        return f"pools of {emptiable:,} bytes could be emptied at most"
    return ""


def _move(report: CompactReport, move: ModuleType, dry_run: bool, stress: bool) -> Moved:
    did: Moved = move.move(stress, dry_run)
    _describe(report, did)
    if not dry_run:
        began = time.thread_time()
        _heap.trim()
        report.seconds["trim"] = time.thread_time() - began
    return did


def _describe(report: CompactReport, did: Moved) -> None:
    report.would_empty = did["emptied_bytes"]
    report.moved_objects = did["moved_objects"]
    report.moved_tables = did["moved_tables"]
    report.moved_bytes = did["moved_bytes"]
    report.movable = did["movable_bytes"]
    report.seconds.update(did["seconds"])
    report.stayed = [
        Stay(type or "(table or unknown)", REASONS[reason], blocks, size)
        for type, reason, blocks, size in did["stayed"]
    ]
    report.stayed.sort(key=lambda stay: -stay.bytes)
