"""What changed between looks, and what is said of it."""

from __future__ import annotations

from dataclasses import replace

import pytest
from shoal.inspect.compare import Change, compare
from shoal.inspect.compare import judge as judged
from shoal.inspect.figures import parse_bytes, per_cent, signed, signed_bytes, tell
from shoal.inspect.snapshot import SizeClass, Snapshot, TypeUse
from shoal.inspect.watching import KEPT, watch

KIB, MIB = 2**10, 2**20


def judge(snapshots: list[Snapshot]) -> str:
    return str(judged(snapshots))


def test_types_and_size_classes(fragmented: Snapshot, grown) -> None:
    changes = compare(fragmented, grown(2))
    assert changes.seconds == 20
    assert changes.types == (Change("app.models.Session", 1000, 1300, 512_000, 665_600, kind="gc"),)
    assert changes.size_classes == (
        Change("512 B", 1100, 1400, 563_200, 716_800, 6_154_240, 6_000_640),
    )
    assert {c.name: c.bytes_grew for c in changes.totals} == {
        "resident": 0,
        "in use, small blocks": 153_600,
        "in use, malloc": 0,
        "in use, large blocks": 0,
        "free, nearly empty": -153_600,
        "free, in between": 0,
        "program, libraries": 0,
        "stacks": 0,
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
        "by 300 objects and 150 KiB in 20 s: 26 MiB an hour."
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
    assert said == "Fragmentation: 5.0 MiB more are free in its heaps, with no more in use."


@pytest.mark.parametrize(
    ("place", "said"),
    [
        ({"libc": 1}, "43 MiB more in use, most of it blocks that are no Python objects."),
        ({"large": 1}, "43 MiB more in use, most of it blocks that are no Python objects."),
        ({"stacks": 1}, "43 MiB more in stacks of threads and functions."),
        ({"file_backed": 1}, "43 MiB more in the program and its libraries."),
        ({"mapped_files": 1}, "43 MiB more in mapped files and shared memory."),
        ({"other": 1}, "43 MiB more in mappings that nobody is known to have made."),
        ({"libraries": 1}, "43 MiB more in memory that libraries have mapped."),
        ({"libc": 0.98, "other": 0.02}, "42 MiB more in use, most of it blocks that are no"),
    ],
)
def test_all_that_is_resident_takes_part(fragmented: Snapshot, place, said) -> None:
    later = elsewhere(fragmented, 43 * MIB, place)
    assert judge([fragmented, later]).startswith(f"Growing: {said}")


@pytest.mark.parametrize(
    ("place", "said"),
    [
        ({"libc": 1}, "Blocks that are no Python objects grew"),
        ({"stacks": 1}, "Stacks of threads and functions grew"),
        ({"other": 1}, "Mappings that nobody is known to have made grew"),
    ],
)
def test_what_grows_steadily_is_a_leak_wherever_it_is(fragmented, place, said) -> None:
    looks = [
        replace(elsewhere(fragmented, at * 14 * MIB, place), taken=fragmented.taken + 3 * at)
        for at in range(4)
    ]
    found = judge(looks)
    assert found.startswith(f"Leak-like: {said} from each of 4 looks to the next")
    assert "by 42 MiB in 9 s: 16.4 GiB an hour." in found
    assert ("C code" in found) is ("libc" in place)


def elsewhere(snapshot: Snapshot, amount: int, places: dict[str, float]) -> Snapshot:
    """Return a snapshot with so much more in some places."""
    resident = snapshot.resident
    more = {name: getattr(resident, name) + round(amount * share) for name, share in places.items()}
    grown = round(amount * (places.get("libc", 0) + places.get("large", 0)))
    types = [replace(t, bytes=t.bytes + grown) if t.kind == "raw" else t for t in snapshot.types]
    return replace(
        snapshot,
        types=tuple(types),
        resident=replace(resident, total=resident.total + amount, **more),
    )


def test_objects_that_leak_together_are_named_together(fragmented: Snapshot) -> None:
    def look(at: int) -> Snapshot:
        types = (
            TypeUse("dict", "gc", 900 + 800 * at, 90_000 + 80_000 * at),
            TypeUse("_asyncio.Task", "gc", 5 + 800 * at, 999 + 300_000 * at),
            TypeUse("coroutine", "gc", 5 + 800 * at, 999 + 400_000 * at),
            TypeUse("_asyncio.Future", "gc", 5 + 800 * at, 999 + 200_000 * at),
            TypeUse("(not Python objects)", "raw", 9 + at, 99 + 900_000 * at),
        )
        return replace(fragmented, types=types, taken=fragmented.taken + at)

    assert judge([look(at) for at in range(4)]) == (
        "Leak-like: coroutine, _asyncio.Task and _asyncio.Future grew from each of 4 looks to the "
        "next, by 7,200 objects and 2.6 MiB (with dict: 2.8 MiB) in 3 s: 3.3 GiB an hour."
    )


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
