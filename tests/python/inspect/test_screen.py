"""The screen, the map and the changes of a made-up process."""

from __future__ import annotations

import io
import re
import textwrap
from dataclasses import replace
from pathlib import Path

import pytest
from shoal.inspect.compare import compare, judge, write_changes
from shoal.inspect.occupancy import means, newspaper, strips, write_map
from shoal.inspect.pane import Pane
from shoal.inspect.screen import Shown, histogram, write_screen
from shoal.inspect.snapshot import FREE_POOL, Arena, MappedBy, Pinning, Snapshot, TypeUse
from shoal.profiler.paint import width_of

MIB = 2**20

ESCAPE = re.compile("\x1b\\[[0-9;]*m")

WIDE = """\
Process 4242: python app.py --fast
CPython 3.12.4 on its own heap (pymalloc); read in 0.03 s; 0.3 % of its heap changed meanwhile.

Fragmentation: 9.1 MiB are free and cannot go back to the system: 1.5 MiB of blocks in use lie
between them. The objects that keep most of it: app.models.Session.
Run on Shoal (shoal run), its heaps would take 3.2 MiB instead of 11 MiB, with shoal.compact()
1.5 MiB at best.

Resident: 18 MiB                                         10 pieces of Python's heap, 8.9 % in use
                      MiB  share  mapped                   in use  pieces
in use, small blocks  0.9  5.0 %          ▎                0-10 %       9  ███████████████████████
in use, malloc        0.6  3.3 %     1.0  ▏               10-20 %
in use, large blocks  0.1  0.5 %     0.2  ▏               20-30 %
free, nearly empty    8.9   50 %          ██▌             30-40 %
free, in between      0.2  1.4 %          ▏               40-50 %
program, libraries    7.0   39 %          ██              50-60 %
stacks                0.1  0.4 %          ▏               60-70 %
other                 0.0  0.2 %          ▏               70-80 %       1  ██▌
                                                          80-90 %
                                                         90-100 %

Objects with what belongs to them, by bytes              Small blocks by size
type                  number      bytes                   size  blocks     in use      free
app.models.Session     1,000  500.0 KiB                   32 B   2,000   62.5 KiB  97.5 KiB
dict                     500   93.8 KiB                   48 B     100    4,800 B  59.3 KiB
(not Python objects)     100   50.0 KiB                  512 B   1,100  550.0 KiB   5.9 MiB
str                    1,600   50.0 KiB

What keeps pieces that are nearly empty
type                  pieces  objects      keeps
(not Python objects)       9       60    3.0 MiB
app.models.Session         9      100    5.0 MiB
str                        1       40  200.0 KiB
"""

NARROW = """\
Process 4242: python app.py --fast
CPython 3.12.4 on its own heap (pymalloc); read in 0.03 s;
0.3 % of its heap changed meanwhile.

Fragmentation: 9.1 MiB are free and cannot go back to the
system: 1.5 MiB of blocks in use lie between them. The
objects that keep most of it: app.models.Session.
Run on Shoal (shoal run), its heaps would take 3.2 MiB
instead of 11 MiB, with shoal.compact() 1.5 MiB at best.

Resident: 18 MiB
                      MiB  share  mapped
in use, small blocks  0.9  5.0 %          ▍
in use, malloc        0.6  3.3 %     1.0  ▎
in use, large blocks  0.1  0.5 %     0.2  ▏
free, nearly empty    8.9   50 %          ████
free, in between      0.2  1.4 %          ▏
program, libraries    7.0   39 %          ███▏
stacks                0.1  0.4 %          ▏
other                 0.0  0.2 %          ▏

10 pieces of Python's heap, 8.9 % in use
  in use  pieces
  0-10 %       9  ██████████████████████████████
 10-20 %
 20-30 %
 30-40 %
 40-50 %
 50-60 %
 60-70 %
 70-80 %       1  ███▍
 80-90 %
90-100 %

Objects with what belongs to them, by bytes
type                  number      bytes
app.models.Session     1,000  500.0 KiB
dict                     500   93.8 KiB
(not Python objects)     100   50.0 KiB
str                    1,600   50.0 KiB

Small blocks by size
 size  blocks     in use      free
 32 B   2,000   62.5 KiB  97.5 KiB
 48 B     100    4,800 B  59.3 KiB
512 B   1,100  550.0 KiB   5.9 MiB

What keeps pieces that are nearly empty
type                  pieces  objects      keeps
(not Python objects)       9       60    3.0 MiB
app.models.Session         9      100    5.0 MiB
str                        1       40  200.0 KiB
"""

MAP = """\
Process 4242: python app.py --fast
CPython 3.12.4 on its own heap (pymalloc); read in 0.03 s; 0.3 % of its heap changed meanwhile.

0x7f0000000000   75 %  ████████████████████████████████████████████████████████████████
0x7f0000100000  1.6 %  ░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░
0x7f0000200000  1.6 %  ░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░
0x7f0000300000  1.6 %  ░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░
0x7f0000400000  1.6 %  ░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░
0x7f0000500000  1.6 %  ░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░
0x7f0000600000  1.6 %  ░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░
0x7f0000700000  1.6 %  ░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░
0x7f0000800000  1.6 %  ░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░
0x7f0000900000  1.6 %  ░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░

░ 0-25 %  ▒ 25-50 %  ▓ 50-75 %  █ 75-100 %  of the heap in use; blank: free; a row is a piece of it,
by address.
"""

CHANGES = """\
Leak-like: app.models.Session grew from each of 3 looks to the next, by 300 objects and 150 KiB in
20 s: 26 MiB an hour.

Types of which there are more or fewer objects: 1
type                objects  change    bytes     change
app.models.Session    1,150    +150  575 KiB  +75.0 KiB

After 10.0 s                                             Sizes of small blocks that changed: 1
                          now     change                  size  blocks     in use       free
resident               18 MiB        0 B                 512 B    +150  +75.0 KiB  -75.0 KiB
in use, small blocks  987 KiB  +75.0 KiB
in use, malloc        600 KiB        0 B
in use, large blocks  100 KiB        0 B
free, nearly empty    8.8 MiB  -75.0 KiB
free, in between      256 KiB        0 B
program, libraries    7.0 MiB        0 B
stacks                 64 KiB        0 B
other                  32 KiB        0 B
"""


def written(snapshot: Snapshot, screen, width=None, colour=False, **shown) -> str:
    pane = screen(width, colour)
    write_screen(snapshot, pane, Shown(**shown))
    return pane.text


@pytest.mark.parametrize(("width", "golden"), [(None, WIDE), (100, WIDE), (60, NARROW)])
def test_the_screen(fragmented: Snapshot, screen, width, golden) -> None:
    assert written(fragmented, screen, width) == golden


def test_the_docs_show_the_screen() -> None:
    docs = Path(__file__).parents[3] / "docs" / "inspect.md"
    assert textwrap.indent(WIDE, "    ") in docs.read_text(encoding="utf-8")


@pytest.mark.parametrize("width", [100, 60])
def test_colours_change_no_text(fragmented: Snapshot, screen, width) -> None:
    coloured = written(fragmented, screen, width, colour=True)
    assert coloured != written(fragmented, screen, width)
    lines = [line.rstrip() for line in ESCAPE.sub("", coloured).splitlines()]
    assert lines == written(fragmented, screen, width).splitlines()


@pytest.mark.parametrize("width", [30, 36, 45, 60, 79, 80, 95, 96, 97, 132, 200])
def test_no_line_is_wider_than_the_terminal(fragmented, screen, width) -> None:
    name = "a.package.with.quite.a.long.name.and.modules.in.it.ClassOfThings"
    snapshot = replace(
        fragmented,
        types=(*fragmented.types, TypeUse(name, "gc", 123_456_789, 99_999 * MIB)),
        pinning=(*fragmented.pinning, Pinning(name, "gc", 99_999, 123_456_789, 99_999 * MIB)),
    )
    text = written(snapshot, screen, width)
    assert max(map(width_of, text.splitlines())) <= width
    assert "ClassOfThings" in text or width < 60
    assert "99,999.0 MiB" in text  # Names give way, figures never.


def test_bars_without_block_characters(fragmented: Snapshot) -> None:
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, encoding="ascii")
    write_screen(fragmented, Pane(stream, 60, False))
    write_map(fragmented, Pane(stream, 60, False))
    text = raw.getvalue().decode("ascii")
    assert re.search(r"^  0-10 % +9  #{20,}$", text, re.M)
    assert "0x7f0000100000  1.6 %  ......" in text


def test_names_move_no_cursor(fragmented: Snapshot, screen) -> None:
    hostile = replace(
        fragmented,
        command=("a\x1b[2J", "[bold]x[/bold]", "\udcff"),
        types=(TypeUse("e\x1b]0;x\x07vil\u202e[red]", "gc", 20_000, 8 * MIB),),
        pinning=(Pinning("e\x1b]0;x\x07vil", "gc", 1, 2, 3 * MIB),),
    )
    text = written(hostile, screen)
    assert "\x1b" not in text
    assert "\u202e" not in text
    assert "a\\x1b[2J [bold]x[/bold] \\udcff" in text
    assert "e\\x1b]0;x\\x07vil\\u202e[red]" in text


def test_rows(fragmented: Snapshot, screen) -> None:
    text = written(fragmented, screen, 60, top=1)
    assert re.search(r"^app.models.Session +1,000 +500.0 KiB\n3 more ", text, re.M)
    assert re.search(r"^3 more +2,200 +193.8 KiB$", text, re.M)
    assert re.search(r"^2 more +2,100 +67.2 KiB +156.8 KiB$", text, re.M)
    assert "2 more types." in text


def test_threshold_leaves_out_rows_of_fewer_bytes(fragmented: Snapshot, screen) -> None:
    text = written(fragmented, screen, 60, threshold=60 * 1024)
    assert re.search(r"^dict +500 +93.8 KiB$", text, re.M)
    assert re.search(r"^2 more +1,700 +100.0 KiB$", text, re.M)
    assert "str" not in text.split("What keeps")[0]


def test_order(fragmented: Snapshot, screen) -> None:
    names = ["str", "app.models.Session", "dict", "(not Python objects)"]
    text = written(fragmented, screen, 60, by="blocks").split("what belongs to them")[1]
    assert sorted(names, key=text.index) == names


def test_histogram() -> None:
    def arena(live: float) -> Arena:
        return Arena(0, 1000, 1000, 1, 1000, 0, 1, int(1000 * live), 0)

    shares = (0, 0.099, 0.1, 0.5, 0.999, 1.0, 1.5)
    assert histogram([arena(share) for share in shares]) == [2, 1, 0, 0, 0, 1, 0, 0, 0, 3]


def test_a_process_on_shoal(fragmented: Snapshot, screen) -> None:
    resident = replace(fragmented.resident, reserve=3 * MIB, records=MIB)
    text = written(replace(fragmented, allocator="shoal", resident=resident), screen, 60)
    assert "on Shoal's heap" in text
    assert re.search(r"^free, in between +9.1 ", text, re.M)
    assert re.search(r"^free, Shoal's reserve +3.0 ", text, re.M)
    assert re.search(r"^Shoal's records +1.0 ", text, re.M)
    assert "nearly empty " not in text.split("What keeps")[0]
    assert "shoal.compact(), called in the program, would" in text
    assert "10 pieces of Shoal's heap" in text


def test_who_mapped_memory_is_told_where_it_is_much(fragmented: Snapshot, screen) -> None:
    parts = (MappedBy("libarrow\x1b.so", 5 * MIB), MappedBy("libsmall.so", 9_000))
    resident = replace(
        fragmented.resident,
        total=fragmented.resident.total + 5 * MIB + 9_000,
        libraries=5 * MIB + 9_000,
        mapped_by=parts,
    )
    text = written(replace(fragmented, resident=resident), screen)
    assert re.search(r"^of libarrow\\x1b.so +5.0 ", text, re.M)
    assert re.search(r"^of libraries +0.0 ", text, re.M)
    assert "libsmall" not in text


def test_no_word_needs_to_be_looked_up(fragmented: Snapshot, screen) -> None:
    for allocator in ("pymalloc", "shoal"):
        text = written(replace(fragmented, allocator=allocator), screen)
        assert not re.findall(r"\b(pools?|arenas?|sparse|mesh\w*|pin\w*|live|held)\b", text)


def test_what_could_not_be_read_is_told(fragmented: Snapshot, screen) -> None:
    assert "9.0 MiB of malloc's could not be read" in written(
        replace(fragmented, malloc_unread_bytes=9 * MIB), screen
    )


def test_frozen(fragmented: Snapshot, screen) -> None:
    text = written(
        replace(fragmented, frozen_seconds=0.02, longest_stop_seconds=0.0123, stops=2), screen, 130
    )
    assert "in 0.03 s, 2 stops of at most 0.012 s; 0.3 % of its heap changed" in text


# ---- The map ------------------------------------------------------------------------


def test_the_map(fragmented: Snapshot, screen) -> None:
    pane = screen()
    write_map(fragmented, pane)
    assert pane.text == MAP


def test_many_arenas_share_rows(fragmented: Snapshot, screen) -> None:
    arenas = [replace(fragmented.arenas[0], start=at * MIB) for at in range(100)]
    pane = screen(80)
    write_map(replace(fragmented, arenas=tuple(arenas), occupancy=bytes(6400)), pane)
    rows = [line for line in pane.text.splitlines() if " 75 %" in line]
    assert len(rows) == 25
    assert max(map(len, rows)) == 80
    assert "row is 4 pieces" in pane.text


def test_strips_of_arenas_that_lie_across_the_pools_boundaries(fragmented: Snapshot) -> None:
    arenas = (
        replace(fragmented.arenas[0], start=0x1000),
        replace(fragmented.arenas[0], start=0x200000),
    )
    snapshot = replace(fragmented, arenas=arenas, occupancy=bytes([1] * 63 + [2] * 64))
    assert [strip for _, strip in strips(snapshot)] == [bytes([1] * 63), bytes([2] * 64)]


def test_means() -> None:
    assert list(means(bytes([100, 0, FREE_POOL, FREE_POOL, 80, FREE_POOL]), 3)) == [50, None, 40]
    assert list(means(bytes([7]), 3)) == [7]
    assert list(means(b"", 3)) == []


@pytest.mark.parametrize("arenas", [0, 1, 2, 63, 64, 1000, 3912])
def test_a_newspaper_has_room_for_all_arenas(arenas: int) -> None:
    columns, rows = newspaper(arenas, 64)
    assert columns * rows >= arenas
    assert (columns - 1) * rows <= arenas


# ---- Changes ------------------------------------------------------------------------


def test_changes(fragmented: Snapshot, grown, screen) -> None:
    pane = screen()
    said = judge([fragmented, grown(1), grown(2)])
    write_changes(compare(fragmented, grown(1)), pane, Shown(), str(said))
    assert pane.text == CHANGES


def test_who_pins_is_told_where_something_is_held(fragmented: Snapshot, screen) -> None:
    pane = screen()
    pinning = (replace(fragmented.pinning[0], held_bytes=MIB - 1),)
    write_screen(replace(fragmented, pinning=pinning), pane)
    assert "What keeps" not in pane.text


def test_shared_memory_is_told(fragmented: Snapshot, screen) -> None:
    pane = screen()
    resident = replace(fragmented.resident, pss=fragmented.resident.total // 2)
    write_screen(replace(fragmented, resident=resident), pane)
    assert "Resident: 18 MiB (PSS 8.9 MiB)" in pane.text
