"""What the tests of `shoal inspect` share: made-up snapshots, and processes to look at."""

from __future__ import annotations

import io
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from shoal.inspect.pane import Pane
from shoal.inspect.snapshot import (
    FREE_POOL,
    Arena,
    Pinning,
    Residence,
    SizeClass,
    Snapshot,
    TypeUse,
)

KIB, MIB = 2**10, 2**20

Start = Callable[..., int]


class Screen(Pane):
    """A pane whose text can be asked for."""

    def __init__(self, width: int | None = None, colour: bool = False) -> None:
        self.stream = io.StringIO()
        super().__init__(self.stream, width, colour)

    @property
    def text(self) -> str:
        return self.stream.getvalue()


@pytest.fixture
def screen() -> type[Screen]:
    """Return what makes panes whose text can be asked for."""
    return Screen


@pytest.fixture
def make_residence() -> Callable[..., Residence]:
    """Return what makes a residence of some of its parts."""
    return residence


def residence(**parts: int) -> Residence:
    """Make one whose total is the sum of its parts."""
    names = [
        "live",
        "sparse",
        "free_blocks",
        "free_pools",
        "large",
        "large_mapped",
        "libc",
        "libc_mapped",
        "file_backed",
        "mapped_files",
        "stacks",
        "other",
        "libc_free",
        "reserve",
        "records",
        "libraries",
    ]
    values = {name: parts.get(name, 0) for name in names}
    total = sum(amount for name, amount in values.items() if not name.endswith("_mapped"))
    return Residence(
        total=total, pss=parts.get("pss", total), lazy_free=parts.get("lazy_free", 0), **values
    )


@pytest.fixture
def fragmented() -> Snapshot:
    """10 arenas, nine of them kept by few sessions."""
    full = Arena(0x7F0000000000, MIB, MIB, 64, MIB, 0, 3_000, 768 * KIB, 64 * KIB)
    sparse = [
        Arena(
            0x7F0000100000 + at * MIB, MIB, MIB, 40, 640 * KIB, 384 * KIB, 100, 16 * KIB, 832 * KIB
        )
        for at in range(9)
    ]
    places = [75] * 64 + ([2] * 40 + [FREE_POOL] * 24) * 9
    return Snapshot(
        pid=4242,
        command=("python", "app.py", "--fast"),
        python="3.12.4",
        allocator="pymalloc",
        taken=1_700_000_000.5,
        seconds=0.034,
        frozen_seconds=0.0,
        longest_stop_seconds=0.0,
        stops=0,
        pools_read=640,
        pools_inconsistent=2,
        arena_bytes=MIB,
        pool_bytes=16 * KIB,
        page_free_bytes=7552 * KIB,
        resident=residence(
            live=912 * KIB,
            sparse=9 * MIB - 144 * KIB,
            free_blocks=256 * KIB,
            large=100 * KIB,
            large_mapped=200 * KIB,
            libc=600 * KIB,
            libc_mapped=MIB,
            file_backed=7 * MIB,
            stacks=64 * KIB,
            other=32 * KIB,
        ),
        arenas=(full, *sparse),
        size_classes=(
            SizeClass(32, 10, 2_000, 3_110, 64_000, 99_840),
            SizeClass(48, 4, 100, 1_264, 4_800, 60_736),
            SizeClass(512, 410, 1_100, 11_610, 563_200, 6_154_240),
        ),
        types=(
            TypeUse("app.models.Session", "gc", 1_000, 512_000),
            TypeUse("dict", "gc", 500, 96_000),
            TypeUse("(not Python objects)", "raw", 100, 51_200),
            TypeUse("str", "object", 1_600, 51_200),
        ),
        pinning=(
            Pinning("(not Python objects)", "raw", 9, 60, 3 * MIB),
            Pinning("app.models.Session", "gc", 9, 100, 5 * MIB),
            Pinning("str", "object", 1, 40, 200 * KIB),
        ),
        occupancy=bytes(places),
    )


@pytest.fixture
def grown(fragmented: Snapshot) -> Callable[[int], Snapshot]:
    """Return the same process later: with so many times 150 sessions of 512 bytes more."""

    def later(times: int) -> Snapshot:
        session, *others = fragmented.types
        more = 150 * times
        session = replace(session, blocks=session.blocks + more, bytes=session.bytes + 512 * more)
        *small, large = fragmented.size_classes
        large = replace(
            large,
            live_blocks=large.live_blocks + more,
            free_blocks=large.free_blocks - more,
            live_bytes=large.live_bytes + 512 * more,
            held_bytes=large.held_bytes - 512 * more,
        )
        resident = fragmented.resident
        return replace(
            fragmented,
            taken=fragmented.taken + 10 * times,
            types=(session, *others),
            size_classes=(*small, large),
            resident=replace(
                resident, live=resident.live + 512 * more, sparse=resident.sparse - 512 * more
            ),
        )

    return later


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Start a Python program that says a word when it is ready and then waits; its process id."""
    children: list[subprocess.Popen[str]] = []

    def started(code: str, **options: Any) -> int:
        code += "\nimport sys\nprint('ready', flush=True)\nsys.stdin.read()\n"
        child = subprocess.Popen(
            [options.pop("python", sys.executable), *options.pop("before", ()), "-c", code],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=tmp_path,
            **options,
        )
        children.append(child)
        assert child.stdout is not None
        assert child.stdout.readline() == "ready\n"
        return child.pid

    yield started
    for child in children:
        child.kill()
        child.communicate()
