"""The live table, by keys and clicks, on a terminal that textual makes up."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Awaitable, Callable
from types import SimpleNamespace
from typing import Any

import pytest

pytest.importorskip("textual")

from shoal.top.background import Background
from shoal.top.columns import COLUMNS
from shoal.top.live import Live
from shoal.top.watch import PUBLISH_SECONDS, Watch
from textual.widgets import DataTable, Input, Static

MIB = 2**20

Act = Callable[[Any], Awaitable[None]]


def drive(app: Live, act: Act) -> Live:
    """Run the app, and `act` on it as a person would."""

    async def run() -> None:
        async with app.run_test(size=(120, 24)) as pilot:
            await act(pilot)

    asyncio.run(run())
    return app


def shown(app: Live, column: str = "pid") -> list[str]:
    """Return the cells of a column from top to bottom."""
    table = app.query_one(DataTable)
    return [table.get_row_at(place)[_place(column)].plain for place in range(table.row_count)]


def titles(app: Live) -> list[str]:
    return [column.label.plain for column in app.query_one(DataTable).ordered_columns]


def text(app: Live, widget: str) -> str:
    """Return what is on the screen where the widget is."""
    static = app.query_one(f"#{widget}", Static)
    lines = (static.render_line(y).text.strip() for y in range(static.size.height))
    return " ".join(lines).strip()


def _place(key: str) -> int:
    return next(place for place, column in enumerate(COLUMNS) if column.key == key)


@pytest.fixture
def rows(made_up: SimpleNamespace) -> list[SimpleNamespace]:
    return [
        made_up.row(1, live=8 * MIB, rss=30 * MIB, returnable=2 * MIB, user="bob"),
        made_up.row(2, live=9 * MIB, rss=10 * MIB, returnable=3 * MIB, allocator="shoal"),
        made_up.row(3, live=7 * MIB, rss=20 * MIB, returnable=1 * MIB, command="python [red]x"),
        made_up.refused(4, rss=40 * MIB),
    ]


def with_rows(source: SimpleNamespace, rows: list[SimpleNamespace], act: Act) -> Act:
    async def publish_and_act(pilot: Any) -> None:
        source.publish(rows)
        await pilot.pause()
        await act(pilot)

    return publish_and_act


@pytest.fixture
def table(made_up: SimpleNamespace, rows: list[SimpleNamespace]) -> Callable[..., Live]:
    """Drive a table that has the rows; ``pilot.app.source`` gives it others."""

    def drive_with(act: Act, **options: Any) -> Live:
        source = made_up.Source()
        app = Live(source, 2.0, **options)
        app.source = source
        return drive(app, with_rows(source, rows, act))

    return drive_with


def test_what_could_be_returned_decides_the_first_order(table: Callable[..., Live]) -> None:
    async def act(pilot: Any) -> None:
        assert shown(pilot.app) == ["2", "1", "3", "4"]
        assert shown(pilot.app, "returnable") == ["3.00M", "2.00M", "1.00M", "-"]
        assert shown(pilot.app, "allocator") == ["shoal", "pymalloc", "pymalloc", "(other user)"]
        assert shown(pilot.app, "command")[2] == "python [red]x"
        assert titles(pilot.app)[_place("returnable")] == "RETURN▼"
        assert text(pilot.app, "status") == "shoal top: 4 Python processes, every 2 s"
        totals = "RSS 100M  PSS 30.0M  live 24.0M  held 9.00M  could be returned 6.00M"
        assert text(pilot.app, "totals") == f"TOTAL  {totals}  (1 not read)"

    table(act)


def test_keys_sort_by_any_column(table: Callable[..., Live]) -> None:
    async def act(pilot: Any) -> None:
        await pilot.press("3")
        assert shown(pilot.app) == ["4", "1", "3", "2"]
        assert titles(pilot.app)[2:5] == ["RSS▼", "PSS ", "LIVE "]
        await pilot.press("greater_than_sign", "greater_than_sign")
        assert shown(pilot.app) == ["2", "1", "3", "4"]
        assert titles(pilot.app)[4] == "LIVE▼"
        await pilot.press("r")
        assert shown(pilot.app) == ["3", "1", "2", "4"]
        assert titles(pilot.app)[4] == "LIVE▲"
        await pilot.press(*["less_than_sign"] * 3)
        assert titles(pilot.app)[1] == "USER▲"
        assert shown(pilot.app) == ["2", "3", "4", "1"]
        await pilot.press("0")
        assert titles(pilot.app)[9] == "COMMAND▲"
        await pilot.press("0")
        assert titles(pilot.app)[9] == "COMMAND▼"

    table(act)


def test_a_click_on_a_title_sorts_and_another_reverses(table: Callable[..., Live]) -> None:
    async def act(pilot: Any) -> None:
        await pilot.click(DataTable, offset=(2, 0))
        assert shown(pilot.app) == ["1", "2", "3", "4"]
        await pilot.click(DataTable, offset=(2, 0))
        assert shown(pilot.app) == ["4", "3", "2", "1"]

    table(act)


def test_rows_are_filtered_as_one_types(table: Callable[..., Live]) -> None:
    async def act(pilot: Any) -> None:
        await pilot.press("slash", "b")
        assert shown(pilot.app) == ["1"]
        assert "1 shown" in text(pilot.app, "status")
        assert "RSS 30.0M" in text(pilot.app, "totals")
        await pilot.press("q")
        assert shown(pilot.app) == []
        assert pilot.app.is_running
        await pilot.press("backspace", "enter", "r")
        assert shown(pilot.app) == ["1"], "it stays when one goes back to the table"
        assert titles(pilot.app)[_place("returnable")] == "RETURN▲"
        await pilot.press("escape")
        assert len(shown(pilot.app)) == 4
        assert not pilot.app.query_one(Input).display

    table(act)


def test_q_quits_and_the_source_stops(table: Callable[..., Live]) -> None:
    async def act(pilot: Any) -> None:
        await pilot.press("q")

    app = table(act)
    assert app.return_code == 0
    assert app.source.stopped


def test_while_paused_nothing_changes(
    table: Callable[..., Live], rows: list[SimpleNamespace]
) -> None:
    async def act(pilot: Any) -> None:
        await pilot.press("space")
        assert pilot.app.source.paused
        assert text(pilot.app, "status").endswith("paused")
        pilot.app.source.publish(rows[:1])
        await pilot.pause()
        assert len(shown(pilot.app)) == 4
        await pilot.press("p")
        assert not pilot.app.source.paused
        pilot.app.source.publish(rows[:1])
        await pilot.pause()
        assert shown(pilot.app) == ["1"]

    table(act)


def test_a_process_that_vanishes_leaves_the_table(
    table: Callable[..., Live], rows: list[SimpleNamespace], made_up: SimpleNamespace
) -> None:
    async def act(pilot: Any) -> None:
        pilot.app.source.publish([rows[0], made_up.row(9, returnable=9 * MIB), rows[2]])
        await pilot.pause()
        assert shown(pilot.app) == ["9", "1", "3"]
        pilot.app.source.publish([])
        await pilot.pause()
        assert shown(pilot.app) == []
        assert text(pilot.app, "detail") == ""
        assert text(pilot.app, "status").startswith("shoal top: 0 Python processes")

    table(act)


def test_figures_change_in_their_place(
    table: Callable[..., Live], rows: list[SimpleNamespace], made_up: SimpleNamespace
) -> None:
    async def act(pilot: Any) -> None:
        await pilot.press("1", "down", "down")
        grown = made_up.row(3, live=800 * MIB, command="python " + "x" * 500)
        pilot.app.source.publish([*rows[:2], grown, rows[3]])
        await pilot.pause()
        assert shown(pilot.app, "live") == ["8.00M", "9.00M", "800M", "-"]
        assert pilot.app.query_one(DataTable).cursor_row == 2, "the cursor stays"
        table = pilot.app.query_one(DataTable)
        assert table.virtual_size.width <= 120, "the command gets what is left, no more"

    table(act)


def test_the_chosen_row_says_why_it_was_not_read(table: Callable[..., Live]) -> None:
    async def act(pilot: Any) -> None:
        await pilot.press("end", "down", "down", "down")
        await pilot.pause()
        detail = text(pilot.app, "detail")
        assert detail.startswith("4: not read: it belongs to another user (eve)")
        assert detail.endswith("python app4.py")
        await pilot.press("up")
        await pilot.pause()
        assert text(pilot.app, "detail").startswith("3: Python 3.12.1, read 1.0 s ago, in 10 ms.")

    table(act)


def test_a_table_begins_as_it_was_asked_to(table: Callable[..., Live]) -> None:
    async def act(pilot: Any) -> None:
        assert shown(pilot.app) == ["3", "1"]
        assert pilot.app.query_one(Input).display

    table(act, sort="live", backwards=True, wanted="pymalloc")


def test_what_ends_the_source_ends_the_table_with_status_2(table: Callable[..., Live]) -> None:
    async def act(pilot: Any) -> None:
        pilot.app.source.fail(OSError("cannot read /proc"))
        await pilot.pause()

    assert table(act).return_code == 2


async def until(pilot: Any, condition: Callable[[], bool]) -> None:
    """Wait for another thread, so long that only a fault makes it too long."""
    end = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < end
        await pilot.pause(0.01)


def test_keys_are_answered_while_a_read_hangs(made_up: SimpleNamespace) -> None:
    begun = {pid: threading.Event() for pid in (2, 3)}
    release = {pid: threading.Event() for pid in (2, 3)}

    def read(pid: int) -> dict[str, Any]:
        if pid in begun:
            begun[pid].set()
            release[pid].wait()
        return made_up.heap(pid)

    def find() -> list[SimpleNamespace]:
        return [made_up.process(pid) for pid in (1, 2, 3)]

    async def act(pilot: Any) -> None:
        await until(pilot, lambda: begun[2].is_set() and len(shown(pilot.app)) == 3)
        await pilot.press("1", "r")
        assert shown(pilot.app) == ["3", "2", "1"]
        assert shown(pilot.app, "allocator")[:2] == ["...", "..."]
        await pilot.press("slash", *"app1")
        assert shown(pilot.app) == ["1"]
        await pilot.press("escape")
        await pilot.pause(PUBLISH_SECONDS)
        release[2].set()
        await until(pilot, lambda: shown(pilot.app, "allocator")[1:] == ["pymalloc"] * 2)
        assert begun[3].wait(60)
        await pilot.press("q")

    app = drive(Live(Background(Watch(find, read)), 2.0), act)
    assert app.return_code == 0, "it ends while a read hangs"
    release[3].set()


def test_a_machine_that_cannot_be_looked_at_ends_the_table() -> None:
    def find() -> list[SimpleNamespace]:
        raise OSError("cannot read /proc")

    async def act(pilot: Any) -> None:
        await until(pilot, lambda: pilot.app.return_code is not None)

    app = drive(Live(Background(Watch(find, dict)), 2.0), act)
    assert app.return_code == 2
