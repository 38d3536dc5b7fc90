"""Whose resident memory is, from made-up smaps."""

from __future__ import annotations

import os
import random
from dataclasses import replace
from pathlib import Path

import pytest
from shoal import _elf, _inspect, _owners, _smaps
from shoal.inspect import rss
from shoal.inspect.snapshot import Arena, MappedBy, Residence

KIB, MIB = 2**10, 2**20

NOBODY = 2**22 + 1
"""A process that cannot be: beyond the largest id."""

ARENA = 0x7F00_0000_0000

SMAPS = """\
00400000-00800000 r-xp 00000000 fe:01 1234                               /usr/bin/python3.11
Size:               4096 kB
Rss:                2000 kB
Pss:                1000 kB
LazyFree:              0 kB
VmFlags: rd ex mr mw me
01000000-02000000 rw-p 00000000 00:00 0                                  [heap]
Size:              16384 kB
Rss:                 500 kB
Pss:                 500 kB
7f0000000000-7f0000200000 rw-p 00000000 00:00 0
Size:               2048 kB
Rss:                2000 kB
Pss:                2000 kB
LazyFree:             40 kB
7f0008000000-7f0008100000 rw-p 00000000 00:00 0
Rss:                 300 kB
Pss:                 300 kB
7f0010000000-7f0010001000 ---p 00000000 00:00 0
Rss:                   0 kB
Pss:                   0 kB
7f0010001000-7f0010801000 rw-p 00000000 00:00 0
Rss:                  64 kB
Pss:                  64 kB
7f0020001000-7f0020101000 rw-p 00000000 00:00 0
Rss:                 700 kB
Pss:                 700 kB
7f0030000000-7f0030100000 rw-s 00000000 00:01 99                         /dev/shm/x y (deleted)
Rss:                 100 kB
Pss:                  50 kB
7ffc00000000-7ffc00021000 rw-p 00000000 00:00 0                          [stack]
Rss:                  32 kB
Pss:                  32 kB
7ffc00100000-7ffc00102000 r-xp 00000000 00:00 0                          [vdso]
Rss:                   8 kB
Pss:                   0 kB
"""


def reading(**fields) -> dict:
    values = {
        "pid": NOBODY,
        "allocator": "pymalloc",
        "pool_bytes": 16 * KIB,
        "large": [],
        "ranges": [(ARENA, 2 * MIB)],
        "owned": [(0x7F00_0800_0000, MIB, "libc")],
        "reserve_bytes": 0,
        "malloc": {"free_bytes": 0},
    }
    return {**values, **fields}


ARENAS = (
    Arena(ARENA, MIB, MIB, 60, 960 * KIB, 64 * KIB, 9, 600 * KIB, 0),
    Arena(ARENA + MIB, MIB, 960 * KIB, 20, 320 * KIB, 640 * KIB, 9, 100 * KIB, 0),
)


@pytest.fixture
def smaps(monkeypatch: pytest.MonkeyPatch):
    """Have the kernel say what SMAPS says, and that all of a mapping's parts are resident."""
    mappings = _smaps.parse(line.encode() + b"\n" for line in SMAPS.splitlines())
    monkeypatch.setattr(_smaps, "read", lambda pid: mappings)
    monkeypatch.setattr(_smaps, "stack_pointers", lambda pid: [])
    monkeypatch.setattr(_smaps, "resident", lambda start, end, pid: end - start)
    monkeypatch.setattr(_inspect, "libraries", lambda pid, ranges, zeroed: [""] * len(ranges))


def parts(found: Residence) -> dict[str, int]:
    """Return what is there, in KiB."""
    return {name: amount // KIB for name, amount in vars(found).items() if amount}


def test_smaps_are_shared_out(smaps) -> None:
    assert parts(rss.split(reading(), ARENAS)) == {
        "total": 5704,
        "pss": 4646,
        "lazy_free": 40,
        "live": 700,
        "sparse": 860,
        "free_blocks": 360,  # 60 pools, less what is live.
        "free_pools": 80,
        "libc": 800,  # [heap], and a thread's heap that lies at a multiple of 64 MiB.
        "libc_mapped": 17 * 1024,
        "file_backed": 2008,
        "mapped_files": 100,
        "stacks": 96,
        "other": 700,
    }


def test_the_parts_sum_up_to_the_total(smaps) -> None:
    for fields in ({}, {"ranges": []}, {"large": [(0x7F00_2000_1000, 64 * KIB)]}):
        found = rss.split(reading(**fields), ARENAS)
        named = found.heap + found.large + found.file_backed + found.mapped_files
        assert named + found.stacks + found.other == found.total


def test_what_is_no_larger_than_resident(smaps) -> None:
    full = Arena(ARENA, MIB, MIB, 64, MIB, 0, 9, MIB, 0)
    found = rss.split(reading(), (full,))
    assert (found.live, found.free_blocks, found.free_pools) == (MIB, 0, 2000 * KIB - MIB)


def test_shoals_large_blocks_are_apart_from_its_pools(smaps) -> None:
    large = [(0x7F00_2000_1000, 512 * KIB), (ARENA + 512 * KIB, 100)]
    ranges = [(ARENA, 2 * MIB), (0x7F00_2000_1000, MIB)]
    found = rss.split(reading(allocator="shoal", large=large, ranges=ranges, owned=[]), ARENAS)
    assert found.large_mapped == 512 * KIB + 4096
    assert found.large == 512 * KIB + 4096
    # Where a mapping lies says nothing; [heap] is libc's.
    assert found.libc == 500 * KIB
    assert found.other == 300 * KIB


def test_a_process_without_mappings_has_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_smaps, "read", lambda pid: [])
    with pytest.raises(ProcessLookupError):
        rss.split(reading(), ())


def test_no_more_of_an_arena_is_live_than_is_resident(smaps) -> None:
    swapped = Arena(ARENA, MIB, 256 * KIB, 64, MIB, 0, 9, 900 * KIB, 0)
    found = rss.split(reading(), (swapped,))
    assert (found.live, found.free_blocks) == (256 * KIB, 0)


# ---- Who mapped it ------------------------------------------------------------------------


def test_what_libraries_have_mapped_is_named(smaps, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def libraries(pid: int, ranges: list[tuple[int, int]], zeroed: object) -> list[str]:
        asked.extend(ranges)
        return ["libarrow.so.2100"] * len(ranges)

    monkeypatch.setattr(_inspect, "libraries", libraries)
    found = rss.split(reading(), ARENAS)
    assert asked == [(0x7F00_2000_1000, MIB)]
    assert (found.libraries, found.other) == (700 * KIB, 0)
    assert found.mapped_by == (MappedBy("libarrow.so.2100", 700 * KIB),)


def test_what_shoal_itself_has_mapped_are_records(smaps, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        _inspect, "libraries", lambda pid, ranges, zeroed: ["libshoal.so"] * len(ranges)
    )
    found = rss.split(reading(), ARENAS)
    assert (found.records, found.libraries, found.other) == (700 * KIB, 0, 0)


def test_a_name_that_the_mapping_has_is_its_owner(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_inspect, "libraries", lambda pid, ranges, zeroed: [""] * len(ranges))
    parts = [
        _owners.Part("anonymous", 8192, 8192, [(4096, 12288)], b"[anon:jemalloc_pg]"),
        _owners.Part("anonymous", 4096, 4096, [(40960, 45056)]),
        _owners.Part("anonymous", 4096, 4096, [(0, 4096)], b"[vsyscall]"),
    ]
    assert _owners.mapped_by(parts, [], NOBODY) == {"jemalloc_pg": 8192, "": 8192}


# ---- What the reader found beside the heap --------------------------------------------------


def test_what_is_free_in_mallocs_heap_is_held(smaps) -> None:
    malloc = {"live_bytes": 300 * KIB, "free_bytes": 200 * KIB}
    found = rss.split(reading(malloc=malloc), ARENAS)
    assert (found.libc, found.libc_free) == (600 * KIB, 200 * KIB)
    assert found.pinned == found.sparse + found.free_blocks + found.free_pools + 200 * KIB
    found = rss.split(reading(malloc={"free_bytes": 1 << 40}), ARENAS)
    assert (found.libc, found.libc_free) == (0, 800 * KIB)


def test_heaps_and_frames_have_the_addresses_that_the_reader_says(smaps) -> None:
    # The kernel joins what lies side by side: a heap may begin anywhere in a mapping.
    owned = [(0x7F00_2000_1000, 256 * KIB, "libc"), (0x7F00_2004_1000, 64 * KIB, "stack")]
    found = rss.split(reading(owned=owned), ARENAS)
    assert found.libc == 500 * KIB + 256 * KIB
    assert found.stacks == 96 * KIB + 64 * KIB
    assert found.other == 1000 * KIB - 320 * KIB


def test_shoals_reserve_and_records_have_rows(smaps) -> None:
    owned = [
        (0x7F00_2000_1000, 256 * KIB, "reserve"),
        (0x7F00_2004_1000, 64 * KIB, "records"),
    ]
    arenas = tuple(replace(arena, reserve_bytes=128 * KIB) for arena in ARENAS)
    found = rss.split(reading(allocator="shoal", owned=owned, reserve_bytes=512 * KIB), arenas)
    assert (found.reserve, found.records) == (512 * KIB, 64 * KIB)
    assert found.live == 700 * KIB
    assert found.live + found.pinned + found.reserve - 256 * KIB == 2000 * KIB


# ---- Ranges -------------------------------------------------------------------------------


def test_ranges() -> None:
    assert rss._merged([(5, 7), (1, 3), (3, 4), (2, 3), (9, 9)]) == [(1, 4), (5, 7)]
    assert list(rss._without([(0, 10), (20, 30)], [(2, 4), (9, 22), (29, 99)])) == [
        (0, 2),
        (4, 9),
        (22, 29),
    ]
    assert _owners.apart([(0, 5, "a"), (3, 9, "b"), (4, 5, "c")]) == [(0, 5, "a"), (5, 9, "b")]


# ---- The files of a process that lies ---------------------------------------------------------


def test_files_that_are_none(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "folder").mkdir()
    paths = [bytes(tmp_path / name) for name in ("pipe", "folder", "none")] + [b"/dev/zero"]
    mappings = [_smaps.Mapping(0, 4096, b"r-xp", path) for path in paths]
    assert list(_owners.bss_claims(mappings)) == []


def test_files_whose_headers_are_nonsense(tmp_path: Path) -> None:
    path = tmp_path / "program"
    good = Path(os.path.realpath("/proc/self/exe")).read_bytes()[:4096]
    numbers = random.Random(4)
    for _ in range(2_000):
        data = bytearray(good)
        for _ in range(numbers.randrange(1, 20)):
            data[numbers.randrange(4, 400)] = numbers.choice(
                (0, 1, 0x7F, 0xFF, numbers.randrange(256))
            )
        path.write_bytes(data[: numbers.choice((4096, numbers.randrange(4096)))])
        mappings = [_smaps.Mapping(4096, 8192, b"r-xp", bytes(path))]
        claims = _owners.apart(_owners.bss_claims(mappings))
        assert all(start < end for start, end, _ in claims)


def test_paths_are_looked_up_where_the_process_sees_them(tmp_path: Path) -> None:
    (tmp_path / "bin").mkdir()
    program = Path(os.path.realpath("/proc/self/exe"))
    (tmp_path / "bin" / "p").write_bytes(program.read_bytes())
    there = [_smaps.Mapping(0x400000, 0x500000, b"r-xp", b"/bin/p")]
    here = [_smaps.Mapping(0x400000, 0x500000, b"r-xp", bytes(program))]
    assert list(_owners.bss_claims(there, bytes(tmp_path))) == list(_owners.bss_claims(here))
    assert _elf.read(str(tmp_path / "bin" / "p")) is not None


def test_a_mapping_that_is_told_twice_is_read_again(monkeypatch: pytest.MonkeyPatch) -> None:
    # The kernel tells of mappings a few at a time, and one that grew meanwhile again.
    def mapping(start: int, end: int) -> _smaps.Mapping:
        return _smaps.Mapping(start, end, b"rw-p", b"")

    looks = [
        [mapping(0, 8192), mapping(4096, 12288)],
        [mapping(0, 12288), mapping(12288, 16384)],
    ]
    monkeypatch.setattr(_smaps, "parse", lambda smaps: looks.pop(0))
    assert [one.end for one in _smaps.read()] == [12288, 16384]
