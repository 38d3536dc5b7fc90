"""The live table on a terminal, by textual: sort, filter, pause, quit."""

from __future__ import annotations

from rich.cells import cell_len
from rich.text import Text
from textual.app import App, ComposeResult
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.widgets import DataTable, Footer, Input, Static

from shoal.top.columns import COLUMNS, column_named, tell_bytes, tell_seconds
from shoal.top.rows import add_up, arrange

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import ClassVar, Protocol

    from rich.console import JustifyMethod

    from shoal.top.columns import Column
    from shoal.top.rows import Row

    class Source(Protocol):
        """What gives the rows, such as a `Background`."""

        def start(
            self, publish: Callable[[list[Row]], None], fail: Callable[[Exception], None]
        ) -> None:
            """Begin to publish."""

        def pause(self, paused: bool) -> None:
            """Rest, or go on."""

        def stop(self) -> None:
            """End."""


__all__ = ["Live"]

_LEAST_COMMAND = 20
"""Characters of a command line that are shown in however narrow a terminal.

Beside the other columns it gets what is left; all of it is below the table
when its row is chosen.
"""

_SCROLLBAR = 2
"""Columns that it takes where there are more rows than fit."""


class Live(App[None]):
    """The table of all processes; its rows come from a `Source`.

    Parameters
    ----------
    source : Source
    interval : float
        Seconds between rounds, to be shown.
    sort : str
        The key of the column to sort by.
    backwards : bool
        Against that column's own direction.
    wanted : str
        The filter to begin with.
    """

    CSS = """
    #status { height: 1; padding: 0 1; color: $text-muted; }
    DataTable { height: 1fr; }
    #totals { height: 1; padding: 0 1; text-style: bold; }
    #detail { height: auto; max-height: 3; padding: 0 1; color: $text-muted; }
    #filter, #filter:focus { height: 1; border: none; padding: 0 1; }
    .hidden { display: none; }
    """
    ENABLE_COMMAND_PALETTE = False
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("slash", "filter", "Filter", key_display="/"),
        Binding("less_than_sign", "move_sort(-1)", "Sort left", key_display="<"),
        Binding("greater_than_sign", "move_sort(1)", "Sort right", key_display=">"),
        Binding("r", "reverse", "Reverse"),
        Binding("space,p", "pause", "Pause"),
        Binding("q", "quit", "Quit"),
        Binding("ctrl+c", "quit", show=False, priority=True),
        Binding("escape", "unfilter", show=False),
        *(
            Binding(f"{place % 10}", f"sort('{column.key}')", show=False)
            for place, column in enumerate(COLUMNS, 1)
        ),
    ]

    class Looked(Message):
        """There are new rows."""

        def __init__(self, rows: list[Row]) -> None:
            self.rows = rows
            super().__init__()

    class Failed(Message):
        """There will be no more rows."""

        def __init__(self, error: Exception) -> None:
            self.error = error
            super().__init__()

    def __init__(
        self,
        source: Source,
        interval: float,
        sort: str = "returnable",
        backwards: bool = False,
        wanted: str = "",
    ) -> None:
        super().__init__()
        self._source = source
        self._interval = interval
        self._sort = column_named(sort)
        self._backwards = backwards
        self._wanted = wanted
        self._paused = False
        self._rows: list[Row] = []  # All of them.
        self._arranged: list[Row] = []  # Those that are shown.
        self._cells: dict[str, list[str]] = {}  # What the table has, by the key of its row.

    # ---- The screen ----------------------------------------------------------

    def compose(self) -> ComposeResult:
        """Make the widgets."""
        yield Static(id="status", markup=False)
        yield DataTable[Text](cursor_type="row", zebra_stripes=True)
        yield Static(id="totals", markup=False)
        yield Static(id="detail", markup=False)
        yield Input(
            self._wanted,
            placeholder="filter: words of the command, user, process id, allocator",
            id="filter",
            classes="" if self._wanted else "hidden",
        )
        yield Footer()

    def on_mount(self) -> None:
        """Set the table up and start the source."""
        for column in COLUMNS:
            self._table.add_column(self._title(column), width=len(column.title), key=column.key)
        self._table.focus()
        self._show()
        self._source.start(
            lambda rows: self._tell(self.Looked(rows)), lambda error: self._tell(self.Failed(error))
        )

    def on_resize(self) -> None:
        """Fit the commands into the new width."""
        self._show()

    def on_unmount(self) -> None:
        """Stop the source."""
        self._source.stop()

    def _tell(self, message: Message) -> None:
        """Pass a message on from the source's thread."""
        self.post_message(message)

    @property
    def _table(self) -> DataTable[Text]:
        return self.query_one(DataTable)

    def _title(self, column: Column) -> Text:
        # Always as wide as with the arrow, so that nothing moves when it comes.
        arrow = " "
        if column is self._sort:
            arrow = "▼" if column.descending != self._backwards else "▲"
        return _cell(column, f"{column.title}{arrow}")

    # ---- What is shown -------------------------------------------------------

    def _show(self) -> None:
        """Bring everything up to date with the rows, the order and the filter."""
        descending = self._sort.descending != self._backwards
        self._arranged = arrange(self._rows, self._sort.value, descending, self._wanted)
        for column in self._table.ordered_columns:
            column.label = self._title(column_named(str(column.key.value)))
        self._fill()
        self._show_status()
        self._show_totals()
        self._show_detail()

    def _fill(self) -> None:
        """Change the cells that differ, so that cursor and scrolling stay."""
        table = self._table
        cells = {str(row.pid): [one.tell(row) for one in COLUMNS] for row in self._arranged}
        resized = self._fit_columns(list(cells.values()))
        for key in [key for key in self._cells if key not in cells]:
            table.remove_row(key)
        for key, new in cells.items():
            old = self._cells.get(key)
            if old is None:
                table.add_row(*map(_cell, COLUMNS, new), key=key)
                continue
            for column, before, now in zip(COLUMNS, old, new):
                if before != now:
                    table.update_cell(key, column.key, _cell(column, now))
        self._cells = cells
        for key in list(cells)[:1] if resized else ():
            pid = _cell(COLUMNS[0], cells[key][0])
            table.update_cell(key, COLUMNS[0].key, pid, update_width=True)  # It measures anew.
        places = {key: place for place, key in enumerate(cells)}
        table.sort("pid", key=lambda pid: places[pid.plain])

    def _fit_columns(self, lines: list[list[str]]) -> bool:
        """Make the columns as wide as their cells; the last gets what is left.

        Said to the table before the cells: where it finds out alone, it draws
        cells in their new and their old width until the next change.
        """
        titles = [f"{column.title} " for column in COLUMNS]
        widths = [max(map(cell_len, cells)) for cells in zip(titles, *lines)]
        others = sum(widths[:-1]) + 2 * self._table.cell_padding * len(COLUMNS)
        widths[-1] = max(_LEAST_COMMAND, self.size.width - others - _SCROLLBAR)
        columns = self._table.ordered_columns
        resized = widths != [column.width for column in columns]
        for column, width in zip(columns, widths):
            column.width = width
        return resized

    def _show_status(self) -> None:
        count = len(self._rows)
        said = [f"shoal top: {count} Python process{'' if count == 1 else 'es'}"]
        if self._wanted:
            said.append(f"{len(self._arranged)} shown")
        said.append("paused" if self._paused else f"every {self._interval:g} s")
        self.query_one("#status", Static).update(", ".join(said))

    def _show_totals(self) -> None:
        sums = add_up(self._arranged)
        said = (
            f"TOTAL  RSS {tell_bytes(sums.rss)}  PSS {tell_bytes(sums.pss)}  "
            f"live {tell_bytes(sums.live)}  held {tell_bytes(sums.held)}  "
            f"could be returned {tell_bytes(sums.returnable)}"
        )
        if sums.not_read:
            said += f"  ({sums.not_read} not read)"
        self.query_one("#totals", Static).update(said)

    def _show_detail(self) -> None:
        place = self._table.cursor_row
        said = ""
        if 0 <= place < len(self._arranged):
            said = _detail(self._arranged[place])
        self.query_one("#detail", Static).update(said)

    # ---- What happens --------------------------------------------------------

    def on_live_looked(self, message: Looked) -> None:
        """Show new rows."""
        if not self._paused:
            self._rows = message.rows
            self._show()

    def on_live_failed(self, message: Failed) -> None:
        """End: there is nothing to look at any more."""
        self.exit(return_code=2, message=Text(f"shoal top: {message.error}"))

    def on_data_table_row_highlighted(self) -> None:
        """Tell more of the row that was chosen."""
        self._show_detail()

    def on_data_table_header_selected(self, message: DataTable.HeaderSelected) -> None:
        """Sort by the column that was clicked; reverse if it is that already."""
        self.action_sort(str(message.column_key.value))

    def on_input_changed(self, message: Input.Changed) -> None:
        """Filter as one types."""
        self._wanted = message.value
        self._show()

    def on_input_submitted(self) -> None:
        """Go back to the table; the filter stays."""
        self.query_one(Input).set_class(not self._wanted, "hidden")
        self._table.focus()

    def action_filter(self) -> None:
        """Show the filter's line."""
        self.query_one(Input).remove_class("hidden")
        self.query_one(Input).focus()

    def action_unfilter(self) -> None:
        """Show all rows again."""
        self._wanted = self.query_one(Input).value = ""
        self.on_input_submitted()
        self._show()

    def action_sort(self, key: str) -> None:
        """Sort by a column; reverse if it is sorted by already."""
        column = column_named(key)
        self._backwards = not self._backwards if column is self._sort else False
        self._sort = column
        self._show()

    def action_move_sort(self, step: int) -> None:
        """Sort by the column beside."""
        self._sort = COLUMNS[(COLUMNS.index(self._sort) + step) % len(COLUMNS)]
        self._backwards = False
        self._show()

    def action_reverse(self) -> None:
        """Turn the order round."""
        self._backwards = not self._backwards
        self._show()

    def action_pause(self) -> None:
        """Stop looking, or go on."""
        self._paused = not self._paused
        self._source.pause(self._paused)
        self._show_status()


def _cell(column: Column, text: str) -> Text:
    # As Text: a command line may have brackets, which are no markup.
    justify: JustifyMethod = "right" if column.right else "left"
    return Text(text, justify=justify, no_wrap=True, overflow="ellipsis")


def _detail(row: Row) -> str:
    if row.read_seconds is None or row.read_ago is None:
        return f"{row.pid}: to be read. {row.command}"
    ago = f"{tell_seconds(row.read_ago)} ago, in {tell_seconds(row.read_seconds)}"
    if row.why:
        return f"{row.pid}: not read: {row.detail} ({ago}). {row.command}"
    return f"{row.pid}: Python {row.python or '?'}, read {ago}. {row.command}"
