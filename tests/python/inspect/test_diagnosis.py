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
            mesh_pages=0,
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
        mesh_pages=48 * 256,
        pinning=(
            Pinning("(no object)", "raw", 9, 9, 9),
            Pinning("app.models.Session", "gc", 3000, 4000, 3 * GIB),
        ),
    )
    found = diagnose(snapshot)
    assert found.kind == "fragmentation"
    pins = (Pinning("str", "object", 3000, 9000, 4 * GIB), *snapshot.pinning)
    assert diagnose(replace(snapshot, pinning=pins)).sentence.endswith(
        "The objects that pin most of them: str and app.models.Session."
    )
    assert found.sentence == (
        "10 MiB of live blocks keep 3.9 GiB resident; 1 of 1 arenas is at most 25 % full. "
        "The objects that pin most of them: app.models.Session."
    )
    assert found.release == (
        "Shoal would hold 61 MiB where this process holds 3.9 GiB. "
        "Releasing whole 4 KiB pages gives back 3.8 GiB, meshing 48 MiB more."
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


# ---- Plain use --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("parts", "place"),
    [
        ({"file_backed": 9 * MIB, "libc": 8 * MIB}, "9.0 MiB, is in files"),
        ({"file_backed": 9 * MIB, "libc": 80 * MIB}, "80 MiB, is in libc's heap"),
        ({"other": 700 * MIB}, "700 MiB, is in other mappings"),
        ({"stacks": 20 * MIB}, "20 MiB, is in stacks"),
    ],
)
def test_memory_that_is_elsewhere(process, parts, place) -> None:
    found = diagnose(process(live=10 * MIB, **parts))
    assert found.kind == "plain use"
    assert place in found.sentence
    assert found.sentence.startswith("10 MiB of ")


def test_types_of_which_none_stands_out(process) -> None:
    types = [TypeUse(f"app.Class{at}", "gc", 9_000, 6 * MIB) for at in range(20)]
    found = diagnose(process(*types, live=120 * MIB))
    assert found.kind == "plain use"
    assert found.sentence == "120 MiB of objects, with no type that stands out."


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
        ("(dict.keys)", "raw", 50_000, "cache"),
    ],
)
def test_what_piles_up(process, name, type_kind, blocks, expected) -> None:
    piled = TypeUse(name, type_kind, blocks, 9 * MIB)
    texts = TypeUse("str", "object", 40_000, 30 * MIB)
    assert kind(process(piled, texts, live=39 * MIB)) == expected


def test_one_in_ten_blocks_is_enough(process) -> None:
    piled = TypeUse("app.Row", "gc", 20_000, 2 * MIB)
    assert kind(process(piled, blocks=200_000, live=30 * MIB)) == "leak-like"
    assert kind(process(piled, blocks=200_001, live=30 * MIB)) == "plain use"


def test_the_sentence_of_a_leak(process) -> None:
    piled = TypeUse("app.Row", "gc", 50_000, 2 * MIB)
    assert diagnose(process(piled, blocks=200_000, live=30 * MIB)).sentence == (
        "50,000 app.Row are 25 % of the live blocks. Whether they still grow, --watch shows."
    )


def test_large_blocks_are_data(process) -> None:
    found = diagnose(process(TypeUse("app.Frame", "gc", 9, 8 * MIB), live=9 * MIB, large=90 * MIB))
    assert found.kind == "cache"
    assert found.sentence.startswith("90 MiB of the 99 MiB in use are data")


# ---- What could be given back ---------------------------------------------------------------


def test_release_is_told_from_a_hundredth_on(process) -> None:
    snapshot = process(live=100 * MIB, free_blocks=60 * MIB, file_backed=240 * MIB)
    assert not diagnose(replace(snapshot, page_free_bytes=4 * MIB - 1)).release
    assert diagnose(replace(snapshot, page_free_bytes=4 * MIB)).release


def test_pages_that_are_all_in_use(process) -> None:
    snapshot = process(live=30 * MIB, sparse=90 * MIB)
    snapshot = replace(snapshot, page_free_bytes=256 * KIB, mesh_pages=80 * 256)
    assert diagnose(snapshot).release == (
        "Shoal would hold 120 MiB where this process holds 120 MiB. "
        "Nearly every 4 KiB page is in use; meshing would give back 80 MiB."
    )
    assert diagnose(replace(snapshot, allocator="shoal")).release == (
        "Nearly every 4 KiB page is in use; meshing would give back 80 MiB."
    )


def test_no_more_is_given_back_than_is_held(process) -> None:
    snapshot = replace(process(live=MIB, sparse=9 * MIB), page_free_bytes=99 * MIB, mesh_pages=9999)
    assert (snapshot.needed, snapshot.returnable, snapshot.meshable) == (MIB, 9 * MIB, 0)


def test_meshing_leaves_what_is_live(process) -> None:
    snapshot = replace(process(live=MIB, sparse=9 * MIB), page_free_bytes=MIB, mesh_pages=99999)
    assert (snapshot.needed, snapshot.meshable) == (9 * MIB, 8 * MIB)
