"""Snapshots as JSON: there and back, and files that are none."""

from __future__ import annotations

import base64
import dataclasses
import io
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from shoal.inspect.compare import judge
from shoal.inspect.diagnosis import diagnose
from shoal.inspect.snapshot import MappedBy, Snapshot
from shoal.inspect.snapshot_json import BadSnapshotError, from_json, load, write_json


def text_of(snapshot: Snapshot, **options: bool) -> str:
    stream = io.StringIO()
    write_json(snapshot, stream, **options)
    return stream.getvalue()


@pytest.mark.parametrize("lines", [True, False])
def test_there_and_back(fragmented: Snapshot, lines: bool) -> None:
    text = text_of(fragmented, lines=lines)
    assert text.isascii()
    assert from_json(text) == fragmented
    assert from_json(text.encode()) == fragmented
    assert (text.count("\n") == 1) is not lines


def test_an_empty_snapshot(fragmented: Snapshot) -> None:
    empty = replace(
        fragmented, command=(), arenas=(), size_classes=(), types=(), pinning=(), occupancy=b""
    )
    assert from_json(text_of(empty)) == empty


def test_names_that_are_no_text(fragmented: Snapshot) -> None:
    command = ("\udcff\x00", 'a"\n', "\u00e9")
    assert from_json(text_of(replace(fragmented, command=command))).command == command


def test_the_schema(fragmented: Snapshot) -> None:
    found = json.loads(text_of(fragmented))
    assert found.pop("shoal-inspect") == 1
    assert found.pop("verdict") == {
        "word": "fragmentation",
        "sentence": diagnose(fragmented).sentence,
        "release": diagnose(fragmented).release,
    }
    assert list(found) == [field.name for field in dataclasses.fields(Snapshot)]
    assert found["arenas"][1] == {
        "start": 0x7F0000100000,
        "bytes": 2**20,
        "resident_bytes": 2**20,
        "pools": 40,
        "used_bytes": 655360,
        "free_bytes": 393216,
        "live_blocks": 100,
        "live_bytes": 16384,
        "page_free_bytes": 851968,
        "reserve_bytes": 0,
    }
    assert found["types"][0] == {
        "name": "app.models.Session",
        "kind": "gc",
        "blocks": 1000,
        "bytes": 512000,
    }
    assert found["resident"] == {**vars(fragmented.resident), "mapped_by": []}
    assert base64.b64decode(found["occupancy"]) == fragmented.occupancy


def test_who_mapped_what_is_read_back(fragmented: Snapshot) -> None:
    parts = (MappedBy("libarrow.so", 5 << 20), MappedBy("libgomp.so", 4096))
    resident = replace(fragmented.resident, libraries=(5 << 20) + 4096, mapped_by=parts)
    snapshot = replace(fragmented, resident=resident)
    assert from_json(text_of(snapshot)) == snapshot


def test_what_an_earlier_version_did_not_tell(fragmented: Snapshot) -> None:
    found = json.loads(text_of(fragmented))
    for name in ("libc_free", "reserve", "records", "libraries", "mapped_by"):
        del found["resident"][name]
    for arena in found["arenas"]:
        del arena["reserve_bytes"]
    assert from_json(json.dumps(found)) == fragmented


def test_growth_is_told_of_later_looks(fragmented: Snapshot, grown) -> None:
    stream = io.StringIO()
    write_json(grown(2), stream, growth=judge([fragmented, grown(1), grown(2)]))
    assert json.loads(stream.getvalue())["growth"]["word"] == "leak-like"


def test_later_versions_may_have_more_keys(fragmented: Snapshot) -> None:
    found = json.loads(text_of(fragmented))
    found["more"] = found["resident"]["more"] = None
    assert from_json(json.dumps(found)) == fragmented


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        ("shoal-inspect", 2, "shoal-inspect: expected version 1, found 2"),
        ("shoal-inspect", True, "shoal-inspect: expected version 1, found true"),
        ("pid", -1, "pid: expected a whole number, at least 0 and of up to 64 bits, found -1"),
        ("pid", True, "pid: expected a whole number, at least 0 and of up to 64 bits, found true"),
        ("pid", 2**64, "pid: expected a whole number, at least 0 and of up to 64 bits, found a l"),
        ("python", None, "python: expected a string, found null"),
        ("taken", "x", "taken: expected seconds, at least 0, found 'x'"),
        ("seconds", -0.5, "seconds: expected seconds, at least 0, found -0.5"),
        ("allocator", "jemalloc", 'allocator: expected "pymalloc" or "shoal", found'),
        ("arenas", {}, "arenas: expected a list, found an object"),
        ("arenas.0", 5, "arenas[0]: expected an object, found 5"),
        ("arenas.0.start", 1.5, "arenas[0].start: expected a whole number"),
        ("types.2.name", [1], "types[2].name: expected a string, found a list of 1"),
        ("resident.live", "much", "resident.live: expected a whole number"),
        ("command.1", 3, "command[1]: expected a string, found 3"),
        ("occupancy", "a", "occupancy: expected base64: "),
        ("occupancy", "\u00e9", "occupancy: expected base64: "),
    ],
)
def test_a_wrong_value_is_named(fragmented: Snapshot, path: str, value: Any, message: str) -> None:
    found: Any = json.loads(text_of(fragmented))
    place = found
    *steps, last = (int(step) if step.isdigit() else step for step in path.split("."))
    for step in steps:
        place = place[step]
    place[last] = value
    with pytest.raises(BadSnapshotError) as caught:
        from_json(json.dumps(found), "a.json")
    assert str(caught.value).startswith(f"a.json: {message}")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("path", ["pid", "resident", "resident.live", "arenas.1.pools"])
def test_a_missing_key_is_named(fragmented: Snapshot, path: str) -> None:
    found: Any = json.loads(text_of(fragmented))
    place = found
    *steps, last = (int(step) if step.isdigit() else step for step in path.split("."))
    for step in steps:
        place = place[step]
    del place[last]
    with pytest.raises(BadSnapshotError, match=r"missing$"):
        from_json(json.dumps(found))


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "not JSON: Expecting value in line 1, column 1"),
        (b"\xff", "not JSON: byte 0 is not UTF-8"),
        (b"[]", 'not a snapshot: no object with the key "shoal-inspect"'),
        (b"{}", 'not a snapshot: no object with the key "shoal-inspect"'),
        (b'{"shoal-profile": 1}', 'not a snapshot: no object with the key "shoal-inspect"'),
        (b'{"shoal-inspect": NaN}', "NaN is not a figure"),
        (b"[" * 100_000, "not a snapshot: nested too deeply"),
    ],
)
def test_what_is_no_snapshot(tmp_path: Path, data: bytes, message: str) -> None:
    path = tmp_path / "a.json"
    path.write_bytes(data)
    with pytest.raises(BadSnapshotError) as caught:
        load(path)
    assert str(caught.value) == f"{path}: {message}"


def test_infinity(fragmented: Snapshot) -> None:
    text = text_of(fragmented).replace('"seconds": 0.034', '"seconds": 1e999')
    with pytest.raises(BadSnapshotError, match="seconds: expected seconds"):
        from_json(text)
