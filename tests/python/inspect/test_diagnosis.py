"""What is said of a process, from known figures."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from shoal.inspect.diagnosis import diagnose
from shoal.inspect.snapshot import Pinning, Residence, Snapshot, TypeUse

KIB, MIB, GIB = 2**10, 2**20, 2**30


@pytest.fixture
def process(fragmented: Snapshot, make_residence: Callable[..., Residence]):
    """Make a snapshot of what is resident where, and of which types."""

    def make(*types: TypeUse, blocks: int = 0, **parts: int) -> Snapshot:
        live = parts.get("live", 0)
        arena = replace(
            fragmented.arenas[0],
            bytes=parts.get("live", 0) + parts.get("sparse", 0) + parts.get("free_blocks", 0),
            live_bytes=live,
            live_blocks=blocks or sum(used.blocks for used in types),
        )
        return replace(
            fragmented,
            resident=make_residence(**parts),
            arenas=(arena,),
            types=types,
            pinning=(),
            page_free_bytes=0,
        )

    return make


def kind(snapshot: Snapshot) -> str:
    return diagnose(snapshot).kind


# ---- Fragmentation --------------------------------------------------------------------


def test_the_figure_of_the_issue(process) -> None:
    held = int(3.9 * GIB) - 10 * MIB
    snapshot = process(live=10 * MIB, sparse=held, file_backed=20 * MIB)
    snapshot = replace(
        snapshot,
        page_free_bytes=int(3.9 * GIB) - 61 * MIB,
        pinning=(
            Pinning("(not Python objects)", "raw", 9, 9, 9),
            Pinning("app.models.Session", "gc", 3000, 4000, 3 * GIB),
        ),
    )
    found = diagnose(snapshot)
    assert found.kind == "fragmentation"
    pins = (Pinning("str", "object", 3000, 9000, 4 * GIB), *snapshot.pinning)
    assert diagnose(replace(snapshot, pinning=pins)).sentence.endswith(
        "The objects that keep most of it: str and app.models.Session."
    )
    assert found.sentence == (
        "3.9 GiB are free and cannot go back to the system: 10 MiB of blocks in use lie between "
        "them. The objects that keep most of it: app.models.Session."
    )
    assert found.release == (
        "Run on Shoal (shoal run), its heaps would take 61 MiB instead of 3.9 GiB, "
        "with shoal.compact() 10 MiB at best."
    )


@pytest.mark.parametrize(
    ("live", "held", "files", "is_fragmentation"),
    [
        (8 * MIB, 8 * MIB, 0, True),
        (8 * MIB + 1, 8 * MIB, 0, False),  # Less held than live.
        (MIB, 8 * MIB - 1, 0, False),  # Less than 8 MiB.
        (MIB, 10 * MIB, 29 * MIB, True),
        (MIB, 10 * MIB, 29 * MIB + 1, False),  # Less than a quarter.
    ],
)
def test_thresholds_of_fragmentation(process, live, held, files, is_fragmentation) -> None:
    snapshot = process(live=live, free_blocks=held, file_backed=files)
    assert (kind(snapshot) == "fragmentation") is is_fragmentation


@pytest.mark.parametrize(
    ("used", "free", "is_fragmentation"),
    [(5, 110, True), (109, 110, True), (111, 110, False), (5, 7, False)],
)
def test_fragmentation_of_mallocs_heap(process, used, free, is_fragmentation) -> None:
    snapshot = process(live=9 * MIB, libc=used * MIB, libc_free=free * MIB)
    found = diagnose(replace(snapshot, page_free_bytes=free * MIB - MIB))
    assert (found.kind == "fragmentation") is is_fragmentation
    if is_fragmentation:
        assert found.sentence.startswith("110 MiB are free and cannot go back to the system")
        assert "110 MiB of it are in malloc's heap." in found.sentence
        assert f"would take {used + 10} MiB instead of {used + 119} MiB." in found.release


def test_what_shoal_would_keep_is_not_gained(process) -> None:
    snapshot = process(live=MIB, libc=4 * MIB, libc_free=60 * MIB)
    snapshot = replace(snapshot, page_free_bytes=58 * MIB, pool_kept_bytes=15 * MIB)
    assert "would take 22 MiB instead of 65 MiB." in diagnose(snapshot).release


def test_what_lies_between_blocks_on_shoal_goes_back_when_they_move(process) -> None:
    snapshot = replace(process(live=5 * MIB, sparse=19 * MIB, reserve=MIB), allocator="shoal")
    found = diagnose(replace(snapshot, page_free_bytes=14 * MIB))
    assert found.sentence.startswith("19 MiB are free and cannot go back to the system")
    assert found.release == (
        "shoal.compact(), called in the program, would give back 20 MiB at best."
    )


@pytest.mark.parametrize(
    ("version", "moves"),
    [
        *(("3.10.4", False), ("3.11.7", True), ("3.13.0", True), ("3.15.2", True)),
        *(("3.14.4", False), ("3.14.5", True), ("3.16.0", False), ("", False)),
    ],
)
def test_nothing_is_foretold_where_nothing_moves(process, version, moves) -> None:
    snapshot = process(live=5 * MIB, sparse=19 * MIB, libc_free=9 * MIB)
    snapshot = replace(snapshot, python=version)
    assert snapshot.compactable == (19 * MIB if moves else 0)
    for allocator in ("shoal", "pymalloc"):
        found = diagnose(replace(snapshot, allocator=allocator, page_free_bytes=9 * MIB))
        assert ("compact()" in found.release) == moves


def test_the_reserve_of_shoal_is_no_fragmentation(process) -> None:
    snapshot = replace(process(live=5 * MIB, reserve=90 * MIB), allocator="shoal")
    found = diagnose(replace(snapshot, page_free_bytes=90 * MIB))
    assert found.kind == "plain use"
    assert "90 MiB, is in what Shoal keeps for the next requests" in found.sentence
    assert found.release == "shoal.trim(), called in the program, would give back 90 MiB."


# ---- Plain use --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("parts", "place"),
    [
        ({"file_backed": 9 * MIB, "libc": 8 * MIB}, "9.0 MiB, is in the program and its"),
        ({"mapped_files": 9 * MIB, "libc": 8 * MIB}, "9.0 MiB, is in mapped files and shared"),
        (
            {"file_backed": 9 * MIB, "libc": 80 * MIB},
            "80 MiB, is in blocks that are no Python objects: C code and the interpreter have "
            "them. Whether it still grows, --watch 10 shows.",
        ),
        ({"large": 80 * MIB}, "80 MiB, is in blocks that are no Python objects"),
        ({"other": 700 * MIB}, "700 MiB, is in mappings that nobody"),
        ({"libraries": 700 * MIB}, "700 MiB, is in memory that libraries have mapped"),
        ({"stacks": 20 * MIB}, "20 MiB, is in stacks"),
    ],
)
def test_memory_that_is_elsewhere(process, parts, place) -> None:
    found = diagnose(process(TypeUse("str", "object", 9, 10 * MIB), live=10 * MIB, **parts))
    assert found.kind == "plain use"
    assert place in found.sentence
    assert found.sentence.startswith("10 MiB of ")


def test_types_of_which_none_stands_out(process) -> None:
    types = [TypeUse(f"app.Class{at}", "gc", 9_000, 6 * MIB) for at in range(20)]
    found = diagnose(process(*types, live=120 * MIB))
    assert found.kind == "plain use"
    assert found.sentence == (
        "120 MiB of objects, with no type that stands out. "
        "Whether it still grows, --watch 10 shows."
    )


def test_nothing_at_all(process) -> None:
    found = diagnose(process())
    assert (found.kind, found.release) == ("plain use", "")


# ---- Leak-like, and caches ----------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "type_kind", "blocks", "expected"),
    [
        ("app.models.Session", "gc", 10_000, "leak-like"),
        ("app.models.Session", "gc", 9_999, "cache"),  # Too few.
        ("traceback", "gc", 50_000, "leak-like"),
        ("frame", "gc", 50_000, "leak-like"),
        ("str", "object", 50_000, "cache"),
        ("collections.OrderedDict", "gc", 50_000, "cache"),
    ],
)
def test_what_piles_up(process, name, type_kind, blocks, expected) -> None:
    piled = TypeUse(name, type_kind, blocks, 9 * MIB)
    texts = TypeUse("str", "object", 40_000, 30 * MIB)
    assert kind(process(piled, texts, live=39 * MIB)) == expected


def test_one_in_ten_objects_is_enough(process) -> None:
    def judged(others: int) -> str:
        types = [TypeUse(f"app.Class{at}", "gc", 9_000, 9 * MIB) for at in range(20)]
        more = TypeUse("app.More", "gc", others, 0)
        return kind(process(TypeUse("app.Row", "gc", 20_001, MIB), more, *types, live=200 * MIB))

    assert judged(9) == "leak-like"
    assert judged(9_999) == "plain use"


def test_the_sentence_of_a_leak(process) -> None:
    types = TypeUse("app.Row", "gc", 50_000, 22 * MIB), TypeUse("app.X", "gc", 9_999, MIB)
    assert diagnose(process(*types, live=30 * MIB)).sentence == (
        "There are 50,000 objects of the type app.Row, 83 % of all. "
        "Whether it still grows, --watch 10 shows."
    )


def test_data_may_be_a_leak_too(process) -> None:
    types = TypeUse("str", "object", 90_000, 60 * MIB), TypeUse("list", "gc", 9, 9 * MIB)
    found = diagnose(process(*types, live=60 * MIB, large=20 * MIB))
    assert found.kind == "cache"
    assert found.sentence == (
        "69 MiB of the 80 MiB in use are data, most of it str: a cache, what the program works on, "
        "or a leak. Whether it still grows, --watch 10 shows."
    )


# ---- What could be given back ---------------------------------------------------------------


def test_release_is_told_from_a_hundredth_on(process) -> None:
    snapshot = process(live=100 * MIB, free_blocks=60 * MIB, file_backed=240 * MIB)
    snapshot = replace(snapshot, python="3.10.1")  # Nothing moves there.
    assert not diagnose(replace(snapshot, page_free_bytes=4 * MIB - 1)).release
    assert diagnose(replace(snapshot, page_free_bytes=4 * MIB)).release


def test_no_more_is_given_back_than_is_held(process) -> None:
    snapshot = replace(process(live=MIB, sparse=9 * MIB), page_free_bytes=99 * MIB)
    assert (snapshot.needed, snapshot.returnable, snapshot.compactable) == (MIB, 9 * MIB, 0)


def test_moving_leaves_what_is_live(process) -> None:
    snapshot = replace(process(live=MIB, sparse=9 * MIB), page_free_bytes=MIB)
    assert (snapshot.needed, snapshot.compactable) == (9 * MIB, 8 * MIB)
