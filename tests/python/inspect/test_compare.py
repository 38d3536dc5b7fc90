"""What changed between looks, and what is said of it."""

from __future__ import annotations

from dataclasses import replace

import pytest
from shoal.inspect.compare import Change, compare, judge
from shoal.inspect.figures import parse_bytes, per_cent, signed, signed_bytes, tell
from shoal.inspect.snapshot import SizeClass, Snapshot, TypeUse
from shoal.inspect.watching import KEPT, watch

KIB, MIB = 2**10, 2**20


def test_types_and_size_classes(fragmented: Snapshot, grown) -> None:
    changes = compare(fragmented, grown(2))
    assert changes.seconds == 20
    assert changes.types == (Change("app.models.Session", 1000, 1300, 512_000, 665_600),)
    assert changes.size_classes == (
        Change("512 B", 1100, 1400, 563_200, 716_800, 6_154_240, 6_000_640),
    )
    assert {c.name: c.bytes_grew for c in changes.totals} == {
        "resident": 0,
        "live": 153_600,
        "held": -153_600,
        "large blocks": 0,
        "libc's heap": 0,
        "other": 0,
    }


def test_what_comes_and_goes(fragmented: Snapshot) -> None:
    after = replace(
        fragmented,
        types=(*fragmented.types[1:], TypeUse("new", "object", 5, 160)),
        size_classes=(*fragmented.size_classes[1:], SizeClass(96, 1, 2, 3, 192, 288)),
    )
    changes = compare(fragmented, after)
    assert [(c.name, c.blocks_grew, c.bytes_grew) for c in changes.types] == [
        ("app.models.Session", -1000, -512_000),
        ("new", 5, 160),
    ]
    assert [(c.name, c.blocks_grew, c.held_grew) for c in changes.size_classes] == [
        ("32 B", -2000, -99_840),
        ("96 B", 2, 288),
    ]


def test_types_of_one_name_and_two_kinds(fragmented: Snapshot) -> None:
    before = replace(fragmented, types=(TypeUse("x", "gc", 1, 16), TypeUse("x", "object", 1, 16)))
    after = replace(fragmented, types=(TypeUse("x", "gc", 2, 32), TypeUse("x", "object", 1, 16)))
    assert [c.blocks for c in compare(before, after).types] == [2]


def test_nothing_changed(fragmented: Snapshot) -> None:
    changes = compare(fragmented, fragmented)
    assert (changes.types, changes.size_classes) == ((), ())
    assert judge([fragmented, fragmented]) == "Steady: nothing grew by much."


# ---- The sentence ---------------------------------------------------------------------------


def test_a_leak_takes_three_looks(fragmented: Snapshot, grown) -> None:
    assert judge([fragmented, grown(2)]) == "Steady: nothing grew by much."
    assert judge([fragmented, grown(1), grown(2)]) == (
        "Leak-like: app.models.Session grew from each of 3 looks to the next, "
        "by 300 blocks and 150 KiB in 20 s: 26 MiB an hour."
    )


def test_what_grows_and_falls_is_no_leak(fragmented: Snapshot, grown) -> None:
    assert judge([fragmented, grown(3), grown(1), grown(2)]).startswith("Steady")
    assert judge([fragmented, grown(1), grown(1), grown(2)]).startswith("Steady")


def test_a_leak_is_of_enough_blocks_and_bytes(fragmented: Snapshot) -> None:
    def looks(blocks: int, size: int) -> list[Snapshot]:
        return [
            replace(
                fragmented,
                taken=fragmented.taken + at,
                types=(TypeUse("x", "gc", 9 + blocks * at // 2, size * at // 2),),
            )
            for at in range(3)
        ]

    assert judge(looks(100, 64 * KIB)).startswith("Leak-like: x")
    assert judge(looks(98, 64 * KIB)).startswith("Steady")
    assert judge(looks(100, 64 * KIB - 2)).startswith("Steady")


def test_growth_is_named_by_its_largest_type(fragmented: Snapshot, grown) -> None:
    said = judge([fragmented, grown(2100)])
    assert said == "Growing: 154 MiB more in use, most of it app.models.Session."


def test_more_held(fragmented: Snapshot) -> None:
    resident = fragmented.resident
    after = replace(resident, sparse=resident.sparse + 5 * MIB, total=resident.total + 5 * MIB)
    said = judge([fragmented, replace(fragmented, resident=after)])
    assert said == "Fragmentation: 5.0 MiB more held, with no more in use."


# ---- Watching -------------------------------------------------------------------------------


def test_a_watch_keeps_the_first_and_the_last(fragmented: Snapshot) -> None:
    taken = iter(range(1, 100))
    seen: list[list[float]] = []
    slept: list[float] = []
    watch(
        replace(fragmented, taken=0.0),
        lambda: replace(fragmented, taken=float(next(taken))),
        5,
        25,
        lambda kept: seen.append([snapshot.taken for snapshot in kept]),
        slept.append,
    )
    assert len(seen) == 25
    assert seen[1] == [0, 1]
    assert seen[-1] == [0, *range(25 - KEPT + 1, 25)]
    assert len(slept) == 24
    assert all(seconds >= 4.5 for seconds in slept[:1])


# ---- Figures --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "amount"),
    [
        ("0", 0),
        ("4096", 4096),
        ("64K", 65536),
        ("64k", 65536),
        ("1.5M", 1572864),
        ("2GiB", 2**31),
        ("3 MB", 3 * MIB),
        ("7B", 7),
    ],
)
def test_bytes_that_somebody_wrote(text: str, amount: int) -> None:
    assert parse_bytes(text) == amount


@pytest.mark.parametrize("text", ["", "-1", "x", "1T", "1.2.3K", "1e3", "\u0663K", "9" * 20])
def test_what_is_no_number_of_bytes(text: str) -> None:
    with pytest.raises(ValueError, match="expected bytes"):
        parse_bytes(text)


def test_figures() -> None:
    assert [tell(n) for n in (0, 1023 * MIB, 1024 * MIB)] == ["0 B", "1,023 MiB", "1.0 GiB"]
    assert [signed_bytes(n) for n in (0, 1, -1, MIB)] == ["0 B", "+1 B", "-1 B", "+1.0 MiB"]
    assert [signed(n) for n in (0, 1200, -5)] == ["0", "+1,200", "-5"]
    assert [per_cent(a, 1000) for a in (0, 1, 99, 100, 999)] == [
        "0 %",
        "0.1 %",
        "9.9 %",
        "10 %",
        "100 %",
    ]
    assert per_cent(1, 0) == ""
